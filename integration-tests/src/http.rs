//! A small HTTP/1.1 client: one GET, one connection, one answer.
//!
//! It understands bodies with `Content-Length`, chunked ones, and those that end with the
//! connection. It asks for neither compression nor keep-alive.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The lines after the status line.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Asks for `target`, a path with its query; `more` are lines of the head, each with its end.
pub(crate) fn get(address: SocketAddr, target: &str, more: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream
        .write_all(format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n{more}Connection: close\r\n\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> io::Result<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| invalid("no empty line"))?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (first, head) = head.split_once("\r\n").unwrap_or((&head, ""));
    let status = first.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(|| invalid(first))?;
    let body = body(&bytes[end + 4..], &head.to_ascii_lowercase())?;
    Ok(Answer { status, head: head.to_owned(), body: String::from_utf8_lossy(&body).into_owned() })
}

fn body(bytes: &[u8], head: &str) -> io::Result<Vec<u8>> {
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("transfer-encoding:").is_some_and(|value| value.contains("chunked")) {
        return dechunk(bytes);
    }
    let Some(length) = field("content-length:").and_then(|value| value.parse().ok()) else {
        return Ok(bytes.to_vec());
    };
    bytes.get(..length).map(<[u8]>::to_vec).ok_or_else(|| invalid("the body is shorter than Content-Length"))
}

fn dechunk(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n").ok_or_else(|| invalid("a chunk without size"))?;
        let size = String::from_utf8_lossy(&bytes[..end]);
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| invalid("a chunk size that is no number"))?;
        if size == 0 {
            return Ok(whole);
        }
        let chunk = bytes.get(end + 2..end + 2 + size).ok_or_else(|| invalid("a chunk is cut"))?;
        whole.extend_from_slice(chunk);
        bytes = bytes.get(end + 2 + size + 2..).ok_or_else(|| invalid("a chunk without end"))?;
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not an HTTP answer: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: bodies of all three forms come out whole; cut ones are errors, never short bodies.
    #[test]
    fn bodies() {
        let good: [&[u8]; 4] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
            b"HTTP/1.1 200 OK\r\n\r\nabcd",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nA: b\r\n\r\nabcd and more",
        ];
        for bytes in good {
            let answer = parse(bytes).unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (200, "abcd"));
        }
        let bad: [&[u8]; 4] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"Hit me baby, push them over...",
        ];
        for bytes in bad {
            parse(bytes).unwrap_err();
        }
    }
}
