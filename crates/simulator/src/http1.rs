//! HTTP/1.1 on one connection: parses requests and formats responses. Hand-written, so that `delivery.rs` can break a
//! response at any byte.

use std::fmt::Write as _;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::answer::Answer;
use crate::request::Request;

/// The maximum length of a request line with headers, which may contain all parameters.
const MAX_HEAD: usize = 2 << 20;
/// The maximum length of a body.
const MAX_BODY: usize = 16 << 20;
/// The maximum length of a line with the size of a chunk.
const MAX_CHUNK_LINE: usize = 4 << 10;
/// The maximum length of the trailers after the last chunk.
const MAX_TRAILERS: usize = 16 << 10;
/// The maximum number of headers.
const MAX_HEADERS: usize = 128;
/// The number of bytes read at a time.
const READ: usize = 64 << 10;

/// A request, and the facts about it that the connection needs.
pub(crate) struct Incoming {
    pub(crate) request: Request,
    /// Whether the client allows the connection to stay open after the response.
    pub(crate) keep_alive: bool,
}

/// The reason why no request could be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The client closed the connection, between requests or during one.
    Gone,
    /// The data is not HTTP or too long. The server sends this status and closes the connection.
    Refused { status: u16, message: &'static str },
}

impl ReadError {
    const fn bad(message: &'static str) -> Self {
        Self::Refused { status: 400, message }
    }
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// One connection. There are no timeouts: a slow client does not matter in a test, and an idle timer would fire at once
/// with a paused clock.
pub(crate) struct Connection<S> {
    pub(crate) stream: S,
    /// Read but not yet used; with pipelining it begins with the next request.
    buffer: BytesMut,
}

/// The framing of a body.
enum Framing {
    Length(usize),
    Chunked,
}

struct Head {
    request: Request,
    keep_alive: bool,
    framing: Framing,
    expects_continue: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// Reads the next request.
    pub(crate) async fn read(&mut self) -> Result<Incoming, ReadError> {
        let Head { mut request, keep_alive, framing, expects_continue } = self.read_head().await?;
        if expects_continue && self.buffer.is_empty() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = match framing {
            Framing::Length(length) => {
                self.fill(length).await?;
                self.buffer.split_to(length).freeze()
            }
            Framing::Chunked => self.read_chunks().await?,
        };
        Ok(Incoming { request, keep_alive })
    }

    async fn read_head(&mut self) -> Result<Head, ReadError> {
        // Parsing starts at the beginning of the head each time, so it is done only when the head seems complete, and
        // when its length has doubled, to detect garbage without any line end.
        let (mut searched, mut look_at) = (0, 1);
        loop {
            let complete = has_blank_line(&self.buffer[searched..]);
            searched = self.buffer.len().saturating_sub(3);
            if complete || self.buffer.len() >= look_at {
                if let Some((head, length)) = parse_head(&self.buffer)? {
                    self.buffer.advance(length);
                    return Ok(head);
                }
                look_at = 2 * self.buffer.len();
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(ReadError::Refused { status: 431, message: "The head is over 2 MiB." });
            }
            self.read_more().await?;
        }
    }

