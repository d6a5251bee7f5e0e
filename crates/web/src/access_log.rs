//! The access log: a line per connection and per request, in the form that tools read.
//!
//! ```text
//! 12: 4711 '[10.0.0.7]:50512' 'DATA' (sent/all = 812/2310 bytes -64%, prep/sent/total = 0.31/0.05/0.36 ms) 200 '/api/v1/info'
//! ```
//!
//! A request's line is written when its answer is, or when the reader is gone. Sizes are those of
//! bodies; `all` is what `sent` was before compression.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Response, Uri};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use row::Now;
use tracing::info;

use crate::percent::{Plus, decode};
use crate::{Clock, Peer};

/// The target of these lines.
pub const ACCESS: &str = "access.http";
/// Characters of a URL that are shown.
const URL_CHARS_MAX: usize = 1_024;

/// A connection, for its lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection {
    number: u64,
    peer: Peer,
}

impl Connection {
    /// The next one.
    pub(crate) fn open(counter: &AtomicU64, peer: Peer) -> Self {
        let connection = Self { number: counter.fetch_add(1, Ordering::Relaxed) + 1, peer };
        connection.say("CONNECTED");
        connection
    }

    pub(crate) fn close(self) {
        self.say("DISCONNECTED");
    }

    fn say(self, what: &str) {
        info!(target: ACCESS, "{} '{what}'", self.shown());
    }

    fn shown(self) -> String {
        let process = std::process::id();
        match self.peer {
            Peer::Unix => format!("{}: {process} '[localhost]:0'", self.number),
            Peer::Tcp(address) | Peer::Tls(address) if address.ip().is_loopback() => {
                format!("{}: {process} '[localhost]:{}'", self.number, address.port())
            }
            Peer::Tcp(address) | Peer::Tls(address) => {
                format!("{}: {process} '[{}]:{}'", self.number, address.ip().to_canonical(), address.port())
            }
        }
    }
}

/// A request that is being answered.
pub(crate) struct Line {
    connection: Connection,
    clock: Clock,
    kind: &'static str,
    url: String,
    begun: Now,
    /// Bytes of the answer before they are compressed.
    plain: Arc<AtomicU64>,
}

impl Line {
    pub(crate) fn begin(connection: Connection, clock: &Clock, method: &Method, uri: &Uri) -> Self {
        let kind = match uri.path() {
            _ if method == Method::OPTIONS => "OPTIONS",
            path if path.contains("/api/") || path.ends_with("/netdata.conf") => "DATA",
            _ => "FILECOPY",
        };
        let url = uri.path_and_query().map_or("", |url| url.as_str());
        let url = decode(url, Plus::Literal).unwrap_or_else(|| url.into());
        let url = url.chars().map(|character| if character.is_control() { ' ' } else { character });
        let url = url.take(URL_CHARS_MAX).collect();
        Self { connection, clock: Arc::clone(clock), kind, url, begun: clock(), plain: Arc::default() }
    }

    /// Counts what an answer has before it is compressed.
    pub(crate) fn count(&self, response: Response<Body>) -> Response<Body> {
        let plain = Arc::clone(&self.plain);
        response.map(|body| Body::new(Counted { body, bytes: plain, line: None }))
    }

    /// Writes the line when the answer is written.
    pub(crate) fn end_with(self, response: Response<Body>) -> Response<Body> {
        let (status, ready) = (response.status().as_u16(), (self.clock)());
        let line = Some(Ending { line: self, status, ready });
        response.map(|body| Body::new(Counted { body, bytes: Arc::default(), line }))
    }
}

/// What is left to write.
struct Ending {
    line: Line,
    status: u16,
    ready: Now,
}

/// A body whose bytes are counted.
struct Counted {
    body: Body,
    bytes: Arc<AtomicU64>,
    line: Option<Ending>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(Ending { line, status, ready }) = self.line.take() else { return };
        let sent = self.bytes.load(Ordering::Relaxed);
        let all = line.plain.load(Ordering::Relaxed).max(sent);
        let saved = ((all - sent) * 100).checked_div(all).unwrap_or(0);
        let now = (line.clock)();
        let ms = |from: Now, to: Now| to.mono_us.saturating_sub(from.mono_us) as f64 / 1_000.0;
        let (prepared, written, total) = (ms(line.begun, ready), ms(ready, now), ms(line.begun, now));
        info!(
            target: ACCESS,
            "{} '{}' (sent/all = {sent}/{all} bytes -{saved}%, prep/sent/total = {prepared:.2}/{written:.2}/{total:.2} ms) \
             {status} '{}'",
            line.connection.shown(), line.kind, line.url
        );
    }
}
