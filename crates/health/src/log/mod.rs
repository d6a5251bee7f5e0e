//! The alarm log: every transition of a host, and whether it was told, on the disk.
//!
//! A host has one or two files of records; what is added goes to the newer one, and when that is
//! full a new one is begun with what all alarms remember, and the oldest goes. So the log is
//! bounded, and a restart knows the numbers of all alarms and what was told last of each.
//!
//! ```text
//! file   = GUID/NNNNNNNNNN.alarms: record ...
//! record = length u32 | crc32 of the body u32 | body: kind u8, fields          little endian
//! ```
//!
//! A record that is torn or damaged ends its file: what comes after is not read, and nothing is
//! added to that file any more.

mod record;
#[cfg(test)]
mod tests;
mod unsettled;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use row::Guid;
use rrd_store::Disk;

use crate::engine::{Memory, ToldElsewhere, Transition};
use crate::expression::Status;
use record::Record;
use unsettled::Unsettled;

pub use record::Entry;

/// A file is full at so many bytes: some thousand transitions.
const FILE_BYTES_MAX: usize = 512 * 1_024;
/// Of one file so many bytes are read at most.
const READ_BYTES_MAX: u64 = 4 * 1_024 * 1_024;
/// What waits while the disk refuses, at most.
const WAITING_BYTES_MAX: usize = 256 * 1_024;
/// What the name of a file ends with.
const SUFFIX: &str = ".alarms";

/// In place of a result: there is none so far.
const WAITS: i32 = i32::MIN;

/// What of alarms a log remembers, by chart and name.
pub type Memories = HashMap<(Arc<str>, Arc<str>), Memory>;

/// The log of one host.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    guid: Guid,
    /// The number of the newest file; 0 before the first.
    number: u64,
    /// Its length, or enough for a new one where nothing may be added.
    bytes: usize,
    /// Records that are to be written.
    waiting: Vec<u8>,
    /// Records that were left out since the disk refused.
    left_out: u64,
    memories: Memories,
    unsettled: Unsettled,
    last_unique_id: u32,
}

impl Log {
    /// Opens a host's log, reads what it remembers, and returns how many bytes of it are damaged.
    ///
    /// # Errors
    /// Where the disk cannot be read.
    pub fn open(disk: Arc<dyn Disk>, guid: Guid) -> io::Result<(Self, u64)> {
        let mut log = Self {
            disk,
            guid,
            number: 0,
            bytes: 0,
            waiting: Vec::new(),
            left_out: 0,
            memories: Memories::new(),
            unsettled: Unsettled::default(),
            last_unique_id: 0,
        };
        let mut damaged = 0;
        for number in log.numbers()? {
            let bytes = log.read_file(number)?;
            let mut records = record::Records::new(&bytes);
            records.by_ref().for_each(|record| log.remember(&record));
            damaged += records.rest() as u64;
            log.number = number;
            log.bytes = if records.rest() == 0 { bytes.len() } else { usize::MAX };
        }
        log.doubt();
        Ok((log, damaged))
    }

    /// What nobody is known to have heard counts neither as told nor as not told: whatever comes next is told.
    fn doubt(&mut self) {
        for alarm in self.unsettled.alarms() {
            if let Some(memory) = self.memories.get_mut(alarm) {
                memory.told = Some(Status::Undefined);
            }
        }
    }

    /// What the alarms of the host remember.
    #[must_use]
    pub const fn memories(&self) -> &Memories {
        &self.memories
    }

    /// The newest transition's number; 0 without one.
    #[must_use]
    pub const fn last_unique_id(&self) -> u32 {
        self.last_unique_id
    }

    /// Adds a transition; it is written with the next [`flush`](Self::flush).
    pub fn add(&mut self, transition: &Transition) {
        self.put(&Record::Transition(Box::new(Entry::of(transition))));
    }

    /// Adds that a transition is told, and when; the result comes later.
    pub fn add_told(&mut self, transition: &Transition, status: Status, at_s: i64) {
        self.put(&Record::Told {
            unique_id: transition.unique_id,
            at_s,
            code: WAITS,
            chart: transition.chart.to_string(),
            name: transition.name.to_string(),
            status,
        });
    }

    /// Adds that somebody heard a transition that is told to several.
    pub fn add_reached(&mut self, transition: &Transition, who: &str) {
        self.put(&Record::Reached { unique_id: transition.unique_id, who: who.to_owned() });
    }

    /// Adds what telling a transition came to: 0 is success.
    pub fn add_result(&mut self, transition: &Transition, at_s: i64, code: i32) {
        self.put(&Record::Result { unique_id: transition.unique_id, at_s, code });
    }

    /// Adds that another node told a status of an alarm.
    pub fn add_told_elsewhere(&mut self, told: &ToldElsewhere) {
        self.put(&Record::Told {
            unique_id: 0,
            at_s: told.at_s,
            code: 0,
            chart: told.chart.to_string(),
            name: told.name.to_string(),
            status: told.status,
        });
    }

    /// Who is known to have heard a status of an alarm, where it is not known that all did.
    #[must_use]
    pub fn reached(&self, transition: &Transition) -> Vec<Arc<str>> {
        let alarm = (Arc::clone(&transition.chart), Arc::clone(&transition.name));
        self.unsettled.reached(&alarm, transition.to)
    }

    fn put(&mut self, record: &Record) {
        self.remember(record);
        if self.waiting.len() < WAITING_BYTES_MAX {
            record.write(&mut self.waiting);
        } else {
            self.left_out += 1;
        }
    }

