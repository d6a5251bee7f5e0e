//! What of the rows survives a restart: databases and spools, loaded at the start, and saved at the
//! end (`save`) or all the time (`map`) by a thread of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use config::{MemoryMode, Settings};
use rrd_store::{Disk, Host, Keeper, RealDisk, Store, Trouble};
use tracing::{error, info, warn};

use crate::clock;
use crate::folder::{self, Folder};

/// How often rows of mode `map` go to the disk: what a kill may cost.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// Where hosts are saved, by how they are kept.
#[derive(Debug)]
pub(crate) struct Saving {
    /// Those with a database.
    database: Option<RealDisk>,
    /// Those without one: what a parent may still miss.
    spool: Option<RealDisk>,
    keeping: Option<Keeping>,
}

/// The thread that keeps hosts of mode `map` on the disk.
#[derive(Debug)]
struct Keeping {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Saving {
    /// Finds out what settings want saved; `state` is the state folder.
    ///
    /// # Errors
    /// Where the folder of the databases cannot be written to.
    pub(crate) fn new(settings: &Settings, state: &Path) -> anyhow::Result<Self> {
        let streams = settings.stream.enabled || settings.api_keys.iter().any(|key| key.proxy_enabled);
        let spools = streams && !settings.stream.spool.is_zero() && is_saved(settings.stream.spool_mode);
        let wants_database = wants(settings, MemoryMode::Save) || wants(settings, MemoryMode::Map);
        let database = if wants_database { Some(database(settings)?) } else { None };
        Ok(Self { database, spool: spools.then(|| RealDisk::new(&state.join("spool"))), keeping: None })
    }

    /// Loads what was saved; the node's own host must be in the store.
    pub(crate) fn load(&self, store: &Store) {
        for disk in self.disks() {
            for damage in store.load(disk) {
                warn!("saved rows: {damage}");
            }
        }
        let loaded: Vec<_> =
            store.hosts().iter().map(|host| host.status()).filter(|status| status.newest_s > 0).collect();
        if !loaded.is_empty() {
            let charts = loaded.iter().map(|status| status.charts).sum::<usize>();
            info!("loaded {charts} charts of {} hosts that were saved", loaded.len());
        }
    }

    /// Starts to keep hosts of mode `map` on the disk, where settings want any.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn keep(&mut self, settings: &Settings, store: &Arc<Store>) -> anyhow::Result<()> {
        let Some(disk) = self.database.clone().filter(|_| wants(settings, MemoryMode::Map)) else { return Ok(()) };
        let flush_us = settings.global.flush_interval.as_micros() as u64;
        let (store, (stop, stopped)) = (Arc::clone(store), channel());
        let thread = std::thread::Builder::new().name("disk".into());
        let thread = thread.spawn(move || {
            let mut keeper = Keeper::new(Arc::new(disk) as Arc<dyn Disk>, flush_us);
            while stopped.recv_timeout(KEEP_EVERY) == Err(RecvTimeoutError::Timeout) {
                tell(keeper.flush(&store, clock::now()));
            }
            tell(keeper.finish(&store, clock::now()));
        });
        self.keeping = Some(Keeping { stop, thread: thread.context("starting the disk thread")? });
        Ok(())
    }

    /// Saves all hosts. Nobody must write to them any more.
    pub(crate) fn save(self, store: &Store) {
        if let Some(Keeping { stop, thread }) = self.keeping {
            drop(stop);
            if thread.join().is_err() {
                error!("the disk thread ended by a panic");
            }
        }
        let has_database = |host: &Host| host.keep().mode == rrd_store::MemoryMode::Save;
        let has_spool = |host: &Host| host.keep().mode == rrd_store::MemoryMode::None;
        let database = self.database.iter().map(|disk| store.save(disk, has_database));
        let spool = self.spool.iter().map(|disk| store.save(disk, has_spool));
        for (guid, err) in database.chain(spool).flatten() {
            error!("the rows of host {guid} are not saved: {err}");
        }
    }

    fn disks(&self) -> impl Iterator<Item = &RealDisk> {
        self.database.iter().chain(&self.spool)
    }
}

const fn is_saved(mode: MemoryMode) -> bool {
    matches!(mode, MemoryMode::Save | MemoryMode::Map)
}

/// Whether any host may be kept like this.
fn wants(settings: &Settings, mode: MemoryMode) -> bool {
    settings.global.memory_mode == mode
        || settings.api_keys.iter().any(|key| key.default_memory_mode == mode)
        || settings.machines.iter().any(|machine| machine.memory_mode == Some(mode))
}

fn tell(troubles: Vec<Trouble>) {
    for trouble in troubles {
        match trouble {
            Trouble::Refused(guid, err) => error!("the rows of host {guid} stay in memory: the disk refuses: {err}"),
            Trouble::Resumed(guid) => info!("the rows of host {guid} are on the disk again"),
        }
    }
}

fn database(settings: &Settings) -> anyhow::Result<RealDisk> {
    let cache_dir = &settings.global.cache_dir;
    let is_default = cache_dir == Path::new(config::CACHE_DIR);
    let Folder { path, instead_of } = folder::cache(cache_dir, is_default, &|name| std::env::var(name).ok())?;
    if let Some(default) = instead_of {
        info!("{} may not be written to, databases go to {}", default.display(), path.display());
    }
    Ok(RealDisk::new(&path))
}
