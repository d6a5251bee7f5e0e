//! The collector: all modules, one tick at a time.
//!
//! A tick first reads all files that are due, then takes the host's lock once and hands over all
//! rows. Once the devices are known it allocates nothing.

use std::sync::Arc;

use row::Now;
use rrd_store::{Feed, Store};
use tracing::{info, warn};

use crate::apps;
use crate::charts::Batch;
use crate::config::Config;
use crate::file::Buffer;
use crate::kernel;
use crate::module::{Module, ReadError};
use crate::own::streams::{self, Streams};
use crate::pace::Cadence;

/// Reads this machine's files and makes rows of them.
pub struct Collector {
    update_every_s: u32,
    zero_metrics: bool,
    modules: Vec<Scheduled>,
    buffer: Buffer,
}

struct Scheduled {
    module: Box<dyn Module>,
    cadence: Cadence,
    /// Whether this tick's reading is to be handed over.
    fresh: bool,
    /// Whether the last reading failed: only the first failure of several is logged.
    failing: bool,
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

impl Collector {
    /// Opens the files of all families that `config` enables. A family whose file cannot be opened
    /// is left out, which the log says.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            update_every_s: config.update_every_s.max(1),
            zero_metrics: config.zero_metrics,
            modules: kernel::modules(&config)
                .into_iter()
                .chain(apps::modules(&config))
                .map(|(module, every_s)| Scheduled::new(module, every_s))
                .collect(),
            buffer: Buffer::new(),
        }
    }

    /// The same with charts of the streams of this store, once it has any.
    #[must_use]
    pub fn with_streams(mut self, store: Arc<Store>) -> Self {
        let every_s = self.update_every_s.max(streams::EVERY_S);
        self.modules.push(Scheduled::new(Box::new(Streams::new(store, every_s)), every_s));
        self
    }

    /// Seconds between ticks.
    #[must_use]
    pub fn update_every_s(&self) -> u32 {
        self.update_every_s
    }

    /// Reads what is due at `now` and hands it to the host of `feed`.
    pub fn tick(&mut self, now: Now, feed: &mut Feed) -> TickReport {
        for scheduled in &mut self.modules {
            scheduled.read(&mut self.buffer, now);
        }
        let Some(writer) = feed.writer(now) else {
            return TickReport { feed_lost: true, ..TickReport::default() };
        };
        let mut batch = Batch::new(writer, self.zero_metrics);
        for scheduled in self.modules.iter_mut().filter(|scheduled| scheduled.fresh) {
            scheduled.module.write(&mut batch);
        }
        let (rows, samples) = batch.counts();
        TickReport { rows, samples, feed_lost: false }
    }
}

impl Scheduled {
    fn new(module: Box<dyn Module>, every_s: u32) -> Self {
        Self { module, cadence: Cadence::new(every_s), fresh: false, failing: false }
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) {
        self.fresh = false;
        if !self.cadence.is_due(now) {
            return;
        }
        match self.module.read(buffer, now) {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    fn succeeded(&mut self) {
        self.fresh = true;
        if std::mem::take(&mut self.failing) {
            info!(file = self.module.name(), "file can be read again");
        }
    }

    fn failed(&mut self, error: &ReadError) {
        if !std::mem::replace(&mut self.failing, true) {
            warn!(file = self.module.name(), %error, "file skipped until it can be read");
        }
    }
}
