//! Decides whether a request was certainly not executed.
//!
//! An action that is not idempotent is retried only with proof, because a second effect cannot be undone. Only
//! [`not_executed`] decides what proof is; [`Error::outcome_unknown`](crate::Error::outcome_unknown) stores the
//! decision, and every retry (backoff, clock, throttle, token) checks it.

use http::StatusCode;

use crate::platform::{self, Meaning};

/// The facts about a request that did not succeed.
#[derive(Clone, Copy)]
pub(crate) enum Evidence<'a> {
    /// There is no response.
    NoAnswer {
        /// Whether the request may have been handed to a connection.
        may_have_been_sent: bool,
    },
    /// The service refused the request with this code.
    Refusal(StatusCode, &'a str),
    /// The response is not one of the service.
    Foreign(StatusCode),
}

/// Whether the evidence proves that the request was not executed. Headers are not evidence.
pub(crate) fn not_executed(evidence: Evidence<'_>) -> bool {
    match evidence {
        Evidence::NoAnswer { may_have_been_sent } => !may_have_been_sent,
        Evidence::Refusal(StatusCode::TOO_MANY_REQUESTS, _) => true,
        Evidence::Refusal(status, code) => {
            let is_verdict = status.is_success() || (status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT);
            let service_failed = matches!(platform::meaning(code), Some(Meaning::ServiceFailed | Meaning::NonceUsed));
            is_verdict && !service_failed
        }
        // Proxies refuse with these statuses before they forward a request. Any other status may concern the response:
        // a 408 or 404 of a proxy also occurs for requests that were delivered.
        Evidence::Foreign(status) => matches!(status.as_u16(), 401 | 403 | 407 | 413 | 414 | 429 | 431),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> bool {
        not_executed(Evidence::Refusal(StatusCode::from_u16(status).unwrap(), code))
    }

    #[test]
    fn without_a_response_only_a_request_not_handed_over_is_certainly_not_executed() {
        assert!(not_executed(Evidence::NoAnswer { may_have_been_sent: false }));
        assert!(!not_executed(Evidence::NoAnswer { may_have_been_sent: true }));
    }

    #[test]
    fn the_service_refuses_with_a_4xx_or_2xx_and_a_code_that_names_no_failure_of_its_own() {
        for code in ["Forbidden.RAM", "InvalidParameter", "Throttling.User", "InvalidTimeStamp.Expired", "Anything"] {
            for status in [200, 400, 403, 404, 429, 499] {
                assert!(refusal(status, code), "{status} {code}");
            }
            for status in [302, 307, 408, 500, 502, 503, 504, 599, 600, 999] {
                assert!(!refusal(status, code), "{status} {code}");
            }
        }
        for code in ["InternalError", "internalerror.db", "RequestTimeout", "SYSTEM_ERROR", "SignatureNonceUsed"] {
            for status in (200..=599).filter(|status| *status != 429) {
                assert!(!refusal(status, code), "{status} {code}");
            }
        }
    }

    #[test]
    fn seven_statuses_of_foreign_responses_are_refusals() {
        let refusing: Vec<u16> = (100..1000)
            .filter(|status| not_executed(Evidence::Foreign(StatusCode::from_u16(*status).unwrap())))
            .collect();
        assert_eq!(refusing, [401, 403, 407, 413, 414, 429, 431]);
    }
}
