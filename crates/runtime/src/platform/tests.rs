use super::table::ERRORS;
use super::*;

#[test]
fn throttling_errors_of_the_platform_have_throttling_codes() {
    for error in ERRORS {
        let is_limit = matches!(meaning(error.code), Some(Meaning::Throttled | Meaning::LongLimit(_)));
        assert_eq!(error.throttling, is_limit, "{}", error.code);
    }
}

/// An earlier family would hide a later one with the same beginning.
#[test]
fn every_row_of_the_table_is_reached() {
    for (codes, expected) in MEANINGS {
        let code = match codes {
            Codes::Family(code) | Codes::Containing(code) => code,
        };
        assert_eq!(meaning(code), Some(*expected), "{code}");
    }
}

#[test]
fn a_code_has_the_same_meaning_in_every_spelling() {
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
fn codes_of_products_have_no_platform_meaning() {
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
