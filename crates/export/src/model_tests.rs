//! A queue and its delivery against a backend that is away, loses answers and refuses, on a disk that fills up, with
//! kills and power losses in between: thousands of seeded runs of a moment each.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use rrd_store::{Disk, DiskFile};

use crate::delivery::{Delivery, Outcome};
use crate::queue::{DiskQueue, Queue};
use crate::records::Records;

/// Files in memory, with what of each was synced, and room for so many bytes more.
#[derive(Debug)]
struct TestDisk(Mutex<Files>);

#[derive(Debug)]
struct Files {
    files: BTreeMap<String, (Vec<u8>, usize)>,
    room: usize,
}

struct TestFile(Vec<u8>);

impl TestDisk {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Files { files: BTreeMap::new(), room: usize::MAX })))
    }

    fn set_room(&self, room: usize) {
        self.0.lock().unwrap().room = room;
    }

    /// Of what was not synced a part is there.
    fn lose_power(&self, mut random: impl FnMut(usize) -> usize) {
        for (bytes, synced) in self.0.lock().unwrap().files.values_mut() {
            let kept = *synced + random(bytes.len() - *synced + 1);
            bytes.truncate(kept);
        }
    }
}

impl Disk for TestDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let disk = self.0.lock().unwrap();
        let (bytes, _) = disk.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(TestFile(bytes.clone())))
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        let taken = bytes.len().min(disk.room);
        disk.room = disk.room.saturating_sub(taken);
        disk.files.entry(name.to_owned()).or_default().0.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        let (bytes, synced) = disk.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        *synced = bytes.len();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        if let Some((bytes, _)) = disk.files.remove(name) {
            disk.room = disk.room.saturating_add(bytes.len());
        }
        Ok(())
    }
}

impl DiskFile for TestFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.0[(offset as usize).min(self.0.len())..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Records are numbers, one to a line; the backend refuses some for themselves, and some with all around them.
fn is_bad(number: u32) -> bool {
    number % 23 == 7
}

fn is_poison(number: u32) -> bool {
    number % 41 == 11
}

fn numbers(records: &Records) -> Vec<u32> {
    records.iter().map(|line| std::str::from_utf8(line).unwrap().trim().parse().unwrap()).collect()
}

struct World {
    random: u64,
    disk: Option<Arc<TestDisk>>,
    joins: bool,
    queue: Queue,
    delivery: Delivery,
    now_us: u64,
    told_s: i64,
    pushed: u32,
    /// What must arrive, or be refused: what a disk has; of it what is synced.
    promised: BTreeSet<u32>,
    unsynced: BTreeSet<u32>,
    taken: Vec<u32>,
    refused: BTreeSet<u32>,
    given_up: u64,
    /// Something may come twice, or be gone with memory.
    is_doubled: bool,
    is_killed: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = (!seed.is_multiple_of(4)).then(TestDisk::new);
        let joins = seed.is_multiple_of(3);
        let (queue, delivery) = Self::begin(disk.as_ref(), joins);
        Self {
            random: seed,
            disk,
            joins,
            queue,
            delivery,
            now_us: 0,
            told_s: 1_000,
            pushed: 0,
            promised: BTreeSet::new(),
            unsynced: BTreeSet::new(),
            taken: Vec::new(),
            refused: BTreeSet::new(),
            given_up: 0,
            is_doubled: false,
            is_killed: false,
        }
    }

    fn begin(disk: Option<&Arc<TestDisk>>, joins: bool) -> (Queue, Delivery) {
        let files = disk.map(|disk| DiskQueue::new(Arc::clone(disk) as Arc<dyn Disk>, "site", 1 << 30));
        let delivery = Delivery::new(10_000_000);
        (Queue::new(4, files).unwrap(), if joins { delivery.joining() } else { delivery })
    }

    fn next(&mut self, below: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % below
    }

    fn window(&mut self) {
        self.told_s += 10;
        for _ in 0..1 + self.next(3) {
            let mut records = Records::default();
            for _ in 0..1 + self.next(5) {
                self.pushed += 1;
                records.push(|out| out.extend_from_slice(format!("{}\n", self.pushed).as_bytes()));
            }
            let numbers = numbers(&records);
            if self.queue.push(self.told_s, records).is_ok() && self.disk.is_some() {
                self.promised.extend(&numbers);
                self.unsynced.extend(&numbers);
            }
        }
        if self.next(4) > 0 && self.queue.sync().is_ok() {
            self.unsynced.clear();
        }
        self.given_up += self.queue.take_lost().records;
    }

    /// One attempt; returns whether there was something to try.
    fn attempt(&mut self, is_away: bool) -> bool {
        let part = match self.delivery.next(&mut self.queue, self.now_us) {
            Ok(part) => part,
            Err(u64::MAX) => return false,
            Err(until_us) => {
                self.now_us = until_us;
                return true;
            }
        };
        let numbers = numbers(&part);
        let outcome = if is_away {
            if self.next(3) == 0 && !numbers.iter().any(|&number| is_bad(number) || is_poison(number)) {
                // It has all of it, but its answer is lost.
                self.taken.extend(&numbers);
                self.is_doubled = true;
            }
            Outcome::Later(None)
        } else if numbers.iter().copied().any(is_poison) {
            Outcome::Refused
        } else if numbers.iter().copied().any(is_bad) {
            Outcome::RefusedInPart
        } else {
            self.taken.extend(&numbers);
            Outcome::Delivered
        };
        self.delivery.ended(outcome, &mut self.queue, self.now_us);
        if self.delivery.take_counted().refused > 0 {
            self.refused.extend(&numbers);
        }
        self.given_up += self.queue.take_lost().records;
        true
    }

    fn kill(&mut self, is_power_loss: bool) {
        let Some(disk) = self.disk.clone() else { return };
        if is_power_loss {
            disk.lose_power(|below| self.next(below));
            let unsynced = std::mem::take(&mut self.unsynced);
            self.promised.retain(|number| !unsynced.contains(number));
        }
        (self.queue, self.delivery) = Self::begin(Some(&disk), self.joins);
        (self.is_killed, self.is_doubled) = (true, true);
        // The disk may have what nobody promised; what it has lost, nobody did.
        self.told_s = self.told_s.max(self.queue.told_s().unwrap_or(0));
    }

    fn check(&self, seed: u64) {
        let mut highest = 0;
        let mut seen = BTreeSet::new();
        for &number in &self.taken {
            let is_new = seen.insert(number);
            assert!(is_new || self.is_doubled, "seed {seed}: {number} comes twice");
            assert!(!is_new || number > highest, "seed {seed}: {number} comes after {highest}");
            highest = highest.max(number);
        }
        let missing = |number: &&u32| !seen.contains(number) && !self.refused.contains(number);
        let missing: Vec<_> = self.promised.iter().filter(missing).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:?} is lost");
        assert!(self.refused.iter().all(|&number| number <= self.pushed), "seed {seed}");
        if !self.is_killed {
            let settled = seen.union(&self.refused).count() as u64;
            assert!(settled <= u64::from(self.pushed), "seed {seed}");
            // What was given up while it was on its way may have arrived in part.
            assert!(settled + self.given_up >= u64::from(self.pushed), "seed {seed}: {settled} {}", self.given_up);
        }
        let waiting = self.queue.waiting();
        assert_eq!((waiting.windows, waiting.records, waiting.bytes), (0, 0, 0), "seed {seed}");
    }
}

