//! What can go wrong between a request and its answer, to be scripted. Carried out by `delivery.rs`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// How a connection ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// It is closed in good order (FIN).
    Close,
    /// It is reset (RST): the client sees "connection reset by peer".
    Reset,
    /// It stays open, and nothing more comes until the client leaves.
    Hang,
}

/// How the delivery of an [`Answer`](crate::Answer) goes wrong. What the request did is another matter: see
/// [`Answer::executed`](crate::Answer::executed).
///
/// `Debug` shows sizes in place of bytes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is sent, and the connection ends.
    NoAnswer(End),
    /// Half of the head is sent, and the connection ends.
    CutHead(End),
    /// The head and half of the body are sent, and the connection ends.
    CutBody(End),
    /// The whole body is sent, in a chunk, and the connection ends without the last chunk.
    CutChunks(End),
    /// `content-length` is this, whatever the length of the body. After one that is too long the connection is closed, so that the
    /// body is cut short. After one that is too short the connection stays open, and the rest of the body stands on it.
    Length(usize),
    /// The answer, head included, comes in pieces of so many bytes (at least one) with a pause between them.
    Drip {
        /// The size of a piece.
        bytes: usize,
        /// The pause between two pieces.
        pause: Duration,
    },
    /// Informational answers (1xx) with these statuses come before the answer.
    Informational(Vec<u16>),
    /// These bytes come in place of the answer, head included, and the connection is closed.
    Instead(Bytes),
    /// These bytes follow the answer, on a connection that stays open.
    Surplus(Bytes),
    /// The answer says that the connection stays open, but it ends right after it.
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

/// What goes wrong on a connection before its first request is read. Such a request is not in the log, because the simulator never
/// knows what it was, and no action was executed.
///
/// `Debug` shows sizes in place of bytes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// The connection ends as soon as it is accepted. Whether the client notices before it sends its request is a matter of luck.
    AtOnce(End),
    /// The connection ends when the beginning of a request is there. None of it is read.
    Unread(End),
    /// The connection ends when so many bytes were read (at least one). If the client sends fewer, the server waits for the rest.
    HalfRead(usize, End),
    /// When the beginning of a request is there, the server says this, and closes.
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
