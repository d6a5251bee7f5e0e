//! What was saved is there, what is damaged is told, and nothing else is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use row::{ChartDefinition, DimensionDefinition, Guid, Label, Now, Packed, PointFlags};

use crate::disk::simulated::SimulatedDisk;
use crate::{Disk, FeedKind, Host, HostInfo, Keep, Keeper, MemoryMode, Store, Trouble};

const START_S: i64 = 1_795_387_013;
const KEEP: Keep = Keep { mode: MemoryMode::Save, history_rows: 400 };

fn guid(number: u8) -> Guid {
    Guid::from_bytes([number; 16])
}

fn info(number: u8) -> HostInfo {
    HostInfo {
        hostname: format!("host {number}"),
        system: vec![("NETDATA_SYSTEM_OS_NAME".into(), "Debian".into())],
        hops: u32::from(number),
        ..HostInfo::unknown(guid(number))
    }
}

/// A host with some charts, one of five seconds, and rows with gaps.
fn fill(store: &Store, number: u8, rows: i64) -> Arc<Host> {
    let host = store.add(&info(number), KEEP);
    let mut feed = host.claim(FeedKind::Stored, info(number));
    let now = Now { wall_us: START_S * 1_000_000, mono_us: 1 };
    let mut writer = feed.writer(now).unwrap();
    writer.set_host_labels(&[Label { name: "_rack", value: "7", source: 2 }]);
    for chart in 0..4_i64 {
        let every_s = if chart == 3 { 5 } else { 1 };
        let id = format!("kind.chart{chart}");
        let definition =
            ChartDefinition { id: &id, title: "a \"title\"", update_every_s: every_s, ..Default::default() };
        let slot = writer.define_chart(&definition).unwrap();
        for dimension in 0..=chart {
            let id = format!("dimension {dimension}");
            let divisor = -7;
            writer.define_dimension(slot, &DimensionDefinition { id: &id, divisor, ..Default::default() }).unwrap();
        }
        writer.set_chart_labels(slot, &[Label { name: "device", value: "vda", source: 1 }]);
        let first = (START_S + i64::from(every_s) - 1) / i64::from(every_s);
        for row in (0..rows).filter(|row| row % 97 > 5) {
            writer.begin(slot);
            for dimension in 0..=chart {
                let value = (row * (dimension + 1) % 50) as f64 / 4.0;
                writer.set_stored(dimension as u32, Some(row), Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored((first + row) * i64::from(every_s), true);
        }
    }
    drop(writer);
    host
}

type Rows = BTreeMap<(String, i64), Vec<u32>>;

/// All rows of a host within its history, as plain numbers.
fn rows(host: &Host) -> Rows {
    let mut rows = Rows::new();
    host.read(|view| {
        for chart in view.charts() {
            let from_s = chart.last_s() - 400 * i64::from(chart.update_every_s());
            chart.snapshot(from_s, i64::MAX / 2).rows(|time_s, values| {
                rows.insert((chart.id().into(), time_s), values.iter().map(|value| value.to_bits()).collect());
            });
        }
    });
    rows
}

fn load(disk: &dyn Disk) -> (Store, Vec<crate::Damage>) {
    let store = Store::new();
    let damages = store.load(disk);
    (store, damages)
}

#[test]
fn what_was_saved_is_there() {
    for count in [1, 59, 60, 61, 130, 1_000] {
        let (disk, store) = (SimulatedDisk::default(), Store::new());
        let hosts = [fill(&store, 1, count), fill(&store, 2, count)];
        assert!(store.save(&disk, |_| true).is_empty());
        let (loaded, damages) = load(&disk);
        assert_eq!(damages, []);
        for host in hosts {
            let again = loaded.host(host.guid()).unwrap();
            assert!(rows(&again) == rows(&host), "{count} rows");
            assert_eq!((again.info(), again.keep()), (host.info(), host.keep()));
            assert!(!again.is_fed());
            assert_eq!(again.status().newest_s, host.status().newest_s);
            again.read(|again| {
                host.read(|host| {
                    assert!(again.labels().eq(host.labels()));
                    for (again, chart) in again.charts().zip(host.charts().filter(|chart| chart.last_s() > 0)) {
                        assert_eq!(again.definition(), chart.definition());
                        assert!(again.dimensions().eq(chart.dimensions()) && again.labels().eq(chart.labels()));
                        assert_eq!(again.last_s(), chart.last_s());
                        // The open block comes back as one that is sealed, and one that is open.
                        let later_s = again.first_s() - chart.first_s();
                        assert!((0..=60 * i64::from(chart.update_every_s())).contains(&later_s), "{count} rows");
                    }
                });
            });
        }
    }
}

/// Rows go on after a start where they ended, also within a minute, and can be saved again.
#[test]
fn rows_go_on_after_a_start() {
    let (disk, whole) = (SimulatedDisk::default(), Store::new());
    let expected = rows(&fill(&whole, 1, 300));
    let store = Store::new();
    fill(&store, 1, 130);
    assert!(store.save(&disk, |_| true).is_empty());
    for _ in 0..3 {
        let (loaded, damages) = load(&disk);
        assert_eq!(damages, []);
        fill(&loaded, 1, 300);
        assert!(rows(&loaded.host(guid(1)).unwrap()) == expected);
        assert!(loaded.save(&disk, |_| true).is_empty());
        assert_eq!(disk.list().unwrap().len(), 1, "older files go");
    }
}

/// A stop that is cut short, or that finds the disk full, leaves what was saved before.
#[test]
fn a_save_that_fails_costs_nothing() {
    let disk = SimulatedDisk::default();
    let before = Store::new();
    let expected = rows(&fill(&before, 1, 200));
    assert!(before.save(&disk, |_| true).is_empty());
    let length = disk.length(&disk.list().unwrap()[0]).unwrap() as usize;
    for room in [0, 1, 100, length / 2, length] {
        let after = Store::new();
        fill(&after, 1, 350);
        disk.set_room(Some(room));
        let refused = after.save(&disk, |_| true);
        assert_eq!(refused.len(), 1, "{room}");
        disk.set_room(None);
        let (loaded, _) = load(&disk);
        let found = rows(&loaded.host(guid(1)).unwrap());
        assert!(expected.iter().all(|(key, values)| found.get(key) == Some(values)), "{room} bytes of room");
    }
    disk.append(&format!("{}/segment-99", guid(1)), b"the power failed here").unwrap();
    disk.lose_power(500);
    let (loaded, damages) = load(&disk);
    let found = rows(&loaded.host(guid(1)).unwrap());
    assert!(expected.iter().all(|(key, values)| found.get(key) == Some(values)));
    assert!(!damages.is_empty());
}

/// Whatever happens to a file: no panic, each damage told with its place, and every row that is
/// read is one that was saved.
#[test]
fn damage_costs_what_it_hits() {
    let store = Store::new();
    let saved = rows(&fill(&store, 1, 250));
    let clean = SimulatedDisk::default();
    store.save(&clean, |_| true);
    let name = clean.list().unwrap().remove(0);
    let length = clean.length(&name).unwrap() as usize;
    let mut bytes = vec![0; length];
    clean.read_at(&name, 0, &mut bytes).unwrap();
    let (mut random, mut lost) = (1_u64, 0);
    for turn in 0..1_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = (random >> 33) as usize % length;
        let disk = SimulatedDisk::default();
        disk.append(&name, &bytes).unwrap();
        if turn % 3 == 0 {
            disk.truncate(&name, place);
        } else {
            disk.damage(&name, place, (random >> 20) as u8 | 1);
        }
        let (loaded, damages) = load(&disk);
        assert!(!damages.is_empty(), "{place}: damage goes unnoticed");
        assert!(damages.iter().all(|damage| damage.file == name && damage.offset <= length as u64));
        let found = loaded.host(guid(1)).map(|host| rows(&host)).unwrap_or_default();
        for (key, values) in &found {
            assert_eq!(saved.get(key), Some(values), "{place}: a row that was never saved");
        }
        lost += usize::from(found.len() < saved.len());
    }
    assert!(lost > 500, "{lost}");
}

/// Files that are no saved hosts are left alone.
#[test]
fn strangers_are_left_alone() {
    let disk = SimulatedDisk::default();
    let name = format!("{}/segment-1", guid(1));
    for strange in ["lost+found/x", "not-a-guid/segment-1", &format!("{}/other", guid(1)), &name] {
        disk.append(strange, b"something else entirely, and long enough").unwrap();
    }
    let (loaded, damages) = load(&disk);
    assert!(loaded.hosts().is_empty());
    assert!(damages.iter().all(|damage| damage.file == name), "{damages:?}");
    assert_eq!(disk.list().unwrap().len(), 4);
}

/// A host that is kept on the disk while it is written to, a second at a time.
struct Mapped {
    store: Store,
    keeper: Keeper,
    feed: crate::Feed,
    second: i64,
}

const MAPPED: Keep = Keep { mode: MemoryMode::Map, history_rows: 400 };
const FLUSH_S: i64 = 10;

impl Mapped {
    /// A node starts on what the disk holds.
    fn start(disk: &Arc<SimulatedDisk>, second: i64) -> Self {
        let store = Store::new();
        store.load(&**disk);
        let keeper = Keeper::new(Arc::clone(disk) as Arc<dyn Disk>, FLUSH_S as u64 * 1_000_000);
        let host = store.add(&info(1), MAPPED);
        let feed = host.claim(FeedKind::Stored, info(1));
        Self { store, keeper, feed, second }
    }

    fn now(&self) -> Now {
        Now { wall_us: self.second * 1_000_000, mono_us: self.second as u64 * 1_000_000 }
    }

    /// A second passes: rows are written, then the keeper comes by.
    fn tick(&mut self, model: &mut Rows) -> Vec<Trouble> {
        self.write(model);
        self.keeper.flush(&self.store, self.now())
    }

    fn write(&mut self, model: &mut Rows) {
        self.second += 1;
        let now = self.now();
        let mut writer = self.feed.writer(now).unwrap();
        for chart in 0..3_i64 {
            // A chart, and a dimension, that come later than others.
            if chart == 2 && self.second % 1_000 < 300 {
                continue;
            }
            let id = format!("kind.chart{chart}");
            let slot = match writer.find_chart(id.as_bytes(), None) {
                Some(slot) => slot,
                None => {
                    writer.define_chart(&ChartDefinition { id: &id, update_every_s: 1, ..Default::default() }).unwrap()
                }
            };
            for dimension in 0..2 {
                let id = format!("dimension {dimension}");
                writer.define_dimension(slot, &DimensionDefinition { id: &id, ..Default::default() }).unwrap();
            }
            writer.begin(slot);
            let values = [self.second % 7, self.second * (chart + 1) % 1_000].map(|value| value as f64 / 8.0);
            for (dimension, value) in (0..).zip(values) {
                writer.set_stored(dimension, Some(1), Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored(self.second, true);
            let bits = values.map(|value| Packed::pack(value, PointFlags::NORMAL).to_bits()).to_vec();
            model.insert((id, self.second), bits);
        }
    }
}

/// Every row of the model between two seconds is at the host, equal, and no other.
fn assert_rows(disk: &SimulatedDisk, model: &Rows, from_s: i64, to_s: i64, what: &str) {
    let store = Store::new();
    store.load(disk);
    let host = store.host(guid(1)).unwrap_or_else(|| panic!("{what}: no host"));
    let found = rows(&host);
    for (key, values) in model.iter().filter(|((_, second), _)| (from_s..=to_s).contains(second)) {
        assert_eq!(found.get(key), Some(values), "{what}: {key:?}");
    }
    for (key, values) in &found {
        assert_eq!(model.get(key), Some(values), "{what}: {key:?} was never written");
    }
}

/// A node that is killed at any second, over many starts, loses nothing that the keeper was given.
#[test]
fn a_killed_node_loses_no_second() {
    let (disk, mut model, mut second) = (Arc::new(SimulatedDisk::default()), Rows::new(), START_S);
    let mut random = 5_u64;
    for run in 0..25 {
        let mut node = Mapped::start(&disk, second);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for _ in 0..1 + (random >> 33) % 900 {
            assert!(node.tick(&mut model).is_empty());
        }
        second = node.second;
        drop(node);
        assert_rows(&disk, &model, second - 399, second, &format!("run {run}"));
        // Some seconds without the node.
        second += (random >> 20) as i64 % 90;
    }
    assert!(disk.list().unwrap().len() < 40, "older segments go: {:?}", disk.list().unwrap());
}

/// A power loss costs `flush_interval` at most, wherever it tears what was not synced.
#[test]
fn a_power_loss_costs_the_flush_interval_at_most() {
    for seed in 1..60_u64 {
        let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
        let mut node = Mapped::start(&disk, START_S);
        for _ in 0..seed * 37 % 1_500 + 20 {
            assert!(node.tick(&mut model).is_empty());
        }
        let second = node.second;
        drop(node);
        disk.lose_power(seed as usize * 17 % 1_001);
        assert_rows(&disk, &model, second - 399, second - FLUSH_S - 1, &format!("seed {seed}"));
    }
}

/// A full disk stops nothing: it is told once, rows stay in memory, and all is written when there is
/// room again.
#[test]
fn a_full_disk_is_told_once_and_caught_up_with() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    (0..100).for_each(|_| assert!(node.tick(&mut model).is_empty()));
    disk.set_room(Some(333));
    let troubles: Vec<_> = (0..200).flat_map(|_| node.tick(&mut model)).collect();
    assert!(matches!(troubles[..], [Trouble::Refused(_, _)]), "{troubles:?}");
    disk.set_room(None);
    let troubles: Vec<_> = (0..20).flat_map(|_| node.tick(&mut model)).collect();
    assert!(matches!(troubles[..], [Trouble::Resumed(_)]), "{troubles:?}");
    assert_rows(&disk, &model, node.second - 300, node.second, "after the full disk");
}

/// An orderly stop leaves segments only, and everything in them.
#[test]
fn an_orderly_stop_leaves_no_journal() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    (0..777).for_each(|_| assert!(node.tick(&mut model).is_empty()));
    assert!(node.keeper.finish(&node.store, node.now()).is_empty());
    assert!(disk.list().unwrap().iter().all(|name| name.contains("/segment-")));
    disk.lose_power(0);
    assert_rows(&disk, &model, node.second - 399, node.second, "after the stop");
}

/// A host that was kept on the disk and now is not gathers nothing for a keeper that never comes.
#[test]
fn a_host_that_leaves_the_disk_keeps_no_journal() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    (0..10).for_each(|_| assert!(node.tick(&mut model).is_empty()));
    let host = node.store.host(guid(1)).unwrap();
    assert!(host.lock().journal.is_some());
    node.store.add(&info(1), KEEP);
    node.tick(&mut model);
    assert!(host.lock().journal.is_none());
}

/// Blocks that were sealed since the keeper came by stand before the open ones in a new segment: a
/// reader that has only this segment finds them all.
#[test]
fn a_new_segment_holds_blocks_in_their_order() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    assert!(node.tick(&mut model).is_empty());
    let first = format!("{}/segment-1", guid(1));
    assert!(disk.list().unwrap().contains(&first));
    (0..200).for_each(|_| node.write(&mut model));
    assert!(node.keeper.finish(&node.store, node.now()).is_empty());
    disk.remove(&first).unwrap();
    assert_rows(&disk, &model, START_S + 1, node.second, "the second segment alone");
}
