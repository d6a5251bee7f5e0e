//! The keeper: hosts whose rows are on the disk as they come (memory mode `map`, and such a spool).
//!
//! Once a second it takes what each host gathered in its journal and appends it to the host's files,
//! with one write each; so a killed process loses the current second. Every `flush_interval` the
//! files are synced, which is what a power loss may cost. Blocks that were written leave memory. Now
//! and then a turn comes: a new segment begins with what is in open blocks, so that the older journal
//! can go, and segments that history no longer covers go with it.
//!
//! Where the disk is full or fails, rows stay in memory. The keeper tells once, tries again every
//! second, and begins new files when it can.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use row::{ChartSlot, Guid, Now};

use super::batch::{Batch, late_rows};
use super::bytes::Put;
use super::on_disk::OnDisk;
use super::records::Records;
use super::write::Header;
use super::{FileKind, FileName, Journal, list, remove};
use crate::disk::Disk;
use crate::host::{Host, HostState, Which};
use crate::ring::Ring;
use crate::slab::BlockAt;
use crate::store::Store;

/// A turn comes after this part of the history, so that retention frees whole files.
const TURNS_PER_HISTORY: i64 = 24;
/// But not more often: each writes what is in open blocks.
const TURN_S_MIN: i64 = 600;
/// And it comes when a segment is as long as this: the place of a block is kept in 32 bits.
const SEGMENT_BYTES_MAX: u64 = 2 << 30;
/// A charts file is written anew when changes have made it longer than twice what it needs, and this.
const CHARTS_BYTES_SPARE: u64 = 256 * 1_024;

/// Something that the log should say.
#[derive(Debug)]
pub enum Trouble {
    /// The host's rows stay in memory from now on.
    Refused(Guid, io::Error),
    /// The host's rows are on the disk again.
    Resumed(Guid),
}

/// Keeps hosts on a disk.
pub struct Keeper {
    disk: Arc<dyn Disk>,
    flush_us: u64,
    which: Which,
    hosts: HashMap<Guid, Kept>,
}

/// What is known of a host's files.
#[derive(Debug, Default)]
struct Kept {
    /// The number of the last file that was begun.
    number: u64,
    /// The charts file, its length now and when it was begun; number 0 before the first turn.
    charts: u64,
    charts_bytes: u64,
    charts_bytes_fresh: u64,
    /// The segment and journal that are written now.
    segment: u64,
    segment_bytes: u64,
    has_journal: bool,
    /// When they began.
    began_s: i64,
    /// Older segments, with the second that their rows end at.
    older: Vec<(u64, i64)>,
    synced_us: u64,
    is_dirty: bool,
    is_refused: bool,
}

/// What is taken from a host at a time.
#[derive(Debug, Default)]
struct Taken {
    definitions: Records,
    rows: Vec<u8>,
    newest_s: i64,
    sealed: Batch,
}

