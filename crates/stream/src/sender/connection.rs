//! The connection of a sender: seeks a parent, shakes hands, and moves bytes both ways.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use protocol::answer::{ANSWER_BYTES_MAX, SILENT_RETRY_S, UNKNOWN_RETRY_S};
use protocol::{Answer, Capabilities, DecodeError, Refusal};
use row::{Guid, Now};
use rrd_store::{Host, TapId};
use socket::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Config;
use super::compression::{Compression, Ending};
use super::connect::{self, Address};
use super::outbox::Outbox;
use super::session::{self, Session};
use crate::back_off::{BackOff, Ended, Next};
use crate::codec::{Codec, EncodeError, Encoder};
use crate::host_info;
use crate::shown::Shortened;
use crate::{ACCESS, Clock};
use socket::destination::Destination;

#[cfg(all(test, feature = "receiver"))]
#[allow(clippy::unwrap_used, reason = "test code")]
#[path = "connection_tests.rs"]
mod tests;

/// What we offer a parent, codecs apart.
pub(crate) const OFFERED: Capabilities =
    Capabilities::CHILD.with(Capabilities::FUNCTIONS).with(Capabilities::PROGRESS).with(Capabilities::VCAPS);
/// How long a stop may wait for what is still to be sent.
const DRAIN: Duration = Duration::from_secs(2);
/// How long a parent may read what was sent before it is told that nothing more comes: some throw
/// away what they have not read yet when they notice the end.
const READ_OUT: Duration = Duration::from_millis(200);
/// How long a parent may take to close its side after ours.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// A parent that is there and refuses is looked for 2 to the power of this less often.
const IN_VAIN_MAX: u32 = 5;
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
    #[error("an earlier destination answers again: {1}")]
    ForBetter(usize, Destination),
    #[error("the parent closed the connection")]
    ByParent,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the parent took nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("more than {0} bytes waited for the parent")]
    Overflow(usize),
    #[error("the parent sent too much at once: {0}")]
    TooLong(#[from] DecodeError),
    #[error("the stream cannot be compressed: {0}")]
    Encode(#[from] EncodeError),
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("{0}")]
    Unreachable(String),
    #[error("the parent refuses: {} ({})", .0.sentence(), .0.meaning())]
    Refused(Refusal),
    #[error("the parent answers something that is no stream: {0:?}")]
    NoStream(String),
    #[error("the parent closed the connection without an answer")]
    Silent,
}

impl Closed {
    /// What follows from it for the next attempt.
    fn ended(&self) -> Ended {
        match self {
            Self::Stopped | Self::NotFed | Self::FedAnew | Self::Overflow(_) | Self::Encode(_) => Ended::ByUs,
            Self::ForBetter(at, _) => Ended::ForBetter(*at),
            Self::ByParent | Self::Io(_) | Self::Stalled(_) | Self::TooLong(_) => Ended::ByParent,
        }
    }

    /// Whether the parent still listens, and is owed an orderly end.
    fn is_orderly(&self) -> bool {
        matches!(self, Self::Stopped | Self::NotFed | Self::FedAnew | Self::ForBetter(..))
    }
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
    /// The monotonic time until which was waited: the clock may lag behind the timer.
    waited_us: u64,
    /// The destination that was left for a better one, until it is known what came of it.
    left: Option<usize>,
    /// The way of the host that a parent refused as a circle; another way may be none.
    circle: Option<Vec<Guid>>,
    /// How often a better one was there, but did not take the stream.
    in_vain: u32,
}

/// A parent that said yes.
struct Established {
    socket: Socket,
    address: Address,
    capabilities: Capabilities,
    /// Its place in the list of destinations.
    destination: usize,
}

