//! The keeper: hosts whose rows are on the disk as they come (memory mode `map`, and such a spool).
//!
//! Once a second it takes what each host gathered in its journal and appends it to the host's files,
//! with one write each; so a killed process loses the current second. Every `flush_interval` the
//! files are synced, which is what a power loss may cost. Blocks that were written leave memory.
//!
//! The journal holds the rows that no segment has, and not many more: when blocks were sealed, a new
//! one begins with what is left in open blocks, and the older one goes. Segments are as long as a part
//! of the history, so that they go as a whole when history no longer covers them.
//!
//! Where the disk is full or fails, rows stay in memory. The keeper tells once, tries again every
//! five seconds, and begins new files when it can.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use row::{ChartSlot, Guid, Now, Packed};

use super::batch::{Batch, late_rows};
use super::bytes::Put;
use super::on_disk::OnDisk;
use super::records::Records;
use super::write::Header;
use super::{FileKind, FileName, list, remove, remove_hosts};
use crate::disk::Disk;
use crate::host::{Host, HostState, Which};
use crate::ring::Ring;
use crate::slab::BlockAt;
use crate::store::Store;

/// A segment is as long as this part of the history, so that retention frees whole files,
const SEGMENTS_PER_HISTORY: i64 = 24;
/// but not shorter than this,
const SEGMENT_S_MIN: i64 = 600;
/// and it ends when it has so many bytes: the place of a block is kept in 32 bits.
const SEGMENT_BYTES_MAX: u64 = 2 << 30;
/// A journal goes when it has become longer than twice what a new one needs, and this.
const JOURNAL_BYTES_SPARE: u64 = 4 * 1_024;
/// A disk that refused something is tried again after this time: each attempt writes everything.
const RETRY_US: u64 = 5_000_000;
/// A charts file is written anew when changes have made it longer than twice what it needs, and this.
const CHARTS_BYTES_SPARE: u64 = 256 * 1_024;

const EMPTY: u32 = Packed::EMPTY.to_bits();

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
    /// The segment that is written now, and when it began.
    segment: u64,
    segment_bytes: u64,
    began_s: i64,
    /// The journal that is written now.
    journal: u64,
    journal_bytes: u64,
    /// Older segments, with the second that their rows end at.
    older: Vec<(u64, i64)>,
    synced_us: u64,
    is_dirty: bool,
    /// The disk refused something, and when to try again.
    is_refused: bool,
    retry_us: u64,
}

