//! What of the rows survives a restart: databases and spools, saved at the end, loaded at the start.

use std::path::Path;

use config::{MemoryMode, Settings};
use rrd_store::{Host, RealDisk, Store};
use tracing::{error, info, warn};

use crate::folder::{self, Folder};

/// Where hosts are saved, by how they are kept.
#[derive(Debug)]
pub(crate) struct Saving {
    /// Those with a database.
    database: Option<RealDisk>,
    /// Those without one: what a parent may still miss.
    spool: Option<RealDisk>,
}

impl Saving {
    /// Finds out what settings want saved; `state` is the state folder.
    ///
    /// # Errors
    /// Where the folder of the databases cannot be written to.
    pub(crate) fn new(settings: &Settings, state: &Path) -> anyhow::Result<Self> {
        let streams = settings.stream.enabled || settings.api_keys.iter().any(|key| key.proxy_enabled);
        let spools = streams && !settings.stream.spool.is_zero() && is_saved(settings.stream.spool_mode);
        let database = if wants_database(settings) { Some(database(settings)?) } else { None };
        Ok(Self { database, spool: spools.then(|| RealDisk::new(&state.join("spool"))) })
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

    /// Saves all hosts. Nobody must write to them any more.
    pub(crate) fn save(&self, store: &Store) {
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

fn wants_database(settings: &Settings) -> bool {
    is_saved(settings.global.memory_mode)
        || settings.api_keys.iter().any(|key| is_saved(key.default_memory_mode))
        || settings.machines.iter().any(|machine| machine.memory_mode.is_some_and(is_saved))
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
