//! A tier's rows, taken under the host's lock and decoded outside it.

use std::ops::Deref;

use crate::block::{Column, ROWS};
use crate::slab::Slabs;
use crate::snapshot::Snapshot;
use crate::tier::{CELLS, Delta, EMPTY, Summary, TIERS_MAX, Tier};

/// What a chart's rows, or those of one of its tiers, cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// Seconds that a row stands for.
    pub(crate) step_s: i64,
    /// There are rows for the seconds after this
    pub(crate) after_s: i64,
    /// up to this.
    pub(crate) before_s: i64,
}

/// What the rows of a chart cover, and then its tiers, the finest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels {
    all: [Coverage; TIERS_MAX + 1],
    count: usize,
}

impl Levels {
    /// Of a chart without tiers yet.
    pub(crate) const fn of(rows: Coverage) -> Self {
        Self { all: [rows; TIERS_MAX + 1], count: 1 }
    }

    /// Adds a tier.
    pub(crate) fn push(&mut self, tier: Coverage) {
        if let Some(place) = self.all.get_mut(self.count) {
            *place = tier;
            self.count += 1;
        }
    }
}

impl Deref for Levels {
    type Target = [Coverage];

    fn deref(&self) -> &[Coverage] {
        &self.all[..self.count]
    }
}

/// The rows of a tier in some window, what came late for them, and the period in progress.
#[derive(Debug)]
pub(crate) struct TierRows {
    rows: Snapshot,
    late: Vec<Delta>,
    current_s: i64,
    current: Vec<Summary>,
    pub(crate) step_s: i64,
}

/// Successive rows of one dimension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TierRun<'a> {
    /// The dimension's place among those that are wanted.
    pub(crate) place: usize,
    /// The end of the first row's period.
    pub(crate) start_s: i64,
    cells: &'a [Column; CELLS],
    count: usize,
}

impl TierRun<'_> {
    /// The summaries that have values, and the ends of their periods.
    pub(crate) fn summaries(&self, step_s: i64) -> impl Iterator<Item = (i64, Summary)> {
        let [least, most, sums, counts] = self.cells;
        let start_s = self.start_s;
        (0..self.count).filter(|&row| counts[row] != EMPTY).map(move |row| {
            let summary = Summary::of_cells([least[row], most[row], sums[row], counts[row]]);
            (start_s + row as i64 * step_s, summary)
        })
    }
}

impl TierRows {
    pub(crate) fn take(tier: &Tier, slabs: &Slabs, after_s: i64, before_s: i64) -> Self {
        let (step_s, block_s) = (tier.ring.every_s, tier.ring.block_s());
        // The row of a period that only begins in the window matters, too.
        let before_s = before_s.saturating_add(step_s);
        let mut rows = Snapshot::take(&tier.ring, slabs, after_s, before_s);
        let is_wanted = |delta: &&Delta| delta.period_s > after_s && delta.period_s <= before_s;
        let late: Vec<_> = tier.late.iter().filter(is_wanted).cloned().collect();
        rows.show_all(late.iter().map(|delta| delta.period_s.div_euclid(block_s) * block_s));
        let is_wanted = tier.current_s > after_s && tier.current_s <= before_s;
        let current = if is_wanted { tier.sums.clone() } else { Vec::new() };
        Self { rows, late, current_s: tier.current_s, current, step_s }
    }

    /// How many rows there may be.
    pub(crate) fn rows_max(&self) -> usize {
        self.rows.rows_max() + 1
    }

    /// Calls `f` with the rows of the dimensions `wanted`, which are numbered in rising order: of each
    /// dimension the older ones before the newer.
    pub(crate) fn runs(&self, wanted: &[u32], mut f: impl FnMut(TierRun<'_>)) {
        let cells_of = |&dimension: &u32| (0..CELLS as u32).map(move |cell| dimension * CELLS as u32 + cell);
        let columns: Vec<u32> = wanted.iter().flat_map(cells_of).collect();
        let mut cells = [[EMPTY; ROWS]; CELLS];
        self.rows.runs(&columns, |run| {
            let (place, cell) = (run.place / CELLS, run.place % CELLS);
            cells[cell][..run.bits.len()].copy_from_slice(run.bits);
            if cell == CELLS - 1 {
                let count = run.bits.len();
                self.add_late(wanted[place], run.start_s, &mut cells, count);
                f(TierRun { place, start_s: run.start_s, cells: &cells, count });
            }
        });
        for (place, &dimension) in wanted.iter().enumerate() {
            if let Some(sum) = self.current.get(dimension as usize).filter(|sum| !sum.is_none()) {
                for (column, bits) in cells.iter_mut().zip(sum.to_cells()) {
                    column[0] = bits;
                }
                f(TierRun { place, start_s: self.current_s, cells: &cells, count: 1 });
            }
        }
    }

    fn add_late(&self, dimension: u32, start_s: i64, cells: &mut [Column; CELLS], count: usize) {
        for delta in &self.late {
            let row = (delta.period_s - start_s).div_euclid(self.step_s);
            if let Some(row) = usize::try_from(row).ok().filter(|&row| row < count)
                && let Some(sum) = delta.sums.get(dimension as usize)
            {
                let mut of_row = [cells[0][row], cells[1][row], cells[2][row], cells[3][row]];
                sum.merge_into(&mut of_row);
                cells.iter_mut().zip(of_row).for_each(|(column, bits)| column[row] = bits);
            }
        }
    }
}
