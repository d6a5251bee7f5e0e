//! What leaves memory and when: charts, dimensions and hosts, over days that pass in no time.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use patterns::SimplePattern;
use row::{
    ChartDefinition, ChartOptions, ChartSlot, DimensionDefinition, DimensionOptions, Guid, Label, Now, Packed,
    PointFlags, Row,
};
use rrd_store::query::{Charts, Query};
use rrd_store::{ChartView, Feed, FeedKind, Host, HostInfo, HostView, Keep, Life, MemoryMode, Patience, Store, Tap};

const START_S: i64 = 1_795_387_000;
const HOUR_S: u64 = 3_600;
const PATIENCE: Patience = Patience { charts_us: HOUR_S * 1_000_000, hosts_us: HOUR_S * 1_000_000 };
const KEEP: Keep = Keep::new(MemoryMode::Ram, 300);

fn info(guid: u64, name: &str) -> HostInfo {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&guid.to_le_bytes());
    HostInfo { hostname: name.into(), hops: 1, ..HostInfo::unknown(Guid::from_bytes(bytes)) }
}

/// A store with its own host and one more, and what sweeps it.
struct World {
    store: Store,
    host: Arc<Host>,
    feed: Feed,
    life: Life,
    second: u64,
    left: rrd_store::Left,
}

impl World {
    fn new() -> Self {
        let store = Store::new();
        store.add(&info(0, "own"), KEEP);
        let feed = store.claim(&info(1, "alpha"), KEEP, FeedKind::Stored);
        let host = Arc::clone(feed.host());
        Self { store, host, feed, life: Life::new(PATIENCE), second: 0, left: rrd_store::Left::default() }
    }

    fn now(&self) -> Now {
        Now { wall_us: (START_S + self.second as i64) * 1_000_000, mono_us: self.second * 1_000_000 + 7 }
    }

    /// Lets some seconds pass, with a row of each of these charts in each.
    fn pass(&mut self, seconds: u64, rows: &[ChartSlot]) {
        for _ in 0..seconds {
            self.second += 1;
            rows.iter().for_each(|&slot| self.row(slot, &[1.0, 2.0]));
            self.sweep(self.now());
        }
    }

    /// Takes all steps that are due.
    fn sweep(&mut self, now: Now) {
        let mut now = now;
        while now.mono_us >= self.life.due_us() {
            let left = self.life.step(&self.store, now);
            self.left.charts += left.charts;
            self.left.hosts.extend(left.hosts);
            now.mono_us += 1;
        }
    }

    fn define(&mut self, id: &str, options: ChartOptions) -> ChartSlot {
        let now = self.now();
        let mut writer = self.feed.writer(now).unwrap();
        let slot =
            writer.define_chart(&ChartDefinition { id, options, update_every_s: 1, ..Default::default() }).unwrap();
        for id in ["a", "b"] {
            writer.define_dimension(slot, &DimensionDefinition { id, ..Default::default() }).unwrap();
        }
        slot
    }

    fn dimension(&mut self, slot: ChartSlot, id: &str, options: DimensionOptions) -> u32 {
        let now = self.now();
        let mut writer = self.feed.writer(now).unwrap();
        writer.define_dimension(slot, &DimensionDefinition { id, options, ..Default::default() }).unwrap()
    }

    fn row(&mut self, slot: ChartSlot, values: &[f64]) {
        let (now, second) = (self.now(), START_S + self.second as i64);
        let mut writer = self.feed.writer(now).unwrap();
        assert!(writer.begin(slot));
        for (index, &value) in (0..).zip(values).filter(|(_, value)| !value.is_nan()) {
            writer.set_stored(index, Some(value as i64), Packed::pack(value, PointFlags::NORMAL));
        }
        writer.end_stored(second, true);
    }

    fn obsolete(&mut self, slot: ChartSlot) {
        let now = self.now();
        self.feed.writer(now).unwrap().set_chart_obsolete(slot);
    }

    fn ids(&self) -> Vec<String> {
        self.host.read(|view| view.charts().map(|chart| chart.id().to_owned()).collect())
    }

    fn columns(&self, chart: &str) -> Vec<String> {
        let answer = self.host.query(&Query::new(Charts::One(chart)), START_S + self.second as i64);
        answer.map(|answer| answer.columns.iter().map(|column| column.id.to_string()).collect()).unwrap_or_default()
    }
}

