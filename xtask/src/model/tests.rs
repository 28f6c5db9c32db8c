//! Tests of the names that the model chooses and rejects.

use super::*;
use crate::diagnostic::render;
use crate::spec::{InputFile, parse};

const PRODUCT: &str = r#"
product: shop
title: Shop
version: "2024-01-01"
documentation: https://example.com/shop
default_region: cn-hangzhou
endpoints: { public: "shop.{region}.example.com", vpc: "shop-vpc.{region}.example.com" }
success_code: OK
"#;

/// A product with one action for each `(name, parameters, response, errors)`; the latter are flow maps.
fn spec(product: &str, actions: &[(&str, &str, &str, &str)]) -> Spec {
    let mut files =
        vec![InputFile { path: "api-spec/shop/product.yaml".to_owned(), bytes: format!("{PRODUCT}{product}").into() }];
    for (name, parameters, response, errors) in actions {
        let text = format!(
            "action: \"{name}\"\nsummary: Sells.\nidempotent: true\nrate_limit: none\nauthorization: none\n\
             parameters: {parameters}\nresponse: {response}\nerrors: {errors}\nexample: '{{}}'\n"
        );
        files.push(InputFile { path: format!("api-spec/shop/{name}.yaml"), bytes: text.into() });
    }
    let (spec, findings) = parse(&files);
    spec.unwrap_or_else(|| panic!("{}", render(&findings, false)))
}

fn findings(spec: &Spec) -> String {
    render(&build(spec, false).err().unwrap_or_default(), false)
}

fn model_of_answer(spec: &Spec) -> (Vec<String>, Vec<String>) {
    let model = build(spec, false).unwrap_or_else(|found| panic!("{}", render(&found, false)));
    let types = &model.actions[0].types;
    (
        types.objects.iter().map(|object| object.name.clone()).collect(),
        types.enums.iter().map(|values| values.name.clone()).collect(),
    )
}

const TEXT: &str = "type: string, description: Text.";
const EXAMPLE: &str = "type: string, description: Text., example: x";

#[test]
fn of_equal_names_the_first_is_plain_and_the_others_have_numbers() {
    let spec = spec(
        "",
        &[(
            "Sell",
            &format!("{{ ItemId: {{ {EXAMPLE} }}, item-id: {{ {EXAMPLE} }}, item_id_2: {{ {EXAMPLE} }} }}"),
            &format!(
                "{{ Id: {{ {TEXT} }}, ID: {{ {TEXT} }}, iD: {{ {TEXT}, rust_name: id }}, \
                 State: {{ {TEXT}, values: {{ a-b: One., a_b: Two., AB: Three. }} }} }}"
            ),
            "{ No.Stock: { status: 400, message: No. }, NoStock: { status: 400, message: No. } }",
        )],
    );
    let model = build(&spec, false).unwrap();
    let action = &model.actions[0];
    let parameters: Vec<_> = action.parameters.iter().map(|found| found.field.as_str()).collect();
    assert_eq!(parameters, ["item_id", "item_id_2", "item_id_2_2"]);
    let fields: Vec<_> = action.types.objects[0].members.iter().map(|member| member.field.as_str()).collect();
    assert_eq!(fields, ["id_2", "id_3", "id", "state"], "names in the specification take precedence");
    let values: Vec<_> = action.types.enums[0].variants.iter().map(|variant| variant.name.as_str()).collect();
    assert_eq!(values, ["AB", "AB2", "Ab"]);
    let codes: Vec<_> = model.errors.codes.iter().map(|code| code.variant.as_str()).collect();
    assert_eq!(codes, ["NoStock", "NoStock2"]);
}

#[test]
fn two_equal_names_that_a_specification_asks_for_are_an_error_with_both_places() {
    let spec = spec(
        "",
        &[("Sell", "{}", &format!("{{ A: {{ {TEXT}, rust_name: same }}, B: {{ {TEXT}, rust_name: same }} }}"), "{}")],
    );
    insta::assert_snapshot!(findings(&spec));
}

