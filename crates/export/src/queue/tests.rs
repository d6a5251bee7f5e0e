use std::sync::Arc;

use rrd_store::{Disk, RealDisk};

use super::*;

const T: i64 = 1_795_387_849;

fn records(text: &str) -> Records {
    crate::testing::records(&text.split_inclusive('\n').collect::<Vec<_>>())
}

fn texts(queue: &mut Queue) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(batch) = queue.front() {
        texts.push(String::from_utf8(batch.records.bytes().to_vec()).unwrap());
        queue.delivered(batch.number);
    }
    texts
}

fn on_disk(disk: &Arc<dyn Disk>, bytes_max: u64) -> Queue {
    Queue::new(2, Some(Segments::new(Arc::clone(disk), "site", bytes_max))).unwrap()
}

/// Goal: without a disk the newest windows are kept, however many batches they have, and losses are counted.
#[test]
fn memory_keeps_the_newest_windows() {
    let mut queue = Queue::new(2, None).unwrap();
    for (told_s, text) in [(T, "a\nb\n"), (T, "c\n"), (T + 10, "d\n"), (T + 20, "e\n"), (T + 20, "f\n")] {
        queue.push(told_s, records(text)).unwrap();
    }
    assert_eq!(queue.take_lost(), Lost { batches: 2, records: 3, bytes: 6 });
    assert_eq!((queue.waiting().records, queue.waiting().windows, queue.oldest_s()), (3, 2, Some(T + 10)));
    assert_eq!(texts(&mut queue), ["d\n", "e\n", "f\n"]);
    assert_eq!((queue.waiting(), queue.take_lost()), (Waiting::default(), Lost::default()));
}

/// Goal: a batch that was given up while it was on its way does not take the next one with it.
#[test]
fn what_was_given_up_is_not_delivered() {
    let mut queue = Queue::new(1, None).unwrap();
    queue.push(T, records("a\n")).unwrap();
    let on_its_way = queue.front().unwrap();
    queue.push(T + 10, records("b\n")).unwrap();
    queue.delivered(on_its_way.number);
    assert_eq!(texts(&mut queue), ["b\n"]);
    assert_eq!(queue.take_lost().batches, 1);
}

/// Goal: a node that was killed at any moment goes on with what was not delivered, and knows what was told.
#[test]
fn the_disk_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder.path()));
    let mut expected = VecDeque::new();
    let mut random = 5_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut queue = on_disk(&disk, 64 * 1_024 * 1_024);
    for turn in 0..600 {
        if next(3) > 0 {
            let text = format!("{turn} {}\n", "x".repeat(next(20_000) as usize)).repeat(1 + next(3) as usize);
            queue.push(T + turn, records(&text)).unwrap();
            expected.push_back(text);
        } else if let Some(batch) = queue.front() {
            assert_eq!(batch.records.bytes(), expected.pop_front().unwrap().as_bytes());
            queue.delivered(batch.number);
        }
        if next(20) == 0 {
            queue = on_disk(&disk, 64 * 1_024 * 1_024);
            assert!(queue.told_s() >= Some(T + turn - 20), "{turn}");
        }
    }
    assert_eq!(texts(&mut queue), Vec::from(expected));
    assert_eq!(queue.take_lost(), Lost::default());
    assert_eq!(disk.list().unwrap().len(), 1, "what is gone is removed");
    assert_eq!(texts(&mut on_disk(&disk, 64 * 1_024 * 1_024)), [""; 0]);
}

/// Goal: the disk is bounded; the oldest is given up, and counted.
#[test]
fn the_disk_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder.path()));
    let mut queue = on_disk(&disk, 512 * 1_024);
    let text = format!("{}\n", "x".repeat(10_000));
    for turn in 0..500 {
        queue.push(T + turn, records(&text)).unwrap();
    }
    let bytes: u64 = disk.list().unwrap().iter().map(|name| disk.open(name).unwrap().length().unwrap()).sum();
    assert!(bytes <= 600 * 1_024, "{bytes}");
    let kept = queue.waiting().records;
    assert_eq!(queue.take_lost().records + kept, 500);
    assert!(kept >= 40, "{kept}");
    assert_eq!(texts(&mut queue).len() as u64, kept);
}

/// Goal: damage anywhere takes what it hits, and the rest of its file, no more; and nothing panics.
#[test]
fn damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder.path()));
    let mut queue = on_disk(&disk, 1_024 * 1_024);
    for turn in 0..20 {
        queue.push(T + turn, records(&format!("record {turn}\n"))).unwrap();
    }
    let path = folder.path().join(&disk.list().unwrap()[0]);
    let whole = std::fs::read(&path).unwrap();
    let record_bytes = whole.len() / 20;
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        // The folder goes with its last file.
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &damaged).unwrap();
        let mut queue = on_disk(&disk, 1_024 * 1_024);
        queue.push(T + 99, records("new\n")).unwrap();
        let told = texts(&mut queue);
        assert!(told.len() + 1 >= at / (record_bytes + 2), "{at}: {}", told.len());
        assert_eq!(told.last().unwrap(), "new\n");
        let intact = told.iter().rev().skip(1).rev().enumerate();
        intact.for_each(|(turn, text)| assert_eq!(*text, format!("record {turn}\n")));
        for name in disk.list().unwrap() {
            disk.remove(&name).unwrap();
        }
    }
}
