//! One level of a host's rows, as the keeper knows it: the rows themselves, or those of a tier. Each
//! has a segment and a journal of its own, and older segments.

use std::collections::HashSet;

use row::{ChartSlot, Guid, Packed};

use super::bytes::Put;
use super::records::Records;
use super::write::Header;
use super::{FileKind, FileName};
use crate::block::ROWS;
use crate::host::{Host, HostState};
use crate::ring::Ring;
use crate::slab::BlockAt;
use crate::tier::TierSettings;

const EMPTY: u32 = Packed::EMPTY.to_bits();
/// A segment is as long as this part of the history, so that retention frees whole files,
const SEGMENTS_PER_HISTORY: i64 = 24;
/// but not shorter than so many blocks,
const SEGMENT_BLOCKS_MIN: i64 = 10;
/// and it ends when it has so many bytes: the place of a block is kept in 32 bits.
const SEGMENT_BYTES_MAX: u64 = 2 << 30;
/// Where bytes limit a tier, a segment has this part of them: as many are there beside what is counted.
const SEGMENTS_PER_BUDGET: u64 = 24;
/// A journal goes when it has become longer than twice what a new one needs, and this.
const JOURNAL_BYTES_SPARE: u64 = 4 * 1_024;

/// What is known of a level's files.
#[derive(Debug)]
pub(super) struct Level {
    /// Its place: 0 are the rows as they were stored.
    pub(super) level: usize,
    /// Seconds that a row of a tier sums up; 0 for rows as they were stored.
    pub(super) step_s: u32,
    /// The segment that is written now, and when it began.
    pub(super) segment: u64,
    pub(super) segment_bytes: u64,
    pub(super) began_s: i64,
    /// The journal that is written now.
    pub(super) journal: u64,
    pub(super) journal_bytes: u64,
    /// Older segments, with the second that their rows end at.
    pub(super) older: Vec<(u64, i64)>,
    /// Other journals that may be there.
    pub(super) older_journals: Vec<u64>,
    pub(super) is_dirty: bool,
}

impl Level {
    /// The levels of a host.
    pub(super) fn all(host: &Host) -> Vec<Self> {
        let steps = std::iter::once(0).chain(host.tiers().iter().map(|tier| tier.step_s));
        let fresh = |(level, step_s)| Self {
            level,
            step_s,
            segment: 0,
            segment_bytes: 0,
            began_s: 0,
            journal: 0,
            journal_bytes: 0,
            older: Vec::new(),
            older_journals: Vec::new(),
            is_dirty: false,
        };
        (0..).zip(steps).map(fresh).collect()
    }

    /// A file that is written now.
    pub(super) fn file(&self, guid: Guid, kind: FileKind) -> String {
        let number = if kind == FileKind::Journal { self.journal } else { self.segment };
        FileName { guid, kind, number }.to_string()
    }

    /// The beginning of a file.
    pub(super) fn begin(&self, name: FileName) -> Records {
        Records::of(name.guid, Header { kind: name.kind, step_s: self.step_s, has_end: false })
    }

    /// How many seconds of rows a host keeps.
    fn history_s(&self, host: &Host) -> i64 {
        match self.settings(host) {
            Some(tier) => i64::from(tier.rows) * i64::from(tier.step_s),
            None => i64::from(host.keep().history_rows) * i64::from(host.info().update_every_s.max(1)),
        }
    }

    /// Whether the segment is long enough. A clock that was set back ends it, too.
    pub(super) fn is_complete(&self, host: &Host, now_s: i64) -> bool {
        let block_s = ROWS as i64 * i64::from(self.step_s.max(1));
        let segment_s = (self.history_s(host) / SEGMENTS_PER_HISTORY).max(SEGMENT_BLOCKS_MIN * block_s);
        let bytes_max =
            self.settings(host).and_then(|tier| tier.bytes).map_or(u64::MAX, |all| all / SEGMENTS_PER_BUDGET);
        !(self.began_s..self.began_s + segment_s).contains(&now_s)
            || self.segment_bytes > SEGMENT_BYTES_MAX.min(bytes_max)
    }

    /// What settings say of the tier.
    fn settings<'a>(&self, host: &'a Host) -> Option<&'a TierSettings> {
        self.level.checked_sub(1).and_then(|tier| host.tiers().get(tier))
    }

    /// Older segments that history no longer covers, or of which nothing is left. A start does not tell
    /// how old each is; where nodes start often, only the latter get rid of them.
    pub(super) fn outdated(&self, host: &Host) -> Vec<u64> {
        let oldest_s = host.newest_s() - self.history_s(host);
        let used = if self.older.is_empty() { HashSet::new() } else { used(&mut host.lock(), self.level) };
        let is_outdated = |(older, end_s): &&(u64, i64)| *end_s < oldest_s || !used.contains(older);
        self.older.iter().filter(is_outdated).map(|(older, _)| *older).collect()
    }

    /// Whether the journal has many rows that are in the segment, too.
    pub(super) fn is_journal_long(&self, state: &HostState) -> bool {
        self.journal_bytes > 2 * unsealed_bytes(state, self.level) + JOURNAL_BYTES_SPARE
    }
}

/// How long [`unsealed`] is, without late rows.
fn unsealed_bytes(state: &HostState, level: usize) -> u64 {
    let bytes = |ring: &Ring| ring.open_rows * (ROW_HEAD_BYTES + 4 * ring.stride);
    state.charts.iter().filter_map(|chart| chart.ring_of(level)).map(|ring| bytes(ring) as u64).sum()
}

/// What a row takes in a record of rows beside its values: chart, second, count.
const ROW_HEAD_BYTES: usize = 4 + 8 + 2;

/// The rows of a level that no segment has, as in a record of rows: those of open blocks, and late ones.
pub(super) fn unsealed(state: &HostState, level: usize) -> Vec<u8> {
    let mut rows = Vec::with_capacity(unsealed_bytes(state, level) as usize);
    for (chart, ring) in state.charts.iter().filter_map(|chart| Some((chart, chart.ring_of(level)?))) {
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

/// The segments that blocks of a level lie in, as far as its bytes allow.
fn used(state: &mut HostState, level: usize) -> HashSet<u64> {
    if let Some(floor_s) = state.slabs.budgets.floor_s(level) {
        let HostState { charts, slabs, .. } = &mut *state;
        charts.iter_mut().filter_map(|chart| chart.ring_of_mut(level)).for_each(|ring| ring.begin_at(floor_s, slabs));
    }
    let rings = state.charts.iter().filter_map(|chart| chart.ring_of(level));
    rings.flat_map(|ring| &ring.sealed).filter_map(|at| Some(at.segment()?.0)).collect()
}

/// Blocks of a level that lie in segments: chart, its number, first second, place.
pub(super) fn lying_in(state: &HostState, level: usize, segments: &[u64]) -> Vec<(ChartSlot, u32, i64, BlockAt)> {
    let mut lying = Vec::new();
    if segments.is_empty() {
        return lying;
    }
    let rings = (0..).zip(&state.charts).filter_map(|(slot, chart)| Some((slot, chart.number, chart.ring_of(level)?)));
    for (slot, number, ring) in rings {
        for (block, &at) in (0..).zip(&ring.sealed) {
            if at.segment().is_some_and(|(segment, _)| segments.contains(&segment)) {
                lying.push((ChartSlot(slot), number, ring.start_s() + block * ring.block_s(), at));
            }
        }
    }
    lying
}