impl Keeper {
    /// A keeper of the hosts that `which` picks by how they are kept. It writes to `disk` and syncs
    /// every `flush_us` microseconds.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, flush_us: u64, which: Which) -> Self {
        Self { disk, flush_us, which, hosts: HashMap::new() }
    }

    /// Writes what all hosts gathered since the last call; to be called once a second.
    pub fn flush(&mut self, store: &Store, now: Now) -> Vec<Trouble> {
        self.each(store, |keeper, host| keeper.flush_host(host, now))
    }

    /// Writes and syncs everything, at the end.
    pub fn finish(&mut self, store: &Store, now: Now) -> Vec<Trouble> {
        self.each(store, |keeper, host| keeper.turn(host, now))
    }

    /// Lets a host's charts and rows go from memory, once the disk has all of them; they come back when
    /// somebody asks. Returns whether it sleeps: one that is fed, or tapped, does not.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn put_to_sleep(&mut self, host: &Host, now: Now) -> io::Result<bool> {
        if !(self.which)(host.keep()) || host.is_asleep() || host.is_fed() {
            return Ok(false);
        }
        self.turn(host, now)?;
        let sleeps = host.sleep(self.folder(host.guid()));
        if sleeps {
            self.hosts.remove(&host.guid());
        }
        Ok(sleeps)
    }

    fn each(&mut self, store: &Store, mut work: impl FnMut(&mut Self, &Host) -> io::Result<()>) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let which = self.which;
        for host in store.hosts().iter().filter(|host| which(host.keep()) && !host.is_asleep()) {
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
        let is_due = !(kept.began_s..kept.began_s + turn_s).contains(&now.wall_s())
            || kept.segment_bytes > SEGMENT_BYTES_MAX
            || kept.charts_bytes > 2 * kept.charts_bytes_fresh + CHARTS_BYTES_SPARE;
        if is_due || kept.is_refused || kept.segment == 0 {
            return self.turn(host, now);
        }
        let Some(taken) = take(&mut host.lock()) else { return self.turn(host, now) };
        self.write(host, taken)?;
        self.merge_late(host)?;
        let kept = self.hosts.entry(host.guid()).or_default();
        if kept.is_dirty && now.mono_us.saturating_sub(kept.synced_us) >= self.flush_us {
            (kept.synced_us, kept.is_dirty) = (now.mono_us, false);
            self.sync(host.guid())?;
        }
        Ok(())
    }

    /// Writes what was taken: definitions before the blocks and rows that name them.
    fn write(&mut self, host: &Host, taken: Taken) -> io::Result<()> {
        let kept = self.hosts.entry(host.guid()).or_default();
        let Taken { definitions, rows, newest_s, sealed } = taken;
        let file = |kind, number| FileName { guid: host.guid(), kind, number }.to_string();
        kept.is_dirty |= definitions.count > 0 || !rows.is_empty() || !sealed.is_empty();
        if definitions.count > 0 {
            self.disk.append(&file(FileKind::Charts, kept.charts), &definitions.buffer)?;
            kept.charts_bytes += definitions.buffer.len() as u64;
        }
        self.write_blocks(host, sealed)?;
        let kept = self.hosts.entry(host.guid()).or_default();
        if !rows.is_empty() {
            let mut journal = if kept.has_journal { Records::default() } else { begin(host.guid(), FileKind::Journal) };
            journal.rows(newest_s, &rows);
            self.disk.append(&file(FileKind::Journal, kept.segment), &journal.buffer)?;
            kept.has_journal = true;
        }
        Ok(())
    }

    /// Appends blocks to the segment; then they leave memory.
    fn write_blocks(&mut self, host: &Host, mut batch: Batch) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let kept = self.hosts.entry(host.guid()).or_default();
        let mut records = Records::default();
        batch.write(&mut records);
        let name = FileName { guid: host.guid(), kind: FileKind::Segment, number: kept.segment };
        self.disk.append(&name.to_string(), &records.buffer)?;
        let offset = kept.segment_bytes;
        kept.segment_bytes += records.buffer.len() as u64;
        kept.is_dirty = true;
        batch.settle(&mut host.lock(), kept.segment, offset);
        Ok(())
    }

    /// Brings late rows to the blocks on the disk that they belong to.
    fn merge_late(&mut self, host: &Host) -> io::Result<()> {
        let waiting = late_rows(&host.lock());
        if waiting.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.merge(waiting, &self.folder(host.guid()));
        self.write_blocks(host, batch)
    }

    fn folder(&self, guid: Guid) -> OnDisk {
        OnDisk { disk: Arc::clone(&self.disk), guid, stays: self.which }
    }

    fn sync(&self, guid: Guid) -> io::Result<()> {
        let Some(kept) = self.hosts.get(&guid) else { return Ok(()) };
        for (kind, number) in
            [(FileKind::Charts, kept.charts), (FileKind::Segment, kept.segment), (FileKind::Journal, kept.segment)]
        {
            match self.disk.sync(&FileName { guid, kind, number }.to_string()) {
                Err(err) if err.kind() == io::ErrorKind::NotFound => {}
                synced => synced?,
            }
        }
        Ok(())
    }

    /// Begins new files; those before are synced, and those that nobody needs any more are removed.
    fn turn(&mut self, host: &Host, now: Now) -> io::Result<()> {
        let guid = host.guid();
        self.inspect(host)?;
        // What can still go to the files before goes there; if not, the new ones get all of it.
        let kept = &self.hosts[&guid];
        let mut anew = kept.segment == 0 || kept.is_refused;
        if !anew {
            let taken = take(&mut host.lock());
            anew = taken.is_none();
            if let Some(taken) = taken {
                self.write(host, taken)?;
                self.merge_late(host)?;
            }
            self.sync(guid)?;
        }
        let kept = &self.hosts[&guid];
        let rewrites = anew || kept.charts_bytes > 2 * kept.charts_bytes_fresh + CHARTS_BYTES_SPARE;
        let begun = Begun::of(host, anew, rewrites, self.folder(guid));
        self.begin(host, begun, now)?;
        self.retire(host)
    }

    /// Looks at what is there of a host that is kept for the first time in this run.
    fn inspect(&mut self, host: &Host) -> io::Result<()> {
        let kept = self.hosts.entry(host.guid()).or_default();
        if kept.number > 0 {
            return Ok(());
        }
        let newest_s = host.newest_s();
        for file in list(&*self.disk)?.into_iter().filter(|file| file.guid == host.guid()) {
            kept.number = kept.number.max(file.number);
            if file.kind == FileKind::Segment {
                kept.older.push((file.number, newest_s));
            }
        }
        Ok(())
    }

    /// Writes the beginning of new files, and syncs them.
    fn begin(&mut self, host: &Host, begun: Begun, now: Now) -> io::Result<()> {
        let guid = host.guid();
        let kept = self.hosts.entry(guid).or_default();
        kept.number += 1;
        let number = kept.number;
        let file = |kind| FileName { guid, kind, number }.to_string();
        if let Some(charts) = begun.charts {
            self.disk.append(&file(FileKind::Charts), &charts.buffer)?;
            self.disk.sync(&file(FileKind::Charts))?;
            kept.charts = number;
            (kept.charts_bytes, kept.charts_bytes_fresh) = (charts.buffer.len() as u64, charts.buffer.len() as u64);
        }
        let mut segment = begin(guid, FileKind::Segment);
        let mut sealed = begun.sealed;
        sealed.write(&mut segment);
        begun.open.write(&mut segment);
        self.disk.append(&file(FileKind::Segment), &segment.buffer)?;
        let mut journal = begin(guid, FileKind::Journal);
        journal.rows(begun.newest_s, &begun.late);
        self.disk.append(&file(FileKind::Journal), &journal.buffer)?;
        self.disk.sync(&file(FileKind::Segment))?;
        self.disk.sync(&file(FileKind::Journal))?;
        sealed.settle(&mut host.lock(), number, 0);
        if kept.segment > 0 {
            kept.older.push((kept.segment, begun.newest_s));
        }
        (kept.segment, kept.segment_bytes, kept.has_journal) = (number, segment.buffer.len() as u64, true);
        (kept.began_s, kept.synced_us, kept.is_dirty) = (now.wall_s(), now.mono_us, false);
        Ok(())
    }

    /// Removes what nobody needs any more. Charts with a longer history than others move their blocks.
    fn retire(&mut self, host: &Host) -> io::Result<()> {
        let guid = host.guid();
        let every_s = i64::from(host.info().update_every_s.max(1));
        let oldest_s = host.newest_s() - i64::from(host.keep().history_rows) * every_s;
        let kept = self.hosts.entry(guid).or_default();
        let gone: Vec<u64> =
            kept.older.iter().filter(|(_, end_s)| *end_s < oldest_s).map(|(older, _)| *older).collect();
        let moved = lying_in(&host.lock(), &gone);
        let mut batch = Batch::default();
        batch.move_from(moved, &self.folder(guid));
        self.write_blocks(host, batch)?;
        let kept = self.hosts.entry(guid).or_default();
        kept.older.retain(|(older, _)| !gone.contains(older));
        let (charts, segment) = (kept.charts, kept.segment);
        remove(&*self.disk, guid, |file| match file.kind {
            FileKind::Charts => file.number < charts,
            FileKind::Segment => gone.contains(&file.number),
            FileKind::Journal => file.number < segment,
        })
    }
}