const PLAIN: ChartOptions = ChartOptions(0);
const SHOWN: DimensionOptions = DimensionOptions(0);

/// Goal: an obsolete chart goes an hour after its newest row, one without rows after its definition,
/// and one that is collected never; the first vacant slot is the next to be used.
#[test]
fn obsolete_charts_go() {
    let mut world = World::new();
    let kept = world.define("a.kept", PLAIN);
    let ended = world.define("a.ended", PLAIN);
    let bare = world.define("a.bare", ChartOptions::OBSOLETE);
    world.pass(600, &[kept, ended]);
    world.obsolete(ended);
    world.pass(HOUR_S - 700, &[kept]);
    assert_eq!(world.ids(), ["a.kept", "a.ended", "a.bare"]);
    world.pass(300, &[kept]);
    assert_eq!(world.ids(), ["a.kept", "a.ended"], "the chart without rows is an hour old");
    world.pass(600, &[kept]);
    assert_eq!(world.ids(), ["a.kept"]);
    assert_eq!(world.left.charts, 2);
    assert_eq!((world.host.status().charts, world.host.status().dimensions), (1, 2));
    assert_eq!(world.define("a.ended", PLAIN), ended, "the slot is used again");
    assert_eq!(world.define("a.next", PLAIN), bare);
    assert_eq!(world.columns("a.ended"), [""; 0], "what comes back is new");
    world.pass(10, &[ended]);
    assert_eq!(world.columns("a.ended"), ["a", "b"]);
}

/// Goal: a chart that is marked and defined again without the mark stays, as do rows after it.
#[test]
fn a_chart_that_is_defined_again_stays() {
    let mut world = World::new();
    let slot = world.define("a.b", PLAIN);
    world.pass(60, &[slot]);
    for _ in 0..5 {
        world.obsolete(slot);
        world.pass(HOUR_S - 120, &[]);
        assert_eq!(world.define("a.b", PLAIN), slot);
    }
    assert_eq!((world.ids().len(), world.left.charts), (1, 0));
}

/// Goal: a chart without the mark goes only when its host was fed for an hour in one go without a
/// row of it; a host that nobody feeds keeps its charts.
#[test]
fn silent_charts_go_while_their_host_is_streamed() {
    let mut world = World::new();
    let (kept, silent) = (world.define("a.kept", PLAIN), world.define("a.silent", PLAIN));
    world.pass(60, &[kept, silent]);
    for _ in 0..4 {
        world.pass(HOUR_S - 200, &[kept]);
        world.feed = world.store.claim(&info(1, "alpha"), KEEP, FeedKind::Stored);
    }
    assert_eq!(world.ids().len(), 2, "no stream lasted for an hour");
    world.pass(HOUR_S + 200, &[kept]);
    assert_eq!(world.ids(), ["a.kept"]);
    let slow = {
        let now = world.now();
        let mut writer = world.feed.writer(now).unwrap();
        writer.define_chart(&ChartDefinition { id: "a.slow", update_every_s: 3_600, ..Default::default() }).unwrap()
    };
    world.pass(2 * HOUR_S, &[kept]);
    assert_eq!(world.ids(), ["a.kept", "a.slow"], "one row an hour is not silence");
    assert_ne!(slow, kept);
}

/// Goal: however the wall clock jumps, only time that passed counts.
#[test]
fn a_clock_that_is_set_sweeps_nothing() {
    let mut world = World::new();
    let ended = world.define("a.ended", PLAIN);
    let kept = world.define("a.kept", PLAIN);
    world.pass(100, &[kept, ended]);
    world.obsolete(ended);
    world.pass(100, &[kept]);
    for jump_s in [366 * 86_400, -10 * 366 * 86_400, 0] {
        for _ in 0..10 {
            world.second += 60;
            let now = Now { wall_us: world.now().wall_us + jump_s * 1_000_000, ..world.now() };
            world.sweep(now);
        }
    }
    assert_eq!((world.ids().len(), world.left.hosts.len()), (2, 0));
    world.pass(HOUR_S, &[kept]);
    assert_eq!(world.ids(), ["a.kept"]);
}

