//! The collector: all modules, one tick at a time.
//!
//! A tick first reads all files that are due, then takes the host's lock once and hands over all
//! rows. Once the devices are known it allocates nothing.

use std::sync::Arc;
use std::time::Duration;

use row::Now;
use rrd_store::{Feed, Store};

use crate::apps;
use crate::aside::Stopwatch;
use crate::cgroups::Cgroups;
use crate::charts::Batch;
use crate::claims::Claims;
use crate::config::Config;
use crate::file::Buffer;
use crate::idlejitter::Idlejitter;
use crate::kernel;
use crate::module::Module;
use crate::mounts::Mounts;
use crate::own::backends::{Backends, OwnBackends};
use crate::own::hosts::{self, Hosts};
use crate::own::notifications::{self, NotificationCounts, Notifications};
use crate::own::streams::{self, Streams};
use crate::own::usage::{Figures, Usage};
use crate::pace::Cadence;
use crate::scheduled::Scheduled;

/// How long a tick waits for readings that are done aside: most files answer within less.
const PATIENCE: Duration = Duration::from_millis(2);
/// A tick that took this long is followed by ticks whose readings are timed: whose fault was it?
const LONG_TICK_NS: u64 = 50_000_000;
/// So many.
const WATCHED_TICKS: u32 = 60;

/// Reads this machine's files and makes rows of them.
pub struct Collector {
    update_every_s: u32,
    zero_metrics: bool,
    charts_max: u32,
    modules: Vec<Scheduled>,
    idlejitter: Option<Idlejitter>,
    usage: Option<Usage>,
    figures: Figures,
    timing: Timing,
    buffer: Buffer,
}

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TickReport {
    /// Rows handed over.
    pub rows: u32,
    /// Values in them.
    pub samples: u32,
    /// Whether another feed of the host took over: nothing was handed over, nor will be.
    pub feed_lost: bool,
}

/// When readings are timed one by one. A look at the clock costs little, but so does a reading.
struct Timing {
    stopwatch: Stopwatch,
    cadence: Cadence,
    watched: u32,
}

