//! The alarms of all hosts of a node.
//!
//! [`Fleet::step`] is called about once a second, by one thread; the API looks at one host at a time
//! ([`Fleet::of`]), and waits no longer than its step takes.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use row::{Guid, Now};
use rrd_store::{Disk, Host, MemoryMode, Store};

use crate::engine::{Alarm, HostFacts, Notice, Patience, Report, Rules, Space, Transition, Watch};
use crate::files::Definition;
use crate::log::{Entry, Log};
use crate::notify::Message;
use crate::silencers::{Answer, Silencers};

/// After the disk refused a log, it is tried again after this time.
const RETRY_S: i64 = 30;

/// Whom this node reaches, and what it is to the nodes above and below that watch the same hosts.
pub struct Telling {
    /// It tells whatever they tell.
    pub always: bool,
    /// Whether a change of such an alarm reaches anybody from here: only then others may leave it to us.
    pub reaches: Reaches,
}

/// Whether a change of an alarm that is defined like this is sent to anybody.
pub type Reaches = Box<dyn Fn(&Definition) -> bool + Send + Sync>;

/// Only programs that alarms name themselves are run.
impl Default for Telling {
    fn default() -> Self {
        Self { always: false, reaches: Box::new(|definition| !definition.exec.is_empty()) }
    }
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").field("always", &self.always).finish_non_exhaustive()
    }
}

/// The alarms of all hosts.
#[derive(Debug)]
pub struct Fleet {
    store: Arc<Store>,
    /// Where logs go; without it they are forgotten.
    disk: Arc<dyn Disk>,
    patience: Patience,
    rules: Mutex<Arc<Rules>>,
    silencers: Mutex<Arc<Silencers>>,
    telling: Mutex<Arc<Telling>>,
    hosts: Mutex<HashMap<Guid, Arc<Mutex<Watched>>>>,
    /// For one host after another.
    space: Mutex<Space>,
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
    /// What other nodes know of its alarms: of which feed, and which revision.
    said: (u64, u64),
    next_s: i64,
    flush_s: i64,
}

/// What a step brought.
#[derive(Debug, Default)]
pub struct Told {
    /// What is to be told.
    pub messages: Vec<Message>,
    /// Logs that the disk refused.
    pub refused: Vec<(Guid, io::Error)>,
    /// Bytes of logs that were damaged.
    pub damaged: Vec<(Guid, u64)>,
}

impl Fleet {
    /// Watches the hosts of a store by `rules`; logs go to `disk`.
    #[must_use]
    pub fn new(store: Arc<Store>, disk: Arc<dyn Disk>, rules: Rules, patience: Patience) -> Self {
        Self {
            store,
            disk,
            patience,
            rules: Mutex::new(Arc::new(rules)),
            silencers: Mutex::default(),
            telling: Mutex::default(),
            hosts: Mutex::default(),
            space: Mutex::default(),
        }
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

    /// Says whom this node reaches; alarms that are bound from now on go by it.
    pub fn set_telling(&self, telling: Telling) {
        *lock(&self.telling) = Arc::new(telling);
    }

    /// Puts silencers in force.
    pub fn set_silencers(&self, silencers: Silencers) {
        *lock(&self.silencers) = Arc::new(silencers);
    }

    /// Does what the parameters of a request say of silencers. What becomes of them is in force with the
    /// next step; `keep` is given those that are to be kept.
    ///
    /// # Errors
    /// Where they could not be kept; they are in force all the same.
    pub fn silence<'p>(
        &self,
        parameters: impl Iterator<Item = (&'p str, &'p str)>,
        keep: impl FnOnce(&Silencers) -> io::Result<()>,
    ) -> io::Result<Answer> {
        let mut silencers = lock(&self.silencers);
        let answer = Arc::make_mut(&mut silencers).command(parameters);
        if answer.is_changed {
            keep(&silencers)?;
        }
        Ok(answer)
    }

    /// A host's alarms; `None` for one that is not watched.
    #[must_use]
    pub fn of(&self, guid: Guid) -> Option<Arc<Mutex<Watched>>> {
        lock(&self.hosts).get(&guid).cloned()
    }

    /// Evaluates what is due on all hosts.
    pub fn step(&self, now: Now) -> Told {
        let mut told = Told::default();
        let silencers = Arc::clone(&lock(&self.silencers));
        let telling = Arc::clone(&lock(&self.telling));
        let hosts = self.store.hosts();
        let mut space = lock(&self.space);
        self.forget_others();
        for host in hosts.iter() {
            if !self.is_watched(host) {
                if host.levels().is_wanted() {
                    host.levels().set_own(host.generation(), &[], false);
                }
                continue;
            }
            match self.watched(host, now, &mut told) {
                Ok(watched) => lock(&watched).step(&silencers, &telling, now, &mut told, &mut space),
                Err(error) => told.refused.push((host.guid(), error)),
            }
        }
        told
    }

    /// It is known what telling a transition came to: 0 is success.
    pub fn told(&self, guid: Guid, transition: &Transition, now: Now, code: i32) {
        self.note(guid, |log| log.add_result(transition, now.wall_s(), code));
    }