    async fn read_chunks(&mut self) -> Result<Bytes, ReadError> {
        let mut body = BytesMut::new();
        loop {
            let size = loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(Status::Complete((length, size))) => {
                        self.buffer.advance(length);
                        break size;
                    }
                    Ok(Status::Partial) if self.buffer.len() <= MAX_CHUNK_LINE => {
                        self.read_more().await?;
                    }
                    _ => return Err(ReadError::bad("The size of a chunk is malformed.")),
                }
            };
            if size == 0 {
                self.skip_trailers().await?;
                return Ok(body.freeze());
            }
            let size = usize::try_from(size).ok().filter(|size| *size <= MAX_BODY - body.len());
            let size = size.ok_or(TOO_LARGE)?;
            self.fill(size + 2).await?;
            body.extend_from_slice(&self.buffer[..size]);
            if &self.buffer[size..size + 2] != b"\r\n" {
                return Err(ReadError::bad("A chunk is longer than its size says."));
            }
            self.buffer.advance(size + 2);
        }
    }

    /// Skips the trailers: lines up to an empty one.
    async fn skip_trailers(&mut self) -> Result<(), ReadError> {
        let mut skipped = 0;
        loop {
            let line = self.buffer.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            // An incomplete line counts with its current length.
            if skipped + line.unwrap_or(self.buffer.len()) > MAX_TRAILERS {
                return Err(ReadError::bad("The trailers are over 16 KiB."));
            }
            match line {
                Some(length) => {
                    let empty = matches!(&self.buffer[..length], b"\n" | b"\r\n");
                    self.buffer.advance(length);
                    skipped += length;
                    if empty {
                        return Ok(());
                    }
                }
                None => self.read_more().await?,
            }
        }
    }

    async fn fill(&mut self, length: usize) -> Result<(), ReadError> {
        while self.buffer.len() < length {
            self.read_more().await?;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> Result<(), ReadError> {
        self.buffer.reserve(READ);
        let read = self.stream.read_buf(&mut self.buffer).await?;
        if read == 0 { Err(ReadError::Gone) } else { Ok(()) }
    }

    /// Writes and flushes bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

/// How a response states the length of its body.
#[derive(Clone, Copy)]
pub(crate) enum BodyLength {
    Known(usize),
    Chunked,
}

/// The head of a response, with the empty line at its end.
pub(crate) fn head(answer: &Answer, length: BodyLength, keep_alive: bool) -> BytesMut {
    let status = answer.final_status();
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut bytes = BytesMut::with_capacity(512 + answer.body.len());
    let _ = write!(bytes, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in &answer.headers {
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(name) {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
    }
    match length {
        _ if is_bodiless(status) => {}
        BodyLength::Known(length) => {
            let _ = write!(bytes, "content-length: {length}\r\n");
        }
        BodyLength::Chunked => bytes.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let _ = write!(bytes, "connection: {connection}\r\n\r\n");
    bytes
}

/// Whether a response with this status never has a body.
pub(crate) fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

const TOO_LARGE: ReadError = ReadError::Refused { status: 413, message: "The body is over 16 MiB." };

/// Whether the bytes contain a line end followed by an empty line.
fn has_blank_line(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        rest = &rest[end + 1..];
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return true;
        }
    }
    false
}

/// Parses the head at the beginning of the buffer; returns it with its length, or `None` if it is incomplete.
fn parse_head(buffer: &[u8]) -> Result<Option<(Head, usize)>, ReadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(buffer) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(ReadError::Refused { status: 431, message: "There are over 128 headers." });
        }
        Err(_) => return Err(ReadError::bad("The request line or a header is malformed.")),
    };
    let mut request = Request::new(parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    for header in parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(ReadError::bad("A header is malformed."));
        };
        request.headers.append(name, value);
    }
    let new = parsed.version == Some(1);
    if new && request.headers.get_all(HOST).iter().count() != 1 {
        return Err(ReadError::bad("HTTP/1.1 needs exactly one Host header."));
    }
    let framing = framing(&request.headers, new)?;
    let expects_continue = match words(&request.headers, &EXPECT).as_slice() {
        [] => false,
        [word] if word == "100-continue" => new,
        _ => {
            return Err(ReadError::Refused { status: 417, message: "The only supported expectation is 100-continue." });
        }
    };
    let connection = words(&request.headers, &CONNECTION);
    let says = |word: &str| connection.iter().any(|it| it == word);
    let keep_alive = if new { !says("close") } else { says("keep-alive") };
    Ok(Some((Head { request, keep_alive, framing, expects_continue }, length)))
}

fn framing(headers: &HeaderMap, new: bool) -> Result<Framing, ReadError> {
    let encodings = words(headers, &TRANSFER_ENCODING);
    let lengths = words(headers, &CONTENT_LENGTH);
    match (encodings.as_slice(), lengths.as_slice()) {
        ([], []) => Ok(Framing::Length(0)),
        ([], [length, others @ ..]) => {
            // Digits only, because `parse` would accept a sign.
            if !length.bytes().all(|byte| byte.is_ascii_digit())
                || length.is_empty()
                || others.iter().any(|other| other != length)
            {
                return Err(ReadError::bad("Content-Length is malformed."));
            }
            match length.parse() {
                Ok(length) if length <= MAX_BODY => Ok(Framing::Length(length)),
                _ => Err(TOO_LARGE),
            }
        }
        ([encoding], []) if encoding == "chunked" && new => Ok(Framing::Chunked),
        (_, []) => {
            Err(ReadError::Refused { status: 501, message: "The only transfer encoding is chunked, of HTTP/1.1." })
        }
        _ => Err(ReadError::bad("Content-Length and Transfer-Encoding exclude each other.")),
    }
}

/// The comma-separated words of a header, in lower case.
fn words(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let mut words = Vec::new();
    for value in headers.get_all(name) {
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        words.extend(text.split(',').map(|word| word.trim().to_owned()));
    }
    words
}
