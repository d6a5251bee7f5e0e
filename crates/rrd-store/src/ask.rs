//! Asking whoever feeds a host: calls of the functions that it offers.
//!
//! A [`Call`] waits until the feed takes it, and its reply until the feed answers, its time is over,
//! or the feed ends: one of these comes for each call, and the reply is told exactly once, unless the
//! caller cancels, who does so by dropping its [`OpenCall`]. A host whose feed takes no calls says so
//! at once.
//!
//! Time that a call may take begins again with each sign that it goes on: with progress from below, and
//! with word from above that somebody still waits; up to [`CALL_MAX_S`] in all.
//!
//! Which functions there are is not looked at: whoever is asked says what it does not know.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use row::Now;

use crate::feed::Feed;
use crate::host::Host;

/// Calls of one host that may wait for an answer.
pub const CALLS_MAX: usize = 16;
/// The longest time that a call may take, in seconds.
pub const CALL_MAX_S: i64 = 600;
/// Bytes of the text that comes with a call.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Answers are given up this much later than the caller does, so that a node that is asked in the
/// middle hears the last one.
const GRACE_US: u64 = 1_000_000;

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function and its arguments.
    pub function: String,
    /// Seconds that it may take.
    pub timeout_s: i64,
    /// What the caller may do, in the words of the agent.
    pub access: String,
    /// Who calls.
    pub source: String,
    /// A text for the function.
    pub payload: Option<Payload>,
}

/// A text that comes with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it is, as in HTTP.
    pub content_type: String,
    /// The text, of [`PAYLOAD_BYTES_MAX`] at most.
    pub body: Vec<u8>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// How it went, as in HTTP.
    pub code: u16,
    /// What the body is, as in HTTP.
    pub content_type: String,
    /// When it gets old, in seconds since 1970; 0 for at once.
    pub expires_s: i64,
    /// The text.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer that tells in JSON why there is none.
    #[must_use]
    pub fn error(code: u16, why: &str) -> Self {
        debug_assert!(!why.contains(['"', '\\', '\n']));
        Self {
            code,
            content_type: "application/json".into(),
            expires_s: 0,
            body: format!("{{\"status\":{code},\"errorMessage\":\"{why}\"}}").into_bytes(),
        }
    }
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The call is being worked on.
    Progress {
        /// How much is done,
        done: u64,
        /// of how much; 0 where it is not known.
        all: u64,
    },
    /// The answer; nothing comes after it.
    Reply(Reply),
}

/// What becomes of a call that the feed took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Nobody waits for the answer to this number any more.
    Cancelled(u64),
    /// Somebody still does.
    Awaited(u64),
}

/// Is told what comes of a call. It runs under locks of the host: it may only pass the news on.
pub type OnNews = Box<dyn FnMut(News) + Send>;
/// Wakes whoever takes calls; likewise.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The calls of one host.
#[derive(Default)]
pub(crate) struct Calls {
    /// The feed that takes calls.
    server: Option<(u64, Wake)>,
    waiting: Vec<Waiting>,
    /// Those that were taken and are cancelled; the feed does not know yet.
    cancelled: Vec<u64>,
    next: u64,
}

struct Waiting {
    number: u64,
    /// Until it is taken.
    call: Option<Call>,
    /// How long a sign of life lasts.
    patience_us: u64,
    until_us: u64,
    /// No sign of life carries it further.
    last_us: u64,
    /// Somebody said that it is still awaited; the feed does not know yet.
    is_awaited: bool,
    on_news: OnNews,
}

impl Waiting {
    fn prolong(&mut self, now: Now) {
        self.until_us = self.until_us.max((now.mono_us + self.patience_us).min(self.last_us));
    }
}

impl Calls {
    fn find(&mut self, number: u64) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|waiting| waiting.number == number)
    }

    fn remove(&mut self, number: u64) -> Option<Waiting> {
        let place = self.waiting.iter().position(|waiting| waiting.number == number)?;
        Some(self.waiting.remove(place))
    }

    /// Tells the feed, if it took the call. Of too many it is not told: it works in vain then.
    fn note_cancelled(&mut self, waiting: &Waiting) {
        if waiting.call.is_none() && self.cancelled.len() < CALLS_MAX {
            self.cancelled.push(waiting.number);
        }
    }

    fn wake(&self) {
        if let Some((_, wake)) = &self.server {
            wake();
        }
    }
}

