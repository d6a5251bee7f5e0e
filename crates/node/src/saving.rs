//! What of the rows survives a restart: databases and spools, loaded at the start, and saved at the
//! end (`save`) or all the time (`map`) by a thread of its own.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use config::{MemoryMode, Settings};
use row::Guid;
use rrd_store::{Disk, Host, Keep, Keeper, LeftHost, RealDisk, Store, Trouble, Which, remove_hosts};
use tracing::{error, info, warn};

use crate::clock;
use crate::folder::{self, Folder};

/// How often rows go to the disk that go there as they come: what a kill may cost.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// Where hosts are saved, by how they are kept.
#[derive(Debug)]
pub(crate) struct Saving {
    /// Those with a database.
    database: Option<Arc<dyn Disk>>,
    /// Those without one: what a parent may still miss.
    spool: Option<Arc<dyn Disk>>,
    keeping: Option<Keeping>,
}

/// The thread that keeps hosts on the disk as their rows come.
#[derive(Debug)]
struct Keeping {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

/// What the thread is told.
#[derive(Debug)]
enum Order {
    /// Hosts left memory: their files go.
    Forget(Vec<Guid>),
    /// Nobody streams these hosts any more: they leave memory for the disk.
    Sleep(Vec<Guid>),
    Stop,
}

/// Does on the disks what is to be done for hosts that nobody streams any more.
pub(crate) struct Remover {
    disks: Vec<Arc<dyn Disk>>,
    orders: Option<Sender<Order>>,
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
        let database = if wants_database { Some(Arc::new(database(settings)?) as Arc<dyn Disk>) } else { None };
        let spool = spools.then(|| Arc::new(RealDisk::new(&state.join("spool"))) as Arc<dyn Disk>);
        Ok(Self { database, spool, keeping: None })
    }

    /// Finds the hosts that were saved; the node's own host must be in the store.
    pub(crate) fn load(&self, store: &Store) {
        for (disk, stays) in self.disks() {
            store.load(disk, stays);
        }
        // Its rows go on at once.
        store.hosts().first().inspect(|own| own.read(|_| ()));
        tell_damages(store);
        let saved = store.hosts().iter().filter(|host| host.newest_s() > 0).count();
        if saved > 0 {
            info!("found the rows of {saved} hosts that were saved");
        }
    }

