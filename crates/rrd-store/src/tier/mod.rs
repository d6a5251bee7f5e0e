//! Tiers: summaries of a chart's rows, kept for longer than the rows.
//!
//! ```text
//! raw ring      ... sealed | open block
//!                    │ its 60 rows, when a block is sealed
//!                    v
//! tier 0 (60 s)  sums of the period in progress ─ complete ─> row of its ring
//!                                                   │
//! tier 1 (1 h)   sums of the period in progress <───┘ ─> row of its ring
//! ```
//!
//! A tier is a ring of its own. Its row at `T` sums up what the chart stored after `T - step` up to
//! `T`: the least and the greatest value, the sum and the count of each dimension, as four packed
//! numbers. Rows cost nothing as they come: a tier is fed when a block is sealed, and a coarser tier
//! when a row of the finer one is complete. So the first tier has always taken exactly the rows before
//! the open block; those of them that make no whole period yet are in its sums, in full precision.
//!
//! Rows that come late for a sealed block are added as they are ([`late`]); after a start, and where
//! the clock was set back, tiers are brought in line with the rows ([`align`]).

mod align;
mod budget;
mod late;
mod reading;
mod summary;

pub(crate) use align::align;
pub(crate) use budget::Budgets;
pub(crate) use late::{Delta, feed_late, feed_late_rows};
pub(crate) use reading::{Coverage, Levels, TierRows};
pub(crate) use summary::{CELLS, Summary};

use row::Packed;

use crate::files::Noting;
use crate::ring::{Kept, Ring, Shelf};
use crate::slab::BlockAt;

const EMPTY: u32 = Packed::EMPTY.to_bits();
/// Tiers that a node may have.
pub const TIERS_MAX: usize = 4;
/// The shortest step of a tier, in seconds.
pub const TIER_STEP_S_MIN: u32 = 60;
/// The longest step of a tier, in seconds: a day.
pub const TIER_STEP_S_MAX: u32 = 86_400;
/// Rows that a tier may have per chart.
pub const TIER_ROWS_MAX: u32 = 10_000_000;

/// The fewest bytes that a tier may be limited to, per host.
pub const TIER_BYTES_MIN: u64 = 64 * 1_024;

/// How a tier is kept, on all hosts of a node that keep rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierSettings {
    /// Seconds that a row sums up: [`TIER_STEP_S_MIN`] to [`TIER_STEP_S_MAX`], a multiple of the
    /// step of the tier before.
    pub step_s: u32,
    /// Rows to keep: 1 to [`TIER_ROWS_MAX`].
    pub rows: u32,
    /// Bytes that its blocks may take on a host, [`TIER_BYTES_MIN`] or more; then the oldest go.
    pub bytes: Option<u64>,
}

/// One tier of a chart.
#[derive(Debug)]
pub(crate) struct Tier {
    /// Its rows: [`CELLS`] numbers per dimension.
    pub(crate) ring: Ring,
    pub(crate) settings: TierSettings,
    /// Its number in journals: 0 are the rows themselves.
    pub(crate) level: usize,
    /// The end of the period in progress; 0 before the first. All periods before it are rows.
    pub(crate) current_s: i64,
    /// What came of it, by dimension.
    pub(crate) sums: Vec<Summary>,
    /// What came late for rows that are complete.
    pub(crate) late: Vec<Delta>,
}

/// Rows to be taken, one after another: of the chart or, with [`CELLS`] numbers a dimension, of a tier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) rows: &'a [u32],
    pub(crate) stride: usize,
    /// The second of the first row.
    pub(crate) start_s: i64,
    pub(crate) every_s: i64,
}

/// The tiers of a chart with a row every so many seconds: those that are not finer.
pub(crate) fn of_chart(settings: &[TierSettings], every_s: u32) -> Vec<Tier> {
    let levels = (1..).zip(settings).filter(|(_, tier)| tier.step_s >= every_s);
    let mut tiers: Vec<Tier> = levels.map(|(level, tier)| Tier::new(level, *tier)).collect();
    tiers.shrink_to_fit();
    tiers
}