impl Connection {
    pub(super) fn new(host: Arc<Host>, config: Arc<Config>, clock: Clock, stop: CancellationToken) -> Self {
        let wake = Arc::new(Notify::new());
        let matching = config.send_charts_matching.clone();
        let tap = session::attach(&host, matching, config.buffer_bytes, Arc::clone(&wake));
        let seed =
            host.guid().as_bytes().iter().fold(1, |seed: u64, &byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let delay_us = config.reconnect_delay.as_micros() as u64;
        let back_off = BackOff::new(config.destinations.len(), delay_us, seed ^ clock().mono_us);
        let compression = Compression::new(config.compression);
        Self {
            host,
            config,
            clock,
            stop,
            tap,
            wake,
            back_off,
            compression,
            waited_us: 0,
            left: None,
            circle: None,
            in_vain: 0,
        }
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
            let now_us = self.now_us();
            let destination = match self.back_off.next(now_us) {
                Next::Try(destination) => destination,
                Next::Wait(until_us) => {
                    let wait = Duration::from_micros(until_us.saturating_sub(now_us));
                    let Some(has_moved) = stop.run_until_cancelled(self.wait(wait)).await else { break };
                    if has_moved {
                        self.circle = None;
                        self.back_off.forgive();
                    } else {
                        self.waited_us = until_us;
                    }
                    continue;
                }
            };
            let Some(attempt) = stop.run_until_cancelled(self.attempt(destination)).await else { break };
            let ended = match attempt {
                Ok(established) => self.stream(established).await,
                Err(ended) => ended,
            };
            let now_us = self.now_us();
            self.back_off.ended(destination, ended, now_us);
            if stop.is_cancelled() {
                break;
            }
        }
        self.host.detach(self.tap);
    }

    /// Waits for that long, or until the host comes on another way than the one that was refused;
    /// returns whether it does.
    async fn wait(&self, wait: Duration) -> bool {
        let Some(circle) = &self.circle else {
            sleep(wait).await;
            return false;
        };
        let moved = async {
            while self.host.info().path == *circle {
                self.wake.notified().await;
            }
        };
        timeout(wait, moved).await.is_ok()
    }

    fn now_us(&self) -> u64 {
        (self.clock)().mono_us.max(self.waited_us)
    }

    fn name(&self) -> String {
        self.host.info().hostname.clone()
    }

    /// Tries a destination: connects and shakes hands.
    async fn attempt(&mut self, at: usize) -> Result<Established, Ended> {
        let destination = self.config.destinations[at].clone();
        let (name, path) = (self.name(), self.host.info().path.clone());
        info!("STREAM {name} [send to {destination}]: connecting...");
        match self.shake_hands(&destination).await {
            Ok((socket, address, capabilities)) => Ok(Established { socket, address, capabilities, destination: at }),
            Err(rejected) => {
                let key = Shortened(self.config.api_key);
                warn!("STREAM {name} [send to {destination}]: not established with the API key {key}: {rejected}");
                self.circle = matches!(rejected, Rejected::Refused(Refusal::SameLocalhost)).then_some(path);
                Err(match rejected {
                    Rejected::Unreachable(_) => Ended::Failed,
                    Rejected::Refused(refusal) => Ended::Refused(refusal.retry_after_s()),
                    Rejected::NoStream(_) => Ended::Refused(UNKNOWN_RETRY_S),
                    Rejected::Silent => Ended::Refused(SILENT_RETRY_S),
                })
            }
        }
    }

    async fn shake_hands(&self, destination: &Destination) -> Result<(Socket, Address, Capabilities), Rejected> {
        let within = self.config.timeout;
        let (mut socket, address) = connect::connect(destination, &self.config.tls, within)
            .await
            .map_err(|err| Rejected::Unreachable(err.to_string()))?;
        let tls = socket.tls().map(|tls| format!(", {tls}")).unwrap_or_default();
        info!("STREAM {} [send to {address}]: initializing communication{tls}...", self.name());
        let offered = self.compression.offer(OFFERED, &address.to_string(), (self.clock)().mono_us);
        let mut request = host_info::to_request(&self.host.info(), self.config.api_key, offered);
        request.asks_alarms = self.config.asks_alarms || self.host.levels().is_wanted_below();
        let mut text = Vec::with_capacity(2_048);
        request.write(&mut text);
        let answer = async {
            socket.write_all(&text).await?;
            socket.flush().await?;
            read_answer(&mut socket, offered).await
        };
        match timeout(within, answer).await {
            Err(_) => Err(Rejected::Unreachable(format!("no answer within {} s", within.as_secs()))),
            Ok(Err(err)) => Err(Rejected::Unreachable(err.to_string())),
            Ok(Ok(None)) => Err(Rejected::Silent),
            Ok(Ok(Some((Answer::Go(capabilities), _)))) => Ok((socket, address, capabilities)),
            Ok(Ok(Some((Answer::Refused(refusal), _)))) => Err(Rejected::Refused(refusal)),
            Ok(Ok(Some((Answer::Unknown, text)))) => {
                Err(Rejected::NoStream(String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned()))
            }
        }
    }

