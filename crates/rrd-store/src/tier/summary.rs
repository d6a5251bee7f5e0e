//! What is kept of one dimension's values of a period.

use row::{Packed, PointFlags};

use crate::ring::Bits;

/// Packed numbers of a summary: the least and the greatest value, the sum, the count.
pub(crate) const CELLS: usize = 4;

/// The values of one dimension in a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) sum: f64,
    /// At most what a mantissa holds: a day has 86,400 seconds.
    pub(crate) count: u32,
}

impl Summary {
    /// Of no values.
    pub(crate) const NONE: Self = Self { least: f64::INFINITY, most: f64::NEG_INFINITY, sum: 0.0, count: 0 };

    pub(crate) fn add(&mut self, value: f64) {
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        self.sum += value;
        self.count += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
    }

    pub(crate) fn is_none(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn to_cells(self) -> [u32; CELLS] {
        if self.is_none() {
            return [Packed::EMPTY.to_bits(); CELLS];
        }
        [self.least, self.most, self.sum, f64::from(self.count)]
            .map(|value| Packed::pack(value, PointFlags::NORMAL).to_bits())
    }

    /// Reads what a block or a file holds, which may be anything.
    pub(crate) fn of_cells(cells: [u32; CELLS]) -> Self {
        let [least, most, sum, count] = cells.map(|bits| Packed::from_bits(bits).unpack());
        let is_sound = count >= 1.0 && !(least.is_nan() || most.is_nan() || sum.is_nan());
        if is_sound { Self { least, most, sum, count: count as u32 } } else { Self::NONE }
    }

    /// Adds this one's values to those in a row's cells.
    pub(crate) fn merge_into(&self, cells: &mut [u32]) {
        if !self.is_none()
            && let Some(cells) = cells.first_chunk_mut()
        {
            let mut all = Self::of_cells(*cells);
            all.merge(self);
            *cells = all.to_cells();
        }
    }
}

/// A row of a tier: the cells of all dimensions.
impl Bits for [Summary] {
    fn count(&self) -> usize {
        self.len() * CELLS
    }

    fn each(&self) -> impl Iterator<Item = u32> {
        self.iter().flat_map(|summary| summary.to_cells())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Summaries keep what they hold when they go to cells and come back, and those of nothing, or of
    /// bits that are no summary, change nothing.
    #[test]
    fn cells_keep_summaries() {
        let mut summary = Summary::NONE;
        assert_eq!(Summary::of_cells(summary.to_cells()), Summary::NONE);
        [3.5, -0.25, 12.0].into_iter().for_each(|value| summary.add(value));
        assert_eq!(summary, Summary { least: -0.25, most: 12.0, sum: 15.25, count: 3 });
        assert_eq!(Summary::of_cells(summary.to_cells()), summary);
        let mut cells = summary.to_cells();
        Summary::NONE.merge_into(&mut cells);
        assert_eq!(Summary::of_cells(cells), summary);
        summary.merge_into(&mut cells);
        assert_eq!(Summary::of_cells(cells), Summary { sum: 30.5, count: 6, ..summary });
        let empty = Packed::EMPTY.to_bits();
        for strange in [[empty, 1, 1, 1], [0x0100_0000; 4], [0x0100_0000, empty, 0x0100_0000, 0x0100_0001]] {
            assert_eq!(Summary::of_cells(strange), Summary::NONE);
        }
    }
}
