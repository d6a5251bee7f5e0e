//! What waits for a backend: batches, oldest first. A batch leaves the queue when it was delivered or is
//! given up, and never changes otherwise.
//!
//! Without a disk, batches of so many windows wait; with one, they wait there, up to so many bytes, and a killed
//! node goes on with them. What is too much is given up from the oldest on, and counted.

mod disk;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::records::Records;
use disk::{Place, Segments};

pub use disk::Segments as DiskQueue;

/// Bytes that wait in memory at most, beside the newest window.
const MEMORY_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Records that are sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Rises from batch to batch.
    pub number: u64,
    /// The end of its window, by the clock that told it.
    pub told_s: i64,
    /// What is sent.
    pub records: Arc<Records>,
}

/// What came to a queue since it was asked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Batches that were given up.
    pub batches: u64,
    /// Their records.
    pub records: u64,
    /// and bytes.
    pub bytes: u64,
}

/// Batches that wait for one backend.
#[derive(Debug, Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    windows_max: usize,
    disk: Option<Segments>,
    next_number: u64,
    told_s: Option<i64>,
    lost: Lost,
    waiting: Waiting,
    damaged_bytes: u64,
}

/// What waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Windows, of which the oldest may be on its way.
    pub windows: u64,
    /// Samples.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of those in memory; the others are on the disk.
    pub memory_bytes: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    told_s: i64,
    records: u64,
    bytes: u64,
    held: Held,
}

#[derive(Debug)]
enum Held {
    InMemory(Arc<Records>),
    OnDisk(Place),
}

impl Queue {
    /// A queue of so many windows; what waits on a disk is taken over.
    ///
    /// # Errors
    /// Where the disk cannot be read.
    pub fn new(windows_max: usize, mut disk: Option<Segments>) -> io::Result<Self> {
        let found = disk.as_mut().map(Segments::load).transpose()?.unwrap_or_default();
        let mut queue = Self {
            entries: VecDeque::new(),
            windows_max: windows_max.max(1),
            disk,
            next_number: found.next_number.max(1),
            told_s: found.told_s,
            lost: Lost::default(),
            waiting: Waiting::default(),
            damaged_bytes: found.damaged_bytes,
        };
        for (number, told_s, records, place) in found.batches {
            let bytes = u64::from(place.length);
            queue.enter(Entry { number, told_s, records, bytes, held: Held::OnDisk(place) });
        }
        Ok(queue)
    }

    /// The same queue, for so many windows in memory.
    #[must_use]
    pub fn of_windows(self, windows_max: usize) -> Self {
        Self { windows_max: windows_max.max(1), ..self }
    }

    /// The end of the newest window that ever entered it; `None` where nothing is known of any.
    #[must_use]
    pub const fn told_s(&self) -> Option<i64> {
        self.told_s
    }

    /// Bytes on the disk that could not be read when it was taken over.
    #[must_use]
    pub const fn damaged_bytes(&self) -> u64 {
        self.damaged_bytes
    }

    /// What waits.
    #[must_use]
    pub const fn waiting(&self) -> Waiting {
        self.waiting
    }

    /// The end of the oldest window that waits.
    #[must_use]
    pub fn oldest_s(&self) -> Option<i64> {
        self.entries.front().map(|entry| entry.told_s)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What was given up since this was asked last.
    pub fn take_lost(&mut self) -> Lost {
        std::mem::take(&mut self.lost)
    }

    /// Adds a batch of the window that ends at `told_s`, and gives up what is too much.
    ///
    /// # Errors
    /// Where the disk refuses it; it waits in memory then.
    pub fn push(&mut self, told_s: i64, records: Records) -> io::Result<()> {
        let batch = Batch { number: self.next_number, told_s, records: Arc::new(records) };
        self.next_number += 1;
        self.told_s = self.told_s.max(Some(told_s));
        let placed = self.disk.as_mut().map(|disk| disk.append(&batch)).transpose();
        let Batch { number, told_s, records } = batch;
        let (count, bytes) = (records.len() as u64, records.bytes().len() as u64);
        let held = match &placed {
            Ok(Some(place)) => Held::OnDisk(*place),
            _ => Held::InMemory(records),
        };
        self.enter(Entry { number, told_s, records: count, bytes, held });
        self.give_up_too_much();
        placed.map(drop)
    }

    /// Has what was added survive a power loss.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn sync(&mut self) -> io::Result<()> {
        self.disk.as_mut().map_or(Ok(()), Segments::sync)
    }