    /// Streams until something ends it, and says what.
    async fn stream(&mut self, established: Established) -> Ended {
        let Established { mut socket, address, capabilities, destination } = established;
        let name = self.name();
        let started = (self.clock)();
        let look_back = self.look_back(destination);
        self.host.figures().establish_stream();
        let _sending = Sending::begin(Arc::clone(&self.host));
        let codec = Codec::of(capabilities);
        let form = codec.map_or_else(|| "as plain text".to_owned(), |codec| format!("compressed with {codec}"));
        info!("STREAM {name} [send to {address}]: established communication - sending metrics {form}...");
        info!(target: ACCESS, "STREAM {name} [send to {address}]: connected, {form}");
        let session = Session::start(Arc::clone(&self.host), self.tap, capabilities, self.config.buffer_bytes, started);
        let mut stream = Stream {
            connection: self,
            session,
            better: self.better(destination, look_back),
            leaves_for: None,
            outbox: Outbox::new(codec.map(|codec| self.encoder(codec, capabilities))),
            to: format!("STREAM {name} [send to {address}]"),
            sent_bytes: 0,
            text_bytes: 0,
            was_heard: false,
            moved_us: started.mono_us,
        };
        let rows_before = stream.connection.host.figures().sent_rows.get();
        let closed = stream.run(&mut socket).await;
        stream.tell_gap(true);
        let Stream { sent_bytes, text_bytes, was_heard, outbox, session, .. } = stream;
        session.stop();
        if closed.is_orderly() {
            say_goodbye(&mut socket).await;
        }
        let now_us = (self.clock)().mono_us;
        let lasted_us = now_us.saturating_sub(started.mono_us);
        let rows = self.host.figures().sent_rows.get() - rows_before;
        let what = format!(
            "closed after {} s, {rows} rows, {sent_bytes} bytes for {text_bytes} of text: {closed}",
            lasted_us / 1_000_000
        );
        info!(target: ACCESS, "STREAM {name} [send to {address}]: {what}");
        match closed {
            Closed::Stopped | Closed::NotFed | Closed::ForBetter(..) => {
                info!("STREAM {name} [send to {address}]: {what}")
            }
            _ => warn!("STREAM {name} [send to {address}]: {what}"),
        }
        let by_encoder = matches!(closed, Closed::Encode(_));
        let by_parent = matches!(closed, Closed::ByParent | Closed::Io(_)) && outbox.has_frames();
        let ending = Ending { lasted_us, was_heard, by_parent, by_encoder };
        if self.compression.ended(&address.to_string(), &ending, now_us) {
            warn!("STREAM {name} [send to {address}]: compression is off towards this parent for an hour");
        }
        self.left = matches!(closed, Closed::ForBetter(..)).then_some(destination);
        closed.ended()
    }

    fn encoder(&self, codec: Codec, agreed: Capabilities) -> Encoder {
        Encoder::new(codec, self.config.compression_window_bytes, agreed.has(Capabilities::BINARY))
    }

    /// How long to stay with a destination before an earlier one is looked for: longer each time
    /// that this was in vain.
    fn look_back(&mut self, destination: usize) -> Duration {
        self.in_vain = match self.left.take() {
            Some(left) if destination >= left => (self.in_vain + 1).min(IN_VAIN_MAX),
            _ => 0,
        };
        let about = self.config.return_after.saturating_mul(1 << self.in_vain);
        Duration::from_micros(self.back_off.spread_us(about.as_micros() as u64))
    }

    /// Looks after every `pause` whether a destination before this one takes connections again;
    /// `None` where there is none before it, or nobody is to look.
    fn better(&self, at: usize, pause: Duration) -> Option<Better> {
        if at == 0 || pause.is_zero() {
            return None;
        }
        let config = Arc::clone(&self.config);
        Some(Box::pin(async move {
            loop {
                sleep(pause).await;
                for (earlier, destination) in config.destinations[..at].iter().enumerate() {
                    if connect::is_there(destination).await {
                        return earlier;
                    }
                }
            }
        }))
    }
}

/// Finds the place of an earlier destination.
type Better = Pin<Box<dyn Future<Output = usize>>>;

