//! The keeper: hosts whose rows are on the disk as they come (memory mode `map`, and such a spool).
//!
//! Once a second it takes what each host gathered in its journal and appends it to the host's files,
//! with one write each; so a killed process loses the current second. Every `flush_interval` the
//! files are synced, which is what a power loss may cost. Blocks that were written leave memory.
//!
//! The journal holds the rows that no segment has, and not many more: when blocks were sealed, a new
//! one begins with what is left in open blocks, and the older one goes. Segments are as long as a part
//! of the history, so that they go as a whole when history no longer covers them. Tiers have segments
//! and journals of their own.
//!
//! Where the disk is full or fails, rows stay in memory. The keeper tells once, tries again every
//! five seconds, and begins new files when it can.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use row::{Guid, Now};

use super::batch::{Batch, late_rows, late_sums};
use super::level::{Level, lying_in, unsealed};
use super::on_disk::OnDisk;
use super::read::step_s;
use super::records::Records;
use super::write::Header;
use super::{FileKind, FileName, list_host, remove, remove_hosts};
use crate::disk::Disk;
use crate::host::{Host, HostState, Which};
use crate::store::Store;

/// A disk that refused something is tried again after this time: each attempt writes everything.
const RETRY_US: u64 = 5_000_000;
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
    /// The charts file, its length now and when it was begun; number 0 before the first one.
    charts: u64,
    charts_bytes: u64,
    charts_bytes_fresh: u64,
    is_charts_dirty: bool,
    /// The rows as they were stored, then those of tiers.
    levels: Vec<Level>,
    synced_us: u64,
    /// The disk refused something, and when to try again.
    is_refused: bool,
    retry_us: u64,
}

/// What is taken from a host at a time.
#[derive(Debug)]
struct Taken {
    definitions: Records,
    levels: Vec<TakenLevel>,
    newest_s: i64,
}

