//! The connection of a receiver: from the first bytes to the last.

use std::cell::RefCell;
#[cfg(feature = "sender")]
use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
#[cfg(feature = "sender")]
use std::sync::{Mutex, Weak};
use std::time::Duration;

use protocol::request::HEAD_BYTES_MAX;
use protocol::{Capabilities, Refusal, Request, encode, write_prompt};
use row::{Guid, Now};
use rrd_store::{Feed, FeedKind, SaidBelow, Store};
use socket::{Parked, Peer, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::admission::{self, Admitted, Config, Denied, Entrant};
use super::functions;
use super::pace::Pace;
use super::session::{Session, SessionError};
use super::streams::{Asked, Live, NoPlace, Streams};
use super::twin::Marks;
use crate::codec::{Codec, Decoder, FrameError, Plain};
use crate::host_info;
use crate::lane::LaneHandle;
use crate::shown::shown;
use crate::{ACCESS, Clock};

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;

/// What we can do, as a parent, codecs apart.
pub(crate) const OWN: Capabilities = Capabilities::PARENT.with(Capabilities::FUNCTIONS).with(Capabilities::PROGRESS);
/// How long a request may take to arrive.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// How long a child may take to read an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A child that sends nothing for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// How often is looked for calls of functions that the child did not answer in time.
const CALLS_LOOK: Duration = Duration::from_secs(1);
/// Bytes that a lane reads at once.
const READ_BYTES: usize = 64 * 1024;
/// Bytes of one session before others get their turn.
const TURN_BYTES: usize = 256 * 1024;
/// Bytes of requests that may wait for a child that does not read.
const UNSENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// TCP asks a silent peer after this time whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

thread_local! {
    /// The read buffer of the lane: all its sessions take turns with it.
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
    /// The text of one compressed frame, likewise.
    static PLAIN: RefCell<Plain> = RefCell::default();
}

/// Takes streams from children.
#[derive(Clone)]
pub struct Receiver {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<Store>,
    own: Guid,
    config: RwLock<Arc<Config>>,
    lanes: LaneHandle,
    clock: Clock,
    stop: CancellationToken,
    handshakes: TaskTracker,
    streams: Streams,
    #[cfg(feature = "sender")]
    forwarded: Mutex<HashMap<Guid, Forwarded>>,
}

/// A host that is streamed on.
#[cfg(feature = "sender")]
struct Forwarded {
    /// Does not keep it from leaving.
    host: Weak<rrd_store::Host>,
    stop: CancellationToken,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum Closed {
    #[error("the node stops")]
    Stopped,
    #[error("the same machine connected anew")]
    Replaced,
    #[error("it is no longer allowed: {0}")]
    Denied(Denied),
    #[error("the child closed the connection")]
    ByChild,
    #[error("the child sent nothing for {} s", SILENCE_MAX.as_secs())]
    Silent,
    #[error("the child does not read what it is sent")]
    Deaf,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Session(#[from] SessionError),
}

impl Receiver {
    /// A receiver that puts hosts into `store`, whose own host is `own`, until `stop`.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        own: Guid,
        config: Config,
        lanes: LaneHandle,
        clock: Clock,
        stop: CancellationToken,
    ) -> Self {
        let shared = Shared {
            store,
            own,
            config: RwLock::new(Arc::new(config)),
            lanes,
            clock,
            stop,
            handshakes: TaskTracker::new(),
            streams: Streams::default(),
            #[cfg(feature = "sender")]
            forwarded: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Uses other settings from now on. Streams that are no longer allowed end; the others go on, and
    /// are kept and streamed on as they were when they began.
    pub fn exchange(&self, config: Config) {
        let config = Arc::new(config);
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&config);
        self.shared.streams.cut_if(|guid, entrant| Shared::denies(&config, entrant, guid).is_some());
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// Takes a connection over that began with `head`; needs a runtime.
    pub fn take(&self, socket: Socket, head: Vec<u8>, peer: Peer) {
        let shared = Arc::clone(&self.shared);
        self.shared.handshakes.spawn(async move {
            let stop = shared.stop.clone();
            let handshake = timeout(REQUEST_WITHIN + ANSWER_WITHIN, shake_hands(shared, socket, head, peer));
            if let Some(Err(_)) = stop.run_until_cancelled(handshake).await {
                info!("STREAM [receive from {peer}]: no complete request within {} s", REQUEST_WITHIN.as_secs());
            }
        });
    }
}

/// Reads the request, decides, and hands the stream to its lane.
async fn shake_hands(shared: Arc<Shared>, mut socket: Socket, mut head: Vec<u8>, peer: Peer) {
    let mut request = match read_request(&mut socket, &mut head).await {
        Ok(request) => request,
        Err(reason) => {
            warn!("STREAM [receive from {peer}]: refused: {reason}");
            return refuse(&mut socket, Refusal::NotPermitted).await;
        }
    };
    let name = shown(request.hostname.as_bytes());
    let tls = socket.tls().map(|tls| format!(", {tls}")).unwrap_or_default();
    info!("STREAM {name} [receive from {peer}]: new client connection{tls}");
    let is_certified = socket.is_certified() || socket.is_local();
    let entrant = Entrant { key: request.key, machine_guid: request.machine_guid, peer, is_certified };
    let (admitted, live) = match shared.admit(entrant, &mut request) {
        Ok(admitted) => admitted,
        Err((refusal, reason)) => {
            warn!("STREAM {name} [receive from {peer}]: refused: {reason}");
            info!(target: ACCESS, "STREAM {name} [receive from {peer}]: refused: {reason}");
            return refuse(&mut socket, refusal).await;
        }
    };
    match socket.park() {
        Ok(socket) => {
            let lanes = shared.lanes.clone();
            let entry = Entry { shared, request, admitted, live };
            lanes.spawn(entry.request.machine_guid, move || entry.run(socket));
        }
        Err(err) => warn!("STREAM {name} [receive from {peer}]: {err}"),
    }
}

/// Reads until the request is complete. The reason of a failure is for the log.
async fn read_request(socket: &mut Socket, head: &mut Vec<u8>) -> Result<Request, String> {
    loop {
        if let Some(length) = Request::head_length(head) {
            return Request::parse(&head[..length]).map_err(|err| err.to_string());
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(format!("the request is longer than {HEAD_BYTES_MAX} bytes"));
        }
        match timeout(REQUEST_WITHIN, socket.read_buf(head)).await {
            Ok(Ok(0)) => return Err(format!("the connection closed after {} bytes of a request", head.len())),
            Ok(Ok(_)) => {}
            Ok(Err(err)) => return Err(err.to_string()),
            Err(_) => return Err(format!("no complete request within {} s", REQUEST_WITHIN.as_secs())),
        }
    }
}

async fn refuse(socket: &mut Socket, refusal: Refusal) {
    let sent = timeout(ANSWER_WITHIN, socket.write_all(refusal.sentence().as_bytes())).await;
    if matches!(sent, Ok(Ok(()))) && socket.shutdown().await.is_err() {
        // The child is gone already, which is what was asked for.
    }
}

impl Shared {
    /// Lets a stream in, under another GUID if another machine has its own; or says to the child,
    /// and to the log, why not.
    fn admit(&self, entrant: Entrant, request: &mut Request) -> Result<(Admitted, Live), (Refusal, String)> {
        let denied = |denied: Denied| (denied.refusal(), denied.to_string());
        let config = self.config();
        let mut admitted = admission::admit(&config, &entrant).map_err(denied)?;
        admission::check_way(request, self.own).map_err(denied)?;
        let guid = request.machine_guid;
        let asked = Asked {
            guid,
            entrant,
            marks: Marks::new(request, entrant.peer),
            duplicates: admitted.duplicate_guid,
            every: config.accept_every,
            now_us: (self.clock)().mono_us,
            cut: self.stop.child_token(),
        };
        let entered = match self.streams.enter(asked, |guid| self.store.host(guid).is_some()) {
            Ok(entered) => entered,
            Err(NoPlace::Busy(wait_s)) => {
                let reason = format!(
                    "too busy to accept new streaming request. Will be allowed in {wait_s} secs \
                     (web.accept_a_streaming_request_every)"
                );
                return Err((Refusal::Busy, reason));
            }
            Err(NoPlace::Taken(other)) => {
                let reason =
                    format!("{} already streams for {guid} from {}", shown(other.hostname.as_bytes()), other.peer);
                return Err((Refusal::AlreadyStreaming, reason));
            }
        };
        if entered.is_new_twin {
            warn!(
                "STREAM {} [receive from {}]: another machine has the machine_guid {guid}: this one is shown as {}",
                shown(request.hostname.as_bytes()),
                entrant.peer,
                entered.guid
            );
        }
        if entered.guid != guid {
            request.machine_guid = entered.guid;
            // A table of its own may say more of it.
            let derived = Entrant { machine_guid: entered.guid, ..entrant };
            if config.machines.contains_key(&entered.guid) {
                admitted = admission::admit(&config, &derived).map_err(|err| {
                    self.streams.leave(entered.guid, &entered.live);
                    denied(err)
                })?;
            }
        }
        // Settings that were exchanged meanwhile may not have found this stream.
        if let Some(now_denied) = Self::denies(&self.config(), &entrant, entered.guid) {
            self.streams.leave(entered.guid, &entered.live);
            return Err(denied(now_denied));
        }
        Ok((admitted, entered.live))
    }

    /// Why a stream may not go on that is known here by `guid`.
    fn denies(config: &Config, entrant: &Entrant, guid: Guid) -> Option<Denied> {
        let derived = Entrant { machine_guid: guid, ..*entrant };
        let has_own_table = config.machines.contains_key(&guid);
        let mut asked = [entrant, &derived].into_iter().take(if has_own_table { 2 } else { 1 });
        asked.find_map(|entrant| admission::admit(config, entrant).err())
    }

    /// The settings in force.
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Streams a host on, if its API key says so and nobody does it yet.
    #[cfg(feature = "sender")]
    fn forward(self: &Arc<Self>, host: &Arc<rrd_store::Host>, config: Option<Arc<crate::sender::Config>>) {
        let Some(config) = config else { return };
        let mut forwarded = self.forwarded.lock().unwrap_or_else(PoisonError::into_inner);
        let guid = host.guid();
        let weak = Arc::downgrade(host);
        if forwarded.get(&guid).is_some_and(|known| known.host.ptr_eq(&weak)) {
            return;
        }
        let stop = self.stop.child_token();
        let (shared, host) = (Arc::clone(self), Arc::clone(host));
        let before = forwarded.insert(guid, Forwarded { host: weak.clone(), stop: stop.clone() });
        if let Some(before) = before {
            // The store has the host anew: its sender goes with the old one.
            before.stop.cancel();
        }
        self.lanes.spawn(guid, move || async move {
            crate::sender::run(host, config, shared.clock, stop).await;
            shared.forget_forwarded(guid, &weak);
        });
    }

    /// A sender ended, unless another has taken its place.
    #[cfg(feature = "sender")]
    fn forget_forwarded(&self, guid: Guid, host: &Weak<rrd_store::Host>) {
        let mut forwarded = self.forwarded.lock().unwrap_or_else(PoisonError::into_inner);
        if forwarded.get(&guid).is_some_and(|known| known.host.ptr_eq(host)) {
            forwarded.remove(&guid);
        }
    }
}

/// A stream that was admitted.
struct Entry {
    shared: Arc<Shared>,
    request: Request,
    admitted: Admitted,
    live: Live,
}

impl Entry {
    /// Opens the stream, on its lane; the future is what stays of it while it lasts.
    fn run(self, socket: Parked) -> impl Future<Output = ()> {
        let mut stream = self.open();
        async move {
            let closed = stream.run(socket).await;
            stream.close(&closed);
        }
    }

    fn open(self) -> Stream {
        let Self { shared, request, admitted, live } = self;
        let peer = live.entrant.peer;
        let name = shown(request.hostname.as_bytes());
        let codecs: Vec<_> = admitted.compression.iter().map(|codec| codec.capability()).collect();
        let own = codecs.iter().fold(OWN, |own, codec| own.with(*codec));
        let capabilities = agree(own, request.capabilities, &codecs);
        let asks_alarms = request.asks_alarms;
        let info = host_info::from_request(request, shared.own);
        info!(
            "STREAM {name} [receive from {peer}]: client willing to stream metrics for host '{name}' with machine_guid \
             '{}': update every = {}, history = {}, memory mode = {}",
            info.guid,
            info.update_every_s,
            admitted.keep.history_rows,
            admitted.keep.mode.word()
        );
        let kind = if capabilities.has(Capabilities::INTERPOLATED) { FeedKind::Stored } else { FeedKind::Collected };
        let every_s = info.update_every_s;
        let feed = shared.store.claim(&info, admitted.keep, kind);
        let host = Arc::clone(feed.host());
        host.set_ephemeral(admitted.ephemeral);
        host.set_alarm_policy(admitted.alarms);
        let figures = host.figures();
        figures.accept_stream();
        figures.receiving.add(1);
        let is_watched = shared.config().watches_alarms;
        let asked = Arc::<Notify>::default();
        if asks_alarms {
            let asked = Arc::clone(&asked);
            host.levels().begin_below(feed.generation(), Arc::new(move || asked.notify_one()));
        }
        #[cfg(feature = "sender")]
        shared.forward(&host, admitted.forward.clone());
        Stream {
            name,
            peer,
            opened_us: (shared.clock)().mono_us,
            before: Received::of(figures),
            session: Session::new(capabilities, every_s, admitted.keep.history_rows),
            codec: Codec::of(capabilities).map(Decoder::new),
            pace: Pace::new(admitted.pace.as_micros() as u64),
            capabilities,
            live,
            shared,
            out: Vec::new(),
            asked,
            alarms: asks_alarms.then_some(Alarms { said: SaidBelow::default(), is_watched }),
            is_heard: false,
            calls_until_us: None,
            calls_wait: false,
            feed,
        }
    }
}

/// What a stream is agreed on with a child.
pub(crate) fn agree(own: Capabilities, offered: Capabilities, codecs: &[Capabilities]) -> Capabilities {
    let agreed = Capabilities::negotiate(own, offered, codecs);
    // Collected values of doubles are of no use where stored ones do not come with them.
    if agreed.has(Capabilities::INTERPOLATED) { agreed } else { agreed.without(Capabilities::FLOATBASELINE) }
}

/// An open stream, on its lane.
struct Stream {
    name: String,
    peer: Peer,
    /// Who it was let in as; asked about again when settings change.
    opened_us: u64,
    /// What the host had received when it was opened.
    before: Received,
    feed: Feed,
    session: Session,
    codec: Option<Decoder>,
    pace: Pace,
    capabilities: Capabilities,
    live: Live,
    shared: Arc<Shared>,
    /// What is to be sent to the child.
    out: Vec<u8>,
    /// Somebody calls a function of the host, or there is news of its alarms.
    asked: Arc<Notify>,
    /// Where the child wants to know which alarms are held here.
    alarms: Option<Alarms>,
    /// The child has sent something: it has read the prompt.
    is_heard: bool,
    /// When the next call is given up, on the monotonic clock.
    calls_until_us: Option<u64>,
    /// Calls may wait until the child has read.
    calls_wait: bool,
}

/// What is said to a child of the alarms that are held here.
struct Alarms {
    said: SaidBelow,
    /// This node watches its hosts.
    is_watched: bool,
}

/// What a host received, since the node started.
struct Received {
    rows: u64,
    samples: u64,
    /// Rows that were ignored or refused.
    discarded: u64,
    bytes: u64,
    text_bytes: u64,
}

impl Received {
    fn of(figures: &rrd_store::Figures) -> Self {
        Self {
            rows: figures.rows.get(),
            samples: figures.samples.get(),
            discarded: figures.rows_ignored.get() + figures.rows_refused.get(),
            bytes: figures.received_bytes.get(),
            text_bytes: figures.received_text_bytes.get(),
        }
    }
}

/// However a stream ends, also by a panic, another may take its place.
impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.streams.leave(self.feed.host().guid(), &self.live);
        self.feed.host().figures().receiving.add(-1);
        self.feed.host().levels().end_below(self.feed.generation());
    }
}

impl Stream {
    async fn run(&mut self, socket: Parked) -> Closed {
        let prepared = socket.unpark().and_then(|socket| socket.prepare(Some(KEEP_ALIVE)).map(|()| socket));
        let mut socket = match prepared {
            Ok(socket) => socket,
            Err(err) => return err.into(),
        };
        info!("STREAM {} [receive from {}]: initializing communication...", self.name, self.peer);
        // The prompt leaves alone, in one write: children take whatever comes with it for a part of it.
        write_prompt(&mut self.out, self.capabilities);
        let answer = async {
            socket.write_all(&self.out).await?;
            socket.flush().await
        };
        match timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(())) => self.out.clear(),
            Ok(Err(err)) => return err.into(),
            Err(_) => return Closed::Deaf,
        }
        let form = Codec::of(self.capabilities)
            .map_or_else(|| "as plain text".into(), |codec| format!("compressed with {codec}"));
        info!("STREAM {} [receive from {}]: receiving metrics {form}...", self.name, self.peer);
        info!(target: ACCESS, "STREAM {} [receive from {}]: connected, {form}", self.name, self.peer);
        if self.capabilities.has(Capabilities::FUNCTIONS) {
            let asked = Arc::clone(&self.asked);
            self.feed.take_calls_with(Arc::new(move || asked.notify_one()));
        }
        let cut = self.live.cut.clone();
        let closed = tokio::select! {
            closed = self.receive(&mut socket) => closed,
            () = cut.cancelled() => if self.shared.stop.is_cancelled() { Closed::Stopped } else { Closed::Replaced },
        };
        let denied = || Shared::denies(&self.shared.config(), &self.live.entrant, self.feed.host().guid());
        match closed {
            Closed::Replaced => denied().map_or(Closed::Replaced, Closed::Denied),
            closed => closed,
        }
    }

    /// Says how the stream ended.
    fn close(mut self, closed: &Closed) {
        self.tell_gap((self.shared.clock)(), true);
        let Self { name, peer, .. } = &self;
        let figures = self.feed.host().figures();
        let lasted_s = (self.shared.clock)().mono_us.saturating_sub(self.opened_us) / 1_000_000;
        let (now, before) = (Received::of(figures), &self.before);
        let what = format!(
            "closed after {lasted_s} s, {} rows, {} samples, {} rows discarded, {} bytes for {} of text: {closed}",
            now.rows - before.rows,
            now.samples - before.samples,
            now.discarded - before.discarded,
            now.bytes - before.bytes,
            now.text_bytes - before.text_bytes
        );
        info!(target: ACCESS, "STREAM {name} [receive from {peer}]: {what}");
        match closed {
            Closed::Stopped | Closed::Replaced | Closed::ByChild => {
                info!("STREAM {name} [receive from {peer}]: {what}")
            }
            _ => warn!("STREAM {name} [receive from {peer}]: {what}"),
        }
    }

    /// Says which rows are lost, once per gap, and counts them.
    fn tell_gap(&mut self, now: Now, ends: bool) {
        let Some(gap) = self.session.take_gap(now, ends) else { return };
        self.feed.host().figures().rows_lost.add(gap.rows);
        let Self { name, peer, .. } = self;
        warn!("STREAM {name} [receive from {peer}]: {gap}: the child does not have them any more");
    }

    async fn receive(&mut self, socket: &mut Socket) -> Closed {
        let mut turn = 0;
        // Its timer stays where it is while bytes come; what is due is seen when it fires.
        let mut look = pin!(sleep(self.wait()));
        loop {
            let mut is_asked = false;
            let ready = tokio::select! {
                ready = socket.readable() => ready,
                ready = socket.writable(), if !self.out.is_empty() || socket.has_unsent() => ready,
                () = self.asked.notified() => {
                    is_asked = true;
                    Ok(())
                }
                () = &mut look => {
                    if self.silence_left().is_zero() {
                        return Closed::Silent;
                    }
                    look.set(sleep(self.wait()));
                    Ok(())
                }
            };
            if let Err(err) = ready {
                return err.into();
            }
            let now = (self.shared.clock)();
            let read = match self.read(socket, now) {
                Ok(read) => read,
                Err(closed) => return closed,
            };
            self.tell_gap(now, false);
            if let Some((line, keyword)) = self.session.take_unknown() {
                let Self { name, peer, .. } = self;
                warn!(
                    "STREAM {name} [receive from {peer}]: line {line}: unknown command {keyword} is ignored, as are further ones"
                );
            }
            if let Some(ahead_s) = self.session.take_ahead() {
                let Self { name, peer, .. } = self;
                warn!(
                    "STREAM {name} [receive from {peer}]: its rows are dated {ahead_s} s ahead of our clock, and are kept so"
                );
            }
            if is_asked || self.calls_wait || self.calls_until_us.is_some() || self.session.functions.has_news() {
                self.pass_calls(now);
                look.set(sleep(self.wait()));
            }
            self.is_heard |= read > 0;
            self.say_alarms();
            if let Err(closed) = self.write(socket) {
                return closed;
            }
            turn += read;
            if turn >= TURN_BYTES {
                turn = 0;
                tokio::task::yield_now().await;
            }
            let wait_us = if read == 0 { 0 } else { self.pace.after_read(now.mono_us, read) };
            if wait_us > 0 {
                turn = 0;
                sleep(Duration::from_micros(wait_us)).await;
            }
        }
    }

    /// Until it is time to look after something even if nothing comes.
    fn wait(&self) -> Duration {
        let silence_left = self.silence_left();
        if self.calls_until_us.is_some() { silence_left.min(CALLS_LOOK) } else { silence_left }
    }

    /// How long the child may go on sending nothing.
    fn silence_left(&self) -> Duration {
        let silent_us = (self.shared.clock)().mono_us.saturating_sub(self.live.heard_us.load(Ordering::Relaxed));
        SILENCE_MAX.saturating_sub(Duration::from_micros(silent_us))
    }

    /// Passes calls to the child and answers back, and gives up those that are late.
    fn pass_calls(&mut self, now: Now) {
        self.calls_until_us = self.session.functions.pass(&self.feed, now, &mut self.out);
        self.calls_wait = functions::wait(&self.out);
    }

    /// Says which alarms are held here. Nothing comes before the child has read the prompt: it would take
    /// it for a part of that.
    fn say_alarms(&mut self) {
        let Some(Alarms { said, is_watched }) = self.alarms.as_mut().filter(|_| self.is_heard) else { return };
        let (levels, out) = (self.feed.host().levels(), &mut self.out);
        if levels.has_news_below(said) {
            levels.say_below(said, self.feed.generation(), *is_watched, |word| encode::write_alarm(out, &word));
        }
    }

    /// Reads once, and writes the rows of what came; returns how many bytes that were.
    fn read(&mut self, socket: &mut Socket, now: Now) -> Result<usize, Closed> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let count = match socket.try_read(buffer) {
                Ok(0) => return Err(Closed::ByChild),
                Ok(count) => count,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(err) => return Err(err.into()),
            };
            self.live.heard_us.store(now.mono_us, Ordering::Relaxed);
            self.feed.host().figures().received_bytes.add(count as u64);
            let mut text_bytes = 0;
            let taken = {
                let mut writer = self.feed.writer(now).ok_or(Closed::Replaced)?;
                let mut take = |text: &[u8]| {
                    text_bytes += text.len() as u64;
                    self.session.receive(text, now, &mut writer, &mut self.out)
                };
                match &mut self.codec {
                    None => Ok(take(&buffer[..count])),
                    Some(codec) => PLAIN.with_borrow_mut(|plain| codec.push(&buffer[..count], plain, take)),
                }
            };
            let figures = self.feed.host().figures();
            figures.received_text_bytes.add(text_bytes);
            figures.rows_replicated.add(self.session.take_replicated());
            taken??;
            Ok(count)
        })
    }

    fn write(&mut self, socket: &mut Socket) -> Result<(), Closed> {
        while !self.out.is_empty() {
            match socket.try_write(&self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err.into()),
            }
        }
        socket.try_flush()?;
        if self.out.len() > UNSENT_BYTES_MAX { Err(Closed::Deaf) } else { Ok(()) }
    }
}
