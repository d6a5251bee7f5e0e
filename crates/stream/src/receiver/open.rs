//! A stream that is open, on its lane: rows come, calls and alarms are passed back, until it ends.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::{Capabilities, Request, encode, write_prompt};
use row::Now;
use rrd_store::{Feed, FeedKind, SaidBelow};
use socket::{Parked, Peer, Socket};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::admission::{Admitted, Denied};
use super::connection::{ANSWER_WITHIN, Shared};
use super::functions;
use super::pace::Pace;
use super::session::{Session, SessionError};
use super::streams::Live;
use crate::ACCESS;
use crate::codec::{Codec, Decoder, FrameError, Plain};
use crate::host_info;
use crate::shown::shown;

/// What we can do, as a parent, codecs apart.
pub(crate) const OWN: Capabilities = Capabilities::PARENT.with(Capabilities::FUNCTIONS).with(Capabilities::PROGRESS);
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

/// A stream that was admitted.
pub(super) struct Entry {
    pub(super) shared: Arc<Shared>,
    pub(super) request: Request,
    pub(super) admitted: Admitted,
    pub(super) live: Live,
}

impl Entry {
    /// Opens the stream, on its lane; the future is what stays of it while it lasts.
    pub(super) fn run(self, socket: Parked) -> impl Future<Output = ()> {
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