impl Tier {
    fn new(level: usize, settings: TierSettings) -> Self {
        let ring = Ring::growing(settings.step_s);
        Self { ring, settings, level, current_s: 0, sums: Vec::new(), late: Vec::new() }
    }

    /// The end of the period that a second belongs to.
    pub(crate) fn period(&self, time_s: i64) -> i64 {
        let step_s = self.ring.every_s;
        (time_s + step_s - 1).div_euclid(step_s) * step_s
    }

    /// Bytes that the tier takes beside its blocks.
    pub(crate) fn bytes(&self) -> usize {
        let late: usize = self.late.iter().map(|delta| delta.sums.capacity()).sum();
        self.ring.bytes() + (self.sums.capacity() + late) * size_of::<Summary>() + size_of::<Self>()
    }

    /// Makes room for dimensions.
    fn widen(&mut self, dimensions: usize) {
        let count = dimensions.max(self.ring.stride / CELLS);
        if self.sums.len() < count {
            self.sums.reserve_exact(count - self.sums.len());
            self.sums.resize(count, Summary::NONE);
        }
    }

    /// Takes rows of the chart, dimension by dimension: most values repeat the one before.
    fn add(&mut self, rows: &[u32], stride: usize) {
        self.widen(stride);
        for (dimension, sum) in self.sums.iter_mut().enumerate().take(stride) {
            let (mut all, mut before, mut value) = (*sum, EMPTY, 0.0);
            for &bits in rows[dimension..].iter().step_by(stride) {
                if bits == EMPTY {
                    continue;
                }
                if bits != before {
                    (before, value) = (bits, Packed::from_bits(bits).unpack());
                    (all.least, all.most) = (all.least.min(value), all.most.max(value));
                }
                all.sum += value;
                all.count += 1;
            }
            *sum = all;
        }
    }

    /// Takes rows of the finer tier.
    fn add_cells(&mut self, rows: &[u32], stride: usize) {
        self.widen(stride / CELLS);
        for row in rows.chunks_exact(stride) {
            for (sum, cells) in self.sums.iter_mut().zip(row.as_chunks().0) {
                sum.merge(&Summary::of_cells(*cells));
            }
        }
    }

    /// Takes summaries of the finer tier, or such that come late.
    fn add_sums(&mut self, sums: &[Summary]) {
        self.widen(sums.len());
        self.sums.iter_mut().zip(sums).for_each(|(sum, more)| sum.merge(more));
    }

    /// Something came late for rows that are complete.
    pub(crate) fn has_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// All blocks came from a disk: the last one is opened again.
    pub(crate) fn reopen(&mut self, dimensions: usize, shelf: &mut Shelf<'_>) {
        self.ring.reopen(dimensions * CELLS, &mut shelf.of_tier(self.level, self.settings));
        // Until all rows came: those up to here are as a block has them.
        self.current_s = self.ring.last_s();
    }

    /// Puts a row that comes from a disk to its place. It takes the place of one that came before: rows
    /// are told anew when something came late for them. Blocks have the newest of all their rows.
    pub(crate) fn restore_row(&mut self, time_s: i64, row: &[u32], shelf: &mut Shelf<'_>) {
        let block_s = self.ring.block_s();
        let start_s = time_s.div_euclid(block_s) * block_s;
        if self.ring.sealed_at(start_s).is_some_and(|at| at != BlockAt::NONE) {
            return;
        }
        let place = (time_s - self.ring.open_start_s).div_euclid(self.ring.every_s);
        let is_known = (0..self.ring.open_rows as i64).contains(&place) && self.ring.stride == row.len();
        if is_known && time_s > self.current_s {
            self.ring.open[place as usize * row.len()..][..row.len()].copy_from_slice(row);
        } else {
            self.ring.append(time_s, row, &mut shelf.of_tier(self.level, self.settings));
        }
    }

    fn has_sums(&self) -> bool {
        self.sums.iter().any(|sum| !sum.is_none())
    }

