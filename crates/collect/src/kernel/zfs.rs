//! `/proc/spl/kstat/zfs`: the cache of ZFS (`arcstats`), and the state of each pool.
//!
//! ```text
//! hits                            4    1284753        arcstats: name, type and value per line
//! ONLINE                                              POOL/state
//! ```
//!
//! A machine whose driver is loaded but has no pool has nothing to tell.

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, absolute, line};
use crate::file::{Buffer, KeptFile, under};
use crate::kernel::zfs_charts::{CHARTS, KEYS, Reading};
use crate::keyed::Keyed;
use crate::listing::Folder;
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;

/// The folder of the pools and of the file of the cache.
pub(crate) const PATH: &str = "/proc/spl/kstat/zfs";
/// The file of the cache.
pub(crate) const CACHE_PATH: &str = "/proc/spl/kstat/zfs/arcstats";
/// What the charts of pools are said to come from.
const POOL_MODULE: &str = "/proc/spl/kstat/zfs/pool/state";
const POOLS_MAX: usize = 256;
/// Words between name and value.
pub(super) const WORDS_BETWEEN: usize = 1;

static POOL: Form = line(
    "zfspool.state_{}",
    "State of the pool",
    "boolean",
    "",
    2820,
    &[
        absolute("online", 1, 1),
        absolute("degraded", 1, 1),
        absolute("faulted", 1, 1),
        absolute("offline", 1, 1),
        absolute("removed", 1, 1),
        absolute("unavail", 1, 1),
    ],
)
.of("zfspool.state");
/// States in the order of the dimensions.
const STATES: [&[u8]; 6] = [b"ONLINE", b"DEGRADED", b"FAULTED", b"OFFLINE", b"REMOVED", b"UNAVAIL"];

/// Reads the file of the cache and those of the pools.
pub(crate) struct Zfs {
    file: KeptFile,
    reading: Reading,
    /// Whether the cache was read this time.
    fresh: bool,
    charts: [Chart; CHARTS.len()],
    owner: Owner,
    folder: Folder,
    pools: Roster<Pool>,
}

struct Pool {
    /// None for a folder that is no pool.
    file: Option<KeptFile>,
    /// Whether the file could not be read: the pool was taken away.
    lost: bool,
    state: [i64; STATES.len()],
    chart: Chart,
    owner: Owner,
}

impl Zfs {
    /// Opens the files under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, CACHE_PATH)?,
            reading: Keyed::new(KEYS).after_words(WORDS_BETWEEN),
            fresh: false,
            charts: CHARTS.each_ref().map(|(form, _)| Chart::new(form)),
            owner: Owner::machine(CACHE_PATH, update_every_s),
            folder: Folder::open(root, PATH, POOLS_MAX)?,
            pools: Roster::new(),
        })
    }
}

impl Module for Zfs {
    fn name(&self) -> &'static str {
        CACHE_PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let update_every_s = self.owner.update_every_s;
        // Files lie among the pools; those have no file `state` below them.
        self.folder.look(now, &mut self.pools, |_| true, |name, path| Pool::new(name, path, update_every_s));
        let mut has_pool = false;
        for pool in self.pools.devices() {
            has_pool |= pool.file.is_some();
            pool.read(buffer);
        }
        self.fresh = has_pool;
        if has_pool && self.reading.parse(self.file.read(buffer)?) == 0 {
            self.fresh = false;
            return Err(ReadError::Expected("hits, misses and their like"));
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.pools.drop_unlisted(|pool| batch.obsolete(&mut pool.chart));
        self.pools.drop_lost(|pool| pool.lost, |pool| batch.obsolete(&mut pool.chart));
        for pool in self.pools.devices().filter(|pool| pool.file.is_some()) {
            batch.row(&mut pool.chart, &pool.owner, &pool.state);
        }
        if !self.fresh {
            return;
        }
        for (chart, (form, values)) in self.charts.iter_mut().zip(&CHARTS) {
            if let Some(values) = values(&self.reading) {
                let values = &values[..form.dimensions.len()];
                batch.row_once(values.iter().any(|&value| value != 0), chart, &self.owner, values);
            }
        }
    }
}

impl Pool {
    fn new(name: &[u8], path: PathBuf, update_every_s: u32) -> Self {
        let name = text_of(name);
        Self {
            file: KeptFile::open_path(&path.join("state")).ok(),
            lost: false,
            state: [0; STATES.len()],
            chart: Chart::new(&POOL),
            owner: Owner { device: name.clone(), family: name, ..Owner::machine(POOL_MODULE, update_every_s) },
        }
    }

    fn read(&mut self, buffer: &mut Buffer) {
        let Some(file) = &self.file else { return };
        match file.read(buffer) {
            Ok(text) => self.state = STATES.map(|state| i64::from(state == text.trim_ascii())),
            Err(_) => self.lost = true,
        }
    }
}

/// What the cache of ZFS would give back if programs wanted memory.
pub(crate) struct Reclaimable {
    path: PathBuf,
    file: Option<KeptFile>,
    reading: Keyed<2>,
}

impl Reclaimable {
    /// Of the file under `root`, once there is one.
    pub(crate) fn new(root: &Path) -> Self {
        let reading = Keyed::new(["size", "c_min"]).after_words(WORDS_BETWEEN);
        Self { path: under(root, CACHE_PATH), file: None, reading }
    }

    /// Looks whether there is a cache by now.
    pub(crate) fn look(&mut self) {
        if self.file.is_none() {
            self.file = KeptFile::open_path(&self.path).ok();
        }
    }

    /// Reads how much it is, in bytes.
    pub(crate) fn read(&mut self, buffer: &mut Buffer) -> i64 {
        let Some(text) = self.file.as_ref().and_then(|file| file.read(buffer).ok()) else {
            self.file = None;
            return 0;
        };
        self.reading.parse(text);
        let (size, least) = (self.reading.get(0), self.reading.get(1));
        size.zip(least).map_or(0, |(size, least)| size.saturating_sub(least).max(0))
    }
}
