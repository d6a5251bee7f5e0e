//! The store: all hosts that a node knows, itself first.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};

use row::Guid;

use crate::disk::Disk;
use crate::feed::{Feed, FeedKind};
use crate::figures::{Figures, Totals};
use crate::files::{self, Damage, OnDisk};
use crate::host::{Host, HostInfo, Keep, MemoryMode, Shared, Which};
use crate::intern::Interner;
use crate::tier::{TIER_BYTES_MIN, TIER_ROWS_MAX, TIER_STEP_S_MAX, TIER_STEP_S_MIN, TIERS_MAX, TierSettings};

/// All hosts of a node, in the order in which they came.
#[derive(Debug, Default)]
pub struct Store {
    shared: Shared,
    hosts: RwLock<Hosts>,
    /// Held by whoever adds or removes hosts.
    changing: Mutex<()>,
    /// Counts of the hosts that have left.
    departed: Figures,
}

#[derive(Debug, Default)]
struct Hosts {
    all: Arc<Vec<Arc<Host>>>,
    by_guid: HashMap<Guid, Arc<Host>>,
}

impl Store {
    /// A store without hosts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store whose hosts keep summaries beside their rows, the finest tier first; of more than
    /// [`TIERS_MAX`], the first ones.
    ///
    /// # Panics
    /// Where a tier is out of its limits, or its step is no multiple of the one before: who reads
    /// settings checks them.
    #[must_use]
    pub fn with_tiers(tiers: &[TierSettings]) -> Self {
        let tiers = &tiers[..tiers.len().min(TIERS_MAX)];
        let steps = tiers.iter().map(|tier| tier.step_s);
        assert!(steps.clone().all(|step_s| (TIER_STEP_S_MIN..=TIER_STEP_S_MAX).contains(&step_s)), "{tiers:?}");
        let nest = |(finer, coarser): (u32, u32)| finer < coarser && coarser.is_multiple_of(finer);
        assert!(steps.clone().zip(steps.skip(1)).all(nest), "{tiers:?}");
        assert!(tiers.iter().all(|tier| (1..=TIER_ROWS_MAX).contains(&tier.rows)), "{tiers:?}");
        assert!(tiers.iter().all(|tier| tier.bytes.is_none_or(|bytes| bytes >= TIER_BYTES_MIN)), "{tiers:?}");
        Self { shared: Shared { tiers: tiers.into(), ..Shared::default() }, ..Self::default() }
    }

    /// All hosts; the first one added, which is the node itself, comes first.
    #[must_use]
    pub fn hosts(&self) -> Arc<Vec<Arc<Host>>> {
        Arc::clone(&self.hosts.read().unwrap_or_else(PoisonError::into_inner).all)
    }

