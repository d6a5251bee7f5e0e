use rrd_store::memory::MemoryDisk;

use super::*;
use crate::engine::Transition;
use crate::files;

const GUID: Guid = Guid::from_bytes([5; 16]);

fn transition(unique_id: u32, alarm_id: u32, event_id: u32, to: Status) -> Transition {
    let (definitions, _) =
        files::read("x.conf", "alarm: a\non: x.y\nwarn: 1\nevery: 1\nto: me\ninfo: it is\nexec: run");
    Transition {
        unique_id,
        alarm_id,
        event_id,
        when_s: 1_795_387_000 + i64::from(unique_id),
        duration_s: 5,
        non_clear_s: 0,
        from: Status::Clear,
        to,
        old_value: f64::NAN,
        value: 60.5,
        delay_s: 4,
        is_silenced: unique_id.is_multiple_of(2),
        name: format!("alarm{alarm_id}").into(),
        chart: "x.y".into(),
        context: "x".into(),
        family: "f\u{fc}r".into(),
        units: "%".into(),
        info: "it is".into(),
        definition: Arc::new(definitions.into_iter().next().unwrap()),
        trace: "".into(),
    }
}

fn open(disk: &Arc<MemoryDisk>) -> Log {
    let (log, damaged) = Log::open(Arc::clone(disk) as Arc<dyn Disk>, GUID).unwrap();
    assert_eq!(damaged, 0);
    log
}

/// What was added is there after a restart, with its links, what was told, and all numbers.
#[test]
fn a_restart() {
    let disk = Arc::new(MemoryDisk::default());
    let mut log = open(&disk);
    assert_eq!((log.last_unique_id(), log.memories().len()), (0, 0));
    log.add(&transition(10, 1, 1, Status::Warning));
    log.add(&transition(11, 2, 1, Status::Critical));
    let last = transition(12, 1, 2, Status::Critical);
    log.add(&last);
    log.add_told(&last, Status::Critical, 1_795_387_999);
    log.add_result(&last, 1_795_388_000, 3);
    let waiting = log.read(0, None, 100).unwrap();
    log.flush().unwrap();
    let log = open(&disk);
    let entries = log.read(0, None, 100).unwrap();
    // Not a number is equal to nothing, itself included.
    assert_eq!(format!("{entries:?}"), format!("{waiting:?}"), "written or not");
    let ids: Vec<_> = entries.iter().map(|entry| (entry.unique_id, entry.updated_by_id, entry.updates_id)).collect();
    assert_eq!(ids, [(12, 0, 10), (11, 0, 0), (10, 12, 0)]);
    assert_eq!((entries[0].told_s, entries[0].told_code, entries[1].told_s), (1_795_388_000, 3, 0));
    assert_eq!((&*entries[0].family, &*entries[0].to_roles, entries[0].value), ("f\u{fc}r", "me", 60.5));
    assert_eq!(log.last_unique_id(), 12);
    let memory = log.memories()[&(Arc::from("x.y"), Arc::from("alarm1"))];
    let told = (memory.told, memory.was_critical, memory.alarm_id, memory.event_id);
    assert_eq!(told, (Some(Status::Critical), true, 1, 2));
    assert_eq!(log.read(10, Some("x.y"), 1).unwrap().len(), 1);
    assert!(log.read(12, None, 10).unwrap().is_empty() && log.read(0, Some("y.x"), 10).unwrap().is_empty());
}

/// However much is added, two files stay, and no alarm is forgotten.
#[test]
fn the_log_is_bounded() {
    let disk = Arc::new(MemoryDisk::default());
    let mut log = open(&disk);
    let first = transition(1, 1, 1, Status::Warning);
    log.add(&first);
    log.add_told(&first, Status::Warning, 5);
    log.add_result(&first, 5, 0);
    for unique_id in 2..20_000 {
        log.add(&transition(unique_id, 2, unique_id, Status::Clear));
        log.flush().unwrap();
    }
    let lengths: Vec<_> = disk.files().values().map(|file| file.len()).collect();
    assert!(lengths.len() == 2 && lengths.iter().all(|&length| length <= FILE_BYTES_MAX), "{lengths:?}");
    let log = open(&disk);
    assert_eq!(log.last_unique_id(), 19_999);
    assert_eq!(log.memories()[&(Arc::from("x.y"), Arc::from("alarm1"))].told, Some(Status::Warning));
    assert!(log.read(0, None, usize::MAX).unwrap().len() > 1_000);
}

