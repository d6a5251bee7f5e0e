//! One connection: HTTP/1.1 by hyper, with limits on head, patience and idleness.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, info};

use crate::access_log::Connection;
use crate::socket::Socket;
use crate::{Peer, Web};

/// A request's head in bytes; a larger one is answered with 431.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Connections that may be open at once, beside streams; more are closed.
pub(crate) const CONNECTIONS_MAX: usize = 4_096;
/// How long a head may take, and likewise how long a connection may lie idle between requests.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// The same for a connection that comes when half of them are taken: who holds many for the sake of it does
/// not keep others out.
const CROWDED_PATIENCE: Duration = Duration::from_secs(5);

impl Web {
    /// Serves a connection until it ends. `head` is what was already read from it.
    pub async fn serve<S>(&self, socket: S, head: Bytes, peer: impl Into<Peer>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = peer.into();
        let Ok(_place) = self.node.places.try_acquire() else {
            info!("{peer} turned away: {CONNECTIONS_MAX} connections are open");
            return;
        };
        let is_crowded = self.node.places.available_permits() < CONNECTIONS_MAX / 2;
        let patience = if is_crowded { CROWDED_PATIENCE } else { HEAD_PATIENCE };
        let connection = self.node.config.access_log.then(|| Connection::open(&self.node.connections, peer));
        let service = service_fn(|request: Request<Incoming>| async move {
            Ok::<_, Infallible>(self.answer_on(connection, request, peer).await)
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            // Children look for `Content-Length` in these letters.
            .title_case_headers(true)
            .header_read_timeout(patience)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(Socket::new(socket, head)), service)
            .await;
        if let Err(error) = served {
            debug!(?peer, %error, "http connection ended early");
        }
        if let Some(connection) = connection {
            connection.close();
        }
    }
}