/// Ends a stream so that the parent reads all of it: says that nothing more comes, and waits until
/// the parent closes too. A socket that is closed over bytes of the parent that nobody read would
/// make it forget what it has not read itself.
async fn say_goodbye(socket: &mut Socket) {
    let goodbye = async {
        let mut buffer = [0; 256];
        let read_out = async { while let Ok(1..) = socket.read(&mut buffer).await {} };
        if timeout(READ_OUT, read_out).await.is_err() && socket.shutdown().await.is_ok() {
            while let Ok(1..) = socket.read(&mut buffer).await {}
        }
    };
    // A parent that keeps its side open is left all the same.
    timeout(GOODBYE_WITHIN, goodbye).await.unwrap_or_default();
}

/// Reads the parent's answer; `None` where it closes instead.
async fn read_answer(socket: &mut Socket, offered: Capabilities) -> io::Result<Option<(Answer, Vec<u8>)>> {
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

/// A host counts as being sent while this lives.
struct Sending(Arc<Host>);

impl Sending {
    fn begin(host: Arc<Host>) -> Self {
        host.figures().sending.add(1);
        Self(host)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.figures().sending.add(-1);
    }
}

/// One established stream.
struct Stream<'a> {
    connection: &'a Connection,
    session: Session,
    /// Looks for an earlier destination.
    better: Option<Better>,
    /// The one that was found.
    leaves_for: Option<usize>,
    outbox: Outbox,
    /// The beginning of its lines in the log.
    to: String,
    sent_bytes: u64,
    text_bytes: u64,
    /// Whether the parent sent anything.
    was_heard: bool,
    /// When the parent last took something, or nothing waited for it.
    moved_us: u64,
}

impl Stream<'_> {
    async fn run(&mut self, socket: &mut Socket) -> Closed {
        let stop = &self.connection.stop;
        loop {
            let gathers_us = match self.fill() {
                Ok(gathers_us) => gathers_us,
                Err(err) => return err.into(),
            };
            let host = &self.connection.host;
            let waits = !self.outbox.is_empty() || socket.has_unsent();
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
                if let Some(better) = self.leaves_for.take() {
                    return Closed::ForBetter(better, self.connection.config.destinations[better].clone());
                }
            }
            let limit = if stop.is_cancelled() { DRAIN } else { self.connection.config.timeout };
            let moved = tokio::select! {
                ready = socket.readable() => ready.map_err(Closed::Io).and_then(|()| self.read(socket)),
                ready = socket.writable(), if waits => ready.map_err(Closed::Io).and_then(|()| self.write(socket)),
                () = self.connection.wake.notified(), if !waits => Ok(()),
                () = stop.cancelled(), if !stop.is_cancelled() => Ok(()),
                found = find(&mut self.better), if self.better.is_some() => {
                    (self.better, self.leaves_for) = (None, Some(found));
                    Ok(())
                }
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
        self.tell_gap(false);
        Ok(None)
    }

    /// Says which rows are lost to the parent, once per gap, and counts them.
    fn tell_gap(&mut self, ends: bool) {
        if let Some(gap) = self.session.take_gap(self.now(), ends) {
            self.connection.host.figures().sent_rows_lost.add(gap.rows);
            warn!("{}: {gap}: they left our history before the parent asked for them", self.to);
        }
    }

    /// Whether the stream ends as soon as all is written.
    fn ends(&self) -> bool {
        self.connection.stop.is_cancelled() || !self.connection.host.is_fed() || self.session.is_fed_anew()
    }

    fn write(&mut self, socket: &mut Socket) -> Result<(), Closed> {
        if self.outbox.is_empty() {
            socket.try_flush()?;
            return Ok(());
        }
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
    fn read(&mut self, socket: &mut Socket) -> Result<(), Closed> {
        let mut buffer = [0; READ_BYTES];
        let now = self.now();
        for _ in 0..READS_MAX {
            match socket.try_read(&mut buffer) {
                Ok(0) => return Err(Closed::ByParent),
                Ok(count) => {
                    self.was_heard = true;
                    self.session.receive(&buffer[..count], now)?;
                }
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err.into()),
            }
        }
        if let Some(err) = self.session.take_untold() {
            warn!("{}: the parent sent what makes no sense, which is ignored, as is further such: {err}", self.to);
        }
        Ok(())
    }
}

/// Waits for an earlier destination, if anybody looks for one.
async fn find(better: &mut Option<Better>) -> usize {
    match better {
        Some(better) => better.await,
        None => std::future::pending().await,
    }
}