/// Goal: whatever happens, what the disk has arrives or is refused, in its order, and twice only where nobody can know; and
/// each record is accounted for.
#[test]
fn nothing_is_lost_or_doubled() {
    for seed in 0..3_000 {
        let mut world = World::new(seed);
        let mut is_away = false;
        for _ in 0..80 {
            match world.next(20) {
                0..8 => world.window(),
                8..16 => drop(world.attempt(is_away)),
                16 => is_away = !is_away,
                17 => {
                    let room = [0, 50, 500, usize::MAX][world.next(4)];
                    world.disk.iter().for_each(|disk| disk.set_room(room));
                }
                18 => world.kill(false),
                _ => world.kill(true),
            }
        }
        world.disk.iter().for_each(|disk| disk.set_room(usize::MAX));
        while world.attempt(false) {}
        world.check(seed);
        if let Some(disk) = &world.disk {
            assert!(disk.list().unwrap().len() <= 1, "seed {seed}: {:?}", disk.list());
        }
    }
}

/// Goal: a disk that stays full costs no file and no memory for each attempt to use it.
#[test]
fn a_full_disk_is_borne() {
    let disk = TestDisk::new();
    let files = DiskQueue::new(Arc::clone(&disk) as Arc<dyn Disk>, "site", 1 << 30);
    let mut queue = Queue::new(4, Some(files)).unwrap();
    let mut told = |room: usize, told_s: i64| {
        disk.set_room(room);
        let mut records = Records::default();
        records.push(|out| out.extend_from_slice(b"a line\n"));
        queue.push(told_s, records)
    };
    told(usize::MAX, 0).unwrap();
    for told_s in 1..1_000 {
        told(10, told_s).unwrap_err();
    }
    assert_eq!(disk.list().unwrap().len(), 1);
    told(usize::MAX, 1_000).unwrap();
    assert_eq!(disk.list().unwrap().len(), 2);
    // What waits on the disk, and the newest four of those in memory.
    assert_eq!((queue.waiting().windows, queue.take_lost().records), (6, 995));
}