/// What is taken from a host at a time.
#[derive(Debug, Default)]
struct Taken {
    definitions: Records,
    sealed: Batch,
    /// Rows since the last time.
    rows: Vec<u8>,
    /// All rows that no segment has, where a new journal is to begin with them.
    unsealed: Option<Vec<u8>>,
    newest_s: i64,
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
        self.each(store, now, |keeper, host| keeper.flush_host(host, now))
    }

    /// Writes and syncs everything, at the end.
    pub fn finish(&mut self, store: &Store, now: Now) -> Vec<Trouble> {
        self.hosts.values_mut().for_each(|kept| kept.retry_us = 0);
        self.each(store, now, |keeper, host| {
            keeper.flush_host(host, now)?;
            keeper.sync(host.guid(), now)
        })
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
        self.flush_host(host, now)?;
        self.merge_late(host)?;
        self.sync(host.guid(), now)?;
        let sleeps = host.sleep(self.folder(host.guid()));
        if sleeps {
            self.hosts.remove(&host.guid());
        }
        Ok(sleeps)
    }

    /// Removes the files of hosts that left.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn forget(&mut self, guids: &[Guid]) -> io::Result<()> {
        guids.iter().for_each(|guid| drop(self.hosts.remove(guid)));
        remove_hosts(&*self.disk, guids)
    }

    fn each(
        &mut self,
        store: &Store,
        now: Now,
        mut work: impl FnMut(&mut Self, &Host) -> io::Result<()>,
    ) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let which = self.which;
        for host in store.hosts().iter().filter(|host| which(host.keep()) && !host.is_asleep()) {
            let kept = self.hosts.entry(host.guid()).or_default();
            if kept.is_refused && now.mono_us < kept.retry_us {
                continue;
            }
            kept.retry_us = now.mono_us + RETRY_US;
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
        let taken =
            if kept.is_refused || kept.segment == 0 { None } else { take(&mut host.lock(), kept.journal_bytes) };
        let Some(taken) = taken else { return self.begin_anew(host, now) };
        self.write(host, taken)?;
        self.merge_late(host)?;
        let kept = &self.hosts[&host.guid()];
        let segment_s = (i64::from(host.keep().history_rows) / SEGMENTS_PER_HISTORY).max(SEGMENT_S_MIN);
        // A clock that was set back ends a segment, too.
        if !(kept.began_s..kept.began_s + segment_s).contains(&now.wall_s()) || kept.segment_bytes > SEGMENT_BYTES_MAX {
            self.begin_segment(host, now)?;
            self.retire(host)?;
        }
        let kept = &self.hosts[&host.guid()];
        if kept.charts_bytes > 2 * kept.charts_bytes_fresh + CHARTS_BYTES_SPARE {
            self.begin_charts(host)?;
        }
        let kept = &self.hosts[&host.guid()];
        if kept.is_dirty && now.mono_us.saturating_sub(kept.synced_us) >= self.flush_us {
            self.sync(host.guid(), now)?;
        }
        Ok(())
    }

    /// Writes what was taken: definitions before the blocks and rows that name them.
    fn write(&mut self, host: &Host, taken: Taken) -> io::Result<()> {
        let guid = host.guid();
        let Taken { definitions, sealed, rows, unsealed, newest_s } = taken;
        let kept = self.hosts.entry(guid).or_default();
        if definitions.count > 0 {
            let charts = FileName { guid, kind: FileKind::Charts, number: kept.charts };
            self.disk.append(&charts.to_string(), &definitions.buffer)?;
            kept.charts_bytes += definitions.buffer.len() as u64;
            kept.is_dirty = true;
        }
        self.write_blocks(host, sealed)?;
        if let Some(unsealed) = unsealed {
            return self.begin_journal(guid, newest_s, &unsealed);
        }
        let kept = self.hosts.entry(guid).or_default();
        if !rows.is_empty() {
            let mut records = Records::default();
            records.rows(newest_s, &rows);
            let journal = FileName { guid, kind: FileKind::Journal, number: kept.journal };
            self.disk.append(&journal.to_string(), &records.buffer)?;
            kept.journal_bytes += records.buffer.len() as u64;
            kept.is_dirty = true;
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

    fn sync(&mut self, guid: Guid, now: Now) -> io::Result<()> {
        self.sync_blocks(guid)?;
        let Some(kept) = self.hosts.get_mut(&guid) else { return Ok(()) };
        self.disk.sync(&FileName { guid, kind: FileKind::Journal, number: kept.journal }.to_string())?;
        (kept.synced_us, kept.is_dirty) = (now.mono_us, false);
        Ok(())
    }

    fn sync_blocks(&self, guid: Guid) -> io::Result<()> {
        let Some(kept) = self.hosts.get(&guid) else { return Ok(()) };
        self.disk.sync(&FileName { guid, kind: FileKind::Charts, number: kept.charts }.to_string())?;
        self.disk.sync(&FileName { guid, kind: FileKind::Segment, number: kept.segment }.to_string())
    }

    /// Begins all files of a host: it is kept for the first time in this run, or the disk refused
    /// something, or too much was gathered.
    fn begin_anew(&mut self, host: &Host, now: Now) -> io::Result<()> {
        let guid = host.guid();
        self.inspect(host)?;
        let (mut sealed, unsealed, newest_s) = {
            let mut state = host.lock();
            state.journal = Some(Box::default());
            state.slabs.on_disk = Some(self.folder(guid));
            let mut sealed = Batch::default();
            sealed.copy_all(&state);
            (sealed, unsealed(&state), newest_s(&state))
        };
        self.begin_charts(host)?;
        self.begin_segment(host, now)?;
        self.write_blocks(host, std::mem::take(&mut sealed))?;
        self.begin_journal(guid, newest_s, &unsealed)?;
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

    /// The next file of a kind.
    fn next(&mut self, guid: Guid, kind: FileKind) -> FileName {
        let kept = self.hosts.entry(guid).or_default();
        kept.number += 1;
        FileName { guid, kind, number: kept.number }
    }

    /// Writes the beginning of a file. One that the disk has no room for does not stay.
    fn create(&self, name: FileName, records: &Records) -> io::Result<()> {
        let created = self.disk.append(&name.to_string(), &records.buffer);
        // Where the disk refuses this, too, the next start tells of what is left there.
        if created.is_err() { self.disk.remove(&name.to_string()).and(created) } else { created }
    }

    /// Begins a charts file with all definitions; the older ones go.
    fn begin_charts(&mut self, host: &Host) -> io::Result<()> {
        let name = self.next(host.guid(), FileKind::Charts);
        let mut records = begin(name);
        records.definitions(host, &host.lock());
        self.create(name, &records)?;
        self.disk.sync(&name.to_string())?;
        let kept = self.hosts.entry(host.guid()).or_default();
        kept.charts = name.number;
        kept.charts_bytes = records.buffer.len() as u64;
        kept.charts_bytes_fresh = kept.charts_bytes;
        remove(&*self.disk, host.guid(), |file| file.kind == FileKind::Charts && file.number < name.number)
    }

    /// Begins a segment; the one before is complete.
    fn begin_segment(&mut self, host: &Host, now: Now) -> io::Result<()> {
        let name = self.next(host.guid(), FileKind::Segment);
        let records = begin(name);
        self.create(name, &records)?;
        let kept = self.hosts.entry(host.guid()).or_default();
        if kept.segment > 0 {
            let before = FileName { number: kept.segment, ..name };
            kept.older.push((kept.segment, host.newest_s()));
            if !kept.is_refused {
                self.disk.sync(&before.to_string())?;
            }
        }
        (kept.segment, kept.segment_bytes) = (name.number, records.buffer.len() as u64);
        kept.began_s = now.wall_s();
        Ok(())
    }

    /// Begins a journal with all rows that no segment has; then the older ones go.
    fn begin_journal(&mut self, guid: Guid, newest_s: i64, unsealed: &[u8]) -> io::Result<()> {
        self.sync_blocks(guid)?;
        let name = self.next(guid, FileKind::Journal);
        let mut records = begin(name);
        records.rows(newest_s, unsealed);
        self.create(name, &records)?;
        self.disk.sync(&name.to_string())?;
        let kept = self.hosts.entry(guid).or_default();
        let before = std::mem::replace(&mut kept.journal, name.number);
        kept.journal_bytes = records.buffer.len() as u64;
        if before > 0 && !kept.is_refused {
            return self.disk.remove(&FileName { number: before, ..name }.to_string());
        }
        remove(&*self.disk, guid, |file| file.kind == FileKind::Journal && file.number < name.number)
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
        self.sync_blocks(guid)?;
        let kept = self.hosts.entry(guid).or_default();
        kept.older.retain(|(older, _)| !gone.contains(older));
        let name = |number| FileName { guid, kind: FileKind::Segment, number }.to_string();
        gone.into_iter().try_for_each(|older| self.disk.remove(&name(older)))
    }
}

/// What a host gathered since the last time; `None` where not everything is known any more. The lock is
/// held for this, so most becomes records outside it.
fn take(state: &mut HostState, journal_bytes: u64) -> Option<Taken> {
    let journal = state.journal.as_mut().filter(|journal| !journal.overflowed)?;
    let mut journal = std::mem::take(&mut **journal);
    let mut taken = Taken { newest_s: newest_s(state), ..Taken::default() };
    journal.changed.sort_unstable_by_key(|slot| slot.0);
    journal.changed.dedup();
    // A chart that went may have come back with another number.
    journal.gone.iter().for_each(|&number| taken.definitions.gone(number));
    for slot in &journal.changed {
        if let Some(chart) = state.chart(*slot) {
            taken.definitions.chart(chart);
        }
    }
    for sealed in journal.levels.iter().flat_map(|level| &level.sealed) {
        taken.sealed.copy(state, sealed.slot, sealed.start_s, sealed.at);
    }
    taken.rows = journal.levels.first_mut().map(|level| std::mem::take(&mut level.rows)).unwrap_or_default();
    if !taken.sealed.is_empty() && journal_bytes > 2 * unsealed_bytes(state) + JOURNAL_BYTES_SPARE {
        taken.unsealed = Some(unsealed(state));
    }
    Some(taken)
}

fn newest_s(state: &HostState) -> i64 {
    state.charts.iter().map(|chart| chart.ring.last_s()).max().unwrap_or(0)
}

/// How long [`unsealed`] is, without late rows.
fn unsealed_bytes(state: &HostState) -> u64 {
    let bytes = |ring: &Ring| ring.open_rows * (ROW_HEAD_BYTES + 4 * ring.stride);
    state.charts.iter().map(|chart| bytes(&chart.ring) as u64).sum()
}

/// What a row takes in a record of rows beside its values: chart, second, count.
const ROW_HEAD_BYTES: usize = 4 + 8 + 2;

/// The rows that no segment has, as in a record of rows: those of open blocks, and late ones.
fn unsealed(state: &HostState) -> Vec<u8> {
    let mut rows = Vec::with_capacity(unsealed_bytes(state) as usize);
    for chart in &state.charts {
        let ring = &chart.ring;
        let open = std::iter::once((ring.open_start_s, ring.stride, &ring.open[..ring.open_rows * ring.stride]));
        let late = ring.late.iter().map(|late| (late.start_s, late.stride, &late.rows[..]));
        for (start_s, stride, values) in late.chain(open) {
            for (place, row) in (0..).zip(values.chunks_exact(stride.max(1))) {
                if row.iter().any(|&bits| bits != EMPTY) {
                    rows.put_u32(chart.number);
                    rows.put_i64(start_s + place * ring.every_s);
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

fn begin(name: FileName) -> Records {
    Records::of(name.guid, Header { kind: name.kind, step_s: 0, has_end: false })
}