#[test]
fn names_that_a_specification_asks_for_are_checked() {
    let spec = spec(
        "",
        &[(
            "Sell",
            &format!("{{ A: {{ {EXAMPLE}, rust_name: build }}, B: {{ {EXAMPLE}, rust_name: type }} }}"),
            &format!(
                "{{ A: {{ {TEXT}, rust_name: NotSnake }}, B: {{ {TEXT}, type_name: Option, values: {{ a: One. }} }}, \
                 C: {{ type: object, description: An object., type_name: Sell, fields: {{ A: {{ {TEXT} }} }} }}, \
                 D: {{ {TEXT}, type_name: Twice, values: {{ a: {{ description: One., rust_name: Unrecognized }} }} }}, \
                 E: {{ {TEXT}, type_name: Twice, values: {{ a: One. }} }} }}"
            ),
            "{}",
        )],
    );
    insta::assert_snapshot!(findings(&spec));
}

#[test]
fn actions_that_become_one_are_numbered() {
    let spec =
        spec("", &[("SellItem", "{}", "{}", "{}"), ("sellItem", "{}", "{}", "{}"), ("Sell-Item", "{}", "{}", "{}")]);
    let model = build(&spec, false).unwrap();
    let names: Vec<_> = model.actions.iter().map(|action| (action.module.as_str(), action.request.as_str())).collect();
    assert_eq!(names, [("sell_item", "SellItem"), ("sell_item_2", "SellItem2"), ("sell_item_3", "SellItem3")]);
}

#[test]
fn a_code_with_two_rust_names_is_an_error() {
    let error = |name: &str| format!("{{ No.Stock: {{ status: 400, message: No., rust_name: {name} }} }}");
    let spec = spec("", &[("A", "{}", "{}", &error("Empty")), ("B", "{}", "{}", &error("SoldOut"))]);
    insta::assert_snapshot!(findings(&spec));
}

#[test]
fn the_outermost_of_two_types_keeps_the_short_name() {
    let spec = spec(
        "",
        &[(
            "Sell",
            "{}",
            &format!(
                "{{ Item: {{ type: object, description: An item., fields: {{ \
                   Part: {{ type: object, description: A part., fields: {{ Status: {{ {TEXT}, values: {{ a: One. }} }} }} }}, \
                   Status: {{ {TEXT}, values: {{ a: One. }} }} }} }}, \
                 Status: {{ {TEXT}, values: {{ a: One. }} }} }}"
            ),
            "{}",
        )],
    );
    let (objects, enums) = model_of_answer(&spec);
    assert_eq!(objects, ["Output", "Item", "Part"]);
    assert_eq!(enums, ["Status", "ItemStatus", "PartStatus"]);
}

#[test]
fn a_name_in_the_specification_takes_precedence_over_automatic_ones() {
    let spec = spec(
        "",
        &[(
            "Sell",
            "{}",
            &format!(
                "{{ Status: {{ {TEXT}, values: {{ a: One. }} }}, \
                 Item: {{ type: object, description: An item., fields: {{ \
                   State: {{ {TEXT}, type_name: Status, values: {{ a: One. }} }} }} }} }}"
            ),
            "{}",
        )],
    );
    assert_eq!(model_of_answer(&spec).1, ["OutputStatus", "Status"]);
}

#[test]
fn no_type_shadows_a_name_that_the_code_uses() {
    let spec = spec(
        "",
        &[(
            "Sell",
            "{}",
            &format!(
                "{{ Sell: {{ {TEXT}, values: {{ a: One. }} }}, Shop: {{ {TEXT}, values: {{ a: One. }} }}, \
                 Vec: {{ {TEXT}, values: {{ a: One. }} }}, \
                 Boxes: {{ type: array, description: Boxes., items: {{ type: string, values: {{ a: One. }} }} }} }}"
            ),
            "{}",
        )],
    );
    assert_eq!(model_of_answer(&spec).1, ["SellType", "ShopType", "VecType", "BoxType"]);
}

