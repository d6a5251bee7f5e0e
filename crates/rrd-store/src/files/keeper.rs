//! The keeper: memory mode `map`, where a host's rows are on the disk as they come.
//!
//! Once a second it takes what each host gathered in its journal and appends it to the host's files,
//! with one write each; so a killed process loses the current second. Every `flush_interval` the
//! files are synced, which is what a power loss may cost. Now and then a turn comes: a new segment
//! begins with all definitions and what is in open blocks, so that the older journal can go, and
//! segments that history no longer covers go with it.
//!
//! Where the disk is full or fails, rows stay in memory. The keeper tells once, tries again every
//! second, and writes everything anew when it can.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use row::{Guid, Now};

use super::records::Records;
use super::write::{Rows, definitions, rows};
use super::{FileKind, FileName, Journal, kind, list};
use crate::disk::Disk;
use crate::host::{Host, HostState, MemoryMode};
use crate::store::Store;

/// A turn comes after this part of the history, so that retention frees whole files.
const TURNS_PER_HISTORY: i64 = 24;
/// But not more often, since each writes all definitions.
const TURN_S_MIN: i64 = 600;

/// Something that the log should say.
#[derive(Debug)]
pub enum Trouble {
    /// The host's rows stay in memory from now on.
    Refused(Guid, io::Error),
    /// The host's rows are on the disk again.
    Resumed(Guid),
}

/// Keeps the hosts of memory mode `map` on a disk.
pub struct Keeper {
    disk: Arc<dyn Disk>,
    flush_us: u64,
    hosts: HashMap<Guid, Kept>,
}

/// What is known of a host's files.
#[derive(Debug, Default)]
struct Kept {
    /// The number of the segment and journal that are written now; 0 before the first turn.
    number: u64,
    /// When it began.
    began_s: i64,
    synced_us: u64,
    is_dirty: bool,
    is_refused: bool,
    /// Older segments, with the second that their rows end at, where it is known.
    older: Vec<(u64, Option<i64>)>,
}