/// A file that is torn anywhere gives what is whole, and what comes later goes to another one.
#[test]
fn torn_files() {
    let disk = Arc::new(MemoryDisk::default());
    let mut log = open(&disk);
    (1..6).for_each(|unique_id| log.add(&transition(unique_id, 1, unique_id, Status::Warning)));
    log.flush().unwrap();
    let (name, whole) = disk.files().pop_first().unwrap();
    for cut in 0..whole.len() {
        let disk = Arc::new(MemoryDisk::default());
        let mut bytes = whole.to_vec();
        if cut % 2 == 0 {
            bytes.truncate(cut);
        } else {
            bytes[cut] ^= 0x10;
        }
        disk.append(&name, &bytes).unwrap();
        let (mut log, _) = Log::open(Arc::clone(&disk) as Arc<dyn Disk>, GUID).unwrap();
        let before = log.read(0, None, 100).unwrap().len();
        assert!(before < 6);
        log.add(&transition(100, 1, 100, Status::Clear));
        log.flush().unwrap();
        let (log, _) = Log::open(disk as Arc<dyn Disk>, GUID).unwrap();
        assert_eq!(log.read(0, None, 100).unwrap().len(), before + 1, "cut at {cut}");
    }
}

/// While the disk is full what is added waits, up to a bound; then all of that is written, once.
#[test]
fn a_full_disk() {
    let disk = Arc::new(MemoryDisk::default());
    let mut log = open(&disk);
    log.add(&transition(1, 1, 1, Status::Warning));
    log.flush().unwrap();
    disk.set_room(Some(100));
    for unique_id in 2..4_000 {
        log.add(&transition(unique_id, 1, unique_id, Status::Warning));
        assert!(log.flush().is_err());
    }
    assert!(log.take_left_out() > 0 && log.waiting.len() < 2 * WAITING_BYTES_MAX);
    assert!(disk.list().unwrap().len() <= 2, "attempts leave nothing behind");
    disk.set_room(None);
    log.flush().unwrap();
    let (log, _) = Log::open(disk as Arc<dyn Disk>, GUID).unwrap();
    let mut ids: Vec<_> = log.read(0, None, usize::MAX).unwrap().iter().map(|entry| entry.unique_id).collect();
    let count = ids.len();
    ids.dedup();
    assert_eq!((ids.len(), ids.last()), (count, Some(&1)), "each once");
    assert!(count > 500);
}

/// The goal: what a node that ended had not finished telling is told by the next, whatever its status then,
/// but not to those who heard it; over files that are full, too, and only until it is known.
#[test]
fn unfinished_telling() {
    let disk = Arc::new(MemoryDisk::default());
    let mut log = open(&disk);
    let (one, other) = (transition(10, 1, 1, Status::Warning), transition(11, 2, 1, Status::Critical));
    for (transition, status) in [(&one, Status::Warning), (&other, Status::Critical)] {
        log.add(transition);
        log.add_told(transition, status, 1_795_388_000);
    }
    log.add_reached(&one, "slack #ops");
    log.add_result(&other, 1_795_388_001, 0);
    assert_eq!(log.read(0, None, 2).unwrap()[1].told_s, 0, "nobody knows so far");
    log.flush().unwrap();
    let told = |log: &Log, name: &str| log.memories()[&(Arc::from("x.y"), Arc::from(name))].told;
    let mut log = open(&disk);
    assert_eq!((told(&log, "alarm1"), told(&log, "alarm2")), (Some(Status::Undefined), Some(Status::Critical)));
    log.begin_file().unwrap();
    log.begin_file().unwrap();
    let mut log = open(&disk);
    let again = transition(12, 1, 2, Status::Warning);
    assert_eq!(log.reached(&again), ["slack #ops".into()]);
    assert!(log.reached(&transition(12, 1, 2, Status::Critical)).is_empty());
    log.add_told(&again, Status::Warning, 1_795_389_000);
    log.add_result(&one, 1_795_389_001, 1);
    assert_eq!(log.reached(&again).len(), 1, "that of another telling says nothing");
    log.add_result(&again, 1_795_389_002, 1);
    log.flush().unwrap();
    assert_eq!((told(&open(&disk), "alarm1"), open(&disk).reached(&again).len()), (Some(Status::Warning), 0));
}
