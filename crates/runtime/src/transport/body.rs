//! Parts shared by the bundled transports: the request body that reports when a connection takes the request, the
//! reading of a response up to its size limit, and the meaning of a failure.

use std::error::Error as StdError;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::HeaderValue;
use http::uri::{Authority, Scheme};
use http_body::{Body, Frame, SizeHint};

use super::{Handover, MAX_RESPONSE_BYTES, TransportError};

/// The body of a request, in one piece.
///
/// `hyper` calls `is_end_stream` when a connection takes the request from its queue, directly before it writes the first
/// byte of the head. The body reports this moment. If the request has been withdrawn, the body fails, and `hyper` closes the
/// connection without having written anything.
pub(super) struct ReportingBody {
    bytes: Bytes,
    handover: Handover,
}

impl ReportingBody {
    pub(super) fn new(bytes: Bytes, handover: Handover) -> Self {
        Self { bytes, handover }
    }
}

/// The error of the body of a withdrawn request.
#[derive(Debug)]
pub(super) struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call ended before the request was sent")
    }
}

impl StdError for Withdrawn {}

impl Body for ReportingBody {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        if !self.handover.happened() {
            return Poll::Ready(Some(Err(Withdrawn)));
        }
        let bytes = mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.handover.happened() && self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // A body known to be empty would never be polled, and so could not fail.
        let length = if self.handover.is_withdrawn() { 1 } else { self.bytes.len() };
        SizeHint::with_exact(length as u64)
    }
}

/// The received part of a response body.
#[derive(Default)]
pub(super) struct AnswerBody {
    /// Nearly every response arrives in one piece, which becomes the body without a copy.
    first: Bytes,
    /// All pieces, after a second one has arrived.
    whole: BytesMut,
}

impl AnswerBody {
    /// Adds a piece. `announced` is the length of the whole body, if the head has it.
    pub(super) fn push(&mut self, piece: Bytes, announced: Option<u64>) -> Result<(), TransportError> {
        let too_large =
            || TransportError::unanswered(format!("the response is larger than {MAX_RESPONSE_BYTES} bytes"));
        if self.first.is_empty() && self.whole.is_empty() {
            self.first = piece;
            let is_too_large = announced.is_some_and(|announced| announced > MAX_RESPONSE_BYTES as u64);
            return if is_too_large || self.first.len() > MAX_RESPONSE_BYTES { Err(too_large()) } else { Ok(()) };
        }
        if self.whole.is_empty() {
            self.whole = BytesMut::from(mem::take(&mut self.first));
        }
        if self.whole.len() + piece.len() > MAX_RESPONSE_BYTES {
            return Err(too_large());
        }
        self.whole.extend_from_slice(&piece);
        Ok(())
    }

    /// The received bytes.
    pub(super) fn into_bytes(self) -> Bytes {
        if self.whole.is_empty() { self.first } else { self.whole.freeze() }
    }
}

/// The value of the `Host` header.
pub(super) fn host_header(scheme: &Scheme, authority: &Authority) -> Option<HeaderValue> {
    let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = match authority.port_u16() {
        Some(port) if port != default_port => HeaderValue::try_from(format!("{}:{port}", authority.host())),
        _ => HeaderValue::from_str(authority.host()),
    };
    host.ok()
}

/// The error of a failed attempt: not sent unless a connection had taken the request.
pub(super) fn failure(error: &(dyn StdError + 'static), is_timeout: bool, handover: &Handover) -> TransportError {
    let cause = innermost(error).to_string();
    if handover.may_have_been_sent() {
        return TransportError::unanswered(format!("the connection failed before the response was complete: {cause}"));
    }
    TransportError::not_sent(if is_timeout {
        "connecting to the endpoint timed out".to_owned()
    } else if cause.contains("InvalidContentType") {
        // The error of `rustls` if the first bytes of the server are not TLS.
        "the server at the endpoint does not use TLS; if it uses plain HTTP, begin the endpoint with `http://`"
            .to_owned()
    } else {
        format!("no connection to the endpoint: {cause}")
    })
}

/// The last error of the chain, because the outer ones have no details.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}
