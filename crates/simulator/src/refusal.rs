//! The reasons for which the gateway refuses a request: status, code, and a message that says what to do.
//!
//! The codes are those of the real gateway, the messages are not. They contain nothing of the request except names of
//! parameters and headers (no value, key ID or string to sign), because responses are logged.

use std::borrow::Cow;
use std::time::Duration;

use alibabacloud_runtime::descriptor::{ErrorDescriptor, Method};
use alibabacloud_runtime::private::platform;

use crate::answer::Answer;

/// The reason why a request is refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u16,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    recommend: &'static str,
    retry_after: Option<Duration>,
    pub(crate) throttled: bool,
}

impl Refusal {
    const fn new(error: &ErrorDescriptor, message: &'static str, recommend: &'static str) -> Self {
        Self {
            status: error.status,
            code: Cow::Borrowed(error.code),
            message: Cow::Borrowed(message),
            recommend,
            retry_after: None,
            throttled: false,
        }
    }

    pub(crate) const METHOD: Self = Self::new(
        &platform::UNSUPPORTED_HTTP_METHOD,
        "The HTTP method is not one of GET, POST, PUT, PATCH and DELETE.",
        "Send the request with the documented method of the action.",
    );
    pub(crate) const fn other_method(method: Method) -> Self {
        let message = match method {
            Method::Get => "The action is served by GET only.",
            Method::Put => "The action is served by PUT only.",
            Method::Delete => "The action is served by DELETE only.",
            Method::Patch => "The action is served by PATCH only.",
            _ => "The action is served by POST and GET only.",
        };
        Self::new(
            &platform::UNSUPPORTED_HTTP_METHOD,
            message,
            "Send the request with the method that the message names.",
        )
    }
    pub(crate) const PATH: Self = Self::new(
        &platform::INVALID_API_NOT_FOUND,
        "No action of this simulator has this path. Actions of the RPC style are called at the path /.",
        "Check the path and the list of products.",
    );
    pub(crate) const OTHER_METHOD: Self = Self::new(
        &platform::UNSUPPORTED_HTTP_METHOD,
        "The action with this path is served by another method.",
        "Send the request with the documented method of the action.",
    );
    pub(crate) const OTHER_ACTION: Self = Self::new(
        &platform::INVALID_API_NOT_FOUND,
        "The action in x-acs-action does not have this method and path.",
        "Send the name of the action with this method and path, or omit the header.",
    );
    pub(crate) const NOT_V3: Self = Self::new(
        &platform::INCOMPLETE_SIGNATURE,
        "Actions of the ROA style must be signed with V3.",
        "Send an Authorization header (V3 signature).",
    );
    pub(crate) const MISSING_ACTION: Self = Self::new(
        &platform::MISSING_ACTION,
        "The request does not name an action.",
        "Name it in the header x-acs-action (V3 signature) or the parameter Action (V1).",
    );
    pub(crate) const UNKNOWN_ACTION: Self = Self::new(
        &platform::INVALID_API_NOT_FOUND,
        "No product of this simulator has an action of that name.",
        "Check the spelling, including upper and lower case, and the products of the simulator.",
    );
    pub(crate) const VERSION: Self = Self::new(
        &platform::INVALID_VERSION,
        "The API version is absent, or the action does not exist in it.",
        "Send the product's version in the header x-acs-version (V3 signature) or the parameter Version (V1).",
    );
    pub(crate) const FORMAT: Self = Self::new(
        &platform::UNSUPPORTED_FORMAT,
        "This simulator responds only in JSON; without the parameter Format the real service responds in XML.",
        "Send Format=JSON.",
    );
    pub(crate) const UNSIGNED: Self = Self::new(
        &platform::INCOMPLETE_SIGNATURE,
        "The request is not signed.",
        "Send an Authorization header (V3 signature) or the parameter Signature (V1).",
    );
    pub(crate) const AUTHORIZATION: Self = Self::new(
        &platform::INCOMPLETE_SIGNATURE,
        "The Authorization header is not of the form: algorithm, one blank, Credential=…,SignedHeaders=…,Signature=… \
         without blanks after the commas.",
        "Write the header in exactly that form.",
    );
    pub(crate) const UNKNOWN_KEY: Self = Self::new(
        &platform::INVALID_ACCESS_KEY_ID_NOT_FOUND,
        "The access key ID is unknown to this simulator.",
        "Use a key that the simulator was started with; the default is testid with the secret testsecret.",
    );
    pub(crate) const MISSING_TOKEN: Self = Self::new(
        &platform::MISSING_SECURITY_TOKEN,
        "The access key is temporary, and the request has no security token.",
        "Send it in the header x-acs-security-token (V3 signature) or the parameter SecurityToken (V1).",
    );
    pub(crate) const WRONG_TOKEN: Self = Self::new(
        &platform::INVALID_SECURITY_TOKEN_MISMATCH_WITH_ACCESS_KEY,
        "The security token does not belong to the access key.",
        "Send key ID, secret and token of the same credentials; a permanent key has no token.",
    );
    pub(crate) const SIGNATURE_METHOD: Self = Self::new(
        &platform::INVALID_SIGNATURE_METHOD,
        "The service does not support the signature method.",
        "Use ACS3-HMAC-SHA256 (V3 signature), or SignatureMethod=HMAC-SHA1 (V1).",
    );
    pub(crate) const SIGNATURE_VERSION: Self = Self::new(
        &platform::INVALID_SIGNATURE_VERSION,
        "The service does not support the signature version.",
        "Send SignatureVersion=1.0.",
    );
    pub(crate) const TIMESTAMP_FORMAT: Self = Self::new(
        &platform::INVALID_TIME_STAMP_FORMAT,
        "The timestamp is not of the form YYYY-MM-DDThh:mm:ssZ.",
        "Send the time in UTC in exactly that form.",
    );
    pub(crate) const TIMESTAMP_EXPIRED: Self = Self::new(
        &platform::INVALID_TIME_STAMP_EXPIRED,
        "The timestamp is more than 15 minutes off the service's clock, which the Date header shows.",
        "Correct the clock, or adjust the timestamp by the Date header.",
    );
    // The real message has a colon and then the string to sign. The older official Python SDK parses the text after the
    // colon and fails without one, so there is one here, too.
    pub(crate) const SIGNATURE: Self = Self::new(
        &platform::SIGNATURE_DOES_NOT_MATCH,
        "The signature does not match: the request and the secret of the key result in another one.",
        "Check the secret, the encoding and the order of the parameters, and that nothing changed after signing.",
    );
    pub(crate) const BODY_HASH: Self = Self::new(
        &platform::SIGNATURE_DOES_NOT_MATCH,
        "The signature does not match: x-acs-content-sha256 is not the SHA-256 of the body in lower-case hex.",
        "Hash the body that is sent, byte for byte.",
    );
    pub(crate) const NONCE: Self = Self::new(
        &platform::SIGNATURE_NONCE_USED,
        "The nonce was used before.",
        "Use a new nonce for every request, including retries.",
    );

