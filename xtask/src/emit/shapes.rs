//! `types.rs`: the types that several actions share.

use super::table::{Used, objects, open_enums};
use super::{file, header, import};
use crate::model::Model;

pub(super) fn module(model: &Model<'_>) -> String {
    let shapes = &model.shapes;
    let used = Used::by(shapes);
    file(&[
        header(&model.product.facts.source),
        used.std(false),
        import("alibabacloud_runtime::value", &[("Json", used.json)])
            + &import(
                "alibabacloud_runtime",
                &[("objects", !shapes.objects.is_empty()), ("open_enums", !shapes.enums.is_empty())],
            ),
        objects(&shapes.objects),
        open_enums(&shapes.enums),
    ])
}
