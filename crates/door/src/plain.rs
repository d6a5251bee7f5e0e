//! Saying no to who speaks the wrong one of plain text and TLS, each in its own protocol.

use std::time::Duration;

use socket::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::STREAM;

/// What a child is told. No parent that knows this sentence is needed: children log what they do
/// not know, and try again later.
const TO_CHILD: &str = "This parent takes TLS only: add :SSL to the destination.";
/// What a browser is told.
const TO_BROWSER: &str = "This node speaks TLS only: use https:// in place of http://\n";
/// A TLS record of two bytes: fatal, handshake failure.
const ALERT: &[u8] = &[0x15, 3, 1, 0, 2, 2, 0x28];
/// How long a refused one may take to send its request, and then to read the answer.
const WITHIN: Duration = Duration::from_secs(2);
/// A request that is longer gets its answer all the same.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Tells who speaks plain text that TLS is wanted; `head` was already read.
pub(crate) async fn refuse(mut socket: Socket, mut head: Vec<u8>) {
    let request = async {
        while head.len() < HEAD_BYTES_MAX && !head.windows(4).any(|four| four == b"\r\n\r\n") {
            if !matches!(socket.read_buf(&mut head).await, Ok(1..)) {
                return;
            }
        }
    };
    // Who stops in the middle is answered too.
    timeout(WITHIN, request).await.unwrap_or_default();
    let is_stream = head.len() >= STREAM.len() && head.starts_with(STREAM);
    let answer = if is_stream { TO_CHILD.to_owned() } else { http(TO_BROWSER) };
    say(socket, answer.as_bytes()).await;
}

/// Tells who speaks TLS that nobody does here.
pub(crate) async fn refuse_tls(socket: Socket) {
    say(socket, ALERT).await;
}

fn http(body: &str) -> String {
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Says a last word, and waits for the other side to close: a socket that is closed over unread
/// bytes would take the word back.
async fn say(mut socket: Socket, word: &[u8]) {
    let said = async {
        if socket.write_all(word).await.is_ok() && socket.shutdown().await.is_ok() {
            let mut rest = [0; 1_024];
            let mut read = 0;
            while let Ok(count @ 1..) = socket.read(&mut rest).await {
                read += count;
                if read > HEAD_BYTES_MAX {
                    break;
                }
            }
        }
    };
    timeout(WITHIN, said).await.unwrap_or_default();
}
