//! Brings what the next rows touch into the caches.
//!
//! A host is written once a second, and by then its records have left the caches. A row touches some
//! eight lines of memory that lie apart; waiting for one after the other takes longer than all that is
//! done with them. Streams repeat their order, so once a row is that of the chart after the last one,
//! what the following charts need is read, all at once: the processor waits for many lines at a time.
//! A batch of one row reads nothing ahead.

use std::hint::black_box;

use crate::chart::Chart;

/// Charts that are read together: enough lines to wait for at once, and few enough to stay in the
/// nearest cache until their rows come.
const CHARTS: usize = 8;

/// How far a batch has come.
#[derive(Debug, Default)]
pub(super) struct Fetching {
    /// The slot after that of the last row.
    next: usize,
    /// The charts before this slot are fetched.
    end: usize,
}

impl Fetching {
    /// A row of the chart in `slot` begins.
    #[inline]
    pub(super) fn row(&mut self, slot: usize, charts: &[Chart]) {
        let follows = slot == std::mem::replace(&mut self.next, slot + 1);
        if !follows || slot + 1 < self.end {
            return;
        }
        let ahead = charts.get(slot + 1..).unwrap_or_default();
        let (near, far) = ahead.split_at(CHARTS.min(ahead.len()));
        // Where a chart's dimensions and rows lie is known once its record is here: those are read a step
        // before. Nobody needs the sums; were they left out, nothing but time would be lost.
        black_box(far.iter().take(CHARTS).fold(0, |sum, chart| sum ^ chart.touch()));
        black_box(near.iter().fold(0, |sum, chart| sum ^ chart.touch_row()));
        self.end = slot + 1 + CHARTS;
    }
}
