//! What the blocks of a host's tiers may take, where settings limit it in bytes.
//!
//! ```text
//! marks   | from 10:00  1,020 B | from 17:00  1,090 B | ...  | from 09:00  310 B (the newest)
//!           └─ goes when all of them are more than the limit: the tier begins at 17:00 then
//! ```
//!
//! Blocks are counted as they are written, by the time of their first row, together for all charts. What
//! is older than the first mark is let go, by each ring with its next block. Blocks that leave earlier,
//! with their chart, stay counted until then, as they stay in their segment.

use std::collections::VecDeque;

use crate::ring::Ring;
use crate::slab::Slabs;

/// A mark takes this part of the limit, so the tier has at least 63 of 64 parts of it when it is full.
const MARKS: u64 = 64;
/// What a block takes beside its own bytes: head, kind, chart and second in a segment, and its place in
/// memory.
const BESIDE_BYTES: u64 = 4 + 4 + 1 + 4 + 8 + 8;

/// The budgets of a host's tiers, by level.
#[derive(Debug, Default)]
pub(crate) struct Budgets(Vec<Budget>);

#[derive(Debug, Default)]
struct Budget {
    marks: VecDeque<Mark>,
    bytes: u64,
}

#[derive(Debug)]
struct Mark {
    start_s: i64,
    bytes: u64,
}

impl Budgets {
    /// Counts a block of a tier.
    pub(crate) fn add(&mut self, level: usize, limit: u64, start_s: i64, bytes: usize) {
        if self.0.len() <= level {
            self.0.resize_with(level + 1, Budget::default);
        }
        self.0[level].add(limit, start_s, bytes as u64 + BESIDE_BYTES);
    }

    /// Another block takes the place of one that was counted.
    pub(crate) fn remove(&mut self, level: usize, start_s: i64, bytes: usize) {
        if let Some(budget) = self.0.get_mut(level) {
            budget.remove(start_s, bytes as u64 + BESIDE_BYTES);
        }
    }

    /// The second that a tier begins at; `None` where bytes do not limit it yet.
    pub(crate) fn floor_s(&self, level: usize) -> Option<i64> {
        self.0.get(level)?.marks.front().map(|mark| mark.start_s)
    }
}

impl Budget {
    fn add(&mut self, limit: u64, start_s: i64, bytes: u64) {
        self.bytes += bytes;
        match self.mark(start_s) {
            Some(mark) if start_s <= mark.start_s || mark.bytes < limit / MARKS => mark.bytes += bytes,
            // Charts seal the blocks of the same time one after another: they stay together.
            _ => self.add_mark(limit, start_s, bytes),
        }
        if let Some(first) = self.marks.front_mut() {
            first.start_s = first.start_s.min(start_s);
        }
        while self.bytes > limit && self.marks.len() > 1 {
            let gone = self.marks.pop_front().map_or(0, |mark| mark.bytes);
            self.bytes -= gone;
        }
    }

    /// Begins a mark, or lets the one behind begin earlier.
    fn add_mark(&mut self, limit: u64, start_s: i64, bytes: u64) {
        let place = self.marks.partition_point(|mark| mark.start_s < start_s);
        match self.marks.get_mut(place) {
            Some(next) if next.bytes < limit / MARKS => {
                *next = Mark { start_s, bytes: next.bytes + bytes };
            }
            _ => self.marks.insert(place, Mark { start_s, bytes }),
        }
    }

    fn remove(&mut self, start_s: i64, bytes: u64) {
        if let Some(mark) = self.mark(start_s) {
            let bytes = bytes.min(mark.bytes);
            mark.bytes -= bytes;
            self.bytes -= bytes;
        }
    }

    /// The mark that a second belongs to.
    fn mark(&mut self, start_s: i64) -> Option<&mut Mark> {
        let place = self.marks.partition_point(|mark| mark.start_s <= start_s);
        self.marks.get_mut(place.saturating_sub(1))
    }
}

impl Ring {
    /// Lets go of sealed blocks that end before `floor_s`.
    pub(crate) fn begin_at(&mut self, floor_s: i64, slabs: &mut Slabs) {
        while !self.sealed.is_empty() && self.start_s() + self.block_s() <= floor_s {
            if let Some(block) = self.sealed.pop_front() {
                slabs.release(block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 971;
    const LIMIT: u64 = 64_000;

    /// Of blocks that come in the order of time the newest stay, between 62 of 64 parts of the limit and
    /// all of it, and late ones cost what is oldest.
    #[test]
    fn the_newest_blocks_stay() {
        let mut budgets = Budgets::default();
        let mut second = 0;
        for hour in 0..1_000 {
            second = 3_600 * hour;
            budgets.add(1, LIMIT, second, BLOCK);
            assert!(budgets.0[1].bytes <= LIMIT && budgets.0[1].marks.len() as u64 <= MARKS + 1);
        }
        assert_eq!(budgets.0[1].bytes, LIMIT);
        assert_eq!(budgets.floor_s(1), Some(second - 63 * 3_600));
        budgets.remove(1, second - 3_600, BLOCK);
        budgets.add(1, LIMIT, second - 3_600, BLOCK + 1);
        assert_eq!(budgets.floor_s(1), Some(second - 62 * 3_600));
        assert_eq!((budgets.floor_s(0), budgets.floor_s(7)), (None, None));
    }

    /// Many small blocks of the same time share a mark; one that is too large alone stays.
    #[test]
    fn marks_are_few() {
        let mut budget = Budget::default();
        (0..10_000).for_each(|block| budget.add(LIMIT, block / 50 * 3_600, 20));
        assert!((MARKS / 2..=MARKS + 1).contains(&(budget.marks.len() as u64)), "{} marks", budget.marks.len());
        let mut backwards = Budget::default();
        (0..3_000).rev().for_each(|block| backwards.add(LIMIT, block * 3_600, 20));
        assert!(backwards.marks.len() as u64 <= 2 * MARKS, "{} marks", backwards.marks.len());
        budget.add(LIMIT, 1_000_000_000, 10 * LIMIT);
        assert_eq!((budget.marks.len(), budget.marks[0].start_s), (1, 1_000_000_000));
    }
}
