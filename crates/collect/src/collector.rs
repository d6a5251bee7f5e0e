//! The collector: all modules, one tick at a time.
//!
//! A tick first reads all files that are due, then takes the host's lock once and hands over all
//! rows. Once the devices are known it allocates nothing.

use std::io;
use std::sync::Arc;

use patterns::SimplePattern;
use row::Now;
use rrd_store::{Feed, Store};
use tracing::{info, warn};

use crate::charts::Batch;
use crate::config::{Config, Family};
use crate::diskstats::{self, Diskstats};
use crate::file::Buffer;
use crate::loadavg::{self, Loadavg};
use crate::meminfo::{self, Meminfo};
use crate::module::{Module, ReadError};
use crate::net_dev::{self, NetDev};
use crate::pace::Cadence;
use crate::stat::{self, Stat};
use crate::streams::{self, Streams};
use crate::uptime::{self, Uptime};
use crate::vmstat::{self, Vmstat};

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
            modules: open_modules(&config),
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

/// A module by its name, and how to open it every so many seconds.
type Opening<'a> = (&'static str, Family, &'a dyn Fn(u32) -> io::Result<Box<dyn Module>>);

fn open_modules(config: &Config) -> Vec<Scheduled> {
    let root = &*config.root;
    let disks_excluded = SimplePattern::new(&config.diskstats_exclude);
    let interfaces_excluded = SimplePattern::new(&config.net_dev_exclude);
    let openings: [Opening<'_>; 7] = [
        (stat::PATH, config.stat, &|every_s| Ok(Box::new(Stat::open(root, every_s, config)?))),
        (uptime::PATH, config.uptime, &|every_s| Ok(Box::new(Uptime::open(root, every_s)?))),
        (loadavg::PATH, config.loadavg, &|every_s| Ok(Box::new(Loadavg::open(root, every_s)?))),
        (vmstat::PATH, config.vmstat, &|every_s| Ok(Box::new(Vmstat::open(root, every_s)?))),
        (meminfo::PATH, config.meminfo, &|every_s| Ok(Box::new(Meminfo::open(root, every_s)?))),
        (diskstats::PATH, config.diskstats, &|every_s| {
            Ok(Box::new(Diskstats::open(root, every_s, disks_excluded.clone())?))
        }),
        (net_dev::PATH, config.net_dev, &|every_s| {
            Ok(Box::new(NetDev::open(root, every_s, interfaces_excluded.clone())?))
        }),
    ];
    let enabled = openings.into_iter().filter(|(_, family, _)| family.enabled);
    enabled.filter_map(|(path, family, open)| open_module(config, path, family, open)).collect()
}

fn open_module(
    config: &Config,
    path: &str,
    family: Family,
    open: &dyn Fn(u32) -> io::Result<Box<dyn Module>>,
) -> Option<Scheduled> {
    let every_s = family.update_every_s.max(config.update_every_s).max(1);
    match open(every_s) {
        Ok(module) => Some(Scheduled::new(module, every_s)),
        Err(error) => {
            warn!(file = path, root = %config.root.display(), %error, "file cannot be opened, its charts are left out");
            None
        }
    }
}