    /// The code is `Missing` followed by the name.
    fn missing(name: &str, message: String, recommend: &'static str) -> Self {
        Self {
            code: format!("Missing{name}").into(),
            message: message.into(),
            ..Self::new(&platform::MISSING_PARAMETER, "", recommend)
        }
    }

    /// A part of the signature is absent or empty.
    pub(crate) fn missing_piece(name: &str, where_it_goes: &str) -> Self {
        let message = format!("The request lacks {where_it_goes}, which its signature needs.");
        Self::missing(name, message, "Send it with a value.")
    }

    /// `SignedHeaders` names a header that is absent.
    pub(crate) fn signed_header_absent() -> Self {
        Self { message: "SignedHeaders names a header that the request does not have.".into(), ..Self::AUTHORIZATION }
    }

    /// `SignedHeaders` lacks a name that must be in it.
    pub(crate) fn header_not_signed(name: &str) -> Self {
        Self {
            message: format!("The header {name} is not among the SignedHeaders.").into(),
            recommend: "Sign host and every header whose name begins with x-acs-.",
            ..Self::AUTHORIZATION
        }
    }

    /// A parameter that the action requires is absent.
    pub(crate) fn missing_parameter(name: &str) -> Self {
        let message = format!("The parameter {name} is required, but missing.");
        Self::missing(name, message, "Send the parameter in its documented location.")
    }

    /// A limit was exceeded.
    pub(crate) fn throttled(status: u16, code: String, message: String, retry_after: Option<Duration>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            recommend: "Wait, then send the request again; it was not executed.",
            retry_after,
            throttled: true,
        }
    }

    pub(crate) fn answer(&self, host: &str) -> Answer {
        let answer = Answer::error_for(host, self.status, &self.code, &self.message, self.recommend);
        match self.retry_after {
            Some(wait) => answer.retry_after(wait),
            None => answer,
        }
    }
}
