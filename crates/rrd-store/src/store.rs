//! The store: all hosts that a node knows, itself first.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use row::Guid;

use crate::disk::Disk;
use crate::files::{self, Damage, Damages, OnDisk};
use crate::host::{Host, HostInfo, Keep, Which};
use crate::intern::Interner;

/// All hosts of a node, in the order in which they came.
#[derive(Debug, Default)]
pub struct Store {
    interner: Arc<Interner>,
    hosts: RwLock<Arc<Vec<Arc<Host>>>>,
    adding: Mutex<()>,
    damages: Arc<Damages>,
}

impl Store {
    /// A store without hosts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All hosts; the first one added, which is the node itself, comes first.
    #[must_use]
    pub fn hosts(&self) -> Arc<Vec<Arc<Host>>> {
        Arc::clone(&self.hosts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The host with this GUID.
    #[must_use]
    pub fn host(&self, guid: Guid) -> Option<Arc<Host>> {
        self.hosts().iter().find(|host| host.guid() == guid).cloned()
    }

    /// The host with this GUID or, where there is none, this name. Of hosts that share a name, one
    /// that is fed is found before one that is not.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Host>> {
        if let Ok(guid) = name.parse::<Guid>()
            && let Some(host) = self.host(guid)
        {
            return Some(host);
        }
        let hosts = self.hosts();
        let mut named = hosts.iter().filter(|host| host.info().hostname == name);
        let first = named.next()?;
        if first.is_fed() {
            return Some(Arc::clone(first));
        }
        Some(Arc::clone(named.find(|host| host.is_fed()).unwrap_or(first)))
    }

    /// The host of `info`, made where it is not known, and kept like this from now on. A host that a
    /// panic left in doubt is built anew.
    pub fn add(&self, info: &HostInfo, keep: Keep) -> Arc<Host> {
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hosts = Vec::clone(&self.hosts());
        let place = hosts.iter().position(|host| host.guid() == info.guid);
        if let Some(place) = place
            && !hosts[place].is_in_doubt()
        {
            hosts[place].set_keep(keep);
            return Arc::clone(&hosts[place]);
        }
        let host = Arc::new(Host::new(info.clone(), keep, Arc::clone(&self.interner), Arc::clone(&self.damages)));
        match place {
            Some(place) => hosts[place] = Arc::clone(&host),
            None => hosts.push(Arc::clone(&host)),
        }
        *self.hosts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(hosts);
        host
    }

    /// Saves the hosts that `which` picks, each to files of its own; those that sleep are there already.
    /// Nobody must feed them any more. Returns what the disk refused.
    pub fn save(&self, disk: &dyn Disk, which: impl Fn(&Host) -> bool) -> Vec<(Guid, io::Error)> {
        let hosts = self.hosts();
        let awake = hosts.iter().filter(|host| which(host) && !host.is_asleep());
        awake.filter_map(|host| files::save(host, disk).err().map(|err| (host.guid(), err))).collect()
    }

    /// Finds the hosts that a disk keeps. They sleep there: charts and rows of each are read when
    /// somebody asks for them; blocks of hosts that `stays` picks by how they are kept stay there even
    /// then. What cannot be used is told by [`Store::damages`], now and then.
    pub fn load(&self, disk: &Arc<dyn Disk>, stays: Which) {
        let mut damages = Vec::new();
        for found in files::find(&**disk, &mut damages) {
            let folder = OnDisk { disk: Arc::clone(disk), guid: found.info.guid, stays };
            let host = self.host(found.info.guid).unwrap_or_else(|| self.add(&found.info, found.keep));
            host.found_in(folder, found.newest_s);
        }
        self.damages.add(damages);
    }

    /// What of the files could not be used since the last call; everything else is there.
    #[must_use]
    pub fn damages(&self) -> Vec<Damage> {
        self.damages.take()
    }
}