/// Goal: an obsolete dimension is hidden after an hour without a value and comes back when it is
/// defined again; its index is another's only once the ring has no value of it.
#[test]
fn dimensions_go_and_their_indexes_come_again() {
    let mut world = World::new();
    let slot = world.define("a.b", PLAIN);
    world.pass(50, &[slot]);
    world.dimension(slot, "b", DimensionOptions::OBSOLETE);
    let rows = |world: &mut World, seconds: u64| {
        for _ in 0..seconds {
            world.second += 1;
            world.row(slot, &[1.0]);
            world.sweep(world.now());
        }
    };
    rows(&mut world, HOUR_S - 200);
    assert_eq!(world.columns("a.b"), ["a", "b"], "no hour has passed");
    rows(&mut world, 300);
    assert_eq!(world.columns("a.b"), ["a"]);
    let laid_out = |world: &World| world.host.read(|view| view.chart(slot).unwrap().laid_out());
    let first = laid_out(&world);
    // The history is shorter than the hour, but the chart must go on for the ring to tell.
    rows(&mut world, 600);
    assert_ne!(laid_out(&world), first);
    assert_eq!(world.host.status().dimensions, 1);
    assert_eq!(world.dimension(slot, "c", SHOWN), 1, "the index is free");
    world.pass(100, &[slot]);
    assert_eq!(world.columns("a.b"), ["a", "c"]);
    assert_eq!(world.dimension(slot, "b", SHOWN), 2, "the old one is new");
}

/// Goal: a dimension that is hidden comes back with its definition, or with a late value of the past.
#[test]
fn hidden_dimensions_come_back() {
    let mut world = World::new();
    // A history that is longer than the hour: the ring still has values of what is hidden.
    world.store.add(&info(1, "alpha"), Keep { history_rows: 20_000, ..KEEP });
    let slot = world.define("a.b", PLAIN);
    world.pass(50, &[slot]);
    world.dimension(slot, "b", DimensionOptions::OBSOLETE);
    for _ in 0..2 * HOUR_S {
        world.second += 1;
        world.row(slot, &[1.0]);
        world.sweep(world.now());
    }
    assert_eq!(world.columns("a.b"), ["a"]);
    let named = SimplePattern::new("b");
    let query = Query { dimensions: Some(&named), ..Query::new(Charts::One("a.b")) };
    assert!(world.host.query(&query, START_S + world.second as i64).is_err(), "not even by name");
    assert_eq!(world.dimension(slot, "c", SHOWN), 2, "its index is not free");
    assert_eq!(world.dimension(slot, "b", SHOWN), 1);
    assert_eq!(world.columns("a.b"), ["a", "b", "c"]);
}

/// Goal: a chart whose dimensions come and go, one per user, stays as small as what is there at once.
#[test]
fn indexes_of_dimensions_stay_bounded() {
    let mut world = World::new();
    let slot = world.define("a.b", PLAIN);
    let mut most = 0;
    for user in 0..2_000_u64 {
        let id = format!("user {user}");
        world.dimension(slot, &id, SHOWN);
        world.second += 60;
        world.row(slot, &[1.0]);
        world.dimension(slot, &id, DimensionOptions::OBSOLETE);
        world.sweep(world.now());
        most = most.max(world.host.read(|view| view.chart(slot).unwrap().dimension_count()));
    }
    assert!(most < 150, "{most} indexes for 60 users an hour");
}

/// What a tap was told, by slot.
#[derive(Default)]
struct Listener {
    names: Arc<Mutex<BTreeMap<ChartSlot, String>>>,
}

