//! A client that speaks HTTP by hand.

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use web::{Peer, Web};

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    /// The body as text.
    pub(crate) body: String,
    /// and as it came, but for its chunks.
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8", "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub(crate) fn somebody() -> SocketAddr {
    "10.1.2.3:4567".parse().unwrap()
}

/// Opens a connection of which `head` was read already; `room` is what fits into the line.
pub(crate) fn connect(web: &Web, head: &[u8], room: usize, peer: impl Into<Peer>) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(room);
    let (web, head, peer) = (web.clone(), Bytes::copy_from_slice(head), peer.into());
    (client, tokio::spawn(async move { web.serve(server, head, peer).await }))
}

/// Sends a request as it is and reads until the server closes.
pub(crate) async fn send(web: &Web, request: &str, peer: impl Into<Peer>) -> Reply {
    let (mut client, server) = connect(web, request.as_bytes(), 1 << 20, peer);
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    server.await.unwrap();
    let parsed = parse(&bytes).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)));
    parsed.0
}

pub(crate) async fn request(web: &Web, method: &str, url: &str, headers: &str) -> Reply {
    let request = format!("{method} {url} HTTP/1.1\r\nHost: node:19999\r\nConnection: close\r\n{headers}\r\n");
    send(web, &request, somebody()).await
}

pub(crate) async fn get(web: &Web, url: &str) -> Reply {
    request(web, "GET", url, "").await
}

/// Reads one answer of a connection that stays open.
pub(crate) async fn read_one(client: &mut DuplexStream) -> Reply {
    let mut bytes = Vec::new();
    loop {
        let read = client.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "the server closed after {:?}", String::from_utf8_lossy(&bytes));
        if let Some((reply, length)) = parse(&bytes)
            && bytes.len() == length
        {
            return reply;
        }
    }
}

pub(crate) async fn write(client: &mut DuplexStream, bytes: &[u8]) {
    client.write_all(bytes).await.unwrap();
}

/// The answer, and its length as it tells itself; `None` where its head or a chunk is not complete.
fn parse(bytes: &[u8]) -> Option<(Reply, usize)> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into()))
        .collect();
    let rest = &bytes[head_end + 4..];
    let (body, length) = match headers.get("transfer-encoding") {
        Some(coding) if coding == "chunked" => chunks(rest)?,
        _ => (rest.to_vec(), headers.get("content-length").map_or(0, |length| length.parse().unwrap())),
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    Some((Reply { status, headers, body: text, bytes: body }, head_end + 4 + length))
}

/// What is in chunks, and how many bytes they take.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[at..at + line]).unwrap(), 16).unwrap();
        let begin = at + line + 2;
        at = begin + length + 2;
        body.extend_from_slice(bytes.get(begin..at)?.get(..length)?);
        if length == 0 {
            return Some((body, at));
        }
    }
}