    /// The host with this GUID.
    #[must_use]
    pub fn host(&self, guid: Guid) -> Option<Arc<Host>> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).by_guid.get(&guid).cloned()
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
        let guids = self.shared.names.find(name);
        let named = || guids.iter().filter_map(|&guid| self.host(guid));
        named().find(|host| host.is_fed()).or_else(|| named().next())
    }

    /// The host of `info`, made where it is not known, and kept like this from now on. A host that a
    /// panic left in doubt is built anew.
    pub fn add(&self, info: &HostInfo, keep: Keep) -> Arc<Host> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.host(info.guid);
        if let Some(known) = known.as_ref().filter(|known| !known.is_in_doubt()) {
            known.set_keep(keep);
            return Arc::clone(known);
        }
        let host = Arc::new(Host::new(info.clone(), keep, &self.shared));
        let mut all = Vec::clone(&self.hosts());
        if let Some(known) = known {
            self.departed.absorb(known.figures());
            all.iter_mut().filter(|other| Arc::ptr_eq(other, &known)).for_each(|place| *place = Arc::clone(&host));
            self.shared.names.rename(info.guid, &known.info().hostname, &info.hostname);
        } else {
            all.push(Arc::clone(&host));
            self.shared.names.add(info.guid, &info.hostname);
        }
        let mut hosts = self.write();
        hosts.all = Arc::new(all);
        hosts.by_guid.insert(info.guid, Arc::clone(&host));
        host
    }

    /// Claims the feed of the host of `info`, made where it is not known: whoever claims it like this
    /// feeds a host of this store, even if the one that was known is just leaving.
    #[must_use]
    pub fn claim(&self, info: &HostInfo, keep: Keep, kind: FeedKind) -> Feed {
        loop {
            if let Some(feed) = self.add(info, keep).claim_if_there(kind, info) {
                return feed;
            }
        }
    }

    /// Lets go of hosts that nobody feeds, but for the first, which is the node itself. Whoever still
    /// holds one learns of it from its tap, and from [`Host::has_left`]. Returns those that left.
    pub fn remove(&self, hosts: &[Arc<Host>]) -> Vec<Arc<Host>> {
        if hosts.is_empty() {
            return Vec::new();
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.hosts();
        let is_own = |host: &Host| known.first().is_some_and(|own| own.guid() == host.guid());
        let is_known = |host: &Host| self.host(host.guid()).is_some_and(|other| std::ptr::eq(&*other, host));
        let leaves = |host: &&Arc<Host>| !is_own(host) && is_known(host) && host.leave();
        let left: HashMap<Guid, Arc<Host>> =
            hosts.iter().filter(leaves).map(|host| (host.guid(), Arc::clone(host))).collect();
        left.values().for_each(|host| self.shared.names.remove(host.guid(), &host.info().hostname));
        left.values().for_each(|host| self.departed.absorb(host.figures()));
        let all = known.iter().filter(|host| !left.contains_key(&host.guid())).cloned().collect();
        let mut hosts = self.write();
        hosts.all = Arc::new(all);
        hosts.by_guid.retain(|guid, _| !left.contains_key(guid));
        if hosts.by_guid.capacity() > 4 * hosts.by_guid.len() + 64 {
            let room = 2 * hosts.by_guid.len();
            hosts.by_guid.shrink_to(room);
        }
        drop(hosts);
        left.into_values().collect()
    }

    /// What all hosts together received and sent, those that left included; it looks at each host.
    #[must_use]
    pub fn totals(&self, now_s: i64) -> Totals {
        let mut totals = Totals::default();
        totals.figures.absorb(&self.departed);
        for host in self.hosts().iter() {
            let figures = host.figures();
            totals.figures.absorb(figures);
            totals.figures.receiving.add(figures.receiving.get());
            totals.figures.sending.add(figures.sending.get());
            totals.figures.unsaved.add(figures.unsaved.get());
            let sent_s = figures.sent_newest_s.get();
            if figures.sending.get() > 0 && sent_s > 0 {
                totals.sent_lag_s = totals.sent_lag_s.max(host.newest_s() - sent_s);
            }
            if figures.receiving.get() > 0 && host.newest_s() > 0 {
                totals.lag_s = totals.lag_s.max(now_s - host.newest_s());
            }
        }
        totals
    }

    pub(crate) fn interner(&self) -> &Interner {
        &self.shared.interner
    }

    fn write(&self) -> RwLockWriteGuard<'_, Hosts> {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Saves the hosts that `which` picks, each to files of its own; those that sleep are there already.
    /// Nobody must feed them any more. Returns what the disk refused.
    pub fn save(&self, disk: &dyn Disk, which: impl Fn(&Host) -> bool) -> Vec<(Guid, io::Error)> {
        let hosts = self.hosts();
        let awake = hosts.iter().filter(|host| which(host) && !host.is_asleep());
        awake.filter_map(|host| files::save(host, disk).err().map(|err| (host.guid(), err))).collect()
    }

    /// Saves a host of memory mode `save` that nobody feeds, and lets its charts and rows go from memory;
    /// they come back when somebody asks. Returns whether it sleeps.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn put_to_sleep(&self, disk: &Arc<dyn Disk>, host: &Host) -> io::Result<bool> {
        if host.keep().mode != MemoryMode::Save || host.is_asleep() || host.is_fed() {
            return Ok(false);
        }
        let generation = host.generation();
        files::save(host, &**disk)?;
        Ok(host.sleep(OnDisk { disk: Arc::clone(disk), guid: host.guid(), stays: |keep| keep.on_disk }, generation))
    }

    /// Finds the hosts that a disk keeps. They sleep there: charts and rows of each are read when
    /// somebody asks for them; blocks of hosts that `stays` picks by how they are kept stay there even
    /// then. What cannot be used is told by [`Store::damages`], now and then.
    pub fn load(&self, disk: &Arc<dyn Disk>, stays: Which) {
        let mut damages = Vec::new();
        for found in files::find(&**disk, &mut damages) {
            let folder = OnDisk { disk: Arc::clone(disk), guid: found.info.guid, stays };
            let host = self.host(found.info.guid).unwrap_or_else(|| self.add(&found.info, found.keep));
            if found.is_ephemeral {
                host.set_ephemeral(Some(true));
            }
            let steps: Vec<u32> =
                host.tiers().iter().filter(|tier| tier.bytes.is_some()).map(|tier| tier.step_s).collect();
            let oldest_s = files::oldest_s(&**disk, found.info.guid, &steps).unwrap_or(found.newest_s);
            host.found_in(folder, found.newest_s, oldest_s);
        }
        self.shared.damages.add(damages);
    }

    /// What of the files could not be used since the last call; everything else is there.
    #[must_use]
    pub fn damages(&self) -> Vec<Damage> {
        self.shared.damages.take()
    }
}
