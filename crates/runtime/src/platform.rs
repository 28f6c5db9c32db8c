//! The error codes that the platform answers with, whatever the product: one table.
//!
//! Gateways and products spell the same failure differently (`InternalError`, `internalerror`, `InternalError.Db`,
//! `isp.SYSTEM_ERROR`), so the table holds families, and letter case is ignored.

/// What an error code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A limit that counts in seconds was exceeded.
    Throttled,
    /// A limit that counts in hours or days was exceeded; the text names the period.
    LongLimit(&'static str),
    /// The service itself failed, and may have executed the request before.
    ServiceFailed,
    /// The nonce was seen before. Every attempt has a new one, so something on the way sent the request twice.
    NonceUsed,
    /// The timestamp is not the service's time.
    ClockWrong,
    /// The security token has expired.
    TokenExpired,
    /// The key, the signature or the permission is refused.
    IdentityRefused,
}

/// Which codes a row of the table is about. Letters are compared without case.
#[derive(Clone, Copy)]
enum Codes {
    /// The code itself, and whatever follows it after a dot.
    Family(&'static str),
    /// Codes with these letters anywhere, as a code without its dots, dashes and underscores spells them; not those that refuse a
    /// parameter ([`REFUSES_A_PARAMETER`]).
    Containing(&'static str),
}

use Codes::{Containing, Family};

/// The first row that matches counts.
const TABLE: &[(Codes, Meaning)] = &[
    (Family("Throttling.Day"), Meaning::LongLimit("day")),
    (Family("Throttling.User.Day"), Meaning::LongLimit("day")),
    (Family("Throttling.Api.Day"), Meaning::LongLimit("day")),
    (Family("Throttling.Hour"), Meaning::LongLimit("hour")),
    (Family("Throttling.User.Hour"), Meaning::LongLimit("hour")),
    (Family("Throttling.Api.Hour"), Meaning::LongLimit("hour")),
    (Family("isv.BUSINESS_LIMIT_CONTROL"), Meaning::LongLimit("minute, hour or day")),
    (Containing("daylimit"), Meaning::LongLimit("day")),
    (Containing("dailylimit"), Meaning::LongLimit("day")),
    (Containing("hourlimit"), Meaning::LongLimit("hour")),
    (Containing("hourlylimit"), Meaning::LongLimit("hour")),
    (Containing("monthlimit"), Meaning::LongLimit("month")),
    (Containing("monthlylimit"), Meaning::LongLimit("month")),
    (Family("Throttling"), Meaning::Throttled),
    (Family("Rejected.Throttling"), Meaning::Throttled),
    (Family("System.LimitControl"), Meaning::Throttled),
    (Family("FlowControlError"), Meaning::Throttled),
    (Family("TooManyRequests"), Meaning::Throttled),
    (Family("InvalidTimeStamp.Expired"), Meaning::ClockWrong),
    (Family("IllegalTimestamp"), Meaning::ClockWrong),
    (Family("RequestTimeTooSkewed"), Meaning::ClockWrong),
    (Family("InvalidSecurityToken.Expired"), Meaning::TokenExpired),
    (Family("SecurityTokenExpired"), Meaning::TokenExpired),
    (Family("InvalidAccessKeyId"), Meaning::IdentityRefused),
    (Family("InvalidSecurityToken"), Meaning::IdentityRefused),
    (Family("MissingSecurityToken"), Meaning::IdentityRefused),
    (Family("SignatureDoesNotMatch"), Meaning::IdentityRefused),
    (Family("IncompleteSignature"), Meaning::IdentityRefused),
    (Family("Forbidden"), Meaning::IdentityRefused),
    (Family("NoPermission"), Meaning::IdentityRefused),
    (Family("Ram.PermissionDeny"), Meaning::IdentityRefused),
    (Family("isp.RAM_PERMISSION_DENY"), Meaning::IdentityRefused),
    (Family("Product.Unsubscript"), Meaning::IdentityRefused),
    (Containing("nonceused"), Meaning::NonceUsed),
    (Containing("internalerror"), Meaning::ServiceFailed),
    (Containing("internalserver"), Meaning::ServiceFailed),
    (Containing("internalservice"), Meaning::ServiceFailed),
    (Containing("internalfail"), Meaning::ServiceFailed),
    (Containing("servererror"), Meaning::ServiceFailed),
    (Containing("serviceerror"), Meaning::ServiceFailed),
    (Containing("internalexception"), Meaning::ServiceFailed),
    (Containing("innererror"), Meaning::ServiceFailed),
    (Containing("serverexception"), Meaning::ServiceFailed),
    (Containing("servicefail"), Meaning::ServiceFailed),
    (Containing("serviceexception"), Meaning::ServiceFailed),
    (Containing("systemerror"), Meaning::ServiceFailed),
    (Containing("systemfail"), Meaning::ServiceFailed),
    (Containing("systemexception"), Meaning::ServiceFailed),
    (Containing("backenderror"), Meaning::ServiceFailed),
    (Containing("unknownerror"), Meaning::ServiceFailed),
    (Containing("unknownfail"), Meaning::ServiceFailed),
    (Containing("unknownexception"), Meaning::ServiceFailed),
    (Containing("unexpectederror"), Meaning::ServiceFailed),
    (Containing("unexpectedexception"), Meaning::ServiceFailed),
    (Containing("gatewayerror"), Meaning::ServiceFailed),
    (Containing("badgateway"), Meaning::ServiceFailed),
    (Containing("overload"), Meaning::ServiceFailed),
    (Containing("timeout"), Meaning::ServiceFailed),
    (Containing("timedout"), Meaning::ServiceFailed),
    (Containing("unavailable"), Meaning::ServiceFailed),
    (Containing("systembusy"), Meaning::ServiceFailed),
    (Containing("servicebusy"), Meaning::ServiceFailed),
    (Containing("serverbusy"), Meaning::ServiceFailed),
];

/// How codes begin that refuse a parameter, which may have any name: `InvalidParameter.Timeout`.
const REFUSES_A_PARAMETER: &[&str] = &["invalid", "missing", "illegal", "unsupported", "incorrect", "malformed"];

/// What the platform means by the code; `None` for a code that it does not share among products.
pub(crate) fn meaning(code: &str) -> Option<Meaning> {
    let lower = code.to_ascii_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let refuses_a_parameter = REFUSES_A_PARAMETER.iter().any(|start| letters.starts_with(start));
    let is_about = |codes: Codes| match codes {
        Family(family) => lower
            .strip_prefix(&family.to_ascii_lowercase())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        Containing(part) => !refuses_a_parameter && letters.contains(part),
    };
    TABLE.iter().find(|(codes, _)| is_about(*codes)).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_the_same_in_every_spelling_of_its_family() {
        for (codes, expected) in [
            (
                &["Throttling", "throttling.user", "THROTTLING.Api", "System.LimitControl", "rejected.throttling"][..],
                Meaning::Throttled,
            ),
            (
                &["Throttling.Day", "throttling.day.x", "isv.DAY_LIMIT_CONTROL", "DailyLimitExceeded"],
                Meaning::LongLimit("day"),
            ),
            (&["Throttling.Hour", "isv.HOUR_LIMIT_CONTROL"], Meaning::LongLimit("hour")),
            (&["isv.BUSINESS_LIMIT_CONTROL"], Meaning::LongLimit("minute, hour or day")),
            (
                &[
                    "InternalError",
                    "internalerror",
                    "InternalError.Db",
                    "Internal.Error",
                    "isp.SYSTEM_ERROR",
                    "SystemError",
                    "UnknownError",
                    "unknown_error",
                    "ServiceUnavailable",
                    "ServiceUnavailable.Zone",
                    "RequestTimeout",
                    "Timeout",
                    "isp.GATEWAY_TIMEOUT",
                    "Service.TimedOut",
                    "InternalServerError",
                    "SystemBusy",
                    "System.Exception",
                    "INTERNAL-EXCEPTION",
                    "InnerError.Rpc",
                    "Service.Failure",
                    "isp.UNKNOWN_EXCEPTION",
                    "BadGateway",
                    "ServerOverloaded",
                ],
                Meaning::ServiceFailed,
            ),
            (&["SignatureNonceUsed", "signaturenonceused", "SignatureNonceUsed.Twice"], Meaning::NonceUsed),
            (&["InvalidTimeStamp.Expired", "IllegalTimestamp", "invalidtimestamp.expired"], Meaning::ClockWrong),
            (&["InvalidSecurityToken.Expired", "SecurityTokenExpired"], Meaning::TokenExpired),
            (
                &[
                    "InvalidAccessKeyId.NotFound",
                    "SignatureDoesNotMatch",
                    "Forbidden.RAM",
                    "NoPermission",
                    "Ram.PermissionDeny",
                ],
                Meaning::IdentityRefused,
            ),
        ] {
            for code in codes {
                assert_eq!(meaning(code), Some(expected), "{code}");
            }
        }
    }

    #[test]
    fn a_code_of_a_product_means_nothing_to_the_platform() {
        for code in [
            "Throttlings",
            "InvalidParameter.Timeout",
            "MissingTimeout",
            "IllegalServiceUnavailableFlag",
            "InvalidTimeStamp.Format",
            "Template.NotFound",
            "",
        ] {
            assert_eq!(meaning(code), None, "{code}");
        }
    }
}
