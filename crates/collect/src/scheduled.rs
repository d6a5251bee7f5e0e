//! A module and when it is read: in the turn of the tick, or aside once it was seen to take long.
//!
//! ```text
//! in turn ── a reading of 50 ms or more, or a module that asks devices ──> aside
//! in turn <── a hundred readings in a row of less than 5 ms ──────────────  aside
//! ```
//!
//! A reading aside that is over within the tick is handed over with it; one that takes longer, with a
//! later tick, and not at all if it is older than the module's interval by then.

use std::time::Duration;

use row::{Now, US_PER_S};
use tracing::{info, warn};

use crate::aside::{Aside, Gone, Reading, Stopwatch};
use crate::charts::Batch;
use crate::file::Buffer;
use crate::module::{Module, ReadError};
use crate::pace::Cadence;

/// A reading in turn that takes this long has held up all others, and is the last in turn.
const LONG_NS: u64 = 50_000_000;
/// A module comes back into turn after so many readings
const QUICK_READINGS: u32 = 100;
/// that took less than this.
const QUICK_NS: u64 = 5_000_000;
/// A module that is not back after so long is told of.
const STUCK_US: u64 = 10_000_000;

pub(crate) struct Scheduled {
    name: &'static str,
    /// `None` while it is read aside, or was lost there.
    module: Option<Box<dyn Module>>,
    every_s: u32,
    cadence: Cadence,
    /// Whether this tick's reading is to be handed over.
    fresh: bool,
    /// Whether the last reading failed: only the first failure of several is logged.
    failing: bool,
    /// Charts that it has.
    charts: u32,
    /// Whether it has as many as it may: only the first chart of several that are left out is logged.
    full: bool,
    took_ns: u64,
    timed_ns: u64,
    aside: Option<Aside>,
    /// When its reading aside began.
    asked_us: u64,
    stuck: bool,
    quick: u32,
}

impl Scheduled {
    pub(crate) fn new(module: Box<dyn Module>, every_s: u32) -> Self {
        Self {
            name: module.name(),
            module: Some(module),
            every_s,
            cadence: Cadence::new(every_s),
            fresh: false,
            failing: false,
            charts: 0,
            full: false,
            took_ns: 0,
            timed_ns: 0,
            aside: None,
            asked_us: 0,
            stuck: false,
            quick: 0,
        }
    }

    /// The module's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Nanoseconds that its last reading took that was timed.
    pub(crate) fn took_ns(&self) -> u64 {
        self.took_ns
    }

    /// Nanoseconds of all its readings that were timed.
    pub(crate) fn timed_ns(&self) -> u64 {
        self.timed_ns
    }

    fn took(&mut self, ns: u64) {
        self.took_ns = ns;
        self.timed_ns = self.timed_ns.saturating_add(ns);
    }

    /// Begins a tick: takes a reading that comes late, or else has the next one done if that is aside.
    pub(crate) fn begin(&mut self, now: Now, stopwatch: Stopwatch) {
        self.fresh = false;
        if self.aside.is_none() && self.module.as_ref().is_some_and(|module| module.asks_devices()) {
            self.go_aside(stopwatch);
        }
        self.take(now, Duration::ZERO);
        if !self.fresh {
            self.ask(now);
        }
    }

    /// Ends a tick: one that came late may be asked for the next.
    pub(crate) fn end(&mut self, now: Now) {
        self.ask(now);
    }

    fn ask(&mut self, now: Now) {
        let Some(aside) = self.aside.as_ref().filter(|_| self.module.is_some()) else { return };
        if self.cadence.is_due(now)
            && let Some(module) = self.module.take()
        {
            self.asked_us = now.mono_us;
            aside.read(module, now);
        }
    }

