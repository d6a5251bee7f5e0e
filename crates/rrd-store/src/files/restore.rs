//! From files to a host of the store.

use row::{ChartSlot, Guid};

use super::on_disk::OnDisk;
use super::read::{Reader, Record, Rows, Step, newest_s, record};
use super::{Damage, FileKind, FileName, list, list_host};
use crate::disk::Disk;
use crate::host::{EPHEMERAL_LABEL, Host, HostInfo, Keep, MemoryMode};
use crate::slab::BlockAt;
use crate::writer::Writer;

/// Kept of a host whose own record is damaged, until it comes itself: a day of seconds.
const UNKNOWN_HISTORY_ROWS: u32 = 86_400;
/// Damages that are told of one host; a file of garbage has one at its beginning.
const DAMAGES_MAX: usize = 100;

/// A host that was found on a disk.
#[derive(Debug)]
pub(crate) struct Found {
    /// Who it is; by its GUID alone where its record is damaged.
    pub(crate) info: HostInfo,
    pub(crate) keep: Keep,
    /// The second of its newest row; 0 where no file tells.
    pub(crate) newest_s: i64,
    /// It said that it comes and goes.
    pub(crate) is_ephemeral: bool,
}

/// Finds the hosts of a disk, without reading their charts and rows.
pub(crate) fn find(disk: &dyn Disk, damages: &mut Vec<Damage>) -> Vec<Found> {
    let Ok(files) = list(disk) else {
        damages.push(Damage { file: String::new(), offset: 0, what: "the folder cannot be listed" });
        return Vec::new();
    };
    let mut found = Vec::new();
    for of_host in files.chunk_by(|one, next| one.guid == next.guid) {
        let charts = of_host.iter().filter(|file| file.kind == FileKind::Charts);
        let known = charts.rev().find_map(|&file| host_record(disk, file));
        let unknown = || {
            let keep = Keep::new(MemoryMode::Save, UNKNOWN_HISTORY_ROWS);
            (HostInfo::unknown(of_host[0].guid), keep, false)
        };
        if known.is_none() && !has_any(disk, of_host, damages) {
            continue;
        }
        let (info, keep, is_ephemeral) = known.unwrap_or_else(unknown);
        let last = |kind| of_host.iter().rfind(|file| file.kind == kind).and_then(|&file| newest_s(disk, file));
        // Each level has a journal, and some are written seldom. Of segments, those of rows come last.
        let journals = of_host.iter().filter(|file| file.kind == FileKind::Journal);
        let newest_s = journals.filter_map(|&file| newest_s(disk, file)).max().max(last(FileKind::Segment));
        let newest_s = newest_s.unwrap_or(0);
        found.push(Found { info, keep, newest_s, is_ephemeral });
    }
    found
}

/// The second of the first block of tiers with these steps; the oldest segment of each begins with it.
pub(crate) fn oldest_s(disk: &dyn Disk, guid: Guid, steps: &[u32]) -> Option<i64> {
    let mut left = steps.to_vec();
    let mut oldest_s = None;
    let files = if steps.is_empty() { Vec::new() } else { list_host(disk, guid).unwrap_or_default() };
    for file in files.into_iter().filter(|file| file.kind == FileKind::Segment) {
        if left.is_empty() {
            break;
        }
        let Ok(Some(mut reader)) = Reader::open(disk, file) else { continue };
        let step_s = reader.header().step_s;
        if left.contains(&step_s)
            && let Step::Record(_, length) = reader.step()
            && let Ok(Record::Block { start_s, .. }) = record(reader.payload(length), guid)
        {
            left.retain(|&other| other != step_s);
            oldest_s = oldest_s.into_iter().chain([start_s]).min();
        }
    }
    oldest_s
}

/// Whether any of the files is one of ours; tells why not.
fn has_any(disk: &dyn Disk, files: &[FileName], damages: &mut Vec<Damage>) -> bool {
    let mut refused = Vec::new();
    for &file in files {
        match Reader::open(disk, file) {
            Ok(_) => return true,
            Err(damage) => refused.push(damage),
        }
    }
    damages.append(&mut refused);
    false
}

/// The host's record of a charts file.
fn host_record(disk: &dyn Disk, file: FileName) -> Option<(HostInfo, Keep, bool)> {
    let mut reader = Reader::open(disk, file).ok()??;
    // It comes right after the header; later ones say what changed.
    let mut known = None;
    for _ in 0..2 {
        if let Step::Record(_, length) = reader.step()
            && let Ok(Record::Host { info, keep, labels, .. }) = record(reader.payload(length), file.guid)
        {
            let is_ephemeral = labels.iter().any(|label| (label.name, label.value) == EPHEMERAL_LABEL);
            known = Some((info, keep, is_ephemeral));
            break;
        }
    }
    known
}

/// Reads all of a host from its folders. Nobody else has its lock meanwhile. Returns what could not be
/// used; everything else is there.
pub(crate) fn restore(host: &Host, folders: &[OnDisk]) -> Vec<Damage> {
    let mut restoring = Restoring { writer: Writer::restoring(host), damages: Vec::new(), rows_follow: false };
    for (place, folder) in folders.iter().enumerate() {
        restoring.folder(host, folder, place == 0);
    }
    restoring.finish_blocks();
    restoring.writer.finish_rows();
    restoring.damages
}