/// What a turn writes first.
struct Begun {
    /// Definitions, where the file before is not gone on with.
    charts: Option<Records>,
    /// Blocks that no segment has.
    sealed: Batch,
    open: Open,
    /// Late rows whose blocks could not be merged.
    late: Vec<u8>,
    newest_s: i64,
}

impl Begun {
    /// Copies it; the lock is held for this.
    fn of(host: &Host, anew: bool, rewrites: bool, folder: OnDisk) -> Self {
        let mut state = host.lock();
        state.settle(host);
        let gathered = state.journal.replace(Box::default());
        state.slabs.on_disk = Some(folder);
        let mut sealed = Batch::default();
        match gathered.filter(|journal| !anew && !journal.overflowed) {
            Some(journal) => copy_sealed(&mut sealed, &state, &journal),
            None => sealed.copy_all(&state),
        }
        let charts = rewrites.then(|| {
            let mut records = begin(host.guid(), FileKind::Charts);
            records.definitions(host, &state);
            records
        });
        let newest_s = state.charts.iter().map(|chart| chart.ring.last_s()).max().unwrap_or(0);
        Self { charts, sealed, open: Open::of(&state), late: waiting(&state), newest_s }
    }
}

/// What a host gathered since the last time; `None` where not everything is known any more. The lock is
/// held for this, so most becomes records outside it.
fn take(state: &mut HostState) -> Option<Taken> {
    let room = Journal::default();
    let journal = state.journal.as_mut().filter(|journal| !journal.overflowed)?;
    let mut journal = std::mem::replace(&mut **journal, room);
    let mut taken = Taken::default();
    journal.changed.sort_unstable_by_key(|slot| slot.0);
    journal.changed.dedup();
    for slot in &journal.changed {
        if let Some(chart) = state.charts.get(slot.0 as usize) {
            taken.definitions.chart(chart);
        }
    }
    journal.gone.iter().for_each(|&number| taken.definitions.gone(number));
    copy_sealed(&mut taken.sealed, state, &journal);
    if let Some(level) = journal.levels.first_mut() {
        (taken.rows, taken.newest_s) = (std::mem::take(&mut level.rows), level.newest_s);
    }
    Some(taken)
}