impl Tap for Listener {
    fn host(&mut self, _: &HostView<'_>) {}
    fn definition(&mut self, chart: &ChartView<'_>, _: Now) {
        self.names.lock().unwrap().insert(chart.slot(), chart.id().into());
    }
    fn removed(&mut self, slot: ChartSlot) {
        self.names.lock().unwrap().remove(&slot);
    }
    fn row(&mut self, row: &Row<'_>) {
        let second = row.time_s.unwrap();
        let names = self.names.lock().unwrap();
        let name = names.get(&row.chart).map(String::as_str);
        // Each chart's value is in its name, so that a row in a wrong slot is seen.
        assert_eq!(name, Some(format!("a.{}", row.samples[0].value.unpack()).as_str()), "{second}");
    }
    fn wake(&mut self) {}
}

/// Goal: over thousands of charts that come and go at random, each slot has the chart that taps were
/// told, ids lead to it and rows are its own.
#[test]
fn slots_are_never_mixed_up() {
    let mut world = World::new();
    let names = Arc::new(Mutex::new(BTreeMap::new()));
    world.host.attach(|_| Listener { names: Arc::clone(&names) });
    let (mut random, mut next, mut charts) = (7_u64, 0, Vec::<(u32, ChartSlot)>::new());
    let mut most = 0;
    for _ in 0..4_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dice = random >> 33;
        if charts.len() < 40 {
            charts.push((next, world.define(&format!("a.{next}"), PLAIN)));
            next += 1;
        } else {
            let (_, slot) = charts.swap_remove(dice as usize % charts.len());
            world.obsolete(slot);
        }
        world.second += 60;
        for &(number, slot) in &charts {
            let id = format!("a.{number}");
            assert_eq!(world.host.read(|view| view.find_chart(&id).map(|chart| chart.slot())), Some(slot));
            assert!(world.feed.writer(Now { wall_us: 1, mono_us: 1 }).unwrap().is_chart(slot, id.as_bytes()));
            world.row(slot, &[f64::from(number)]);
        }
        world.sweep(world.now());
        most = most.max(world.host.read(|view| view.slots_end()));
        assert_eq!(world.host.read(|view| view.charts().count()), world.host.status().charts);
    }
    assert!(next > 1_900 && most < 150, "{most} slots for {next} charts");
    for number in 0..next {
        let id = format!("a.{number}");
        let found = world.host.read(|view| view.find_chart(&id).map(|chart| chart.id().to_owned()));
        assert!(found.is_none_or(|found| found == id));
    }
}

/// Goal: whoever writes to a slot whose chart went writes nowhere.
#[test]
fn a_slot_whose_chart_went_takes_nothing() {
    let mut world = World::new();
    let kept = world.define("a.kept", PLAIN);
    let ended = world.define("a.ended", ChartOptions::OBSOLETE);
    world.pass(HOUR_S + 200, &[kept]);
    assert_eq!(world.ids(), ["a.kept"]);
    let now = world.now();
    let mut writer = world.feed.writer(now).unwrap();
    assert!(!writer.begin(ended) && !writer.is_chart(ended, b"a.ended") && !writer.is_chart(ended, b""));
    assert_eq!(writer.find_chart(b"", Some(kept)), None);
    writer.set_chart_labels(ended, &[Label { name: "x", value: "y", source: 1 }]);
    writer.set_chart_variable(ended, "x", 1.0);
    writer.set_update_every(ended, 7);
    writer.set_chart_obsolete(ended);
    writer.set_chart_state(ended, 1_000_000, 1_000_000);
    writer.set_dimension_state(ended, 0, 1, 1.0);
    assert!(writer.define_dimension(ended, &DimensionDefinition { id: "z", ..Default::default() }).is_err());
}

/// A host of a mode, fed once and let go.
fn leave_behind(store: &Store, guid: u64, mode: MemoryMode, label: &str, setting: Option<bool>) {
    let mut feed = store.claim(&info(guid, &format!("host {guid}")), Keep::new(mode, 300), FeedKind::Stored);
    feed.host().set_ephemeral(setting);
    let mut writer = feed.writer(Now { wall_us: START_S * 1_000_000, mono_us: 1 }).unwrap();
    writer.set_host_labels(&[Label { name: "_is_ephemeral", value: label, source: 2 }]);
    writer.define_chart(&ChartDefinition { id: "a.b", ..Default::default() }).unwrap();
}

