//! The two actions of CAMS, with hand-written descriptors, for tests and the example.

use alibabacloud_runtime::RateLimit;
use alibabacloud_runtime::descriptor::{ActionDescriptor, ErrorDescriptor, ParameterDescriptor, ProductDescriptor};

const fn required(name: &'static str) -> ParameterDescriptor {
    ParameterDescriptor { name, required: true, ..ParameterDescriptor::EMPTY }
}

const fn error(code: &'static str, message: &'static str, throttling: bool) -> ErrorDescriptor {
    ErrorDescriptor { code, message, throttling, ..ErrorDescriptor::EMPTY }
}

const ERRORS: &[&ErrorDescriptor] = &[
    &error("Product.Unsubscript", "You have not subscribed to the specified product.", false),
    &error("Ram.PermissionDeny", "You are not authorized to perform the operation.", false),
    &error("System.LimitControl", "The system is under flow control.", true),
    &error("Unknown.ResourceOwnerId", "The resource does not belong to the current user.", false),
];

pub(crate) static CAMS: ProductDescriptor = ProductDescriptor {
    code: "cams",
    title: "Chat App Message Service",
    version: "2020-06-06",
    default_region: "ap-southeast-1",
    success_codes: &["OK"],
    actions: &[
        &ActionDescriptor {
            name: "ChatappSyncPhoneNumber",
            idempotent: true,
            rate_limit: Some(RateLimit::per_second(10)),
            parameters: &[required("CustSpaceId")],
            errors: ERRORS,
            example: r#"{"AccessDeniedDetail":"None","PhoneNumbers":[{"VerifiedName":"Alibaba","Status":"PENDING","QualityRating":"GREEN","CodeVerificationStatus":"VERIFIED","NewNameStatus":"Approval","PhoneNumber":"861380000****","StatusQueue":"alicom-0939****-queue","UpQueue":"alicom-0939****-queue","NameStatus":"Approval","UpCallbackUrl":"https://www.alibaba.com/inbound\n","MessagingLimitTier":"TIER_10K","StatusCallbackUrl":"https://www.alibaba.com/status"}],"Message":"None","RequestId":"90E63D28-E31D-1EB2-8939-A94866411B2O","Code":"OK","Success":true}"#,
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor {
            name: "CreateChatappMigrationInitiate",
            rate_limit: Some(RateLimit::per_second(10)),
            parameters: &[required("CustSpaceId"), required("MobileNumber"), required("CountryCode")],
            errors: ERRORS,
            example: r#"{"RequestId":"90E63D28-E31D-1EB2-8939-A9486641****","Code":"OK","Message":"SUCCESS","Data":{"PhoneNumber":"861390000****","Id":"8282889****","Status":"MIGRATING"},"AccessDeniedDetail":"None"}"#,
            ..ActionDescriptor::EMPTY
        },
    ],
    ..ProductDescriptor::EMPTY
};
