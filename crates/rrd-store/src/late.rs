//! Rows that come late: sealed blocks that are opened again, and what that may cost.
//!
//! Opening and sealing a block costs its values, so a host may only do so many per second; and late
//! rows of blocks on the disk wait in memory until the keeper has merged them, so there is a limit to
//! those, too. Rows beyond are refused and counted.

use row::{Now, Packed};

use crate::block::Column;

const EMPTY: u32 = Packed::EMPTY.to_bits();

/// Values of sealed blocks that may be opened per second and host: some 40 ms of CPU, and what a
/// replication of four million values needs.
const VALUES_PER_S_MAX: usize = 4_000_000;
/// Values that may wait for the keeper per host: two hours of 2,000 dimensions, 57 MB.
const VALUES_WAITING_MAX: usize = 2 * 3_600 * 2_000;
const US_PER_S: u64 = 1_000_000;

/// A sealed block with rows that came late.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    /// The second of its first row.
    pub(crate) start_s: i64,
    pub(crate) stride: usize,
    /// 60 rows.
    pub(crate) rows: Vec<u32>,
    /// The rows that were there before are among them; otherwise they are on the disk.
    pub(crate) is_whole: bool,
    /// Rows that came.
    pub(crate) fills: u32,
}

impl Late {
    /// Puts one dimension's values where a column has none.
    pub(crate) fn overlay(&self, dimension: usize, column: &mut Column) {
        if dimension < self.stride {
            for (value, row) in column.iter_mut().zip(self.rows.chunks_exact(self.stride)) {
                if *value == EMPTY {
                    *value = row[dimension];
                }
            }
        }
    }
}

/// What late rows of a host may still cost.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    second: u64,
    values: usize,
    waiting: usize,
}

impl Repairs {
    /// Time goes on.
    pub(crate) fn at(&mut self, now: Now) {
        let second = now.mono_us / US_PER_S;
        if second != self.second {
            (self.second, self.values) = (second, 0);
        }
    }

    /// Whether a block of so many values may be opened; one that is not whole will wait.
    pub(crate) fn allow(&mut self, values: usize, is_whole: bool) -> bool {
        if self.values + values > VALUES_PER_S_MAX || self.waiting + values > VALUES_WAITING_MAX {
            return false;
        }
        self.values += values;
        if !is_whole {
            self.waiting += values;
        }
        true
    }

    /// A late block goes. Returns `false`, as suits `retain`.
    pub(crate) fn forget(&mut self, late: &Late) -> bool {
        if !late.is_whole {
            self.waiting = self.waiting.saturating_sub(late.rows.len());
        }
        false
    }
}
