//! Faults between a request and its response, which tests script and `delivery.rs` applies.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// How a connection ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// It is closed normally (FIN).
    Close,
    /// It is reset (RST): the client sees "connection reset by peer".
    Reset,
    /// It stays open without further data until the client closes it.
    Hang,
}

/// A fault in the delivery of an [`Answer`](crate::Answer). Whether the request was executed is independent of it; see
/// [`Answer::executed`](crate::Answer::executed).
///
/// `Debug` shows sizes instead of bytes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is sent, and the connection ends.
    NoAnswer(End),
    /// Half of the head is sent, and the connection ends.
    CutHead(End),
    /// The head and half of the body are sent, and the connection ends.
    CutBody(End),
    /// The whole body is sent in a chunk, and the connection ends without the last chunk.
    CutChunks(End),
    /// `content-length` has this value, whatever the length of the body. If it is too large, the connection is closed
    /// after the body, which is therefore cut short. If it is too small, the connection stays open, and the rest of the
    /// body is surplus data.
    Length(usize),
    /// The response, including its head, is sent in pieces of this many bytes (at least one) with a pause between them.
    Drip {
        /// The size of a piece.
        bytes: usize,
        /// The pause between two pieces.
        pause: Duration,
    },
    /// Informational responses (1xx) with these statuses are sent before the response.
    Informational(Vec<u16>),
    /// These bytes are sent instead of the response, including its head, and the connection is closed.
    Instead(Bytes),
    /// These bytes follow the response, and the connection stays open.
    Surplus(Bytes),
    /// The response announces that the connection stays open, but it is closed right after it.
    Unannounced(End),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(end) => write!(f, "NoAnswer({end:?})"),
            Self::CutHead(end) => write!(f, "CutHead({end:?})"),
            Self::CutBody(end) => write!(f, "CutBody({end:?})"),
            Self::CutChunks(end) => write!(f, "CutChunks({end:?})"),
            Self::Length(length) => write!(f, "Length({length})"),
            Self::Drip { bytes, pause } => write!(f, "Drip({bytes} bytes, {pause:?})"),
            Self::Informational(statuses) => write!(f, "Informational({} answers)", statuses.len()),
            Self::Instead(bytes) => write!(f, "Instead({} bytes)", bytes.len()),
            Self::Surplus(bytes) => write!(f, "Surplus({} bytes)", bytes.len()),
            Self::Unannounced(end) => write!(f, "Unannounced({end:?})"),
        }
    }
}

/// A fault before the first request of a connection is read. Such a request is not in the log, because the simulator
/// has not parsed it, and no action is executed.
///
/// `Debug` shows sizes instead of bytes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// The connection ends when it is accepted. Whether the client notices before it sends its request is a race.
    AtOnce(End),
    /// The connection ends when the first bytes of a request arrive. None of them are read.
    Unread(End),
    /// The connection ends when this many bytes have been read (at least one). If the client sends fewer, the server
    /// waits for the rest.
    HalfRead(usize, End),
    /// When the first bytes of a request arrive, the server sends these bytes and closes the connection.
    Speaks(Bytes),
}

impl fmt::Debug for ConnectionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtOnce(end) => write!(f, "AtOnce({end:?})"),
            Self::Unread(end) => write!(f, "Unread({end:?})"),
            Self::HalfRead(bytes, end) => write!(f, "HalfRead({bytes} bytes, {end:?})"),
            Self::Speaks(bytes) => write!(f, "Speaks({} bytes)", bytes.len()),
        }
    }
}
