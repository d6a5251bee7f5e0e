//! Charts, dimensions and hosts that come and go, in memory mode `map`: whatever slots and indexes
//! are used again, what is loaded after a kill is each chart's own.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use row::{ChartDefinition, ChartSlot, DimensionDefinition, DimensionOptions, Guid, Label, Now, Packed, PointFlags};
use rrd_store::{
    Disk, Feed, FeedKind, HostInfo, Keep, Keeper, Life, MemoryMode, Patience, RealDisk, Store, remove_hosts,
};

const START_S: i64 = 1_795_387_000;
const HISTORY_ROWS: u32 = 300;
const KEEP: Keep = Keep::new(MemoryMode::Map, HISTORY_ROWS);
const PATIENCE: Patience = Patience { charts_us: 100_000_000, hosts_us: 100_000_000 };
const GUID: Guid = Guid::from_bytes([5; 16]);

fn info() -> HostInfo {
    HostInfo { hops: 1, ..HostInfo::unknown(GUID) }
}

fn disk(folder: &Path) -> Arc<dyn Disk> {
    Arc::new(RealDisk::new(folder))
}

fn now(second: i64) -> Now {
    Now { wall_us: second * 1_000_000, mono_us: (second - START_S + 1_000) as u64 * 1_000_000 }
}

/// A value that tells its chart and its dimension.
fn value(chart: &str, dimension: &str) -> f64 {
    let number = |id: &str| id[id.find(|c: char| c.is_ascii_digit()).unwrap()..].parse::<f64>().unwrap();
    number(chart) * 1_000.0 + number(dimension)
}

/// A chart that is collected, with the dimensions that are, by index.
struct Collected {
    id: String,
    slot: ChartSlot,
    dimensions: BTreeMap<u32, String>,
}

/// A node with one child, whose charts and dimensions come and go.
struct Node {
    store: Store,
    feed: Feed,
    keeper: Keeper,
    life: Life,
    second: i64,
    next: u32,
    charts: Vec<Collected>,
    /// The rows that were written: by chart and dimension the seconds.
    seconds: BTreeMap<(String, String), Vec<i64>>,
}

impl Node {
    fn start(folder: &Path) -> Self {
        let store = Store::new();
        store.add(&HostInfo::unknown(Guid::from_bytes([1; 16])), Keep::new(MemoryMode::Ram, HISTORY_ROWS));
        let feed = store.claim(&info(), KEEP, FeedKind::Stored);
        let keeper = Keeper::new(disk(folder), 10_000_000, |keep| keep.on_disk);
        let life = Life::new(PATIENCE);
        Self { store, feed, keeper, life, second: START_S, next: 0, charts: Vec::new(), seconds: BTreeMap::new() }
    }

    fn define(&mut self) {
        let id = format!("a.chart{}", self.next);
        self.next += 1;
        let mut writer = self.feed.writer(now(self.second)).unwrap();
        let chart = ChartDefinition { id: &id, update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&chart).unwrap();
        drop(writer);
        self.charts.push(Collected { id, slot, dimensions: BTreeMap::new() });
        (0..3).for_each(|_| self.user_comes(self.charts.len() - 1));
    }

    fn user_comes(&mut self, place: usize) {
        let id = format!("user{}", self.next);
        self.next += 1;
        let mut writer = self.feed.writer(now(self.second)).unwrap();
        let definition = DimensionDefinition { id: &id, ..Default::default() };
        let index = writer.define_dimension(self.charts[place].slot, &definition).unwrap();
        assert!(self.charts[place].dimensions.insert(index, id).is_none(), "the index is in use");
    }

    fn user_goes(&mut self, place: usize) {
        let chart = &mut self.charts[place];
        let (_, id) = chart.dimensions.pop_first().unwrap();
        let definition = DimensionDefinition { id: &id, options: DimensionOptions::OBSOLETE, ..Default::default() };
        self.feed.writer(now(self.second)).unwrap().define_dimension(chart.slot, &definition).unwrap();
    }

    /// A second passes: rows, the keeper, the sweeper.
    fn tick(&mut self) {
        self.second += 1;
        let mut writer = self.feed.writer(now(self.second)).unwrap();
        for chart in &self.charts {
            assert!(writer.begin(chart.slot));
            for (&index, id) in &chart.dimensions {
                writer.set_stored(index, Some(0), Packed::pack(value(&chart.id, id), PointFlags::NORMAL));
                self.seconds.entry((chart.id.clone(), id.clone())).or_default().push(self.second);
            }
            writer.end_stored(self.second, true);
        }
        drop(writer);
        assert!(self.keeper.flush(&self.store, now(self.second)).is_empty());
        while now(self.second).mono_us >= self.life.due_us() {
            self.life.step(&self.store, now(self.second));
        }
    }
}

