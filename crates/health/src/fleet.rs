//! The alarms of all hosts of a node.
//!
//! [`Fleet::step`] is called about once a second, by one thread; the API looks at one host at a time
//! ([`Fleet::of`]), and waits no longer than its step takes.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use row::{Guid, Now};
use rrd_store::{Disk, Host, MemoryMode, Store};

use crate::engine::{Alarm, HostFacts, Notice, Patience, Report, Rules, Watch};
use crate::log::{Entry, Log};

/// After the disk refused a log, it is tried again after this time.
const RETRY_S: i64 = 30;

/// The alarms of all hosts.
#[derive(Debug)]
pub struct Fleet {
    store: Arc<Store>,
    /// Where logs go; without it they are forgotten.
    disk: Arc<dyn Disk>,
    patience: Patience,
    rules: Mutex<Arc<Rules>>,
    hosts: Mutex<HashMap<Guid, Arc<Mutex<Watched>>>>,
}

/// A host and its alarms.
#[derive(Debug)]
pub struct Watched {
    host: Arc<Host>,
    watch: Watch,
    log: Log,
    /// It is evaluated: somebody streams it, or it is the node's own.
    is_live: bool,
    generation: u64,
    next_s: i64,
    flush_s: i64,
}

/// What a step brought.
#[derive(Debug, Default)]
pub struct Told {
    /// What is to be told, and of which host.
    pub notices: Vec<(Arc<Host>, Notice)>,
    /// Logs that the disk refused.
    pub refused: Vec<(Guid, io::Error)>,
    /// Bytes of logs that were damaged.
    pub damaged: Vec<(Guid, u64)>,
}

impl Fleet {
    /// Watches the hosts of a store by `rules`; logs go to `disk`.
    #[must_use]
    pub fn new(store: Arc<Store>, disk: Arc<dyn Disk>, rules: Rules, patience: Patience) -> Self {
        Self { store, disk, patience, rules: Mutex::new(Arc::new(rules)), hosts: Mutex::default() }
    }

    /// Puts other rules in force.
    pub fn set_rules(&self, rules: Rules) {
        let rules = Arc::new(rules);
        *lock(&self.rules) = Arc::clone(&rules);
        let hosts: Vec<_> = lock(&self.hosts).values().cloned().collect();
        for watched in hosts {
            let mut watched = lock(&watched);
            watched.watch.set_rules(Arc::clone(&rules));
            watched.next_s = 0;
        }
    }

    /// A host's alarms; `None` for one that is not watched.
    #[must_use]
    pub fn of(&self, guid: Guid) -> Option<Arc<Mutex<Watched>>> {
        lock(&self.hosts).get(&guid).cloned()
    }

    /// Evaluates what is due on all hosts.
    pub fn step(&self, now: Now) -> Told {
        let mut told = Told::default();
        let hosts = self.store.hosts();
        self.forget_others(&hosts);
        for host in hosts.iter() {
            if host.keep().mode == MemoryMode::None || !(host.is_fed() || self.of(host.guid()).is_some()) {
                continue;
            }
            match self.watched(host, now, &mut told) {
                Ok(watched) => lock(&watched).step(now, &mut told),
                Err(error) => told.refused.push((host.guid(), error)),
            }
        }
        told
    }

    fn forget_others(&self, hosts: &[Arc<Host>]) {
        let mut known = lock(&self.hosts);
        if known.len() > hosts.len() || known.values().any(|watched| lock(watched).host.has_left()) {
            known.retain(|guid, _| hosts.iter().any(|host| host.guid() == *guid && !host.has_left()));
        }
    }

    /// A host's alarms, from now on if they are new.
    fn watched(&self, host: &Arc<Host>, now: Now, told: &mut Told) -> io::Result<Arc<Mutex<Watched>>> {
        if let Some(watched) = self.of(host.guid()) {
            return Ok(watched);
        }
        let (log, damaged) = Log::open(Arc::clone(&self.disk), host.guid())?;
        if damaged > 0 {
            told.damaged.push((host.guid(), damaged));
        }
        let info = host.info();
        let facts = HostFacts { hostname: info.hostname.clone(), os: info.os.clone() };
        let rules = Arc::clone(&lock(&self.rules));
        let watch = Watch::new(rules, facts, self.patience, log.memories().clone(), log.last_unique_id(), now);
        let watched = Watched {
            host: Arc::clone(host),
            watch,
            log,
            is_live: false,
            generation: 0,
            next_s: 0,
            flush_s: 0,
        };
        let watched = Arc::new(Mutex::new(watched));
        lock(&self.hosts).insert(host.guid(), Arc::clone(&watched));
        Ok(watched)
    }
}

impl Watched {
    /// The alarms in force.
    #[must_use]
    pub fn alarms(&self) -> &[Alarm] {
        self.watch.alarms()
    }

    /// Whether they are evaluated: those of a host that nobody streams stay as they are.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.is_live
    }

    /// The number of the newest transition.
    #[must_use]
    pub const fn last_unique_id(&self) -> u32 {
        self.log.last_unique_id()
    }

    /// The log, newest first: see [`Log::read`].
    ///
    /// # Errors
    /// Where the disk cannot be read.
    pub fn log(&self, after_id: u32, chart: Option<&str>, count_max: usize) -> io::Result<Vec<Entry>> {
        self.log.read(after_id, chart, count_max)
    }

    fn step(&mut self, now: Now, told: &mut Told) {
        let was_live = std::mem::replace(&mut self.is_live, self.host.is_fed());
        if !self.is_live {
            return;
        }
        let generation = self.host.generation();
        // The node's own host is collected from the start on; others have to send their charts first.
        let connects = !was_live || generation != self.generation;
        self.generation = generation;
        if connects && self.host.info().hops > 0 {
            self.watch.connected(now);
            self.next_s = 0;
        }
        if now.wall_s() >= self.next_s {
            let mut report = Report::default();
            self.next_s = self.watch.step(&self.host, now, &mut report);
            report.transitions.iter().for_each(|transition| self.log.add(transition));
            told.notices.extend(report.notices.into_iter().map(|notice| (Arc::clone(&self.host), notice)));
        }
        self.flush(now, told);
    }

    fn flush(&mut self, now: Now, told: &mut Told) {
        if now.wall_s() < self.flush_s {
            return;
        }
        if let Err(error) = self.log.flush() {
            self.flush_s = now.wall_s() + RETRY_S;
            told.refused.push((self.host.guid(), error));
        }
    }
}

/// A thread that panicked left nothing half done that would matter more than alarms.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