fn copy_sealed(batch: &mut Batch, state: &HostState, journal: &Journal) {
    for sealed in journal.levels.iter().flat_map(|level| &level.sealed) {
        batch.copy(state, sealed.slot, sealed.start_s, sealed.at);
    }
}

/// Late rows that wait, as in a record of rows.
fn waiting(state: &HostState) -> Vec<u8> {
    let mut rows = Vec::new();
    for chart in &state.charts {
        for late in chart.ring.late.iter().filter(|late| !late.is_whole) {
            for (place, row) in (0..).zip(late.rows.chunks_exact(late.stride.max(1))) {
                if row.iter().any(|&bits| bits != row::Packed::EMPTY.to_bits()) {
                    rows.put_u32(chart.number);
                    rows.put_i64(late.start_s + place * chart.ring.every_s);
                    rows.put_u16(row.len() as u16);
                    row.iter().for_each(|&bits| rows.put_u32(bits));
                }
            }
        }
    }
    rows
}

/// Blocks of rings that lie in segments.
fn lying_in(state: &HostState, segments: &[u64]) -> Vec<(ChartSlot, u32, i64, BlockAt)> {
    if segments.is_empty() {
        return Vec::new();
    }
    let mut lying = Vec::new();
    for (slot, chart) in (0..).zip(&state.charts) {
        for (block, &at) in (0..).zip(&chart.ring.sealed) {
            if at.segment().is_some_and(|(segment, _)| segments.contains(&segment)) {
                lying.push((ChartSlot(slot), chart.number, chart.ring.start_s() + block * chart.ring.block_s(), at));
            }
        }
    }
    lying
}

/// The open blocks of a host, copied.
#[derive(Debug, Default)]
struct Open {
    rings: Vec<(u32, Ring)>,
}

impl Open {
    fn of(state: &HostState) -> Self {
        let rings = state.charts.iter().filter(|chart| chart.ring.open_rows > 0);
        Self { rings: rings.map(|chart| (chart.number, chart.ring.copy_open())).collect() }
    }

    fn write(&self, records: &mut Records) {
        self.rings.iter().for_each(|(number, ring)| records.open_block(*number, ring));
    }
}

fn begin(guid: Guid, kind: FileKind) -> Records {
    Records::of(guid, Header { kind, step_s: 0, has_end: false })
}