    /// Somebody heard a transition, before it is known whether all did.
    pub fn reached(&self, guid: Guid, transition: &Transition, who: &str) {
        self.note(guid, |log| log.add_reached(transition, who));
    }

    /// Adds to a log and writes it at once: what is known to be told is not told again after a kill. What
    /// the disk refuses is written with the next step.
    fn note(&self, guid: Guid, add: impl FnOnce(&mut Log)) {
        if let Some(watched) = self.of(guid) {
            let log = &mut lock(&watched).log;
            add(log);
            let _written_later = log.flush();
        }
    }

    /// A host without rows has no alarms. One that nobody streams is watched on once it was.
    fn is_watched(&self, host: &Host) -> bool {
        let enabled = host.alarm_policy().enabled;
        host.keep().mode != MemoryMode::None
            && enabled != Some(false)
            && (enabled == Some(true) || host.is_fed() || self.of(host.guid()).is_some())
    }

    fn forget_others(&self) {
        let mut known = lock(&self.hosts);
        known.retain(|_, watched| {
            let host = &lock(watched).host;
            !host.has_left() && host.alarm_policy().enabled != Some(false)
        });
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
        let mut watch = Watch::new(rules, facts, self.patience, log.memories().clone(), log.last_unique_id(), now);
        if lock(&self.telling).always {
            watch.tell_always();
        }
        let watched = Watched {
            host: Arc::clone(host),
            watch,
            log,
            is_live: false,
            generation: 0,
            said: (0, 0),
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

    fn step(&mut self, silencers: &Arc<Silencers>, telling: &Telling, now: Now, told: &mut Told, space: &mut Space) {
        let policy = self.host.alarm_policy();
        let is_live = policy.enabled == Some(true) || self.host.is_fed();
        let was_live = std::mem::replace(&mut self.is_live, is_live);
        if !self.is_live {
            return;
        }
        let generation = self.host.generation();
        // The node's own host is collected from the start on; others have to send their charts first.
        let connects = !was_live || generation != self.generation;
        self.generation = generation;
        if connects && self.host.info().hops > 0 {
            let postpone_s = i64::from(policy.postpone_s);
            self.watch.connected(now, postpone_s);
            if self.host.levels().is_wanted_below() {
                self.watch.listen(now.wall_s() + postpone_s);
            }
            self.next_s = 0;
        }
        if self.watch.set_silencers(silencers) || self.watch.has_news(self.host.levels()) {
            self.next_s = 0;
        }
        if now.wall_s() >= self.next_s {
            let mut report = Report::default();
            self.next_s = self.watch.step(&self.host, now, &mut report, space);
            report.transitions.iter().for_each(|transition| self.log.add(transition));
            let reached =
                |notice: &Notice| if notice.is_repeated { Vec::new() } else { self.log.reached(&notice.transition) };
            let reached: Vec<_> = report.notices.iter().map(reached).collect();
            for notice in report.notices.iter().filter(|notice| !notice.is_repeated) {
                let transition = &notice.transition;
                self.log.add_told(transition, transition.to, now.wall_s());
            }
            report.elsewhere.iter().for_each(|told| self.log.add_told_elsewhere(told));
            let info = self.host.info();
            told.messages.extend(report.notices.into_iter().zip(reached).map(|(notice, reached)| Message {
                hostname: info.hostname.clone(),
                guid: info.guid,
                is_own: info.hops == 0,
                reached,
                notice,
            }));
        }
        self.say(telling, now);
        self.flush(now, told);
    }

    /// Says to nodes above and below which alarms are held here, and what was told of them.
    fn say(&mut self, telling: &Telling, now: Now) {
        let said = (self.generation, self.watch.revision());
        if self.said == said || !self.host.levels().is_wanted() || !self.watch.is_ready(now.wall_s()) {
            return;
        }
        self.said = said;
        let held = self.watch.held(|alarm| (telling.reaches)(&alarm.definition));
        self.host.levels().set_own(self.generation, &held, !telling.always);
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

#[cfg(test)]
mod tests {
    use row::{ChartDefinition, ChartSlot, DimensionDefinition, Packed, PointFlags};
    use rrd_store::{AlarmPolicy, Feed, FeedKind, HostInfo, Keep, RealDisk};

    use super::*;
    use crate::expression::Status;
    use crate::files;

    const START_S: i64 = 1_795_387_000;
    const HOST: Guid = Guid::from_bytes([3; 16]);

    struct World {
        store: Arc<Store>,
        fleet: Fleet,
        feed: Option<Feed>,
        now_s: i64,
        disk: tempfile::TempDir,
        /// It is never known what became of messages.
        ends_early: bool,
    }

    fn fleet(store: &Arc<Store>, disk: &tempfile::TempDir) -> Fleet {
        let text = "alarm: hot\non: test.cpu\ncalc: $busy\nevery: 1s\nwarn: $this > 50\n";
        let (definitions, _) = files::read("x.conf", text);
        let log = Arc::new(RealDisk::new(disk.path()));
        Fleet::new(Arc::clone(store), log, Rules::new(definitions), Patience::default())
    }

    fn info() -> HostInfo {
        HostInfo { hops: 1, ..HostInfo::unknown(HOST) }
    }

    impl World {
        fn new() -> Self {
            let (store, disk) = (Arc::new(Store::new()), tempfile::tempdir().unwrap());
            let fleet = fleet(&store, &disk);
            let mut world = Self { store, fleet, feed: None, now_s: START_S, disk, ends_early: false };
            world.connect();
            world
        }

        fn connect(&mut self) {
            let host = self.store.add(&info(), Keep::new(MemoryMode::Ram, 600));
            host.set_alarm_policy(AlarmPolicy { enabled: None, postpone_s: 5 });
            let mut feed = host.claim(FeedKind::Stored, info());
            let mut writer = feed.writer(self.now()).unwrap();
            let chart = ChartDefinition { id: "test.cpu", update_every_s: 1, ..Default::default() };
            let slot = writer.define_chart(&chart).unwrap();
            writer.define_dimension(slot, &DimensionDefinition { id: "busy", ..Default::default() }).unwrap();
            drop(writer);
            self.feed = Some(feed);
        }

        fn now(&self) -> Now {
            Now { wall_us: self.now_s * 1_000_000, mono_us: (self.now_s - START_S + 100) as u64 * 1_000_000 }
        }

        /// So many seconds, with rows while somebody streams; returns what was told.
        fn seconds(&mut self, count: i64, busy: f64) -> Vec<Status> {
            let mut statuses = Vec::new();
            for _ in 0..count {
                self.now_s += 1;
                let now = self.now();
                if let Some(feed) = &mut self.feed {
                    let mut writer = feed.writer(now).unwrap();
                    writer.begin(ChartSlot(0));
                    writer.set_stored(0, None, Packed::pack(busy, PointFlags::default()));
                    writer.end_stored(self.now_s, true);
                }
                let told = self.fleet.step(now);
                assert!(told.refused.is_empty() && told.damaged.is_empty());
                for message in told.messages.iter().filter(|_| !self.ends_early) {
                    self.fleet.told(HOST, &message.notice.transition, now, 0);
                }
                statuses.extend(told.messages.iter().map(|message| message.notice.transition.to));
            }
            statuses
        }

        fn status(&self) -> Status {
            lock(&self.fleet.of(HOST).unwrap()).alarms()[0].state.status
        }
    }

    /// The goal: in a host that nobody streams all stays as it is; back again, it is left alone for a
    /// while and then told once only; a new process tells nothing twice, but that it is over.
    #[test]
    fn streams_and_processes_come_and_go() {
        let mut world = World::new();
        assert_eq!(world.seconds(5, 10.0), []);
        assert!(lock(&world.fleet.of(HOST).unwrap()).alarms().is_empty(), "it is left alone at first");
        assert_eq!(world.seconds(10, 90.0), [Status::Warning]);
        world.feed = None;
        assert_eq!(world.seconds(100, 0.0), []);
        assert_eq!(world.status(), Status::Warning);
        assert!(!lock(&world.fleet.of(HOST).unwrap()).is_live());
        world.connect();
        assert_eq!(world.seconds(20, 90.0), []);

        world.fleet = fleet(&world.store, &world.disk);
        assert_eq!(world.seconds(20, 90.0), []);
        assert_eq!(world.status(), Status::Warning);
        assert_eq!(world.seconds(5, 10.0), [Status::Clear]);
        let log = lock(&world.fleet.of(HOST).unwrap()).log(0, None, 100).unwrap();
        assert_eq!((log[0].to, log[0].told_s > 0), (Status::Clear, true));
        assert!(log.windows(2).all(|pair| pair[0].unique_id > pair[1].unique_id));
    }

    /// The goal: a process that ends before it knows what became of a message leaves it to the next one,
    /// also where the alarm is over by then.
    #[test]
    fn what_was_not_finished_is_told_again() {
        let mut world = World::new();
        world.ends_early = true;
        assert_eq!(world.seconds(15, 90.0), [Status::Warning]);
        world.fleet = fleet(&world.store, &world.disk);
        assert_eq!(world.seconds(15, 90.0), [Status::Warning]);
        world.fleet = fleet(&world.store, &world.disk);
        world.ends_early = false;
        assert_eq!(world.seconds(15, 10.0), [Status::Clear]);
        world.fleet = fleet(&world.store, &world.disk);
        assert_eq!(world.seconds(15, 10.0), []);
    }

    /// What settings turn off is not watched, nor is what left; what they turn on is, streamed or not.
    #[test]
    fn settings_decide() {
        let mut world = World::new();
        world.seconds(10, 10.0);
        let host = world.store.host(HOST).unwrap();
        host.set_alarm_policy(AlarmPolicy { enabled: Some(false), postpone_s: 0 });
        world.seconds(1, 10.0);
        assert!(world.fleet.of(HOST).is_none());
        host.set_alarm_policy(AlarmPolicy { enabled: Some(true), postpone_s: 0 });
        world.feed = None;
        world.seconds(3, 0.0);
        assert!(lock(&world.fleet.of(HOST).unwrap()).is_live());
    }
}