/// What is taken of one level.
#[derive(Debug)]
struct TakenLevel {
    sealed: Batch,
    /// Rows since the last time.
    rows: Vec<u8>,
    /// All rows that no segment has, where a new journal is to begin with them.
    unsealed: Option<Vec<u8>>,
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
        let sleeps = host.sleep(self.folder(host.guid()), host.generation());
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
            host.figures().unsaved.set(i64::from(done.is_err()));
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
        // Tiers come and go with the memory mode.
        let is_begun = kept.charts > 0 && kept.levels.len() == host.tiers().len() + 1;
        let taken = if kept.is_refused || !is_begun { None } else { take(host, &kept.levels) };
        let Some(taken) = taken else { return self.begin_anew(host, now) };
        self.write(host, taken)?;
        self.merge_late(host)?;
        for level in 0..host.tiers().len() + 1 {
            if self.hosts[&host.guid()].levels[level].is_complete(host, now.wall_s()) {
                self.begin_segment(host, level, now)?;
                self.retire(host, level)?;
            }
        }
        let kept = &self.hosts[&host.guid()];
        if kept.charts_bytes > 2 * kept.charts_bytes_fresh + CHARTS_BYTES_SPARE {
            self.begin_charts(host)?;
        }
        let kept = &self.hosts[&host.guid()];
        let is_dirty = kept.is_charts_dirty || kept.levels.iter().any(|level| level.is_dirty);
        if is_dirty && now.mono_us.saturating_sub(kept.synced_us) >= self.flush_us {
            self.sync(host.guid(), now)?;
        }
        Ok(())
    }

    /// Writes what was taken: definitions before the blocks and rows that name them.
    fn write(&mut self, host: &Host, taken: Taken) -> io::Result<()> {
        let guid = host.guid();
        let Taken { definitions, levels, newest_s } = taken;
        let kept = self.hosts.entry(guid).or_default();
        if definitions.count > 0 {
            let charts = FileName { guid, kind: FileKind::Charts, number: kept.charts };
            self.disk.append(&charts.to_string(), &definitions.buffer)?;
            kept.charts_bytes += definitions.buffer.len() as u64;
            kept.is_charts_dirty = true;
        }
        for (level, TakenLevel { sealed, rows, unsealed }) in levels.into_iter().enumerate() {
            self.write_blocks(host, sealed)?;
            if let Some(unsealed) = unsealed {
                self.begin_journal(guid, level, newest_s, &unsealed)?;
            } else if !rows.is_empty() {
                let mut records = Records::default();
                records.rows(newest_s, &rows);
                let kept = &mut self.hosts.entry(guid).or_default().levels[level];
                self.disk.append(&kept.file(guid, FileKind::Journal), &records.buffer)?;
                kept.journal_bytes += records.buffer.len() as u64;
                kept.is_dirty = true;
            }
        }
        Ok(())
    }

    /// Appends blocks to the segment of their level; then they leave memory.
    fn write_blocks(&mut self, host: &Host, mut batch: Batch) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let kept = &mut self.hosts.entry(host.guid()).or_default().levels[batch.level];
        let mut records = Records::default();
        batch.write(&mut records);
        self.disk.append(&kept.file(host.guid(), FileKind::Segment), &records.buffer)?;
        let offset = kept.segment_bytes;
        kept.segment_bytes += records.buffer.len() as u64;
        kept.is_dirty = true;
        batch.settle(host, kept.segment, offset);
        Ok(())
    }

    /// Brings late rows to the blocks on the disk that they belong to, and what they change to those of
    /// tiers.
    fn merge_late(&mut self, host: &Host) -> io::Result<()> {
        let waiting = late_rows(&host.lock());
        if !waiting.is_empty() {
            let mut batch = Batch::of(0);
            let has_tiers = !host.tiers().is_empty();
            batch.merge(waiting, &self.folder(host.guid()), has_tiers);
            self.write_blocks(host, batch)?;
            // What that changed in tiers goes to the disk right behind it.
            let taken = if has_tiers { take(host, &self.hosts[&host.guid()].levels) } else { None };
            if let Some(taken) = taken {
                self.write(host, taken)?;
            }
        }
        for level in 1..host.tiers().len() + 1 {
            let waiting = late_sums(&mut host.lock(), level);
            if !waiting.is_empty() {
                let mut batch = Batch::of(level);
                batch.merge_sums(waiting, &self.folder(host.guid()));
                self.write_blocks(host, batch)?;
            }
        }
        Ok(())
    }

    fn folder(&self, guid: Guid) -> OnDisk {
        OnDisk { disk: Arc::clone(&self.disk), guid, stays: self.which }
    }

    fn sync(&mut self, guid: Guid, now: Now) -> io::Result<()> {
        let Some(kept) = self.hosts.get_mut(&guid) else { return Ok(()) };
        self.disk.sync(&FileName { guid, kind: FileKind::Charts, number: kept.charts }.to_string())?;
        kept.is_charts_dirty = false;
        for level in kept.levels.iter_mut().filter(|level| level.is_dirty) {
            self.disk.sync(&level.file(guid, FileKind::Segment))?;
            self.disk.sync(&level.file(guid, FileKind::Journal))?;
            level.is_dirty = false;
        }
        kept.synced_us = now.mono_us;
        Ok(())
    }

    fn sync_blocks(&self, guid: Guid, level: usize) -> io::Result<()> {
        let Some(kept) = self.hosts.get(&guid) else { return Ok(()) };
        self.disk.sync(&FileName { guid, kind: FileKind::Charts, number: kept.charts }.to_string())?;
        self.disk.sync(&kept.levels[level].file(guid, FileKind::Segment))
    }

    /// Begins all files of a host: it is kept for the first time in this run, or the disk refused
    /// something, or too much was gathered.
    fn begin_anew(&mut self, host: &Host, now: Now) -> io::Result<()> {
        let guid = host.guid();
        self.inspect(host)?;
        let (levels, newest_s) = {
            let mut state = host.lock();
            state.settle(host);
            state.journal = Some(Box::default());
            state.slabs.on_disk = Some(self.folder(guid));
            let copy = |level| (Batch::all_of(&state, level), unsealed(&state, level));
            let levels: Vec<_> = (0..host.tiers().len() + 1).map(copy).collect();
            (levels, newest_s(&state))
        };
        self.begin_charts(host)?;
        for (level, (sealed, unsealed)) in levels.into_iter().enumerate() {
            self.begin_segment(host, level, now)?;
            self.write_blocks(host, sealed)?;
            self.begin_journal(guid, level, newest_s, &unsealed)?;
            self.retire(host, level)?;
        }
        Ok(())
    }

    /// Looks at what is there of a host that is kept for the first time in this run. Files of tiers that
    /// it does not have are left alone.
    fn inspect(&mut self, host: &Host) -> io::Result<()> {
        let kept = self.hosts.entry(host.guid()).or_default();
        if kept.number > 0 && kept.levels.len() == host.tiers().len() + 1 {
            return Ok(());
        }
        kept.levels = Level::all(host);
        let newest_s = host.newest_s();
        for file in list_host(&*self.disk, host.guid())? {
            kept.number = kept.number.max(file.number);
            let step_s = step_s(&*self.disk, file);
            let Some(level) = kept.levels.iter_mut().find(|level| level.step_s == step_s) else { continue };
            match file.kind {
                FileKind::Charts => {}
                FileKind::Segment => level.older.push((file.number, newest_s)),
                FileKind::Journal => level.older_journals.push(file.number),
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
        (kept.charts, kept.is_charts_dirty) = (name.number, false);
        kept.charts_bytes = records.buffer.len() as u64;
        kept.charts_bytes_fresh = kept.charts_bytes;
        remove(&*self.disk, host.guid(), |file| file.kind == FileKind::Charts && file.number < name.number)
    }

    /// Begins a segment; the one before is complete.
    fn begin_segment(&mut self, host: &Host, level: usize, now: Now) -> io::Result<()> {
        let name = self.next(host.guid(), FileKind::Segment);
        let records = self.hosts[&host.guid()].levels[level].begin(name);
        self.create(name, &records)?;
        let kept = self.hosts.entry(host.guid()).or_default();
        let is_refused = kept.is_refused;
        let kept = &mut kept.levels[level];
        if kept.segment > 0 {
            let before = FileName { number: kept.segment, ..name };
            kept.older.push((kept.segment, host.newest_s()));
            if !is_refused {
                self.disk.sync(&before.to_string())?;
            }
        }
        (kept.segment, kept.segment_bytes) = (name.number, records.buffer.len() as u64);
        kept.began_s = now.wall_s();
        Ok(())
    }

    /// Begins a journal with all rows that no segment has; then the older ones go.
    fn begin_journal(&mut self, guid: Guid, level: usize, newest_s: i64, unsealed: &[u8]) -> io::Result<()> {
        self.sync_blocks(guid, level)?;
        let name = self.next(guid, FileKind::Journal);
        let kept = &mut self.hosts.entry(guid).or_default().levels[level];
        let mut records = kept.begin(name);
        records.rows(newest_s, unsealed);
        kept.older_journals.push(name.number);
        self.create(name, &records)?;
        self.disk.sync(&name.to_string())?;
        let kept = &mut self.hosts.entry(guid).or_default().levels[level];
        (kept.journal, kept.journal_bytes) = (name.number, records.buffer.len() as u64);
        for older in std::mem::take(&mut kept.older_journals).into_iter().filter(|older| *older != name.number) {
            self.disk.remove(&FileName { number: older, ..name }.to_string())?;
        }
        self.hosts.entry(guid).or_default().levels[level].older_journals.push(name.number);
        Ok(())
    }

    /// Removes what nobody needs any more. Charts with a longer history than others move their blocks.
    fn retire(&mut self, host: &Host, level: usize) -> io::Result<()> {
        let guid = host.guid();
        let gone = self.hosts.entry(guid).or_default().levels[level].outdated(host);
        let moved = lying_in(&host.lock(), level, &gone);
        let mut batch = Batch::of(level);
        batch.move_from(moved, &self.folder(guid));
        self.write_blocks(host, batch)?;
        self.sync_blocks(guid, level)?;
        self.hosts.entry(guid).or_default().levels[level].older.retain(|(older, _)| !gone.contains(older));
        let name = |number| FileName { guid, kind: FileKind::Segment, number }.to_string();
        gone.into_iter().try_for_each(|older| self.disk.remove(&name(older)))
    }
}

/// What a host gathered since the last time; `None` where not everything is known any more. The lock is
/// held for this, so most becomes records outside it.
fn take(host: &Host, kept: &[Level]) -> Option<Taken> {
    let mut state = host.lock();
    if kept.len() > 1 {
        // Late rows and what tiers have of them go to the disk together.
        state.settle(host);
    }
    let journal = state.journal.as_mut().filter(|journal| !journal.overflowed)?;
    let mut journal = std::mem::take(&mut **journal);
    let mut definitions = Records::default();
    journal.changed.sort_unstable_by_key(|slot| slot.0);
    journal.changed.dedup();
    // A chart that went may have come back with another number.
    journal.gone.iter().for_each(|&number| definitions.gone(number));
    for slot in &journal.changed {
        if let Some(chart) = state.chart(*slot) {
            definitions.chart(chart);
        }
    }
    journal.levels.resize_with(kept.len(), Default::default);
    let levels = kept.iter().zip(&mut journal.levels).map(|(level, gathered)| {
        let mut sealed = Batch::of(level.level);
        gathered.sealed.iter().for_each(|block| sealed.copy(&state, block.slot, block.start_s, block.at));
        let is_new = !sealed.is_empty() && level.is_journal_long(&state);
        let unsealed = is_new.then(|| unsealed(&state, level.level));
        TakenLevel { sealed, rows: std::mem::take(&mut gathered.rows), unsealed }
    });
    Some(Taken { definitions, levels: levels.collect(), newest_s: newest_s(&state) })
}

fn newest_s(state: &HostState) -> i64 {
    state.charts.iter().map(|chart| chart.ring.last_s()).max().unwrap_or(0)
}

fn begin(name: FileName) -> Records {
    Records::of(name.guid, Header { kind: name.kind, step_s: 0, has_end: false })
}