/// Loads what a kill at this moment would leave, and checks it.
fn check(folder: &Path, node: &Node) {
    let store = Store::new();
    store.load(&disk(folder), |keep| keep.on_disk);
    let host = store.host(GUID).unwrap();
    let mut found: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
    host.read(|view| {
        for chart in view.charts() {
            let dimensions: Vec<_> = chart.dimensions().map(|dimension| dimension.id.to_owned()).collect();
            chart.snapshot(0, i64::MAX / 2).rows(|second, row| {
                for (dimension, packed) in dimensions.iter().zip(row).filter(|(_, packed)| !packed.is_empty()) {
                    assert_eq!(packed.unpack(), value(chart.id(), dimension), "{} {dimension} {second}", chart.id());
                    found.entry((chart.id().into(), dimension.clone())).or_default().push(second);
                }
            });
        }
    });
    assert_eq!(store.damages(), []);
    let within = |seconds: &[i64]| -> Vec<i64> {
        let oldest = node.second - i64::from(HISTORY_ROWS);
        seconds.iter().copied().filter(|&second| second > oldest).collect()
    };
    for chart in &node.charts {
        for id in chart.dimensions.values() {
            let of = (chart.id.clone(), id.clone());
            let found = found.get(&of).map(|seconds| within(seconds)).unwrap_or_default();
            assert_eq!(found, within(&node.seconds[&of]), "{of:?}");
        }
    }
}

/// Goal: over hours of coming and going, what a kill leaves is right at any moment.
#[test]
fn what_is_loaded_is_each_charts_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path());
    (0..5).for_each(|_| node.define());
    for second in 0..6_000 {
        if second % 37 == 5 {
            node.define();
        }
        if second % 37 == 20 && node.charts.len() > 5 {
            // The first one stays: its users come and go.
            let place = 1 + second as usize % (node.charts.len() - 1);
            let ended = node.charts.swap_remove(place);
            node.feed.writer(now(node.second)).unwrap().set_chart_obsolete(ended.slot);
        }
        if second % 41 == 7 {
            node.user_comes(0);
        }
        if second % 41 == 17 && node.charts[0].dimensions.len() > 1 {
            node.user_goes(0);
        }
        node.tick();
        if second % 151 == 90 {
            check(folder.path(), &node);
        }
    }
    let (slots, indexes) = node.feed.host().read(|view| {
        let indexes = view.charts().map(|chart| chart.dimension_count()).max();
        (view.slots_end(), indexes.unwrap())
    });
    assert!(slots < 20, "{slots} slots for {} charts", node.next);
    assert!(indexes < 30, "{indexes} indexes");
}

/// Goal: of a host that left and whose files are removed nothing stays, of others everything; and when
/// it comes back it is kept as before.
#[test]
fn files_go_with_their_host() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path());
    node.define();
    (0..100).for_each(|_| node.tick());
    let count = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(count(), 1);
    node.keeper.forget(&[Guid::from_bytes([9; 16])]).unwrap();
    check(folder.path(), &node);
    let other = HostInfo::unknown(Guid::from_bytes([7; 16]));
    let before = std::mem::replace(&mut node.feed, node.store.claim(&other, KEEP, FeedKind::Stored));
    let host = Arc::clone(before.host());
    drop(before);
    assert_eq!(node.store.remove(&[host]).len(), 1);
    node.keeper.forget(&[GUID]).unwrap();
    assert_eq!(count(), 0, "not even the folder");
    node.feed = node.store.claim(&info(), KEEP, FeedKind::Stored);
    (node.charts, node.seconds) = (Vec::new(), BTreeMap::new());
    node.define();
    (0..100).for_each(|_| node.tick());
    check(folder.path(), &node);
    let disk = disk(folder.path());
    remove_hosts(&*disk, &[GUID, other.guid]).unwrap();
    assert_eq!(count(), 0);
}

/// Goal: a host that nobody feeds is to sleep, once it is that long awake, and is not woken to be looked
/// at; an ephemeral one leaves also if it sleeps since the start.
#[test]
fn hosts_sleep_and_ephemeral_ones_leave() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path());
    node.define();
    let passing = HostInfo { hostname: "passing".into(), ..HostInfo::unknown(Guid::from_bytes([7; 16])) };
    let mut feed = node.store.claim(&passing, KEEP, FeedKind::Stored);
    let label = Label { name: "_is_ephemeral", value: "true", source: 2 };
    feed.writer(now(node.second)).unwrap().set_host_labels(&[label]);
    (0..100).for_each(|_| node.tick());
    assert!(node.keeper.finish(&node.store, now(node.second)).is_empty());
    drop((feed, node));

    let store = Store::new();
    store.add(&HostInfo::unknown(Guid::from_bytes([1; 16])), Keep::new(MemoryMode::Ram, 60));
    store.load(&disk(folder.path()), |keep| keep.on_disk);
    let mut keeper = Keeper::new(disk(folder.path()), 1, |keep| keep.on_disk);
    // Its rows are to be kept for longer than this takes.
    let host = store.add(&info(), Keep::new(MemoryMode::Map, 10 * HISTORY_ROWS));
    let mut life = Life::new(PATIENCE);
    let (mut left, mut slept) = (Vec::new(), Vec::new());
    for second in START_S + 1_000..START_S + 1_600 {
        if second == START_S + 1_200 {
            assert!(host.is_asleep() && slept.is_empty());
            host.read(|_| ());
        }
        while now(second).mono_us >= life.due_us() {
            let told = life.step(&store, now(second));
            left.extend(told.hosts.into_iter().map(|host| (host.hostname, second)));
            for guid in told.sleepy {
                assert!(keeper.put_to_sleep(&store.host(guid).unwrap(), now(second)).unwrap());
                slept.push(second);
            }
        }
    }
    assert_eq!((host.status().charts, host.status().dimensions), (1, 3));
    assert!(host.is_asleep(), "what it is doing can be asked without waking it");
    assert!(matches!(slept[..], [at] if (START_S + 1_300..START_S + 1_350).contains(&at)), "{slept:?}");
    assert!(matches!(&left[..], [(name, at)] if name == "passing" && *at < START_S + 1_150), "{left:?}");
}

