//! What was saved is there, what is damaged is told, and nothing else is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use row::{ChartDefinition, DimensionDefinition, Guid, Label, Now, Packed, PointFlags};

use crate::disk::simulated::SimulatedDisk;
use crate::{Disk, FeedKind, Host, HostInfo, Keep, Keeper, MemoryMode, Store, Trouble};

const START_S: i64 = 1_795_387_013;
const KEEP: Keep = Keep::new(MemoryMode::Save, 400);

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
    writer.set_host_variable("limit", -2.5);
    writer.set_claimed_id(Some(guid(99)));
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
        writer.set_chart_variable(slot, "speed", 1e9);
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

fn load(disk: &Arc<SimulatedDisk>) -> (Store, Vec<crate::Damage>) {
    let store = Store::new();
    store.load(&(Arc::clone(disk) as Arc<dyn Disk>), |keep| keep.on_disk);
    // All hosts wake.
    store.hosts().iter().for_each(|host| host.read(|_| ()));
    let damages = store.damages();
    (store, damages)
}

#[test]
fn what_was_saved_is_there() {
    for count in [1, 59, 60, 61, 130, 1_000] {
        let (disk, store) = (Arc::new(SimulatedDisk::default()), Store::new());
        let hosts = [fill(&store, 1, count), fill(&store, 2, count)];
        assert!(store.save(&*disk, |_| true).is_empty());
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
                    assert!(again.variables().eq(host.variables()) && again.variables().count() == 1);
                    assert_eq!((again.claimed_id(), host.claimed_id()), (Some(guid(99)), Some(guid(99))));
                    for (again, chart) in again.charts().zip(host.charts().filter(|chart| chart.last_s() > 0)) {
                        assert_eq!(again.definition(), chart.definition());
                        assert!(again.dimensions().eq(chart.dimensions()) && again.labels().eq(chart.labels()));
                        assert!(again.variables().eq(chart.variables()) && again.variables().count() == 1);
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
    let (disk, whole) = (Arc::new(SimulatedDisk::default()), Store::new());
    let expected = rows(&fill(&whole, 1, 300));
    let store = Store::new();
    fill(&store, 1, 130);
    assert!(store.save(&*disk, |_| true).is_empty());
    for _ in 0..3 {
        let (loaded, damages) = load(&disk);
        assert_eq!(damages, []);
        fill(&loaded, 1, 300);
        assert!(rows(&loaded.host(guid(1)).unwrap()) == expected);
        assert!(loaded.save(&*disk, |_| true).is_empty());
        assert_eq!(disk.list().unwrap().len(), 2, "older files go");
    }
}

/// A stop that is cut short, or that finds the disk full, leaves what was saved before.
#[test]
fn a_save_that_fails_costs_nothing() {
    let disk = Arc::new(SimulatedDisk::default());
    let before = Store::new();
    let expected = rows(&fill(&before, 1, 200));
    assert!(before.save(&*disk, |_| true).is_empty());
    let length = disk.list().unwrap().iter().map(|name| bytes_of(&disk, name).len()).sum::<usize>();
    for room in [0, 1, 100, length / 2, length] {
        let after = Store::new();
        fill(&after, 1, 350);
        disk.set_room(Some(room));
        let refused = after.save(&*disk, |_| true);
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
    let files: Vec<_> = clean.list().unwrap().into_iter().map(|name| (bytes_of(&clean, &name), name)).collect();
    let (mut random, mut lost) = (1_u64, 0);
    for turn in 0..1_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (bytes, name) = &files[turn % files.len()];
        let place = (random >> 33) as usize % bytes.len();
        let disk = Arc::new(SimulatedDisk::default());
        files.iter().for_each(|(bytes, name)| disk.append(name, bytes).unwrap());
        if turn % 3 == 0 {
            disk.truncate(name, place);
        } else {
            disk.damage(name, place, (random >> 20) as u8 | 1);
        }
        let (loaded, damages) = load(&disk);
        assert!(!damages.is_empty(), "{name}, {place}: damage goes unnoticed");
        assert!(damages.iter().all(|damage| damage.file == *name && damage.offset <= bytes.len() as u64));
        let found = loaded.host(guid(1)).map(|host| rows(&host)).unwrap_or_default();
        for (key, values) in &found {
            assert_eq!(saved.get(key), Some(values), "{name}, {place}: a row that was never saved");
        }
        lost += usize::from(found.len() < saved.len());
    }
    assert!(lost > 500, "{lost}");
}

/// The same for the files of a node that was killed: what is hit is told, and costs no more than its own
/// record, unless that is one that others need.
#[test]
fn damage_to_a_killed_node_costs_what_it_hits() {
    let (clean, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&clean, START_S);
    (0..650).for_each(|_| assert!(node.tick(&mut model).is_empty()));
    drop(node);
    let files: Vec<_> = clean.list().unwrap().into_iter().map(|name| (bytes_of(&clean, &name), name)).collect();
    let (whole, none) = load(&clean);
    assert_eq!(none, []);
    let whole = rows(&whole.host(guid(1)).unwrap());
    let (mut random, mut alone) = (3_u64, 0);
    for turn in 0..1_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (bytes, name) = &files[turn % files.len()];
        let place = (random >> 33) as usize % bytes.len();
        let disk = Arc::new(SimulatedDisk::default());
        files.iter().for_each(|(bytes, name)| disk.append(name, bytes).unwrap());
        let is_cut = turn % 3 == 0;
        if is_cut {
            disk.truncate(name, place);
        } else {
            disk.damage(name, place, (random >> 20) as u8 | 1);
        }
        let (loaded, damages) = load(&disk);
        // A cut between two records is one that a kill might have made.
        assert!(is_cut || !damages.is_empty(), "{name}, {place}: damage goes unnoticed");
        assert!(damages.iter().all(|damage| damage.file == *name && damage.offset <= bytes.len() as u64));
        let found = loaded.host(guid(1)).map(|host| rows(&host)).unwrap_or_default();
        for (key, values) in &found {
            assert_eq!(model.get(key), Some(values), "{name}, {place}: a row that was never written");
        }
        let is_one = damages.len() == 1 && damages[0].what.contains("checksum") && damages[0].offset > 0;
        if is_one && !name.contains("/charts-") {
            let lost = whole.keys().filter(|key| !found.contains_key(key)).count();
            assert!(lost <= 60, "{name}, {place}: {lost} rows are lost with one record");
            alone += 1;
        }
    }
    assert!(alone > 200, "{alone}");
}

fn bytes_of(disk: &SimulatedDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; file.length().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// Files that are no saved hosts are left alone.
#[test]
fn strangers_are_left_alone() {
    let disk = Arc::new(SimulatedDisk::default());
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

const MAPPED: Keep = Keep::new(MemoryMode::Map, 400);
const FLUSH_S: i64 = 10;

impl Mapped {
    /// A node starts on what the disk holds.
    fn start(disk: &Arc<SimulatedDisk>, second: i64) -> Self {
        let store = Store::new();
        store.load(&(Arc::clone(disk) as Arc<dyn Disk>), |keep| keep.on_disk);
        let keeper = Keeper::new(Arc::clone(disk) as Arc<dyn Disk>, FLUSH_S as u64 * 1_000_000, |keep| keep.on_disk);
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

impl Mapped {
    /// Rows of the first chart come late.
    fn write_late(&mut self, seconds: &[i64], model: &mut Rows) {
        let now = self.now();
        let mut writer = self.feed.writer(now).unwrap();
        let slot = writer.find_chart(b"kind.chart0", None).unwrap();
        for &second in seconds {
            let values = vec![second as u32 & 0xFFFF | 1 << 24; 2];
            writer.begin(slot);
            (0..).zip(&values).for_each(|(index, &bits)| writer.set_stored(index, None, Packed::from_bits(bits)));
            assert!(writer.end_stored(second, false), "{second}");
            model.insert(("kind.chart0".into(), second), values);
        }
    }
}

/// Every row of the model between two seconds is at the host, equal, and no other.
fn assert_rows(disk: &Arc<SimulatedDisk>, model: &Rows, from_s: i64, to_s: i64, what: &str) {
    let (store, _) = load(disk);
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

/// A power loss costs `flush_interval` at most, between any two things that were done to the disk and
/// wherever it tears what was not synced; late rows and a restart are among them.
#[test]
fn a_power_loss_costs_the_flush_interval_at_most() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    let mut seconds = Vec::new();
    let mut held = Vec::new();
    for tick in 0..1_700_i64 {
        if tick == 1_000 {
            let second = node.second;
            drop(node);
            node = Mapped::start(&disk, second + 20);
        }
        if (300..330).contains(&tick) {
            node.second += 1;
            held.push(node.second);
        }
        if tick == 450 {
            node.write_late(&held, &mut model);
        }
        assert!(node.tick(&mut model).is_empty());
        seconds.push((disk.done(), node.second));
    }
    let mut random = 11_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for cut in 0..400 {
        let done = next(disk.done() + 1);
        // The last second of which everything was done.
        let told = seconds.iter().rfind(|(at, _)| *at <= done).map_or(START_S, |(_, second)| *second);
        let after = Arc::new(disk.after_power_loss(done, &mut next));
        // Late rows are written like others: those of the last seconds may be lost.
        let came_s = |key: &(String, i64)| if held.contains(&key.1) { seconds[450].1 } else { key.1 };
        let safe: Rows = model
            .iter()
            .filter(|(key, _)| came_s(key) < told - FLUSH_S)
            .map(|(key, values)| (key.clone(), values.clone()))
            .collect();
        let (store, _) = load(&after);
        let found = store.host(guid(1)).map(|host| rows(&host)).unwrap_or_default();
        let newest = found.keys().map(|(_, second)| *second).max().unwrap_or(START_S);
        for (key, values) in safe.iter().filter(|((_, second), _)| *second > newest - 399) {
            assert_eq!(found.get(key), Some(values), "cut {cut} after {done}: {key:?}");
        }
        for (key, values) in &found {
            assert_eq!(model.get(key), Some(values), "cut {cut} after {done}: {key:?} was never written");
        }
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

/// A disk that hangs holds up nobody: rows are written and read meanwhile, and are on it afterwards.
#[test]
fn a_slow_disk_holds_nobody_up() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    (0..100).for_each(|_| assert!(node.tick(&mut model).is_empty()));
    node.write(&mut model);
    let Mapped { store, mut keeper, feed, second } = node;
    let store = Arc::new(store);
    let hanging = disk.gate.lock().unwrap();
    let of_keeper = Arc::clone(&store);
    let now = Now { wall_us: second * 1_000_000, mono_us: second as u64 * 1_000_000 };
    let keeping = std::thread::spawn(move || {
        assert!(keeper.flush(&of_keeper, now).is_empty());
        keeper
    });
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let keeper = Keeper::new(Arc::new(SimulatedDisk::default()), 1, |_| false);
        let mut node = Mapped { store: Store::new(), keeper, feed, second };
        (0..200).for_each(|_| node.write(&mut model));
        let found = rows(node.feed.host());
        done.send((node, model, found)).unwrap();
    });
    let waited = is_done.recv_timeout(std::time::Duration::from_secs(20));
    let (node, model, found) = waited.expect("writers wait for the disk");
    assert!(model.iter().all(|(key, values)| found.get(key) == Some(values)));
    drop(hanging);
    let mut keeper = keeping.join().unwrap();
    assert!(keeper.flush(&store, node.now()).is_empty());
    assert_rows(&disk, &model, START_S + 1, node.second, "after the disk went on");
}

/// What an orderly stop wrote no power loss takes away.
#[test]
fn an_orderly_stop_is_safe_at_once() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    (0..777).for_each(|_| assert!(node.tick(&mut model).is_empty()));
    assert!(node.keeper.finish(&node.store, node.now()).is_empty());
    disk.lose_power(0);
    assert_rows(&disk, &model, node.second - 399, node.second, "after the stop");
}

/// A journal holds little more than what no segment has.
#[test]
fn journals_stay_short() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    for second in 0..1_500 {
        assert!(node.tick(&mut model).is_empty());
        let journals: Vec<_> = disk.list().unwrap().into_iter().filter(|name| name.contains("/journal-")).collect();
        assert_eq!(journals.len(), 1);
        let length = bytes_of(&disk, &journals[0]).len();
        assert!(length < 90 * 3 * 22 + 90 * 20 + 4_096, "{second}: {length} bytes");
    }
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

/// Sealed blocks leave memory once the disk has them, and queries read them there, also after the
/// segment that held them is gone from the folder.
#[test]
fn blocks_on_the_disk_leave_memory() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    for second in 0..2_000_i64 {
        assert!(node.tick(&mut model).is_empty());
        let host = node.store.host(guid(1)).unwrap();
        if second % 97 == 0 {
            let state = host.lock();
            let sealed = state.charts.iter().flat_map(|chart| &chart.ring.sealed);
            assert!(sealed.clone().all(|at| !at.is_in_memory()), "{second}");
            assert!(state.slabs.bytes() < 8_192, "{second}: {} bytes", state.slabs.bytes());
        }
    }
    let host = node.store.host(guid(1)).unwrap();
    let found = rows(&host);
    let from_s = node.second - 399;
    for (key, values) in model.iter().filter(|((_, second), _)| *second >= from_s) {
        assert_eq!(found.get(key), Some(values), "{key:?}");
    }
    let segments = disk.list().unwrap().into_iter().filter(|name| name.contains("/segment-")).count();
    assert!(segments <= 4, "{segments} segments of 2,000 s, 400 are to be kept");
}

/// Rows that come late for blocks on the disk are seen at once, are merged there, and survive a kill
/// before and after that.
#[test]
fn late_rows_reach_blocks_on_the_disk() {
    for seconds in [0, 1, 5] {
        let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
        let mut node = Mapped::start(&disk, START_S);
        let mut held = Vec::new();
        for second in 0..390_i64 {
            if (130..260).contains(&second) && second % 3 > 0 {
                node.second += 1;
                held.push(node.second);
            } else {
                assert!(node.tick(&mut model).is_empty());
            }
        }
        node.write_late(&held, &mut model);
        let now = node.now();
        let seen = rows(&node.store.host(guid(1)).unwrap());
        let expected = model.iter().filter(|((_, second), _)| *second > node.second - 399);
        expected.clone().for_each(|(key, values)| assert_eq!(seen.get(key), Some(values), "{seconds}: {key:?}"));
        assert!(node.keeper.flush(&node.store, now).is_empty());
        (0..seconds).for_each(|_| assert!(node.tick(&mut model).is_empty()));
        let host = node.store.host(guid(1)).unwrap();
        let late = host.lock().charts.iter().map(|chart| chart.ring.late.len()).sum::<usize>();
        assert!(late <= 1 || seconds == 0, "{late} late blocks stay in memory");
        let seen = rows(&host);
        let expected = model.iter().filter(|((_, second), _)| *second > node.second - 399);
        expected.clone().for_each(|(key, values)| assert_eq!(seen.get(key), Some(values), "{seconds}: {key:?}"));
        let second = node.second;
        drop((node, host));
        assert_rows(&disk, &model, second - 398, second, &format!("{seconds} seconds after"));
    }
}

/// A host that is found on a disk is known by name and age, and costs no more until it is asked for.
#[test]
fn hosts_sleep_until_they_are_asked_for() {
    let (disk, mut model) = (Arc::new(SimulatedDisk::default()), Rows::new());
    let mut node = Mapped::start(&disk, START_S);
    (0..123).for_each(|_| assert!(node.tick(&mut model).is_empty()));
    let second = node.second;
    drop(node);
    let store = Store::new();
    store.load(&(Arc::clone(&disk) as Arc<dyn Disk>), |keep| keep.on_disk);
    let host = store.host(guid(1)).unwrap();
    assert!(host.is_asleep());
    assert_eq!((host.newest_s(), host.info().hostname.as_str(), host.keep()), (second, "host 1", MAPPED));
    assert_eq!(host.read(|view| view.chart_count()), 2);
    assert!(!host.is_asleep());
    // It goes to sleep again when the disk has everything, and not before.
    let mut keeper = Keeper::new(Arc::clone(&disk) as Arc<dyn Disk>, 1, |keep| keep.on_disk);
    let now = Now { wall_us: second * 1_000_000, mono_us: 1 };
    let feed = host.claim(FeedKind::Stored, info(1));
    assert!(!keeper.put_to_sleep(&host, now).unwrap(), "it is fed");
    drop(feed);
    disk.set_room(Some(5));
    assert!(keeper.put_to_sleep(&host, now).is_err(), "the disk is full");
    disk.set_room(None);
    assert!(keeper.put_to_sleep(&host, now).unwrap() && host.is_asleep());
    assert_eq!(rows(&host).len(), model.len());
    assert!(!host.is_asleep());
}