impl Collector {
    /// Opens the files of all families that `config` enables. A family whose file cannot be opened
    /// is left out, which the log says.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let update_every_s = config.update_every_s.max(1);
        let idlejitter = config.idlejitter;
        let claims = Claims::default();
        Self {
            update_every_s,
            zero_metrics: config.zero_metrics,
            charts_max: config.charts_max,
            // File systems are asked first: they answer while the rest is read.
            modules: Mounts::find(&config)
                .into_iter()
                .chain(kernel::modules(&config, &claims))
                .chain(apps::modules(&config))
                .chain(Cgroups::find(&config, claims))
                .map(|(module, every_s)| Scheduled::new(module, every_s))
                .collect(),
            idlejitter: idlejitter.enabled.then(|| Idlejitter::new(idlejitter.update_every_s.max(update_every_s))),
            usage: None,
            figures: Figures::default(),
            // Nobody looks at a watch.
            timing: Timing::new(|| 0, u32::MAX),
            buffer: Buffer::new(),
        }
    }

    /// The same with readings timed by `stopwatch` once in so many seconds. One that takes long is
    /// found, and done on a thread of its own from then on.
    #[must_use]
    pub fn timed_by(mut self, stopwatch: Stopwatch, every_s: u32) -> Self {
        self.timing = Timing::new(stopwatch, every_s);
        self
    }

    /// The same with charts of what this process costs, every so many seconds; `cpu_us` tells the
    /// microseconds that it was on a processor.
    #[must_use]
    pub fn with_usage(mut self, cpu_us: fn() -> u64, every_s: u32) -> Self {
        self.usage = Some(Usage::new(cpu_us, self.update_every_s.max(every_s)));
        self
    }

    /// The same with charts of the streams of this store, once it has any, every so many seconds or more
    /// seldom.
    #[must_use]
    pub fn with_streams(mut self, store: Arc<Store>, every_s: u32) -> Self {
        let every_s = self.update_every_s.max(every_s).max(streams::EVERY_S);
        self.add(Box::new(Streams::new(store, every_s)), every_s);
        self
    }

    /// The same with charts of each host that streams to the node of this store.
    #[must_use]
    pub fn with_hosts(mut self, store: Arc<Store>, every_s: u32) -> Self {
        let every_s = self.update_every_s.max(every_s).max(hosts::EVERY_S);
        self.add(Box::new(Hosts::new(store, every_s)), every_s);
        self
    }

    /// The same with charts of what became of notifications.
    #[must_use]
    pub fn with_notifications(mut self, counts: Box<dyn Fn() -> NotificationCounts + Send>, every_s: u32) -> Self {
        let every_s = self.update_every_s.max(every_s).max(notifications::EVERY_S);
        self.add(Box::new(Notifications::new(counts, every_s)), every_s);
        self
    }

    /// The same with charts of each backend that this node writes to.
    #[must_use]
    pub fn with_backends(mut self, backends: Backends, every_s: u32) -> Self {
        let every_s = self.update_every_s.max(every_s);
        self.add(Box::new(OwnBackends::new(backends, every_s)), every_s);
        self
    }

    fn add(&mut self, module: Box<dyn Module>, every_s: u32) {
        self.modules.push(Scheduled::new(module, every_s));
    }

    /// Seconds between ticks.
    #[must_use]
    pub fn update_every_s(&self) -> u32 {
        self.update_every_s
    }

    /// Each module by name, with the nanoseconds of all its readings that were timed.
    pub fn timings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.modules.iter().map(|scheduled| (scheduled.name(), scheduled.timed_ns()))
    }

    /// Notes that a tick begins `late_us` after it was due, and so many before it did not run.
    pub(crate) fn note_tick(&mut self, missed: u64, late_us: u64) {
        self.figures.ticks_missed += missed;
        self.figures.late_us = self.figures.late_us.max(late_us);
    }

    /// Measures what is measured between ticks; returns when it wants to be asked again, in
    /// microseconds of the wall clock.
    pub(crate) fn between_ticks(&mut self, now: Now) -> Option<i64> {
        self.idlejitter.as_mut()?.between_ticks(now)
    }

    /// Reads what is due at `now` and hands it to the host of `feed`.
    pub fn tick(&mut self, now: Now, feed: &mut Feed) -> TickReport {
        let stopwatch = self.timing.stopwatch;
        let begun_ns = stopwatch();
        self.read(now);
        if let Some(usage) = &mut self.usage {
            usage.read(&mut self.buffer, now);
        }
        let Some(writer) = feed.writer(now) else {
            return TickReport { feed_lost: true, ..TickReport::default() };
        };
        let report = self.write(Batch::new(writer, self.zero_metrics), now);
        self.modules.iter_mut().for_each(|scheduled| scheduled.end(now));
        let took_ns = stopwatch().saturating_sub(begun_ns);
        self.timing.note(took_ns);
        self.figures.note(&report, took_ns);
        report
    }

    fn read(&mut self, now: Now) {
        let stopwatch = self.timing.stopwatch;
        let timed = self.timing.is_due(now).then_some(stopwatch);
        self.modules.iter_mut().for_each(|scheduled| scheduled.begin(now, stopwatch));
        for scheduled in &mut self.modules {
            scheduled.read(&mut self.buffer, now, timed);
        }
        let mut patience = PATIENCE;
        for scheduled in self.modules.iter_mut().filter(|scheduled| scheduled.is_away()) {
            scheduled.take(now, patience);
            if scheduled.is_away() {
                patience = Duration::ZERO;
            }
        }
    }

    fn write(&mut self, mut batch: Batch<'_>, now: Now) -> TickReport {
        for scheduled in &mut self.modules {
            scheduled.write(&mut batch, self.charts_max);
        }
        if let Some(idlejitter) = &mut self.idlejitter {
            idlejitter.write(&mut batch, now);
        }
        if let Some(usage) = &mut self.usage {
            let modules = self.modules.iter().map(|scheduled| (scheduled.name(), scheduled.took_ns()));
            usage.write(&mut batch, &mut self.figures, modules);
        }
        let (rows, samples) = batch.counts();
        TickReport { rows, samples, feed_lost: false }
    }
}

impl Timing {
    fn new(stopwatch: Stopwatch, every_s: u32) -> Self {
        Self { stopwatch, cadence: Cadence::new(every_s), watched: 0 }
    }

    fn is_due(&mut self, now: Now) -> bool {
        let watched = self.watched > 0;
        self.watched = self.watched.saturating_sub(1);
        self.cadence.is_due(now) || watched
    }

    fn note(&mut self, took_ns: u64) {
        if took_ns >= LONG_TICK_NS {
            self.watched = WATCHED_TICKS;
        }
    }
}

#[cfg(test)]
#[path = "collector_tests.rs"]
mod tests;
