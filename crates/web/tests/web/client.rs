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
    pub(crate) body: String,
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
    parse(&bytes).0
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
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let (reply, length) = parse(&bytes);
        if bytes.len() == head + 4 + length {
            return reply;
        }
    }
}

pub(crate) async fn write(client: &mut DuplexStream, bytes: &[u8]) {
    client.write_all(bytes).await.unwrap();
}

/// The answer, and the length of its body as the head tells it.
fn parse(bytes: &[u8]) -> (Reply, usize) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    (Reply { status, headers, body: body.into() }, length)
}
