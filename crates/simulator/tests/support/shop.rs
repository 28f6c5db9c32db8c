//! A sample product with features that CAMS lacks.

use alibabacloud_runtime::RateLimit;
use alibabacloud_runtime::descriptor::{
    ActionDescriptor, ErrorDescriptor, Method, ParameterDescriptor, ParameterStyle, ProductDescriptor, ValueKind,
};

pub(crate) static SHOP: ProductDescriptor = ProductDescriptor {
    code: "shop",
    version: "2024-01-01",
    actions: &[
        &ActionDescriptor {
            name: "AddTags",
            parameters: &[ParameterDescriptor {
                name: "Tag",
                kind: ValueKind::List,
                style: ParameterStyle::RepeatList,
                required: true,
                ..ParameterDescriptor::EMPTY
            }],
            example: r#"{"Total": 1.0, "RequestId": "X"}"#,
            ..ActionDescriptor::EMPTY
        },
        // Documents no error and no example.
        &ActionDescriptor {
            name: "CountVisits",
            anonymous: true,
            rate_limit: Some(RateLimit::per_second(2)),
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor { name: "ListOrders", rate_limit: Some(RateLimit::per_second(5)), ..ActionDescriptor::EMPTY },
        &ActionDescriptor { name: "ReadShelf", anonymous: true, method: Method::Get, ..ActionDescriptor::EMPTY },
    ],
    ..ProductDescriptor::EMPTY
};

/// The same action in a later version, with the flow-control error documented for the whole product.
pub(crate) static SHOP_2025: ProductDescriptor = ProductDescriptor {
    code: "shop",
    version: "2025-01-01",
    errors: &[&ErrorDescriptor {
        code: "System.LimitControl",
        status: 503,
        message: "Slow down.",
        throttling: true,
        ..ErrorDescriptor::EMPTY
    }],
    actions: &[&ActionDescriptor {
        name: "ListOrders",
        rate_limit: Some(RateLimit::per_second(1)),
        example: r#"{"RequestId":"X","Version":2025}"#,
        ..ActionDescriptor::EMPTY
    }],
    ..ProductDescriptor::EMPTY
};