    fn remember(&mut self, record: &Record) {
        let memory = |memories: &mut Memories, chart: &str, name: &str, change: &dyn Fn(&mut Memory)| {
            change(memories.entry((Arc::from(chart), Arc::from(name))).or_default());
        };
        match record {
            Record::Transition(entry) => {
                self.last_unique_id = self.last_unique_id.max(entry.unique_id);
                memory(&mut self.memories, &entry.chart, &entry.name, &|memory| {
                    (memory.alarm_id, memory.event_id) = (entry.alarm_id, entry.event_id);
                });
            }
            Record::Told { chart, name, status, unique_id, at_s, code } => {
                memory(&mut self.memories, chart, name, &|memory| memory.note_told(*status, memory.told_s.max(*at_s)));
                let alarm = (Arc::from(&**chart), Arc::from(&**name));
                match *code {
                    WAITS => self.unsettled.begin(alarm, *unique_id, *status, *at_s),
                    _ => self.unsettled.forget(&alarm),
                }
            }
            Record::Reached { unique_id, who } => self.unsettled.reach(*unique_id, who),
            Record::Result { unique_id, .. } => self.unsettled.settle(*unique_id),
            Record::Memory { chart, name, memory: kept } => {
                memory(&mut self.memories, chart, name, &|memory| *memory = *kept);
            }
        }
    }

    /// Writes what was added, so that a kill or a power loss does not take it away.
    ///
    /// # Errors
    /// Where the disk refuses; what was added is kept and tried again, up to a bound.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if self.number == 0 || self.bytes.saturating_add(self.waiting.len()) > FILE_BYTES_MAX {
            self.begin_file()?;
        }
        // Whatever a refusal leaves behind of these bytes ends the file.
        let length = std::mem::replace(&mut self.bytes, usize::MAX);
        let name = self.name(self.number);
        self.disk.append(&name, &self.waiting)?;
        self.disk.sync(&name)?;
        self.bytes = length + self.waiting.len();
        self.waiting.clear();
        Ok(())
    }

    /// How many records were left out since the last call, because the disk refused for too long.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    /// Begins a file with what all alarms remember; of the older ones the newest stays.
    fn begin_file(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        for ((chart, name), memory) in &self.memories {
            let (chart, name) = (chart.to_string(), name.to_string());
            Record::Memory { chart, name, memory: *memory }.write(&mut bytes);
        }
        self.unsettled.write(&mut bytes);
        let number = self.number + 1;
        // A number that was used counts as used, whatever comes of it.
        self.number = number;
        self.bytes = usize::MAX;
        if let Err(error) = self.disk.append(&self.name(number), &bytes) {
            // Half a file is worth less than the room that it takes.
            self.disk.remove(&self.name(number))?;
            return Err(error);
        }
        self.bytes = bytes.len();
        let mut older = self.numbers()?;
        older.retain(|&older| older < number);
        older.pop();
        older.into_iter().try_for_each(|oldest| self.disk.remove(&self.name(oldest)))?;
        Ok(())
    }

    /// The transitions with a number above `after_id`, of one chart or of all, newest first, at most so
    /// many.
    ///
    /// # Errors
    /// Where the disk cannot be read.
    pub fn read(&self, after_id: u32, chart: Option<&str>, count_max: usize) -> io::Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        for number in self.numbers()? {
            take_entries(&self.read_file(number)?, &mut entries);
        }
        take_entries(&self.waiting, &mut entries);
        link(&mut entries);
        entries.reverse();
        entries.retain(|entry| entry.unique_id > after_id && chart.is_none_or(|chart| entry.chart == chart));
        entries.truncate(count_max);
        Ok(entries)
    }

    fn name(&self, number: u64) -> String {
        format!("{}/{number:010}{SUFFIX}", self.guid)
    }

    /// The numbers of the files, the oldest first.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let names = self.disk.list_folder(&self.guid.to_string())?;
        let number = |name: &String| name.rsplit_once('/')?.1.strip_suffix(SUFFIX)?.parse().ok();
        let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read_file(&self, number: u64) -> io::Result<Vec<u8>> {
        let file = self.disk.open(&self.name(number))?;
        let mut bytes = vec![0; file.length()?.min(READ_BYTES_MAX) as usize];
        let mut at = 0;
        while at < bytes.len() {
            match file.read_at(at as u64, &mut bytes[at..])? {
                0 => break,
                count => at += count,
            }
        }
        bytes.truncate(at);
        Ok(bytes)
    }
}

/// Takes the transitions of records, and what is told of them.
fn take_entries(bytes: &[u8], entries: &mut Vec<Entry>) {
    for record in record::Records::new(bytes) {
        match record {
            Record::Transition(entry) => entries.push(*entry),
            Record::Told { unique_id, at_s, code, .. } | Record::Result { unique_id, at_s, code } if code != WAITS => {
                if let Some(entry) = entries.iter_mut().rev().find(|entry| entry.unique_id == unique_id) {
                    (entry.told_s, entry.told_code) = (at_s, code);
                }
            }
            Record::Told { .. } | Record::Result { .. } | Record::Reached { .. } | Record::Memory { .. } => {}
        }
    }
}

/// Links each transition with the next of its alarm.
fn link(entries: &mut [Entry]) {
    let mut newest: HashMap<u32, usize> = HashMap::new();
    for at in 0..entries.len() {
        let (alarm_id, unique_id) = (entries[at].alarm_id, entries[at].unique_id);
        if let Some(before) = newest.insert(alarm_id, at) {
            entries[before].updated_by_id = unique_id;
            entries[at].updates_id = entries[before].unique_id;
        }
    }
}