/// A node without a child yet, that found what a folder has.
fn found(folder: &Path) -> Store {
    let store = Store::new();
    store.add(&HostInfo::unknown(Guid::from_bytes([1; 16])), Keep::new(MemoryMode::Ram, HISTORY_ROWS));
    store.load(&disk(folder), |keep| keep.on_disk);
    store
}

/// Steps that a life takes from one second to another, with a wall clock that is `ahead_s`; whether the
/// host left meanwhile.
fn leaves(life: &mut Life, store: &Store, seconds: std::ops::Range<i64>, ahead_s: i64) -> bool {
    for second in seconds {
        let now = now(second);
        let now = Now { wall_us: now.wall_us + ahead_s * 1_000_000, ..now };
        if !life.step(store, now).hosts.is_empty() {
            return true;
        }
    }
    false
}

/// Goal: files of a host that never comes back go when its retention ends, and not because a clock was
/// wrong for a while.
#[test]
fn retention_ends_for_hosts_that_sleep() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path());
    node.define();
    (0..30).for_each(|_| node.tick());
    let last_s = node.second;
    assert!(node.keeper.finish(&node.store, now(last_s)).is_empty());
    drop(node);

    let store = found(folder.path());
    let mut life = Life::new(PATIENCE);
    let over_s = last_s + i64::from(HISTORY_ROWS);
    assert!(!leaves(&mut life, &store, last_s..over_s, 0), "its rows are to be kept");
    assert!(store.host(GUID).unwrap().is_asleep(), "nobody asked for it");
    assert!(leaves(&mut life, &store, over_s..over_s + 30, 0));
    assert!(store.host(GUID).is_none());

    let store = found(folder.path());
    let mut life = Life::new(PATIENCE);
    assert!(!leaves(&mut life, &store, last_s..last_s + 150, 0));
    // A year ahead for a minute and a half.
    assert!(!leaves(&mut life, &store, last_s + 150..last_s + 240, 31_622_400), "the clock was wrong");
    assert!(!leaves(&mut life, &store, last_s + 240..last_s + 290, 0));
    assert!(store.host(GUID).is_some());
}

/// Goal: an orphan of mode `save` leaves memory too, and comes back with all its rows.
#[test]
fn saved_hosts_sleep() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = (Store::new(), disk(folder.path()));
    let keep = Keep::new(MemoryMode::Save, HISTORY_ROWS);
    store.add(&HostInfo::unknown(Guid::from_bytes([1; 16])), keep);
    let mut feed = store.claim(&info(), keep, FeedKind::Stored);
    for second in START_S..START_S + 200 {
        let mut writer = feed.writer(now(second)).unwrap();
        let chart = ChartDefinition { id: "a.chart", update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&chart).unwrap();
        writer.define_dimension(slot, &DimensionDefinition { id: "a", ..Default::default() }).unwrap();
        writer.begin(slot);
        writer.set_stored(0, None, Packed::pack((second % 50) as f64, PointFlags::NORMAL));
        writer.end_stored(second, true);
    }
    let rows = |host: &rrd_store::Host| {
        let mut rows = Vec::new();
        let snapshot = host.read(|view| view.find_chart("a.chart").unwrap().snapshot(0, i64::MAX / 2));
        snapshot.rows(|second, values| rows.push((second, values[0].to_bits())));
        rows
    };
    let host = store.host(GUID).unwrap();
    let before = rows(&host);
    assert!(!store.put_to_sleep(&disk, &host).unwrap(), "it is fed");
    drop(feed);
    let mut life = Life::new(PATIENCE);
    let sleepy =
        (START_S + 200..START_S + 500).find_map(|second| life.step(&store, now(second)).sleepy.first().copied());
    assert_eq!(sleepy, Some(GUID));
    assert!(store.put_to_sleep(&disk, &host).unwrap() && host.is_asleep());
    assert!(store.save(&*disk, |_| true).is_empty(), "it is there already");
    assert_eq!(before.len(), 200);
    assert_eq!(rows(&host), before);
    assert!(!host.is_asleep());
    assert!(store.damages().is_empty());
}