    /// Starts to keep hosts on the disk, where settings want any, and to tell of what of it cannot be
    /// read. A collector that only saves at its end needs no thread for it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn keep(&mut self, settings: &Settings, store: &Arc<Store>) -> anyhow::Result<()> {
        let spools = settings.stream.spool_mode == MemoryMode::Map && self.spool.is_some();
        if self.database.is_none() && !spools {
            return Ok(());
        }
        let flush_us = settings.global.flush_interval.as_micros() as u64;
        let mut keepers: Vec<_> =
            self.disks().map(|(disk, stays)| Keeper::new(Arc::clone(disk), flush_us, stays)).collect();
        let (store, database, (orders, ordered)) = (Arc::clone(store), self.database.clone(), channel());
        let thread = std::thread::Builder::new().name("disk".into());
        let thread = thread.spawn(move || {
            let mut due_us = 0;
            loop {
                let wait_us = u64::saturating_sub(due_us, clock::now().mono_us);
                match ordered.recv_timeout(Duration::from_micros(wait_us)) {
                    Err(RecvTimeoutError::Timeout) => {
                        due_us = clock::now().mono_us + KEEP_EVERY.as_micros() as u64;
                        keepers.iter_mut().for_each(|keeper| tell(keeper.flush(&store, clock::now())));
                        tell_damages(&store);
                    }
                    Ok(Order::Forget(guids)) => {
                        keepers.iter_mut().for_each(|keeper| tell_removed(keeper.forget(&guids)));
                    }
                    Ok(Order::Sleep(guids)) => {
                        let hosts: Vec<_> = guids.iter().filter_map(|&guid| store.host(guid)).collect();
                        for keeper in &mut keepers {
                            put_to_sleep(&hosts, |host| keeper.put_to_sleep(host, clock::now()));
                        }
                        if let Some(database) = &database {
                            put_to_sleep(&hosts, |host| store.put_to_sleep(database, host));
                        }
                        drop(hosts);
                        heap::give_back();
                    }
                    Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            keepers.iter_mut().for_each(|keeper| tell(keeper.finish(&store, clock::now())));
        });
        self.keeping = Some(Keeping { orders, thread: thread.context("starting the disk thread")? });
        Ok(())
    }

    /// Saves all hosts. Nobody must write to them any more.
    pub(crate) fn save(self, store: &Store) {
        if let Some(Keeping { orders, thread }) = self.keeping {
            // A thread that is gone already has panicked, which its end tells.
            let told = orders.send(Order::Stop);
            if thread.join().is_err() || told.is_err() {
                error!("the disk thread ended by a panic");
            }
        }
        let has_database = |host: &Host| host.keep().mode == rrd_store::MemoryMode::Save;
        let has_spool = |host: &Host| host.keep().mode == rrd_store::MemoryMode::None && !host.keep().on_disk;
        let database = self.database.iter().map(|disk| store.save(&**disk, has_database));
        let spool = self.spool.iter().map(|disk| store.save(&**disk, has_spool));
        for (guid, err) in database.chain(spool).flatten() {
            error!("the rows of host {guid} are not saved: {err}");
        }
    }

    /// Does on the disks what is to be done for hosts that nobody streams any more.
    pub(crate) fn remover(&self) -> Remover {
        let orders = self.keeping.as_ref().map(|keeping| keeping.orders.clone());
        Remover { disks: self.disks().map(|(disk, _)| Arc::clone(disk)).collect(), orders }
    }

    /// The disks, and which hosts' rows go to each as they come.
    fn disks(&self) -> impl Iterator<Item = (&Arc<dyn Disk>, Which)> {
        let database = self.database.iter().map(|disk| (disk, is_map as Which));
        database.chain(self.spool.iter().map(|disk| (disk, is_kept_spool as Which)))
    }
}

impl Remover {
    /// Removes the files of hosts that left memory: on the disk thread, where there is one. A host of
    /// mode `ram` has none, unless it was kept otherwise before; those stay.
    pub(crate) fn remove(&self, hosts: &[LeftHost]) {
        let hosts = hosts.iter().filter(|host| host.mode != rrd_store::MemoryMode::Ram);
        let guids: Vec<Guid> = hosts.map(|host| host.guid).collect();
        if guids.is_empty() {
            return;
        }
        match &self.orders {
            Some(orders) => order(orders, Order::Forget(guids)),
            None => self.disks.iter().for_each(|disk| tell_removed(remove_hosts(&**disk, &guids))),
        }
    }

    /// Has hosts sleep on the disk.
    pub(crate) fn put_to_sleep(&self, hosts: Vec<Guid>) {
        if let (Some(orders), false) = (&self.orders, hosts.is_empty()) {
            order(orders, Order::Sleep(hosts));
        }
    }
}

fn order(orders: &Sender<Order>, order: Order) {
    if orders.send(order).is_err() {
        error!("the disk thread is gone");
    }
}

fn put_to_sleep(hosts: &[Arc<Host>], mut put: impl FnMut(&Host) -> io::Result<bool>) {
    for host in hosts {
        let name = host.info().hostname.clone();
        match put(host) {
            Ok(true) => info!("host '{name}' ({}) left memory for the disk: nobody streams it any more", host.guid()),
            Ok(false) => {}
            Err(err) => error!("the rows of host {} stay in memory: the disk refuses: {err}", host.guid()),
        }
    }
}

fn tell_removed(removed: io::Result<()>) {
    if let Err(err) = removed {
        error!("files of hosts that left stay: the disk refuses: {err}");
    }
}

fn is_map(keep: Keep) -> bool {
    keep.mode == rrd_store::MemoryMode::Map
}

fn is_kept_spool(keep: Keep) -> bool {
    keep.mode == rrd_store::MemoryMode::None && keep.on_disk
}

fn tell_damages(store: &Store) {
    store.damages().iter().for_each(|damage| warn!("saved rows: {damage}"));
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
