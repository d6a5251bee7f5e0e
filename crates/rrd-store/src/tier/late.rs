//! What comes late for rows of a tier that are complete.
//!
//! It waits as sums in full precision, and is added to the rows of a block at once: when the next block
//! is sealed, or by the keeper where the block lies on the disk. Queries add it as they read.

use row::Packed;

use crate::block::{self, ROWS};
use crate::ring::{self, Shelf};
use crate::slab::BlockAt;
use crate::tier::{CELLS, EMPTY, Part, Summary, Tier, advance};

/// Periods that wait; then blocks in memory take them.
const PERIODS_WAITING_MAX: usize = 60;

/// Values that came late for a period, by dimension.
#[derive(Debug, Clone)]
pub(crate) struct Delta {
    /// The end of the period.
    pub(crate) period_s: i64,
    pub(crate) sums: Vec<Summary>,
    /// The keeper is adding it to a block on the disk: what comes now waits apart.
    pub(crate) in_flight: bool,
}

impl Delta {
    /// Adds it to the row of its period, in the rows of the block that begins at `start_s`.
    pub(crate) fn merge_into(&self, rows: &mut [u32], stride: usize, start_s: i64, step_s: i64) {
        let place = usize::try_from((self.period_s - start_s).div_euclid(step_s)).unwrap_or(usize::MAX);
        if let Some(row) = rows.chunks_exact_mut(stride.max(1)).nth(place) {
            self.sums.iter().zip(row.chunks_exact_mut(CELLS)).for_each(|(sum, cells)| sum.merge_into(cells));
        }
    }
}

/// Hands values that came late for sealed rows of the chart to its tiers.
pub(crate) fn feed_late(time_s: i64, news: &[Summary], shelf: &mut Shelf<'_>) {
    let tiers = std::mem::take(&mut shelf.tiers);
    add(tiers, time_s, news, shelf);
    shelf.tiers = tiers;
}

/// Hands rows that filled sealed ones of the chart to its tiers.
pub(crate) fn feed_late_rows(part: &Part<'_>, shelf: &mut Shelf<'_>) {
    let mut news = vec![Summary::NONE; part.stride];
    for (time_s, row) in part.seconds().zip(part.rows.chunks_exact(part.stride.max(1))) {
        news.fill(Summary::NONE);
        for (sum, &bits) in news.iter_mut().zip(row).filter(|(_, bits)| **bits != EMPTY) {
            sum.add(Packed::from_bits(bits).unpack());
        }
        if news.iter().any(|sum| !sum.is_none()) {
            feed_late(time_s, &news, shelf);
        }
    }
}

fn add(tiers: &mut [Tier], time_s: i64, news: &[Summary], shelf: &mut Shelf<'_>) {
    let Some(tier) = tiers.first() else { return };
    if tier.period(time_s) > tier.current_s {
        advance(tiers, time_s, shelf);
    }
    let Some((tier, coarser)) = tiers.split_first_mut() else { return };
    let period_s = tier.period(time_s);
    if period_s == tier.current_s {
        tier.add_sums(news);
    } else {
        tier.wait(period_s, news, shelf);
        add(coarser, period_s, news, shelf);
    }
}

impl Tier {
    /// Keeps what came for a period that is complete.
    fn wait(&mut self, period_s: i64, news: &[Summary], shelf: &mut Shelf<'_>) {
        let (last_s, step_s) = (self.ring.last_s(), self.ring.every_s);
        if period_s > last_s {
            // Nothing came for it, nor for any later one, before.
            self.widen(news.len());
            let mut sums = vec![Summary::NONE; self.sums.len()];
            sums[..news.len()].copy_from_slice(news);
            self.append(period_s, &sums, shelf);
            return;
        }
        let floor_s = self.settings.bytes.and_then(|_| shelf.slabs.budgets.floor_s(self.level)).unwrap_or(0);
        if period_s <= (last_s - i64::from(self.settings.rows) * step_s).max(floor_s) {
            return;
        }
        if news.len() * CELLS > self.ring.stride {
            self.ring.widen(news.len() * CELLS);
        }
        while period_s < self.ring.start_s() {
            self.ring.sealed.push_front(BlockAt::NONE);
        }
        self.ring.first_s = self.ring.first_s.min(period_s);
        let known = self.late.iter_mut().rfind(|delta| delta.period_s == period_s && !delta.in_flight);
        match known {
            Some(delta) => {
                if delta.sums.len() < news.len() {
                    delta.sums.resize(news.len(), Summary::NONE);
                }
                delta.sums.iter_mut().zip(news).for_each(|(sum, more)| sum.merge(more));
            }
            None => self.late.push(Delta { period_s, sums: news.to_vec(), in_flight: false }),
        }
        if self.late.len() >= PERIODS_WAITING_MAX {
            self.settle(shelf);
        }
    }

    /// Adds what waits to rows in memory.
    pub(crate) fn settle(&mut self, shelf: &mut Shelf<'_>) {
        if self.late.is_empty() {
            return;
        }
        let mut late = std::mem::take(&mut self.late);
        late.sort_by_key(|delta| delta.period_s);
        let block_s = self.ring.block_s();
        let mut shelf = shelf.of_tier(self.level, self.settings);
        for of_block in late.chunk_by(|one, next| one.period_s.div_euclid(block_s) == next.period_s.div_euclid(block_s))
        {
            let start_s = of_block[0].period_s.div_euclid(block_s) * block_s;
            let is_settled = if of_block[of_block.len() - 1].period_s >= self.ring.open_start_s {
                self.settle_open(of_block, &mut shelf)
            } else {
                self.settle_block(start_s, of_block, &mut shelf)
            };
            if !is_settled {
                self.late.extend_from_slice(of_block);
            }
        }
    }

    /// Adds to open rows.
    fn settle_open(&mut self, late: &[Delta], shelf: &mut Shelf<'_>) -> bool {
        let (start_s, step_s, stride) = (self.ring.open_start_s, self.ring.every_s, self.ring.stride);
        for delta in late {
            let rows = &mut self.ring.open[..self.ring.open_rows * stride];
            delta.merge_into(rows, stride, start_s, step_s);
            if let Some(row) = rows.chunks_exact(stride).nth(((delta.period_s - start_s) / step_s) as usize) {
                shelf.note(delta.period_s, row);
            }
        }
        true
    }

    /// Adds to a block in memory; `false` where it lies on the disk.
    fn settle_block(&mut self, start_s: i64, late: &[Delta], shelf: &mut Shelf<'_>) -> bool {
        let Some(at) = self.ring.sealed_at(start_s) else { return true };
        if at.segment().is_some() {
            return false;
        }
        let (step_s, stride) = (self.ring.every_s, self.ring.stride);
        let mut rows = vec![EMPTY; ROWS * stride];
        ring::decode(at, &mut rows, stride, shelf);
        for delta in late {
            delta.merge_into(&mut rows, stride, start_s, step_s);
        }
        shelf.scratch.clear();
        block::encode(shelf.scratch, &rows, stride);
        let after = shelf.keep(start_s);
        if let Some(place) = self.ring.sealed_place(start_s) {
            shelf.forget(start_s, at);
            shelf.slabs.release(std::mem::replace(place, after));
        }
        true
    }
}