fn lock(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that waits for its answer. Whoever drops it cancels the call, and hears no more of it.
#[must_use = "dropping it cancels the call"]
#[derive(Debug)]
pub struct OpenCall {
    calls: Weak<Mutex<Calls>>,
    number: u64,
}

impl OpenCall {
    /// Whether the answer is still to come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.calls.upgrade().is_some_and(|calls| lock(&calls).find(self.number).is_some())
    }

    /// Says that somebody still waits for the answer.
    pub fn still_awaited(&self, now: Now) {
        let Some(calls) = self.calls.upgrade() else { return };
        let mut calls = lock(&calls);
        let Some(waiting) = calls.find(self.number) else { return };
        waiting.prolong(now);
        waiting.is_awaited = true;
        calls.wake();
    }

    /// Cancels the call; returns whether that came before the answer.
    pub fn cancel(self) -> bool {
        self.remove()
    }

    fn remove(&self) -> bool {
        let Some(calls) = self.calls.upgrade() else { return false };
        let mut calls = lock(&calls);
        let Some(waiting) = calls.remove(self.number) else { return false };
        calls.note_cancelled(&waiting);
        calls.wake();
        true
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Host {
    /// Asks whoever feeds the host; `on_news` is told what comes of it.
    pub fn ask(&self, call: Call, now: Now, mut on_news: OnNews) -> OpenCall {
        let mut calls = lock(&self.calls);
        if let Some(refused) = calls.refuse(&call) {
            drop(calls);
            on_news(News::Reply(refused));
            return OpenCall { calls: Weak::new(), number: 0 };
        }
        let number = calls.next;
        calls.next += 1;
        let patience_us = call.timeout_s.clamp(1, CALL_MAX_S) as u64 * 1_000_000 + GRACE_US;
        calls.waiting.push(Waiting {
            number,
            call: Some(call),
            patience_us,
            until_us: now.mono_us + patience_us,
            last_us: now.mono_us + CALL_MAX_S as u64 * 1_000_000 + GRACE_US,
            is_awaited: false,
            on_news,
        });
        calls.wake();
        OpenCall { calls: Arc::downgrade(&self.calls), number }
    }

    /// The feed of this generation ended: nobody answers its calls any more.
    pub(crate) fn end_calls(&self, generation: u64) {
        let mut calls = lock(&self.calls);
        if calls.server.take_if(|(server, _)| *server <= generation).is_none() {
            return;
        }
        calls.cancelled = Vec::new();
        let waiting = std::mem::take(&mut calls.waiting);
        drop(calls);
        for mut waiting in waiting {
            (waiting.on_news)(News::Reply(Reply::error(503, "the node that collects this host went away")));
        }
    }
}

impl Calls {
    /// Why a call cannot even wait.
    fn refuse(&self, call: &Call) -> Option<Reply> {
        if self.server.is_none() {
            return Some(Reply::error(503, "the node that collects this host cannot be asked now"));
        }
        if self.waiting.len() >= CALLS_MAX {
            return Some(Reply::error(503, "too many calls of this host wait for an answer"));
        }
        let is_too_long = call.payload.as_ref().is_some_and(|payload| payload.body.len() > PAYLOAD_BYTES_MAX);
        is_too_long.then(|| Reply::error(413, "the text that comes with the call is too long to be passed on"))
    }
}

impl Feed {
    /// Says that this feed takes calls; `wake` is called when there is one, or a notice of one.
    pub fn take_calls_with(&self, wake: Wake) {
        self.host().end_calls(self.generation());
        lock(&self.host().calls).server = Some((self.generation(), wake));
    }

    /// The calls, if they are this feed's.
    fn calls(&self) -> Option<MutexGuard<'_, Calls>> {
        let calls = lock(&self.host().calls);
        let is_server = calls.server.as_ref().is_some_and(|(server, _)| *server == self.generation());
        is_server.then_some(calls)
    }

    /// The next call that nobody took, and the number to answer it with.
    #[must_use]
    pub fn take_call(&self) -> Option<(u64, Call)> {
        self.calls()?.waiting.iter_mut().find_map(|waiting| Some((waiting.number, waiting.call.take()?)))
    }

    /// What the feed does not know yet of calls that it took.
    #[must_use]
    pub fn take_notice(&self) -> Option<Notice> {
        let mut calls = self.calls()?;
        if let Some(number) = calls.cancelled.pop() {
            return Some(Notice::Cancelled(number));
        }
        let awaited = calls.waiting.iter_mut().find(|waiting| waiting.call.is_none() && waiting.is_awaited)?;
        awaited.is_awaited = false;
        Some(Notice::Awaited(awaited.number))
    }

    /// Tells the caller that its call is being worked on, which gives it more time.
    pub fn progress_call(&self, number: u64, (done, all): (u64, u64), now: Now) {
        let Some(mut calls) = self.calls() else { return };
        let Some(waiting) = calls.find(number) else { return };
        waiting.prolong(now);
        (waiting.on_news)(News::Progress { done, all });
    }

    /// Answers a call; an answer that nobody waits for is dropped.
    pub fn answer_call(&self, number: u64, reply: Reply) {
        // The lock is free again before the caller is told.
        let waiting = self.calls().and_then(|mut calls| calls.remove(number));
        if let Some(mut waiting) = waiting {
            (waiting.on_news)(News::Reply(reply));
        }
    }

    /// Gives up the calls whose time is over; returns when the next one's is, on the monotonic clock.
    pub fn give_up_calls(&self, now: Now) -> Option<u64> {
        let mut calls = lock(&self.host().calls);
        let late: Vec<_> = calls.waiting.extract_if(.., |waiting| waiting.until_us <= now.mono_us).collect();
        late.iter().for_each(|waiting| calls.note_cancelled(waiting));
        if !late.is_empty() {
            calls.wake();
        }
        let next_us = calls.waiting.iter().map(|waiting| waiting.until_us).min();
        drop(calls);
        for mut waiting in late {
            (waiting.on_news)(News::Reply(Reply::error(
                504,
                "the node that collects this host did not answer in time",
            )));
        }
        next_us
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
