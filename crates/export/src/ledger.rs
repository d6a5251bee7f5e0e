//! Ledgers: what became of each backend's windows, for whoever wants to see it.
//!
//! A ledger is written after the work, never during it, so a look at it waits for nothing: neither for a
//! backend nor for a disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::delivery::Delivered;
use crate::queue::{Lost, Queue, Waiting};
use crate::send::Heard;

/// Characters of an error that are kept.
const ERROR_CHARACTERS_MAX: usize = 300;

/// Records and their bytes, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// So many.
    pub records: u64,
    /// Bytes, as they wait.
    pub bytes: u64,
}

/// What became of a backend's windows since the start, and how it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Windows that were written down.
    pub windows: u64,
    /// What they held.
    pub buffered: Amount,
    /// What was delivered.
    pub sent: Amount,
    /// What was given up, or refused for good.
    pub lost: Amount,
    /// How often something was.
    pub discards: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Microseconds that attempts took.
    pub took_us: u64,
    /// The longest since it was asked for last.
    pub slowest_us: u64,
    /// Connections that lines were sent over.
    pub connections: u64,
    /// Answers,
    pub answers: u64,
    /// and bytes of them.
    pub answer_bytes: u64,
    /// What waits.
    pub waiting: Waiting,
    /// The end of the oldest window that waits; 0 without.
    pub oldest_s: i64,
    /// Whether the last attempt reached the backend; `None` before the first.
    pub is_reached: Option<bool>,
    /// When something was delivered last, in seconds of the wall clock; 0 if never.
    pub sent_s: i64,
    /// When an attempt failed last, likewise,
    pub failed_s: i64,
    /// and why.
    pub error: String,
}

/// One backend: what it is, and what became of its windows.
#[derive(Debug)]
pub struct Ledger {
    /// Its name.
    pub name: String,
    /// The word for its type.
    pub kind: String,
    /// Where it is; holds no secrets.
    pub destination: String,
    /// Seconds of a window.
    pub every_s: i64,
    figures: Mutex<Figures>,
}

/// What one attempt came to.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// When it ended, in seconds of the wall clock.
    pub end_s: i64,
    /// How long it took.
    pub took_us: u64,
    /// Whether the backend did something with it, be it a refusal.
    pub is_reached: bool,
    /// Why it failed; empty where it did not.
    pub why: &'a str,
    /// What was heard meanwhile.
    pub heard: Heard,
}

/// What is in a queue.
#[derive(Debug, Clone, Copy)]
pub struct Queued {
    waiting: Waiting,
    oldest_s: i64,
}

impl Queued {
    /// What is in this one.
    #[must_use]
    pub fn of(queue: &Queue) -> Self {
        Self { waiting: queue.waiting(), oldest_s: queue.oldest_s().unwrap_or(0) }
    }
}

impl Ledger {
    /// Nothing happened yet.
    #[must_use]
    pub fn new(name: &str, kind: &str, destination: &str, every_s: i64) -> Self {
        let [name, kind, destination] = [name, kind, destination].map(str::to_owned);
        Self { name, kind, destination, every_s, figures: Mutex::default() }
    }

    /// What became of its windows.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.lock().clone()
    }

    /// Shows what became of them to `look`, without a copy; the slowest attempt is counted anew from then on.
    pub fn look<T>(&self, look: impl FnOnce(&Figures) -> T) -> T {
        let mut figures = self.lock();
        let seen = look(&figures);
        figures.slowest_us = 0;
        seen
    }

    /// A window was written down, which held so much; something may have been given up for it.
    pub fn window(&self, held: Amount, lost: Lost, queue: Queued) {
        let mut figures = self.lock();
        figures.windows += 1;
        figures.buffered.add(held.records, held.bytes);
        figures.give_up(lost);
        figures.wait(queue);
    }

    /// Something was tried.
    pub fn attempt(&self, attempt: Attempt<'_>, delivered: Delivered, lost: Lost, queue: Queued) {
        let mut figures = self.lock();
        figures.attempts += delivered.attempts;
        figures.failures += delivered.failures;
        figures.sent.add(delivered.records, delivered.bytes);
        figures.lost.add(delivered.refused, delivered.refused_bytes);
        figures.discards += delivered.refusals;
        figures.give_up(lost);
        figures.took_us += attempt.took_us;
        figures.slowest_us = figures.slowest_us.max(attempt.took_us);
        figures.connections += attempt.heard.connections;
        figures.answers += attempt.heard.answers;
        figures.answer_bytes += attempt.heard.answer_bytes;
        figures.is_reached = Some(attempt.is_reached);
        if delivered.records > 0 {
            figures.sent_s = attempt.end_s;
        }
        if !attempt.why.is_empty() {
            figures.failed_s = attempt.end_s;
            figures.error = attempt.why.chars().take(ERROR_CHARACTERS_MAX).collect();
        }
        figures.wait(queue);
    }

    /// What is in the queue, where that changed otherwise.
    pub fn waits(&self, queue: Queued) {
        self.lock().wait(queue);
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Amount {
    const fn add(&mut self, records: u64, bytes: u64) {
        self.records += records;
        self.bytes += bytes;
    }
}

impl Figures {
    fn give_up(&mut self, lost: Lost) {
        self.lost.add(lost.records, lost.bytes);
        self.discards += lost.batches;
    }

    const fn wait(&mut self, queue: Queued) {
        (self.waiting, self.oldest_s) = (queue.waiting, queue.oldest_s);
    }
}

/// The ledgers of all backends; backends may come and go.
#[derive(Debug, Clone, Default)]
pub struct Ledgers(Arc<RwLock<Vec<Arc<Ledger>>>>);

impl Ledgers {
    /// All of them, in the order of the settings.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Ledger>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows each to `look`.
    pub fn each(&self, mut look: impl FnMut(&Ledger)) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|ledger| look(ledger));
    }

    /// These are the backends from now on.
    pub fn set(&self, ledgers: Vec<Arc<Ledger>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ledgers;
    }
}
