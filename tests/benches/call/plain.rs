//! A call without the client: response types with serde derive.

#![allow(dead_code, reason = "the fields are decoded and not read")]
#![allow(clippy::struct_field_names, reason = "the names are the service's")]

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Output {
    request_id: Option<String>,
    pub(crate) code: Option<String>,
    message: Option<String>,
    success: Option<bool>,
    access_denied_detail: Option<String>,
    pub(crate) phone_numbers: Vec<PhoneNumber>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PhoneNumber {
    phone_number: Option<String>,
    verified_name: Option<String>,
    status: Option<Status>,
    quality_rating: Option<QualityRating>,
    code_verification_status: Option<CodeVerificationStatus>,
    messaging_limit_tier: Option<MessagingLimitTier>,
    name_status: Option<NameReview>,
    new_name_status: Option<NameReview>,
    status_queue: Option<String>,
    status_callback_url: Option<String>,
    up_queue: Option<String>,
    up_callback_url: Option<String>,
    is_official: Option<String>,
    calling_configure: Option<CallingConfigure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CallingConfigure {
    calling: Option<Calling>,
    calling_callback_url: Option<String>,
    max_talk_time: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Calling {
    status: Option<String>,
    call_icon_visibility: Option<String>,
    callback_permission_status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Connected,
    Pending,
    Migrated,
    Flagged,
    Restricted,
    RateLimited,
    Banned,
    Unverified,
    Disconnected,
    Deleted,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum QualityRating {
    Green,
    Yellow,
    Red,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum CodeVerificationStatus {
    Verified,
    NotVerified,
    MoreInformationRequested,
    Rejected,
    Revoked,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
enum MessagingLimitTier {
    #[serde(rename = "TIER_10")]
    Tier10,
    #[serde(rename = "TIER_50")]
    Tier50,
    #[serde(rename = "TIER_250")]
    Tier250,
    #[serde(rename = "TIER_1K")]
    Tier1K,
    #[serde(rename = "TIER_10K")]
    Tier10K,
    #[serde(rename = "TIER_100K")]
    Tier100K,
    #[serde(rename = "TIER_UNLIMITED")]
    Unlimited,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
enum NameReview {
    Approval,
    Rejected,
    #[serde(rename = "Pending_Review")]
    PendingReview,
    #[serde(other)]
    Unknown,
}