    /// Keeps a row, and tells the journal.
    fn append(&mut self, time_s: i64, sums: &[Summary], shelf: &mut Shelf<'_>) {
        let mut shelf = shelf.of_tier(self.level, self.settings);
        if self.ring.append(time_s, sums, &mut shelf) == Kept::Newest {
            shelf.note(time_s, sums);
        }
    }
}

impl Shelf<'_> {
    /// What the ring of a tier needs.
    pub(crate) fn of_tier(&mut self, level: usize, settings: TierSettings) -> Shelf<'_> {
        let journal = self.journal.as_mut().map(|noting| {
            let Noting { slot, number, .. } = *noting;
            Noting { journal: &mut *noting.journal, slot, number, level }
        });
        Shelf {
            slabs: &mut *self.slabs,
            // Its rows are far apart: blocks are not sealed in the same second anyway.
            phase: self.phase % 4,
            history: settings.rows,
            budget: settings.bytes.map(|limit| (level, limit)),
            scratch: &mut *self.scratch,
            repairs: &mut *self.repairs,
            journal,
            tiers: &mut [],
            least_s: 0,
        }
    }
}

/// Hands rows of the chart that leave the open block to its tiers: those before `before_s` are all
/// there then.
pub(crate) fn feed(part: &Part<'_>, before_s: i64, shelf: &mut Shelf<'_>) {
    let tiers = std::mem::take(&mut shelf.tiers);
    if !tiers.is_empty() {
        take(tiers, part, Tier::add, shelf);
        advance(tiers, before_s, shelf);
        tiers.iter_mut().for_each(|tier| tier.settle(shelf));
    }
    shelf.tiers = tiers;
}

/// The chart has no rows before `before_s` but those that its tiers took.
pub(crate) fn skip_to(before_s: i64, shelf: &mut Shelf<'_>) {
    let tiers = std::mem::take(&mut shelf.tiers);
    advance(tiers, before_s, shelf);
    shelf.tiers = tiers;
}

/// Takes rows in the order of time. Those of periods that are rows already are passed over: they were
/// taken before.
fn take(tiers: &mut [Tier], part: &Part<'_>, add: impl Fn(&mut Tier, &[u32], usize), shelf: &mut Shelf<'_>) {
    let Part { mut rows, stride, mut start_s, every_s } = *part;
    while stride > 0 && !rows.is_empty() {
        advance(tiers, start_s, shelf);
        let Some(tier) = tiers.first_mut() else { return };
        let period_s = tier.period(start_s);
        let count = ((period_s - start_s) / every_s + 1) as usize;
        let (of_period, rest) = rows.split_at((count * stride).min(rows.len()));
        if period_s == tier.current_s {
            add(tier, of_period, stride);
        }
        (rows, start_s) = (rest, start_s + count as i64 * every_s);
    }
}

impl Part<'_> {
    fn seconds(&self) -> impl Iterator<Item = i64> + use<> {
        let (start_s, every_s) = (self.start_s, self.every_s);
        (0..).map(move |row| start_s + row * every_s)
    }
}

/// All before `before_s` was taken: periods that end before it become rows.
fn advance(tiers: &mut [Tier], before_s: i64, shelf: &mut Shelf<'_>) {
    let Some((tier, coarser)) = tiers.split_first_mut() else { return };
    let next_s = tier.period(before_s);
    if next_s <= tier.current_s {
        return;
    }
    if tier.has_sums() {
        let sums = std::mem::take(&mut tier.sums);
        tier.append(tier.current_s, &sums, shelf);
        advance(coarser, tier.current_s, shelf);
        if let Some(coarser) = coarser.first_mut()
            && coarser.period(tier.current_s) == coarser.current_s
        {
            coarser.add_sums(&sums);
        }
        tier.sums = sums;
        tier.sums.fill(Summary::NONE);
    }
    tier.current_s = next_s;
    advance(coarser, next_s, shelf);
}

#[cfg(test)]
mod tests;
