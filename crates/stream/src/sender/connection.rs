//! The connection of a sender: seeks a parent, shakes hands, and moves bytes both ways.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::answer::{ANSWER_BYTES_MAX, SILENT_RETRY_S, UNKNOWN_RETRY_S};
use protocol::{Answer, Capabilities, DecodeError, Refusal};
use row::Now;
use rrd_store::{Host, TapId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Config;
use super::compression::{Compression, Ending};
use super::outbox::Outbox;
use super::session::{self, Session};
use crate::Clock;
use crate::back_off::{BackOff, Ended};
use crate::codec::{Codec, EncodeError, Encoder};
use crate::destination::Destination;
use crate::host_info;
use crate::shown::Shortened;

#[cfg(all(test, feature = "receiver"))]
#[allow(clippy::unwrap_used, reason = "test code")]
#[path = "connection_tests.rs"]
mod tests;

/// What we offer a parent, codecs apart.
const OFFERED: Capabilities = Capabilities::CHILD.without(Capabilities::CLAIM).with(Capabilities::VCAPS);
/// How long a stop may wait for what is still to be sent.
const DRAIN: Duration = Duration::from_secs(2);
/// Bytes read from the parent at once: its requests are short.
const READ_BYTES: usize = 4 * 1024;
/// Reads of one turn.
const READS_MAX: usize = 16;

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum Closed {
    #[error("the node stops")]
    Stopped,
    #[error("nobody feeds the host any more")]
    NotFed,
    #[error("the host is fed anew")]
    FedAnew,
    #[error("the parent closed the connection")]
    ByParent,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the parent took nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("more than {0} bytes waited for the parent")]
    Overflow(usize),
    #[error("the parent sent what is no command: {0}")]
    Malformed(#[from] DecodeError),
    #[error("the stream cannot be compressed: {0}")]
    Encode(#[from] EncodeError),
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("{0}")]
    Unreachable(String),
    #[error("the parent refuses: {}", .0.sentence())]
    Refused(Refusal),
    #[error("the parent answers something that is no stream: {0:?}")]
    NoStream(String),
    #[error("the parent closed the connection without an answer")]
    Silent,
}

/// A sender's life: attempt after attempt, stream after stream.
pub(super) struct Connection {
    host: Arc<Host>,
    config: Arc<Config>,
    clock: Clock,
    stop: CancellationToken,
    tap: TapId,
    wake: Arc<Notify>,
    back_off: BackOff,
    compression: Compression,
    /// The destination to try next.
    next: usize,
}

impl Connection {
    pub(super) fn new(host: Arc<Host>, config: Arc<Config>, clock: Clock, stop: CancellationToken) -> Self {
        let wake = Arc::new(Notify::new());
        let matching = config.send_charts_matching.clone();
        let tap = session::attach(&host, matching, config.buffer_bytes, Arc::clone(&wake));
        let seed =
            host.guid().as_bytes().iter().fold(1, |seed: u64, &byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let back_off = BackOff::new(config.reconnect_delay.as_micros() as u64, seed ^ clock().mono_us);
        let compression = Compression::new(config.compression);
        Self { host, config, clock, stop, tap, wake, back_off, compression, next: 0 }
    }

    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        loop {
            let fed = async {
                while !self.host.is_fed() && !self.host.has_left() {
                    self.wake.notified().await;
                }
            };
            // A host that left the store comes back as another, with a sender of its own.
            if stop.run_until_cancelled(fed).await.is_none() || self.host.has_left() {
                break;
            }
            let Some(ended) = stop.run_until_cancelled(self.attempt()).await else { break };
            let (ended, session) = match ended {
                Ok((socket, destination, capabilities)) => {
                    (Ended::Established, Some((socket, destination, capabilities)))
                }
                Err(ended) => (ended, None),
            };
            if let Some((socket, address, capabilities)) = session {
                self.stream(socket, address, capabilities).await;
                if stop.is_cancelled() {
                    break;
                }
            }
            let wait = Duration::from_micros(self.back_off.wait_us(ended));
            if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                break;
            }
        }
        self.host.detach(self.tap);
    }

    fn name(&self) -> String {
        self.host.info().hostname.clone()
    }

    /// Tries the next destination: connects and shakes hands.
    async fn attempt(&mut self) -> Result<(TcpStream, SocketAddr, Capabilities), Ended> {
        let destination = self.config.destinations[self.next % self.config.destinations.len()].clone();
        let name = self.name();
        info!("STREAM {name} [send to {destination}]: connecting...");
        match self.shake_hands(&destination).await {
            Ok(established) => Ok(established),
            Err(rejected) => {
                self.next = (self.next + 1) % self.config.destinations.len();
                let key = Shortened(self.config.api_key);
                warn!("STREAM {name} [send to {destination}]: not established with the API key {key}: {rejected}");
                Err(match rejected {
                    Rejected::Unreachable(_) => Ended::Failed,
                    Rejected::Refused(refusal) => Ended::Refused(refusal.retry_after_s()),
                    Rejected::NoStream(_) => Ended::Refused(UNKNOWN_RETRY_S),
                    Rejected::Silent => Ended::Refused(SILENT_RETRY_S),
                })
            }
        }
    }

    async fn shake_hands(&self, destination: &Destination) -> Result<(TcpStream, SocketAddr, Capabilities), Rejected> {
        let mut socket = self.connect(destination).await?;
        let unreachable = |err: io::Error| Rejected::Unreachable(err.to_string());
        let address = socket.peer_addr().map_err(unreachable)?;
        info!("STREAM {} [send to {address}]: initializing communication...", self.name());
        let offered = self.compression.offer(OFFERED, &address.to_string(), (self.clock)().mono_us);
        let request = host_info::to_request(&self.host.info(), self.config.api_key, offered);
        let mut text = Vec::with_capacity(2_048);
        request.write(&mut text);
        let answer = async {
            socket.write_all(&text).await?;
            read_answer(&mut socket, offered).await
        };
        match timeout(self.config.timeout, answer).await {
            Err(_) => Err(Rejected::Unreachable(format!("no answer within {} s", self.config.timeout.as_secs()))),
            Ok(Err(err)) => Err(unreachable(err)),
            Ok(Ok(None)) => Err(Rejected::Silent),
            Ok(Ok(Some((Answer::Go(capabilities), _)))) => Ok((socket, address, capabilities)),
            Ok(Ok(Some((Answer::Refused(refusal), _)))) => Err(Rejected::Refused(refusal)),
            Ok(Ok(Some((Answer::Unknown, text)))) => {
                Err(Rejected::NoStream(String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned()))
            }
        }
    }

    async fn connect(&self, destination: &Destination) -> Result<TcpStream, Rejected> {
        let unreachable = |err: io::Error| Rejected::Unreachable(err.to_string());
        let mut last = Rejected::Unreachable("the name has no address".into());
        for address in destination.addresses().map_err(unreachable)? {
            match timeout(self.config.timeout, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => {
                    socket.set_nodelay(true).map_err(unreachable)?;
                    return Ok(socket);
                }
                Ok(Err(err)) => last = unreachable(err),
                Err(_) => last = Rejected::Unreachable(format!("{address} does not answer")),
            }
        }
        Err(last)
    }

    /// Streams until something ends it, and says what.
    async fn stream(&mut self, socket: TcpStream, address: SocketAddr, capabilities: Capabilities) {
        let name = self.name();
        let started = (self.clock)();
        self.host.figures().streams_established.add(1);
        let codec = Codec::of(capabilities);
        let form = codec.map_or_else(|| "as plain text".to_owned(), |codec| format!("compressed with {codec}"));
        info!("STREAM {name} [send to {address}]: established communication - sending metrics {form}...");
        let session = Session::start(Arc::clone(&self.host), self.tap, capabilities, self.config.buffer_bytes, started);
        let mut stream = Stream {
            connection: self,
            session,
            outbox: Outbox::new(codec.map(|codec| self.encoder(codec, capabilities))),
            sent_bytes: 0,
            text_bytes: 0,
            was_heard: false,
            moved_us: started.mono_us,
        };
        let closed = stream.run(&socket).await;
        let Stream { sent_bytes, text_bytes, was_heard, outbox, session, .. } = stream;
        session.stop();
        let now_us = (self.clock)().mono_us;
        let lasted_us = now_us.saturating_sub(started.mono_us);
        let what =
            format!("closed after {} s, {sent_bytes} bytes for {text_bytes} of text: {closed}", lasted_us / 1_000_000);
        match closed {
            Closed::Stopped | Closed::NotFed => info!("STREAM {name} [send to {address}]: {what}"),
            _ => warn!("STREAM {name} [send to {address}]: {what}"),
        }
        let by_encoder = matches!(closed, Closed::Encode(_));
        let by_parent = matches!(closed, Closed::ByParent | Closed::Io(_)) && outbox.has_frames();
        let ending = Ending { lasted_us, was_heard, by_parent, by_encoder };
        if self.compression.ended(&address.to_string(), &ending, now_us) {
            warn!("STREAM {name} [send to {address}]: compression is off towards this parent for an hour");
        }
    }

    fn encoder(&self, codec: Codec, agreed: Capabilities) -> Encoder {
        Encoder::new(codec, self.config.compression_window_bytes, agreed.has(Capabilities::BINARY))
    }
}