impl Keeper {
    /// A keeper that writes to `disk` and syncs every `flush_us` microseconds. It goes on behind the
    /// files that are there.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, flush_us: u64) -> Self {
        let mut hosts: HashMap<Guid, Kept> = HashMap::new();
        for file in list(&*disk).unwrap_or_default() {
            let kept = hosts.entry(file.guid).or_default();
            kept.number = kept.number.max(file.number);
            if file.kind == FileKind::Segment {
                kept.older.push((file.number, None));
            }
        }
        Self { disk, flush_us, hosts }
    }

    /// Writes what all hosts gathered since the last call; to be called once a second.
    pub fn flush(&mut self, store: &Store, now: Now) -> Vec<Trouble> {
        self.each(store, |keeper, host| keeper.flush_host(host, now))
    }

    /// Writes and syncs everything, at the end.
    pub fn finish(&mut self, store: &Store, now: Now) -> Vec<Trouble> {
        self.each(store, |keeper, host| keeper.turn(host, now))
    }

    fn each(&mut self, store: &Store, mut work: impl FnMut(&mut Self, &Host) -> io::Result<()>) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for host in store.hosts().iter().filter(|host| host.keep().mode == MemoryMode::Map) {
            let done = work(self, host);
            let kept = self.hosts.entry(host.guid()).or_default();
            match done {
                Ok(()) if std::mem::take(&mut kept.is_refused) => troubles.push(Trouble::Resumed(host.guid())),
                Ok(()) => {}
                Err(_) if kept.is_refused => {}
                Err(err) => {
                    kept.is_refused = true;
                    troubles.push(Trouble::Refused(host.guid(), err));
                }
            }
        }
        troubles
    }

    fn flush_host(&mut self, host: &Host, now: Now) -> io::Result<()> {
        let kept = self.hosts.entry(host.guid()).or_default();
        let turn_s = (i64::from(host.keep().history_rows) / TURNS_PER_HISTORY).max(TURN_S_MIN);
        // A clock that was set back makes a turn come, too.
        let is_due = !(kept.began_s..kept.began_s + turn_s).contains(&now.wall_s());
        let taken = if is_due || kept.is_refused { None } else { take(&mut host.lock()) };
        let Some((mut segment, gathered)) = taken else { return self.turn(host, now) };
        add_blocks(&mut segment, &gathered);
        let mut journal = Records::default();
        if !gathered.rows.is_empty() {
            journal.add(kind::ROWS, |payload| payload.extend_from_slice(&gathered.rows));
        }
        let file = |kind| FileName { guid: host.guid(), kind, number: kept.number }.to_string();
        kept.is_dirty |= !segment.buffer.is_empty() || !journal.buffer.is_empty();
        append(&*self.disk, &file(FileKind::Segment), segment)?;
        append(&*self.disk, &file(FileKind::Journal), journal)?;
        if kept.is_dirty && now.mono_us.saturating_sub(kept.synced_us) >= self.flush_us {
            sync(&*self.disk, &file(FileKind::Segment))?;
            sync(&*self.disk, &file(FileKind::Journal))?;
            (kept.is_dirty, kept.synced_us) = (false, now.mono_us);
        }
        Ok(())
    }

    /// Begins a new segment and journal, and lets go of what they make needless.
    fn turn(&mut self, host: &Host, now: Now) -> io::Result<()> {
        let kept = self.hosts.entry(host.guid()).or_default();
        let (records, is_whole, newest_s) = begin(host, kept.is_refused || kept.number == 0);
        let file = |kind, number| FileName { guid: host.guid(), kind, number }.to_string();
        let (before, number) = (kept.number, kept.number + 1);
        let segment = file(FileKind::Segment, number);
        self.disk.remove(&segment)?;
        append(&*self.disk, &segment, records)?;
        self.disk.sync(&segment)?;
        sync(&*self.disk, &file(FileKind::Segment, before))?;
        // All rows are in synced segments now: the journals can go, whatever their number.
        for journal in
            list(&*self.disk)?.iter().filter(|file| file.guid == host.guid() && file.kind == FileKind::Journal)
        {
            self.disk.remove(&journal.to_string())?;
        }
        let every_s = i64::from(host.info().update_every_s.max(1));
        let oldest_s = newest_s - i64::from(host.keep().history_rows) * every_s;
        if before > 0 && !kept.older.iter().any(|(older, _)| *older == before) {
            kept.older.push((before, None));
        }
        kept.older.iter_mut().for_each(|(_, end_s)| *end_s = end_s.or(Some(newest_s)));
        let (gone, left) =
            kept.older.iter().partition(|(_, end_s)| is_whole || end_s.is_some_and(|end_s| end_s < oldest_s));
        kept.older = left;
        *kept = Kept { number, began_s: now.wall_s(), synced_us: now.mono_us, is_dirty: false, ..std::mem::take(kept) };
        let gone: Vec<(u64, Option<i64>)> = gone;
        gone.iter().try_for_each(|(older, _)| self.disk.remove(&file(FileKind::Segment, *older)))
    }
}

/// What a host gathered, and the definitions in it as records; `None` where it must begin anew. The
/// lock is held for this, so all else becomes records outside it.
fn take(state: &mut HostState) -> Option<(Records, Journal)> {
    let journal = state.journal.as_mut().filter(|journal| !journal.overflowed)?;
    let journal = std::mem::take(&mut **journal);
    let mut definitions = Records::default();
    for slot in &journal.changed {
        definitions.chart(slot.0, &state.charts[slot.0 as usize]);
    }
    Some((definitions, journal))
}

fn add_blocks(records: &mut Records, journal: &Journal) {
    for block in Journal::each_block(&journal.blocks) {
        records.add(kind::BLOCK, |payload| payload.extend_from_slice(block));
    }
}

/// The beginning of a segment: definitions, and rows that no other segment has. Returns whether it
/// holds all rows, and the newest second.
fn begin(host: &Host, anew: bool) -> (Records, bool, i64) {
    let mut state = host.lock();
    let before = state.journal.replace(Box::default());
    let is_whole = anew || before.as_ref().is_none_or(|journal| journal.overflowed);
    let mut records = definitions(host, &state, false);
    if let Some(journal) = before.filter(|_| !is_whole) {
        add_blocks(&mut records, &journal);
    }
    rows(&mut records, &state, if is_whole { Rows::All } else { Rows::Open });
    let newest_s = state.charts.iter().map(|chart| chart.ring.last_s()).max().unwrap_or(0);
    (records, is_whole, newest_s)
}

fn append(disk: &dyn Disk, file: &str, records: Records) -> io::Result<()> {
    if records.buffer.is_empty() { Ok(()) } else { disk.append(file, &records.buffer) }
}

/// Syncs a file; one that was never written is as safe as it can be.
fn sync(disk: &dyn Disk, file: &str) -> io::Result<()> {
    match disk.sync(file) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced,
    }
}