#[test]
fn an_action_named_like_a_builder_is_renamed() {
    let spec = spec("", &[("Sell", "{}", "{}", "{}"), ("SellBuilder", "{}", "{}", "{}"), ("Shop", "{}", "{}", "{}")]);
    let model = build(&spec, false).unwrap();
    let names: Vec<_> = model.actions.iter().map(|action| (action.request.as_str(), action.builder.as_str())).collect();
    assert_eq!(
        names,
        [("Sell", "SellBuilder"), ("SellBuilderRequest", "SellBuilderRequestBuilder"), ("Shop", "ShopBuilder")]
    );
    assert_eq!(model.product.type_name, "ShopProduct");
}

#[test]
fn required_parameters_come_first_in_the_order_of_the_specification() {
    let spec = spec(
        "",
        &[(
            "Sell",
            &format!(
                "{{ A: {{ {EXAMPLE} }}, B: {{ {EXAMPLE}, required: true }}, C: {{ {EXAMPLE} }}, D: {{ {EXAMPLE}, required: true }} }}"
            ),
            "{}",
            "{}",
        )],
    );
    let model = build(&spec, false).unwrap();
    let fields: Vec<_> = model.actions[0].parameters.iter().map(|parameter| parameter.field.as_str()).collect();
    assert_eq!(fields, ["b", "d", "a", "c"]);
}

#[test]
fn only_recursive_members_are_boxed() {
    let shapes = "shapes:
  Self: { type: object, description: D., fields: { Me: { type: shape, shape: Self, description: D. } } }
  Left: { type: object, description: D., fields: { Right: { type: shape, shape: Right, description: D. } } }
  Right: { type: object, description: D., fields: { In: { type: object, description: D., fields: { Left: { type: shape, shape: Left, description: D. } } } } }
  Tree: { type: object, description: D., fields: { All: { type: array, description: D., items: { type: shape, shape: Tree } }, Leaf: { type: shape, shape: Self, description: D. } } }
";
    let spec = spec(shapes, &[("Sell", "{}", "{}", "{}")]);
    let model = build(&spec, false).unwrap_or_else(|found| panic!("{}", render(&found, false)));
    let named = |name: &str| Type::Named(name.to_owned());
    let boxed = |name: &str| Type::Option(Box::new(Type::Box(Box::new(named(name)))));
    let members: Vec<_> = model
        .shapes
        .objects
        .iter()
        .flat_map(|object| object.members.iter().map(|member| (object.name.as_str(), member.ty.clone())))
        .collect();
    assert_eq!(
        members,
        [
            ("SelfType", boxed("SelfType")),
            ("Left", boxed("Right")),
            ("Right", boxed("In")),
            ("Tree", Type::Vec(Box::new(named("Tree")))),
            ("Tree", Type::Option(Box::new(named("SelfType")))),
            ("In", boxed("Left")),
        ]
    );
}

#[test]
fn equal_definitions_of_an_error_are_one_and_others_are_numbered() {
    let error = |message: &str| format!("{{ No.Stock: {{ status: 400, message: {message} }} }}");
    let (a, b, c) = (error("No."), error("No."), error("Sold out."));
    let spec = spec(
        "errors: { Down: { status: 500, message: Down. } }\n",
        &[("A", "{}", "{}", &a), ("B", "{}", "{}", &b), ("C", "{}", "{}", &c)],
    );
    let model = build(&spec, false).unwrap();
    assert_eq!(model.product.errors, ["DOWN"]);
    let errors: Vec<_> = model.actions.iter().map(|action| action.errors[0].as_str()).collect();
    assert_eq!(errors, ["NO_STOCK", "NO_STOCK", "NO_STOCK_2"]);
    let codes: Vec<_> = model.errors.codes.iter().map(|code| code.variant.as_str()).collect();
    assert_eq!(codes, ["Down", "NoStock"]);
}