/// Reads the parent's answer; `None` where it closes instead.
async fn read_answer(socket: &mut TcpStream, offered: Capabilities) -> io::Result<Option<(Answer, Vec<u8>)>> {
    let mut text = Vec::with_capacity(ANSWER_BYTES_MAX);
    loop {
        if socket.read_buf(&mut text).await? == 0 {
            return Ok(if text.is_empty() { None } else { Some((Answer::Unknown, text)) });
        }
        if let Some(answer) = Answer::parse(&text, offered) {
            return Ok(Some((answer, text)));
        }
        if text.len() >= ANSWER_BYTES_MAX {
            return Ok(Some((Answer::Unknown, text)));
        }
    }
}

/// One established stream.
struct Stream<'a> {
    connection: &'a Connection,
    session: Session,
    outbox: Outbox,
    sent_bytes: u64,
    text_bytes: u64,
    /// Whether the parent sent anything.
    was_heard: bool,
    /// When the parent last took something, or nothing waited for it.
    moved_us: u64,
}

impl Stream<'_> {
    async fn run(&mut self, socket: &TcpStream) -> Closed {
        let stop = &self.connection.stop;
        loop {
            let gathers_us = match self.fill() {
                Ok(gathers_us) => gathers_us,
                Err(err) => return err.into(),
            };
            let host = &self.connection.host;
            let waits = !self.outbox.is_empty();
            if !waits {
                if stop.is_cancelled() {
                    return Closed::Stopped;
                }
                if !host.is_fed() {
                    return Closed::NotFed;
                }
                if self.session.is_fed_anew() {
                    return Closed::FedAnew;
                }
            }
            let limit = if stop.is_cancelled() { DRAIN } else { self.connection.config.timeout };
            let moved = tokio::select! {
                ready = socket.readable() => ready.map_err(Closed::Io).and_then(|()| self.read(socket)),
                ready = socket.writable(), if waits => ready.map_err(Closed::Io).and_then(|()| self.write(socket)),
                () = self.connection.wake.notified(), if !waits => Ok(()),
                () = stop.cancelled(), if !stop.is_cancelled() => Ok(()),
                () = sleep(Duration::from_micros(gathers_us.unwrap_or(0))), if gathers_us.is_some() => {
                    self.outbox.gathered();
                    Ok(())
                }
                () = sleep(limit), if waits => Err(Closed::Stalled(limit)),
            };
            if let Err(closed) = moved.and_then(|()| self.check_pace(waits, limit)) {
                return closed;
            }
        }
    }

    fn now(&self) -> Now {
        (self.connection.clock)()
    }

    /// Makes the next bytes once the last ones are written; returns how long text still waits for
    /// more, in microseconds, where it does.
    fn fill(&mut self) -> Result<Option<u64>, EncodeError> {
        let now = self.now();
        if self.outbox.is_empty() {
            let gathers_us = self.outbox.gathers_us(now.mono_us, || self.session.waiting_bytes());
            if gathers_us.is_some() && !self.ends() && !self.session.is_asked() {
                return Ok(gathers_us);
            }
            let text = self.outbox.text();
            self.session.fill(now, text);
            self.text_bytes += text.len() as u64;
            self.connection.host.figures().sent_text_bytes.add(text.len() as u64);
            if self.session.is_asked() {
                self.connection.wake.notify_one();
            }
        }
        self.outbox.pack(now.mono_us)?;
        Ok(None)
    }

    /// Whether the stream ends as soon as all is written.
    fn ends(&self) -> bool {
        self.connection.stop.is_cancelled() || !self.connection.host.is_fed() || self.session.is_fed_anew()
    }

    fn write(&mut self, socket: &TcpStream) -> Result<(), Closed> {
        match socket.try_write(self.outbox.wire()) {
            Ok(count) => {
                self.outbox.written(count);
                self.sent_bytes += count as u64;
                self.connection.host.figures().sent_bytes.add(count as u64);
                self.moved_us = self.now().mono_us;
                Ok(())
            }
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(err) => Err(err.into()),
        }
    }

    /// Ends a stream whose parent does not keep up.
    fn check_pace(&mut self, waited: bool, limit: Duration) -> Result<(), Closed> {
        if !waited {
            self.moved_us = self.now().mono_us;
        } else if self.now().mono_us.saturating_sub(self.moved_us) > limit.as_micros() as u64 {
            return Err(Closed::Stalled(limit));
        }
        if self.session.has_overflowed() {
            return Err(Closed::Overflow(self.connection.config.buffer_bytes));
        }
        Ok(())
    }

    /// Reads what the parent asks for.
    fn read(&mut self, socket: &TcpStream) -> Result<(), Closed> {
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS_MAX {
            match socket.try_read(&mut buffer) {
                Ok(0) => return Err(Closed::ByParent),
                Ok(count) => {
                    self.was_heard = true;
                    self.session.receive(&buffer[..count])?;
                }
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err.into()),
            }
        }
        Ok(())
    }
}
