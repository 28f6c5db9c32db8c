//! Sends a response, with the scripted fault if there is one, and ends connections.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::answer::Answer;
use crate::fault::{ConnectionFault, End, Fault};
use crate::http1::{BodyLength, Connection, head, is_bodiless};

/// The maximum time and number of bytes for which data of the client is read after the server has closed.
const LINGER: (Duration, u64) = (Duration::from_secs(1), 64 << 20);

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Sends a response to a request of this method, with its fault. Returns how the connection ends; `None` if it
    /// stays open.
    pub(crate) async fn deliver(&mut self, answer: &Answer, method: &str, keep_alive: bool) -> io::Result<Option<End>> {
        let body = if method == "HEAD" || is_bodiless(answer.final_status()) { &[][..] } else { &answer.body[..] };
        let head = |length, keep_alive| head(answer, length, keep_alive);
        let announced = BodyLength::Known(answer.body.len());
        let next = if keep_alive { None } else { Some(End::Close) };
        match &answer.fault {
            None => {
                let mut bytes = head(announced, keep_alive);
                bytes.extend_from_slice(body);
                self.write(&bytes).await?;
                Ok(next)
            }
            Some(Fault::NoAnswer(end)) => Ok(Some(*end)),
            Some(Fault::CutHead(end)) => {
                let head = head(announced, keep_alive);
                self.write(&head[..head.len() / 2]).await?;
                Ok(Some(*end))
            }
            Some(Fault::CutBody(end)) => {
                self.write(&joined(&head(announced, keep_alive), &body[..body.len() / 2])).await?;
                Ok(Some(*end))
            }
            Some(Fault::CutChunks(end)) => {
                let mut bytes = head(BodyLength::Chunked, keep_alive);
                bytes.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(body);
                bytes.extend_from_slice(b"\r\n");
                self.write(&bytes).await?;
                Ok(Some(*end))
            }
            Some(Fault::Length(length)) => {
                self.write(&joined(&head(BodyLength::Known(*length), keep_alive), body)).await?;
                Ok(if *length > body.len() { Some(End::Close) } else { next })
            }
            Some(Fault::Drip { bytes, pause }) => {
                let answer = joined(&head(announced, keep_alive), body);
                for (number, piece) in answer.chunks((*bytes).max(1)).enumerate() {
                    if number > 0 {
                        sleep(*pause).await;
                    }
                    self.write(piece).await?;
                }
                Ok(next)
            }
            Some(Fault::Informational(statuses)) => {
                let mut bytes = BytesMut::new();
                for status in statuses {
                    let reason = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
                    let line = format!("HTTP/1.1 {status} {}\r\n\r\n", reason.unwrap_or("Unknown"));
                    bytes.extend_from_slice(line.as_bytes());
                }
                self.write(&[&bytes, &joined(&head(announced, keep_alive), body)[..]].concat()).await?;
                Ok(next)
            }
            Some(Fault::Instead(bytes)) => {
                self.write(bytes).await?;
                Ok(Some(End::Close))
            }
            Some(Fault::Surplus(bytes)) => {
                let answer = joined(&head(announced, keep_alive), body);
                self.write(&joined(&answer, bytes)).await?;
                Ok(next)
            }
            Some(Fault::Unannounced(end)) => {
                self.write(&joined(&head(announced, true), body)).await?;
                Ok(Some(*end))
            }
        }
    }
}

impl Connection<TcpStream> {
    /// Applies a fault that happens before the first request is read.
    pub(crate) async fn fail(mut self, fault: ConnectionFault) {
        let end = match fault {
            ConnectionFault::AtOnce(end) => end,
            ConnectionFault::Unread(end) => {
                let _ = self.stream.peek(&mut [0]).await;
                end
            }
            ConnectionFault::HalfRead(bytes, end) => {
                let mut half = vec![0; bytes.max(1)];
                let _ = self.stream.read_exact(&mut half).await;
                end
            }
            ConnectionFault::Speaks(bytes) => {
                let _ = self.stream.peek(&mut [0]).await;
                let _ = self.write(&bytes).await;
                End::Close
            }
        };
        self.end(end).await;
    }

    /// Ends the connection. Returns when the client has closed, too, or the linger limit is reached.
    pub(crate) async fn end(mut self, end: End) {
        match end {
            End::Close => {
                // Data of the client is read for a moment, because closing a socket with unread data would reset the
                // connection, and the client might lose the response.
                let _ = tokio::io::AsyncWriteExt::shutdown(&mut self.stream).await;
                let _ = timeout(LINGER.0, ignore(&mut self.stream, LINGER.1)).await;
            }
            // Dropping a socket without linger resets it.
            End::Reset => drop(self.stream.set_zero_linger()),
            End::Hang => ignore(&mut self.stream, u64::MAX).await,
        }
    }
}

/// Reads and discards up to this many bytes.
async fn ignore(stream: &mut TcpStream, bytes: u64) {
    let _ = tokio::io::copy(&mut stream.take(bytes), &mut tokio::io::sink()).await;
}

fn joined(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, body].concat()
}