struct Restoring<'a> {
    writer: Writer<'a>,
    damages: Vec<Damage>,
    /// All blocks came.
    rows_follow: bool,
}

/// Charts by their numbers in one folder.
#[derive(Debug, Default)]
struct Charts {
    /// In rising order.
    by_number: Vec<(u32, ChartSlot)>,
    /// Where the last one was found: the next is often the one behind.
    last: usize,
}

impl Charts {
    fn insert(&mut self, number: u32, slot: ChartSlot) {
        match self.by_number.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(place) => self.by_number[place].1 = slot,
            Err(place) => self.by_number.insert(place, (number, slot)),
        }
    }

    fn remove(&mut self, number: u32) -> Option<ChartSlot> {
        let place = self.by_number.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(self.by_number.remove(place).1)
    }

    fn find(&mut self, number: u32) -> Option<ChartSlot> {
        for place in [self.last + 1, self.last] {
            if let Some(&(known, slot)) = self.by_number.get(place)
                && known == number
            {
                self.last = place;
                return Some(slot);
            }
        }
        self.last = self.by_number.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(self.by_number[self.last].1)
    }
}

impl Restoring<'_> {
    /// Reads a folder. Blocks of the first one stay there if the host's rows are kept on the disk; of
    /// others, whose charts may have the same numbers, they come to memory.
    fn folder(&mut self, host: &Host, folder: &OnDisk, is_first: bool) {
        let stays = is_first && (folder.stays)(host.keep());
        if stays {
            self.writer.keep_on_disk(folder.clone());
        }
        let files = list_host(&*folder.disk, folder.guid).unwrap_or_default();
        let mut charts = Charts::default();
        for &file in &files {
            if file.kind == FileKind::Journal {
                // Rows come in order: the last blocks are opened for them first.
                self.finish_blocks();
            }
            match Reader::open(&*folder.disk, file) {
                Ok(Some(reader)) => self.file(reader, file, stays, &mut charts),
                Ok(None) => {}
                Err(damage) => self.damage(damage),
            }
        }
    }

    fn damage(&mut self, damage: Damage) {
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(damage);
        }
    }

    fn file(&mut self, mut reader: Reader, file: FileName, stays: bool, charts: &mut Charts) {
        // Tiers that settings no longer name are left alone.
        let Some(level) = self.writer.level_of(reader.header().step_s) else { return };
        let mut wants_end = reader.header().has_end;
        loop {
            match reader.step() {
                Step::Record(offset, length) => {
                    let payload = reader.payload(length);
                    let at = if stays { BlockAt::on_disk(file.number, offset) } else { None };
                    let told = match record(payload, file.guid) {
                        Ok(Record::End) => {
                            wants_end = false;
                            true
                        }
                        Ok(record) => self.record(record, level, at, stays, charts),
                        Err(_) => false,
                    };
                    if !told {
                        let file = file.to_string();
                        self.damage(Damage { file, offset, what: "a record is malformed" });
                    }
                }
                Step::Damaged(damage) => self.damage(damage),
                Step::End(damage) => {
                    let early = || Damage { file: file.to_string(), offset: 0, what: "the file ends early" };
                    if let Some(damage) = damage.or_else(|| wants_end.then(early)) {
                        self.damage(damage);
                    }
                    return;
                }
            }
        }
    }

    fn record(
        &mut self,
        record: Record<'_>,
        level: usize,
        at: Option<BlockAt>,
        stays: bool,
        charts: &mut Charts,
    ) -> bool {
        match record {
            Record::Host { labels, variables, claimed_id, .. } => {
                self.writer.set_host_labels(&labels);
                variables.iter().for_each(|(name, value)| self.writer.set_host_variable(name, *value));
                self.writer.set_claimed_id(claimed_id);
            }
            Record::Chart { number, chart, dimensions, labels, variables } => {
                let Ok(slot) = self.writer.define_chart(&chart) else { return false };
                if !self.writer.restore_dimensions(slot, &dimensions) {
                    return false;
                }
                self.writer.set_chart_labels(slot, &labels);
                variables.iter().for_each(|(name, value)| self.writer.set_chart_variable(slot, name, *value));
                if stays {
                    self.writer.number_chart(slot, number);
                }
                charts.insert(number, slot);
            }
            // A power loss may take a definition and leave what came after it.
            Record::Block { number, start_s, block } => {
                if let Some(slot) = charts.find(number) {
                    self.writer.restore_block((slot, level), start_s, block, at);
                }
            }
            Record::Rows(rows) => return self.rows(rows, level, charts).is_some(),
            Record::Gone(number) => {
                if let Some(slot) = charts.remove(number) {
                    self.writer.restore_gone(slot);
                }
                if stays {
                    self.writer.skip_number(number);
                }
            }
            Record::End => {}
        }
        true
    }

    fn rows(&mut self, mut rows: Rows<'_>, level: usize, charts: &mut Charts) -> Option<()> {
        let mut values = Vec::new();
        while let Some((number, time_s)) = rows.next(&mut values).ok()? {
            if let Some(slot) = charts.find(number) {
                self.writer.restore_row((slot, level), time_s, &mut values);
            }
        }
        Some(())
    }

    fn finish_blocks(&mut self) {
        if !std::mem::replace(&mut self.rows_follow, true) {
            self.writer.finish_restore();
        }
    }
}
