//! A method at work: its queue, and the thread that takes letters to the server.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use row::Now;
use tracing::{error, info, warn};

use crate::facts::Facts;
use crate::method::{Line, Method};
use crate::queue::{Outcome, Queue, Verdict, WAITING_MAX};
use crate::ticket::Ticket;

/// The status of a letter that did not arrive.
const FAILED: i32 = 1;
/// An empty queue is looked at so often, for no reason but that a wait needs an end.
const IDLE_MAX: Duration = Duration::from_secs(86_400);
/// How long a connection and authorities are kept for the next letter.
const KEPT_MAX: Duration = Duration::from_secs(5);

/// A message for one recipient.
#[derive(Debug)]
pub struct Letter {
    /// What it says.
    pub facts: Arc<Facts>,
    /// Whom.
    pub recipient: String,
    /// Its part in the message.
    pub ticket: Ticket,
}

impl Letter {
    fn words(&self, method: &str) -> String {
        words(method, &self.recipient)
    }
}

/// What names a recipient of a method in the alarm log.
#[must_use]
pub fn words(method: &str, recipient: &str) -> String {
    format!("{method} {recipient}")
}

/// A method, its queue and its thread.
#[derive(Debug)]
pub struct Post {
    shared: Arc<Shared>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

/// Tells what became of a method's letters, wherever its post is.
#[derive(Debug, Clone)]
pub struct Counter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    method: Method,
    state: Mutex<State>,
    wake: Condvar,
    clock: fn() -> Now,
}

#[derive(Debug)]
struct State {
    queue: Queue<Letter>,
    counts: Counts,
    /// Set when the node ends: by then what waits is tried once more.
    end_us: Option<u64>,
}

/// What became of a method's letters since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They arrived.
    pub sent: u64,
    /// They were refused, or given up.
    pub failed: u64,
    /// Attempts that were made again.
    pub retried: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// They are in the queue.
    pub waiting: u64,
}

impl Post {
    /// Starts the thread of a method; waits are spread by the seed.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(method: Method, seed: u64, clock: fn() -> Now) -> std::io::Result<Self> {
        let state = State { queue: Queue::new(seed), counts: Counts::default(), end_us: None };
        let shared = Arc::new(Shared { method, state: Mutex::new(state), wake: Condvar::new(), clock });
        let (ending, ended) = channel();
        let of_thread = Arc::clone(&shared);
        let name = format!("notify-{}", shared.method.name());
        std::thread::Builder::new().name(name.chars().take(15).collect()).spawn(move || of_thread.run(ending))?;
        Ok(Self { shared, ended })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.shared.method
    }

    /// Has a letter sent, if there is room for it. Letters with one key do not overtake each other.
    pub fn send(&self, key: u64, letter: Letter) {
        let now_us = (self.shared.clock)().mono_us;
        let mut state = self.shared.lock();
        if let Err(letter) = state.queue.push(key, letter, now_us) {
            state.counts.dropped += 1;
            drop(state);
            let (name, title) = (self.shared.method.name(), letter.facts.get("title"));
            error!(
                "health: {name}: {WAITING_MAX} notifications wait, that to {} is not sent: {title}",
                letter.recipient
            );
            letter.ticket.settle(&letter.words(name), FAILED);
        } else {
            drop(state);
            self.shared.wake.notify_all();
        }
    }

    /// What became of all letters.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counter().counts()
    }

    /// Who tells that from elsewhere.
    #[must_use]
    pub fn counter(&self) -> Counter {
        Counter(Arc::clone(&self.shared))
    }

    /// Tells the thread to try what waits once more, and to end by then.
    pub fn stop(&self, end_us: u64) {
        self.shared.lock().end_us = Some(end_us);
        self.shared.wake.notify_all();
    }

    /// Waits for the thread's end, if it ends by then; what it is still at is left to it.
    pub fn wait(&self, end_us: u64) {
        let left = Duration::from_micros(end_us.saturating_sub((self.shared.clock)().mono_us));
        if self.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            warn!("health: {}: the end does not wait for what is being sent", self.shared.method.name());
        }
        let waiting = self.counts().waiting;
        if waiting > 0 {
            let name = self.shared.method.name();
            warn!("health: {name}: {waiting} notifications wait; what they tell is told after the next start");
        }
    }
}

impl Counter {
    /// What became of all letters.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = self.0.lock();
        Counts { waiting: state.queue.count() as u64, ..state.counts }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, _ending: Sender<()>) {
        let mut line = Line::default();
        loop {
            let now = (self.clock)();
            let mut state = self.lock();
            for letter in state.queue.given_up(now.mono_us) {
                state.counts.failed += 1;
                self.given_up(&letter, "it waited for too long");
            }
            let ends = state.end_us.is_some();
            if state.end_us.is_some_and(|end_us| now.mono_us >= end_us) {
                return;
            }
            let job = if ends { state.queue.take_last() } else { state.queue.take(now.mono_us) };
            let Some(job) = job else {
                if ends {
                    return;
                }
                line = self.rest(state, line, now);
                continue;
            };
            let left_us = state.end_us.map_or(u64::MAX, |end_us| end_us - now.mono_us);
            drop(state);
            let (facts, recipient) = (&job.letter.facts, &job.letter.recipient);
            let (outcome, why) = self.method.send(&mut line, facts, recipient, Duration::from_micros(left_us), now);
            if outcome != Outcome::Sent {
                // Whatever is wrong with it is not kept.
                line = Line::default();
            }
            if ends && matches!(outcome, Outcome::Later { .. }) {
                // It stays unsettled, so that the next start tells it.
                warn!("health: {}: {recipient} is not told: {why}", self.method.name());
                continue;
            }
            let now = (self.clock)();
            let mut state = self.lock();
            let verdict = state.queue.tried(job, &outcome, now.mono_us);
            match &verdict {
                Verdict::Sent(_) => state.counts.sent += 1,
                Verdict::Failed(_) => state.counts.failed += 1,
                Verdict::Again { .. } => state.counts.retried += 1,
            }
            drop(state);
            self.tell(verdict, &why);
        }
    }

    /// Sleeps until something is to be done. What was kept open is given up where that takes long.
    fn rest(&self, state: MutexGuard<'_, State>, line: Line, now: Now) -> Line {
        let next_us = state.queue.next_us();
        let wait = next_us.map_or(IDLE_MAX, |next_us| Duration::from_micros(next_us.saturating_sub(now.mono_us)));
        if line.is_open() && wait > KEPT_MAX {
            let (state, waited) = self.wake.wait_timeout(state, KEPT_MAX).unwrap_or_else(PoisonError::into_inner);
            drop(state);
            return if waited.timed_out() { Line::default() } else { line };
        }
        let (state, _) = self.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        drop(state);
        line
    }

    fn tell(&self, verdict: Verdict<Letter>, why: &str) {
        let name = self.method.name();
        match verdict {
            Verdict::Sent(letter) => {
                info!("health: {name}: {} is told: {}", letter.recipient, letter.facts.get("title"));
                letter.ticket.settle(&letter.words(name), 0);
            }
            Verdict::Failed(letter) => self.given_up(&letter, why),
            Verdict::Again { wait_us } => {
                warn!("health: {name}: a notification waits {} s more: {why}", wait_us.div_ceil(1_000_000));
            }
        }
    }

    fn given_up(&self, letter: &Letter, why: &str) {
        let name = self.method.name();
        error!(
            "health: {name}: {} is not told, it is given up: {why}: {}",
            letter.recipient,
            letter.facts.get("title")
        );
        letter.ticket.settle(&letter.words(name), FAILED);
    }
}