    /// Does the reading if it is due and done in turn; `stopwatch` times it.
    pub(crate) fn read(&mut self, buffer: &mut Buffer, now: Now, stopwatch: Option<Stopwatch>) {
        if self.aside.is_some() || !self.cadence.is_due(now) {
            return;
        }
        let Some(module) = &mut self.module else { return };
        let begun_ns = stopwatch.map(|stopwatch| stopwatch());
        let result = module.read(buffer, now);
        if let (Some(stopwatch), Some(begun_ns)) = (stopwatch, begun_ns) {
            self.took(stopwatch().saturating_sub(begun_ns));
            if self.took_ns >= LONG_NS {
                let took_ms = self.took_ns / 1_000_000;
                warn!(file = self.name, took_ms, "reading takes long: a thread of its own does it from now on");
                self.go_aside(stopwatch);
            }
        }
        self.note(result);
    }

    /// Whether it is read aside.
    #[cfg(test)]
    pub(crate) fn is_aside(&self) -> bool {
        self.aside.is_some()
    }

    /// Whether a reading aside has not ended so far.
    pub(crate) fn is_away(&self) -> bool {
        self.aside.is_some() && self.module.is_none()
    }

    /// Takes a reading aside that is over, or will be within so long.
    pub(crate) fn take(&mut self, now: Now, within: Duration) {
        let Some(aside) = self.aside.as_ref().filter(|_| self.module.is_none()) else { return };
        match aside.take(within) {
            Ok(Some(reading)) => self.came_back(reading, now),
            Ok(None) => self.waits(now),
            Err(Gone) => {
                warn!(file = self.name, "its reading ended by a panic, its charts are left out");
                self.aside = None;
            }
        }
    }

    fn came_back(&mut self, reading: Reading, now: Now) {
        self.module = Some(reading.module);
        self.took(reading.took_ns);
        let age_us = now.mono_us.saturating_sub(reading.now.mono_us);
        if std::mem::take(&mut self.stuck) {
            info!(file = self.name, after_s = age_us / US_PER_S.unsigned_abs(), "file answers again");
        }
        self.note(reading.result);
        self.fresh &= age_us <= u64::from(self.every_s) * US_PER_S.unsigned_abs() + LONG_NS / 1000;
        self.quick = if self.took_ns < QUICK_NS { self.quick + 1 } else { 0 };
        let asks_devices = self.module.as_ref().is_some_and(|module| module.asks_devices());
        if self.quick >= QUICK_READINGS && !asks_devices {
            info!(file = self.name, "reading is quick again");
            self.aside = None;
        }
    }

    fn waits(&mut self, now: Now) {
        let since_us = now.mono_us.saturating_sub(self.asked_us);
        if since_us >= STUCK_US && !std::mem::replace(&mut self.stuck, true) {
            warn!(
                file = self.name,
                since_s = since_us / US_PER_S.unsigned_abs(),
                "file does not answer, its charts stop until it does"
            );
        }
    }

    fn go_aside(&mut self, stopwatch: Stopwatch) {
        self.quick = 0;
        match Aside::start(stopwatch) {
            Ok(aside) => self.aside = Some(aside),
            Err(error) => warn!(file = self.name, %error, "no thread for its reading, which may hold up others"),
        }
    }

    /// Hands over what was read for this tick; the module may have `charts_max` charts.
    pub(crate) fn write(&mut self, batch: &mut Batch<'_>, charts_max: u32) {
        let Some(module) = self.module.as_mut().filter(|_| self.fresh) else { return };
        batch.begin_module(self.charts, charts_max);
        module.write(batch);
        let left_out;
        (self.charts, left_out) = batch.end_module();
        if left_out > 0 && !self.full {
            warn!(file = self.name, charts_max, left_out, "too many charts, further ones are left out until others go");
        }
        self.full = left_out > 0;
    }

    fn note(&mut self, result: Result<(), ReadError>) {
        match result {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    fn succeeded(&mut self) {
        self.fresh = true;
        if std::mem::take(&mut self.failing) {
            info!(file = self.name, "file can be read again");
        }
    }

    fn failed(&mut self, error: &ReadError) {
        if !std::mem::replace(&mut self.failing, true) {
            warn!(file = self.name, %error, "file skipped until it can be read");
        }
    }
}
