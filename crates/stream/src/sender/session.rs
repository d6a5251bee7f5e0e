//! The session of an established stream: what the parent asks for in, text for it out.
//!
//! A plain state machine around the host's tap: bytes and the time are arguments, text goes to a
//! buffer of the caller. Sockets, timeouts and reconnecting are the connection's.

use std::sync::Arc;

use patterns::SimplePattern;
use protocol::replication::ReplayRequest;
use protocol::{Capabilities, Command, DecodeError, Decoder, Fault, Limits, Step, encode};
use row::Now;
use rrd_store::{Host, SaidAbove, TapId};
use tokio::sync::Notify;

use crate::loss::{Gap, Loss};

use super::calls::Calls;
use super::replay::{self, Requests};
use super::tap::SenderTap;

/// Answers to replication are written while the text is shorter than one part in this many of the buffer.
const REPLAY_BUFFER_PART: usize = 2;

/// Adds a silent tap to a host, for sessions that follow one another. It notifies `wake`.
pub(crate) fn attach(host: &Host, matching: SimplePattern, buffer_bytes: usize, wake: Arc<Notify>) -> TapId {
    host.attach(|_| SenderTap::new(host.guid(), matching, buffer_bytes, wake))
}

/// One established stream of a host.
pub(crate) struct Session {
    host: Arc<Host>,
    tap: TapId,
    /// The feed that was in force at the start.
    generation: u64,
    replay_bytes: usize,
    decoder: Decoder,
    /// The beginning of a line that the parent has not ended.
    cut: Vec<u8>,
    requests: Requests,
    calls: Calls,
    /// What the parent knows of alarms.
    said: SaidAbove,
    loss: Loss,
    /// What is wrong with the first line that was passed over, until it was told.
    untold: Option<DecodeError>,
    has_passed_over: bool,
}

impl Session {
    /// Starts a stream with what was agreed on: the tap writes all definitions, and rows from now on.
    pub(crate) fn start(
        host: Arc<Host>,
        tap: TapId,
        capabilities: Capabilities,
        buffer_bytes: usize,
        now: Now,
    ) -> Self {
        let started = host.with_tap(tap, |tap: &mut SenderTap, view| {
            tap.start(capabilities, view, now);
            (view.generation(), Arc::clone(&tap.wake))
        });
        let (generation, wake) = started.unwrap_or_default();
        let woken = Arc::clone(&wake);
        host.levels().begin_above(Arc::new(move || woken.notify_one()));
        let calls = Calls::new(Arc::clone(&host), wake, capabilities.has(Capabilities::PROGRESS));
        Self {
            host,
            tap,
            generation,
            replay_bytes: buffer_bytes / REPLAY_BUFFER_PART,
            decoder: Decoder::of_parent(Limits::default()),
            cut: Vec::new(),
            requests: Requests::default(),
            calls,
            said: SaidAbove::default(),
            loss: Loss::default(),
            untold: None,
            has_passed_over: false,
        }
    }

    /// Whether another feed than that of the start is in force.
    pub(crate) fn is_fed_anew(&self) -> bool {
        self.host.generation() != self.generation
    }

    /// Takes what the tap gathered, and answers the parent while there is room. `out` is empty.
    pub(crate) fn fill(&mut self, now: Now, out: &mut Vec<u8>) {
        self.host.with_tap(self.tap, |tap: &mut SenderTap, view| {
            tap.define_behind(view, now);
            tap.take(out);
        });
        while out.len() < self.replay_bytes
            && let Some((chart, request)) = self.requests.pop()
        {
            let lost = &mut |gap| self.loss.add(gap, now.mono_us);
            replay::answer(&self.host, self.tap, chart, &request, now, out, lost);
        }
        self.calls.write(self.replay_bytes, out);
        self.host.levels().say_above(&mut self.said, |word| encode::write_alarm(out, &word));
        let sent = self.host.with_tap(self.tap, |tap: &mut SenderTap, _| tap.take_sent()).unwrap_or_default();
        let figures = self.host.figures();
        figures.sent_rows.add(sent.rows);
        figures.sent_rows_replicated.add(sent.replicated);
        figures.sent_newest_s.set(sent.newest_s);
    }

    /// What the parent has missed and will not get, once per gap; at the end of the stream whether
    /// the gap is complete or not.
    pub(crate) fn take_gap(&mut self, now: Now, ends: bool) -> Option<Gap> {
        if ends { self.loss.take() } else { self.loss.take_settled(now.mono_us) }
    }

    /// How much text waits to be taken, in bytes; charts that are to be defined again count as 1.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.host.with_tap(self.tap, |tap: &mut SenderTap, _| tap.waiting_bytes()).unwrap_or_default()
    }

    /// Whether requests of the parent still wait for an answer, or news of its calls or of alarms wait to be sent.
    pub(crate) fn is_asked(&self) -> bool {
        !self.requests.is_empty() || self.calls.has_news() || self.host.levels().has_news_above(&self.said)
    }

    /// Whether something did not fit into the buffer: only a new start brings the parent up to date.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.host.with_tap(self.tap, |tap: &mut SenderTap, _| tap.overflowed).unwrap_or_default()
    }

    /// What is wrong with the first line that was passed over, once.
    pub(crate) fn take_untold(&mut self) -> Option<DecodeError> {
        self.untold.take()
    }

    /// Takes bytes of the parent. A line that makes no sense is passed over: a parent of another age may ask
    /// for what we do not know, and that is no reason to part.
    ///
    /// # Errors
    /// For what is too long.
    pub(crate) fn receive(&mut self, bytes: &[u8], now: Now) -> Result<(), DecodeError> {
        let mut text = std::mem::take(&mut self.cut);
        text.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let mut consumed = 0;
            let step = self.decoder.step(&text[at..], &mut consumed);
            at += consumed;
            match step {
                Ok(Step::Command(command)) => self.command(&command, now),
                Ok(Step::NeedMore) => break,
                Err(err) if matches!(err.fault, Fault::Missing { .. } | Fault::Invalid { .. }) => self.pass_over(err),
                Err(err) => return Err(err),
            }
        }
        text.drain(..at);
        self.cut = text;
        Ok(())
    }

    #[cold]
    fn pass_over(&mut self, err: DecodeError) {
        if !std::mem::replace(&mut self.has_passed_over, true) {
            self.untold = Some(err);
        }
    }

    fn command(&mut self, command: &Command<'_>, now: Now) {
        match *command {
            Command::ReplayChart { id, start_streaming, after_s, before_s } => {
                if let Some(chart) = replay::find_chart(&self.host, id) {
                    self.requests.push(chart, ReplayRequest { start_streaming, after_s, before_s });
                }
            }
            Command::Alarm(word) => self.host.levels().hear_above(word),
            _ => self.calls.command(command, now),
        }
    }

    /// Ends the stream: the tap falls silent.
    pub(crate) fn stop(self) {
        self.host.levels().end_above();
        self.host.with_tap(self.tap, |tap: &mut SenderTap, view| tap.stop(view));
    }
}