/// Goal: a host that nobody feeds goes after an hour; with files only if it is ephemeral, which
/// settings decide, or its own label.
#[test]
fn orphans_go() {
    let mut world = World::new();
    let cases = [
        (10, MemoryMode::Ram, "false", None, true),
        (11, MemoryMode::None, "false", Some(false), true),
        (12, MemoryMode::Map, "false", None, false),
        (13, MemoryMode::Map, "true", None, true),
        (14, MemoryMode::Save, "true", Some(false), false),
        (15, MemoryMode::Save, "false", Some(true), true),
    ];
    for (guid, mode, label, setting, _) in cases {
        leave_behind(&world.store, guid, mode, label, setting);
    }
    world.pass(HOUR_S - 100, &[]);
    assert_eq!(world.store.hosts().len(), 8);
    world.pass(200, &[]);
    for (guid, mode, _, _, leaves) in cases {
        let guid = info(guid, "").guid;
        let told = world.left.hosts.iter().find(|left| left.guid == guid);
        assert_eq!((world.store.host(guid).is_none(), told.map(|left| left.mode)), (leaves, leaves.then_some(mode)));
        let name = format!("host {}", guid.as_bytes()[0]);
        assert_eq!(world.store.find(&name).is_none(), leaves);
    }
    let names: Vec<_> = world.store.hosts().iter().map(|host| host.info().hostname.clone()).collect();
    assert_eq!(names, ["own", "alpha", "host 12", "host 14"], "the node itself is never an orphan");
}

/// Goal: a host that comes back just when it goes is fed in the store, never outside of it; one
/// that is held by others is told that it left.
#[test]
fn a_host_that_comes_back_is_in_the_store() {
    let mut world = World::new();
    let before = Arc::clone(&world.host);
    assert!(world.store.remove(std::slice::from_ref(&before)).is_empty(), "it is fed");
    world.feed = world.store.claim(&info(2, "beta"), KEEP, FeedKind::Stored);
    assert!(!before.has_left());
    assert_eq!(world.store.remove(&[Arc::clone(&before), Arc::clone(&before)]).len(), 1);
    assert!(before.has_left() && world.store.host(before.guid()).is_none());
    assert!(world.store.remove(&[Arc::clone(&before)]).is_empty(), "it is not there any more");
    let feed = world.store.claim(&info(1, "alpha"), KEEP, FeedKind::Stored);
    assert!(!Arc::ptr_eq(feed.host(), &before) && !feed.host().has_left());
    assert!(world.store.remove(&[before]).is_empty(), "its successor is another");
    assert_eq!(world.store.hosts().len(), 3);
}

/// Goal: names lead to hosts however they change; of several the one that is fed is found.
#[test]
fn hosts_are_found_by_name() {
    let store = Store::new();
    store.add(&info(0, "own"), KEEP);
    let name_of = |name: &str| store.find(name).map(|host| host.guid());
    let first = store.claim(&info(1, "twin"), KEEP, FeedKind::Stored);
    let second = store.claim(&info(2, "twin"), KEEP, FeedKind::Stored);
    assert_eq!(name_of("twin"), Some(info(1, "").guid));
    drop(first);
    assert_eq!(name_of("twin"), Some(info(2, "").guid), "the one that is fed");
    drop(second);
    assert_eq!(name_of("twin"), Some(info(1, "").guid));
    let renamed = store.claim(&info(1, "single"), KEEP, FeedKind::Stored);
    assert_eq!((name_of("single"), name_of("twin")), (Some(info(1, "").guid), Some(info(2, "").guid)));
    assert_eq!(name_of(&info(2, "").guid.to_string()), Some(info(2, "").guid));
    drop(renamed);
    assert_eq!(store.remove(&store.hosts()).len(), 2);
    assert_eq!((name_of("single"), name_of("twin"), name_of("own")), (None, None, Some(info(0, "").guid)));
}

/// Goal: a round over many hosts and charts is cut into steps, none of which looks at too many.
#[test]
fn steps_are_small() {
    let mut world = World::new();
    for host in 0..300 {
        leave_behind(&world.store, 100 + host, MemoryMode::Ram, "false", None);
    }
    for chart in 0..20_000 {
        world.define(&format!("a.{chart}"), ChartOptions::OBSOLETE);
    }
    let mut steps = 0;
    let mut now = world.now();
    loop {
        assert_eq!(world.life.step(&world.store, now), rrd_store::Left::default());
        steps += 1;
        if world.life.due_us() > now.mono_us + 1_000_000 {
            break;
        }
        now.mono_us = world.life.due_us();
    }
    assert!((5..20).contains(&steps), "{steps}");
    assert_eq!(world.life.step(&world.store, now), rrd_store::Left::default(), "nothing is due");
}
