//! The store: all hosts that a node knows, itself first.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use row::Guid;

use crate::disk::Disk;
use crate::files::{self, Damage, Restoring};
use crate::host::{Host, HostInfo, Keep};
use crate::intern::Interner;

/// All hosts of a node, in the order in which they came.
#[derive(Debug, Default)]
pub struct Store {
    interner: Arc<Interner>,
    hosts: RwLock<Arc<Vec<Arc<Host>>>>,
    adding: Mutex<()>,
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
        let host = Arc::new(Host::new(info.clone(), keep, Arc::clone(&self.interner)));
        match place {
            Some(place) => hosts[place] = Arc::clone(&host),
            None => hosts.push(Arc::clone(&host)),
        }
        *self.hosts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(hosts);
        host
    }

    /// Saves the hosts that `which` picks, each to a file of its own. Nobody must feed them any more.
    /// Returns what the disk refused.
    pub fn save(&self, disk: &dyn Disk, which: impl Fn(&Host) -> bool) -> Vec<(Guid, io::Error)> {
        let known = files::list(disk).unwrap_or_default();
        let mut refused = Vec::new();
        for host in self.hosts().iter().filter(|host| which(host)) {
            let numbers = known.iter().filter(|file| file.guid == host.guid()).map(|file| file.number);
            let number = numbers.max().map_or(1, |number| number.saturating_add(1));
            let saved = files::write_segment(host, disk, number);
            if let Err(err) = saved.and_then(|()| files::remove_older(disk, host.guid(), number)) {
                refused.push((host.guid(), err));
            }
        }
        refused
    }

    /// Loads the hosts that a disk keeps. Returns what could not be used; everything else is there.
    pub fn load(&self, disk: &dyn Disk) -> Vec<Damage> {
        let known = match files::list(disk) {
            Ok(known) => known,
            Err(_) => return vec![Damage { file: String::new(), offset: 0, what: "the folder cannot be listed" }],
        };
        let mut damages = Vec::new();
        for of_host in known.chunk_by(|one, next| one.guid == next.guid) {
            let mut restoring = Restoring::new(self, of_host[0].guid);
            for &file in of_host {
                restoring.begin_file(file);
                match files::read_file(disk, file, &mut restoring) {
                    Ok(found) => damages.extend(found),
                    Err(damage) => damages.push(damage),
                }
            }
        }
        damages
    }
}
