//! A request body that reports when a connection takes the request.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::Handover;

/// The body of a request, in one piece.
///
/// `hyper` asks a body whether it is at its end when a connection takes the request from its queue, before it writes the first byte
/// of the head, and not earlier. That is the moment that is reported. A request that is withdrawn by then gets a body that
/// fails, so `hyper` closes the connection without having written anything.
pub(super) struct ReportingBody {
    bytes: Bytes,
    handover: Handover,
}

impl ReportingBody {
    pub(super) fn new(bytes: Bytes, handover: Handover) -> Self {
        Self { bytes, handover }
    }
}

/// Why a withdrawn request has no body.
#[derive(Debug)]
pub(super) struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call ended before the request was sent")
    }
}

impl std::error::Error for Withdrawn {}

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
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.handover.happened() && self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // A body that is known to be empty would never be read, and so could not fail.
        let length = if self.handover.is_withdrawn() { 1 } else { self.bytes.len() };
        SizeHint::with_exact(length as u64)
    }
}
