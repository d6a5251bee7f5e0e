//! Asking whoever feeds a host: calls of the functions that it offers.
//!
//! A [`Call`] waits until the feed takes it, and its reply until the feed answers, its time is over,
//! or the feed ends: one of these comes for each call, and the reply is told exactly once. A host whose
//! feed takes no calls says so at once.
//!
//! Which functions there are is not looked at: whoever is asked says what it does not know.

use std::fmt;
use std::sync::{Arc, PoisonError};

use row::Now;

use crate::feed::Feed;
use crate::host::Host;

/// Calls of one host that may wait for an answer.
pub const CALLS_MAX: usize = 16;
/// The longest time that a call may take, in seconds.
pub const CALL_MAX_S: i64 = 600;
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

/// Is told the reply. It runs under locks of the host: it may only pass the reply on.
pub type OnReply = Box<dyn FnOnce(Reply) + Send>;
/// Wakes whoever takes calls; likewise.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The calls of one host.
#[derive(Default)]
pub(crate) struct Calls {
    /// The feed that takes calls.
    server: Option<(u64, Wake)>,
    waiting: Vec<Waiting>,
    next: u64,
}

struct Waiting {
    number: u64,
    /// Until it is taken.
    call: Option<Call>,
    until_us: u64,
    reply: OnReply,
}

impl Host {
    /// Asks whoever feeds the host; `reply` is told what came of it.
    pub fn ask(&self, call: Call, now: Now, reply: OnReply) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match &calls.server {
            None => Some(Reply::error(503, "the node that collects this host cannot be asked now")),
            Some(_) if calls.waiting.len() >= CALLS_MAX => {
                Some(Reply::error(503, "too many calls of this host wait for an answer"))
            }
            Some(_) => None,
        };
        if let Some(refused) = refused {
            drop(calls);
            return reply(refused);
        }
        let number = calls.next;
        calls.next += 1;
        let until_us = now.mono_us + call.timeout_s.clamp(1, CALL_MAX_S) as u64 * 1_000_000 + GRACE_US;
        calls.waiting.push(Waiting { number, call: Some(call), until_us, reply });
        if let Some((_, wake)) = &calls.server {
            wake();
        }
    }

    /// The feed of this generation ended: nobody answers its calls any more.
    pub(crate) fn end_calls(&self, generation: u64) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.server.take_if(|(server, _)| *server <= generation).is_none() {
            return;
        }
        let waiting = std::mem::take(&mut calls.waiting);
        drop(calls);
        for waiting in waiting {
            (waiting.reply)(Reply::error(503, "the node that collects this host went away"));
        }
    }
}

impl Feed {
    /// Says that this feed takes calls; `wake` is called when there is one.
    pub fn take_calls_with(&self, wake: Wake) {
        self.host().end_calls(self.generation());
        let mut calls = self.host().calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.server = Some((self.generation(), wake));
    }

    /// The next call that nobody took, and the number to answer it with.
    #[must_use]
    pub fn take_call(&self) -> Option<(u64, Call)> {
        let mut calls = self.host().calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.server.as_ref().filter(|(server, _)| *server == self.generation())?;
        calls.waiting.iter_mut().find_map(|waiting| Some((waiting.number, waiting.call.take()?)))
    }

    /// Answers a call; an answer that nobody waits for is dropped.
    pub fn answer_call(&self, number: u64, reply: Reply) {
        let mut calls = self.host().calls.lock().unwrap_or_else(PoisonError::into_inner);
        let is_server = calls.server.as_ref().is_some_and(|(server, _)| *server == self.generation());
        let place = calls.waiting.iter().position(|waiting| waiting.number == number && is_server);
        let waiting = place.map(|place| calls.waiting.remove(place));
        drop(calls);
        if let Some(waiting) = waiting {
            (waiting.reply)(reply);
        }
    }

    /// Gives up the calls whose time is over; returns when the next one's is, on the monotonic clock.
    pub fn give_up_calls(&self, now: Now) -> Option<u64> {
        let mut calls = self.host().calls.lock().unwrap_or_else(PoisonError::into_inner);
        let late: Vec<_> = calls.waiting.extract_if(.., |waiting| waiting.until_us <= now.mono_us).collect();
        let next_us = calls.waiting.iter().map(|waiting| waiting.until_us).min();
        drop(calls);
        for waiting in late {
            (waiting.reply)(Reply::error(504, "the node that collects this host did not answer in time"));
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
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use row::Guid;

    use super::*;
    use crate::{FeedKind, HostInfo, Keep, MemoryMode, Store};

    type Told = Arc<Mutex<Vec<Reply>>>;

    fn at(second: u64) -> Now {
        Now { wall_us: 1_795_387_000_000_000, mono_us: second * 1_000_000 }
    }

    fn ask(host: &Host, told: &Told, second: u64) {
        let told = Arc::clone(told);
        let call = Call { function: "f".into(), timeout_s: 10, access: String::new(), source: String::new() };
        host.ask(call, at(second), Box::new(move |reply| told.lock().unwrap().push(reply)));
    }

    fn codes(told: &Told) -> Vec<u16> {
        told.lock().unwrap().drain(..).map(|reply| reply.code).collect()
    }

    /// The goal: each call is answered once, by the feed or, where it does not, by what ended it.
    #[test]
    fn each_call_is_answered_once() {
        let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 60));
        let (told, woken) = (Told::default(), Arc::new(AtomicUsize::new(0)));
        ask(&host, &told, 0);
        assert_eq!(codes(&told), [503], "nobody feeds the host");
        let feed = host.claim(FeedKind::Stored, info.clone());
        ask(&host, &told, 0);
        assert_eq!(codes(&told), [503], "the feed takes no calls");
        let wake = Arc::clone(&woken);
        feed.take_calls_with(Arc::new(move || {
            wake.fetch_add(1, Ordering::Relaxed);
        }));
        ask(&host, &told, 0);
        ask(&host, &told, 5);
        assert_eq!((codes(&told), woken.load(Ordering::Relaxed)), (vec![], 2));
        let (first, call) = feed.take_call().unwrap();
        assert_eq!((&*call.function, feed.take_call().is_some(), feed.take_call()), ("f", true, None));
        let reply = |code| Reply { code, ..Reply::error(200, "fine") };
        feed.answer_call(first + 7, reply(200));
        feed.answer_call(first, reply(200));
        feed.answer_call(first, reply(200));
        assert_eq!(codes(&told), [200]);
        assert_eq!(feed.give_up_calls(at(15)), Some(16_000_000));
        assert_eq!((feed.give_up_calls(at(16)), codes(&told)), (None, vec![504]));
        (0..CALLS_MAX + 2).for_each(|_| ask(&host, &told, 20));
        assert_eq!(codes(&told), [503, 503], "too many wait");
        let next = host.claim(FeedKind::Stored, info);
        assert_eq!(codes(&told), [503; CALLS_MAX], "the feed was replaced");
        drop(feed);
        next.take_calls_with(Arc::new(|| ()));
        ask(&host, &told, 20);
        drop(next);
        assert_eq!(codes(&told), [503], "the feed ended");
    }
}