    /// The number of the oldest batch.
    #[must_use]
    pub fn front_number(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.number)
    }

    /// The oldest batch. What a disk does not give back is given up.
    pub fn front(&mut self) -> Option<Batch> {
        while let Some(number) = self.front_number() {
            match self.after(0) {
                Some(batch) => return Some(batch),
                None => self.give_up(number),
            }
        }
        None
    }

    /// The batch that follows so many others; `None` where there is none that can be read.
    #[must_use]
    pub fn after(&self, others: usize) -> Option<Batch> {
        let Entry { number, told_s, held, .. } = self.entries.get(others)?;
        match held {
            Held::InMemory(records) => Some(Batch { number: *number, told_s: *told_s, records: records.clone() }),
            Held::OnDisk(place) => self.disk.as_ref()?.read(place).filter(|batch| batch.number == *number),
        }
    }

    /// So many records and bytes has the batch that follows so many others.
    pub(crate) fn size_after(&self, others: usize) -> Option<(usize, usize)> {
        self.entries.get(others).map(|entry| (entry.records as usize, entry.bytes as usize))
    }

    /// The oldest batch was delivered. One that was given up meanwhile is none of ours any more.
    pub fn delivered(&mut self, number: u64) {
        if self.entries.front().is_some_and(|entry| entry.number == number) {
            self.leave();
        }
    }

    /// The oldest batch is not to be had delivered.
    pub fn give_up(&mut self, number: u64) {
        if self.entries.front().is_some_and(|entry| entry.number == number) {
            self.give_up_front();
        }
    }

    fn enter(&mut self, entry: Entry) {
        if self.entries.back().is_none_or(|last| last.told_s != entry.told_s) {
            self.waiting.windows += 1;
        }
        self.waiting.records += entry.records;
        self.waiting.bytes += entry.bytes;
        if let Held::InMemory(_) = entry.held {
            self.waiting.memory_bytes += entry.bytes;
        }
        self.entries.push_back(entry);
    }

    fn leave(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        if self.entries.front().is_none_or(|next| next.told_s != entry.told_s) {
            self.waiting.windows -= 1;
        }
        self.waiting.records -= entry.records;
        self.waiting.bytes -= entry.bytes;
        match entry.held {
            Held::InMemory(_) => self.waiting.memory_bytes -= entry.bytes,
            Held::OnDisk(_) => {
                if let Some(disk) = &mut self.disk {
                    disk.gone(entry.number);
                }
            }
        }
        Some(entry)
    }

    fn give_up_front(&mut self) {
        if let Some(entry) = self.leave() {
            self.lost.add(&entry);
        }
    }

    /// What is too much on the disk goes there, what is too much in memory goes here: the oldest of each.
    fn give_up_too_much(&mut self) {
        while self.disk.as_ref().is_some_and(Segments::is_full) && self.is_older_than_newest(0) {
            self.give_up_front();
        }
        while self.is_too_much_in_memory()
            && let Some(at) = self.entries.iter().position(|entry| matches!(entry.held, Held::InMemory(_)))
            && self.is_older_than_newest(at)
        {
            self.give_up_in_memory(at);
        }
    }

    /// The newest window stays whatever it takes.
    fn is_older_than_newest(&self, at: usize) -> bool {
        let newest_s = self.entries.back().map(|entry| entry.told_s);
        self.entries.get(at).map(|entry| entry.told_s) != newest_s
    }

    fn is_too_much_in_memory(&self) -> bool {
        self.waiting.memory_bytes as usize > MEMORY_BYTES_MAX || self.windows() > self.windows_max
    }

    fn give_up_in_memory(&mut self, at: usize) {
        if at == 0 {
            return self.give_up_front();
        }
        // What is older waits on the disk.
        if let Some(entry) = self.entries.remove(at) {
            self.lost.add(&entry);
            self.waiting.records -= entry.records;
            self.waiting.bytes -= entry.bytes;
            self.waiting.memory_bytes -= entry.bytes;
            self.waiting.windows = runs(self.entries.iter());
        }
    }

    /// How many windows wait in memory.
    fn windows(&self) -> usize {
        runs(self.entries.iter().filter(|entry| matches!(entry.held, Held::InMemory(_)))) as usize
    }
}

/// How many windows there are, one after another.
fn runs<'e>(entries: impl Iterator<Item = &'e Entry>) -> u64 {
    let mut last = None;
    entries.filter(|entry| last.replace(entry.told_s) != Some(entry.told_s)).count() as u64
}

impl Lost {
    const fn add(&mut self, entry: &Entry) {
        self.batches += 1;
        self.records += entry.records;
        self.bytes += entry.bytes;
    }
}
