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
use crate::conntrack::{self, Conntrack};
use crate::diskstats::{self, Diskstats};
use crate::entropy::{self, Entropy};
use crate::file::Buffer;
use crate::ip::{self, Ip};
use crate::loadavg::{self, Loadavg};
use crate::meminfo::{self, Meminfo};
use crate::module::{Module, ReadError};
use crate::net_dev::{self, NetDev};
use crate::pace::Cadence;
use crate::pressure::{self, Pressure};
use crate::sockstat::{self, Sockstat};
use crate::softnet::{self, Softnet};
use crate::sources::{self, Sources};
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
struct Opening<'a> {
    path: &'static str,
    family: Family,
    /// Seconds below which its file says nothing new.
    at_least_s: u32,
    open: &'a dyn Fn(u32) -> io::Result<Box<dyn Module>>,
}

macro_rules! opening {
    ($path:expr, $family:expr, $every_s:ident => $open:expr) => {
        opening!($path, $family, 1, $every_s => $open)
    };
    ($path:expr, $family:expr, $at_least_s:expr, $every_s:ident => $open:expr) => {
        Opening { path: $path, family: $family, at_least_s: $at_least_s, open: &|$every_s| Ok(Box::new($open?)) }
    };
}

fn open_modules(config: &Config) -> Vec<Scheduled> {
    let root = &*config.root;
    let disks_excluded = SimplePattern::new(&config.diskstats_exclude);
    let interfaces_excluded = SimplePattern::new(&config.net_dev_exclude);
    let per_core = config.per_core;
    let openings = [
        opening!(stat::PATH, config.stat, every_s => Stat::open(root, every_s, config)),
        opening!(uptime::PATH, config.uptime, every_s => Uptime::open(root, every_s)),
        opening!(loadavg::PATH, config.loadavg, every_s => Loadavg::open(root, every_s)),
        opening!(entropy::PATH, config.entropy, every_s => Entropy::open(root, every_s)),
        opening!(pressure::PATH, config.pressure, pressure::EVERY_S, every_s => Pressure::open(root, every_s)),
        opening!(sources::INTERRUPTS, config.interrupts, every_s => Sources::interrupts(root, every_s, per_core)),
        opening!(sources::SOFTIRQS, config.interrupts, every_s => Sources::softirqs(root, every_s, per_core)),
        opening!(vmstat::PATH, config.vmstat, every_s => Vmstat::open(root, every_s)),
        opening!(meminfo::PATH, config.meminfo, every_s => Meminfo::open(root, every_s)),
        opening!(sockstat::PATH, config.sockets, every_s => Sockstat::open(root, every_s)),
        opening!(sockstat::PATH6, config.sockets, every_s => Sockstat::open6(root, every_s)),
        opening!(ip::PATH, config.protocols, every_s => Ip::open(root, every_s)),
        opening!(softnet::PATH, config.softnet, every_s => Softnet::open(root, every_s, per_core)),
        opening!(conntrack::PATH, config.conntrack, every_s => Conntrack::open(root, every_s)),
        opening!(diskstats::PATH, config.diskstats, every_s => Diskstats::open(root, every_s, disks_excluded.clone())),
        opening!(net_dev::PATH, config.net_dev, every_s => NetDev::open(root, every_s, interfaces_excluded.clone())),
    ];
    let enabled = openings.iter().filter(|opening| opening.family.enabled);
    enabled.filter_map(|opening| open_module(config, opening)).collect()
}

fn open_module(config: &Config, opening: &Opening<'_>) -> Option<Scheduled> {
    let Opening { path, family, at_least_s, open } = opening;
    let every_s = family.update_every_s.max(config.update_every_s).max(*at_least_s);
    match open(every_s) {
        Ok(module) => Some(Scheduled::new(module, every_s)),
        // Kernels are built without what nobody asked of them.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            info!(file = path, root = %config.root.display(), "no such file, its charts are left out");
            None
        }
        Err(error) => {
            warn!(file = path, root = %config.root.display(), %error, "file cannot be opened, its charts are left out");
            None
        }
    }
}
