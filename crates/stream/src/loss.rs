//! Rows that are lost for good, gathered into one line of the log per gap.
//!
//! A gap shows chart by chart, since that is how a parent asks: the rows of all charts of a stream
//! count as one gap until no more of them come for a while. Plain: time is an argument.

use std::fmt;

use row::write_time;

/// After this time without another chart a gap is complete.
const SETTLED_US: u64 = 3_000_000;

/// The gap that is being gathered.
#[derive(Debug, Default)]
pub(crate) struct Loss {
    gap: Option<Gap>,
    changed_us: u64,
}

/// Rows that nobody will get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Rows of all charts.
    pub(crate) rows: u64,
    /// The second of the last row before the gap,
    pub(crate) from_s: i64,
    /// and that of the last one in it.
    pub(crate) to_s: i64,
}

impl Gap {
    /// The gap of a chart with a row every `every_s`: those after `from_s` up to `to_s`.
    pub(crate) fn of_chart(from_s: i64, to_s: i64, every_s: i64) -> Option<Self> {
        let rows = to_s.saturating_sub(from_s) / every_s.max(1);
        (from_s > 0 && rows > 0).then_some(Self { rows: rows.unsigned_abs(), from_s, to_s })
    }
}

impl Loss {
    /// Adds a chart's gap.
    pub(crate) fn add(&mut self, gap: Gap, now_us: u64) {
        self.changed_us = now_us;
        self.gap = Some(self.gap.map_or(gap, |known| Gap {
            rows: known.rows.saturating_add(gap.rows),
            from_s: known.from_s.min(gap.from_s),
            to_s: known.to_s.max(gap.to_s),
        }));
    }

    /// The gap, once, as soon as it is complete.
    pub(crate) fn take_settled(&mut self, now_us: u64) -> Option<Gap> {
        if now_us.saturating_sub(self.changed_us) < SETTLED_US { None } else { self.take() }
    }

    /// The gap, once, complete or not.
    pub(crate) fn take(&mut self) -> Option<Gap> {
        self.gap.take()
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, from_s, to_s } = *self;
        write!(f, "{rows} rows lost, from ")?;
        write_time(f, from_s)?;
        f.write_str(" to ")?;
        write_time(f, to_s)?;
        write!(f, " UTC, {} seconds", to_s - from_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: charts of one gap make one line, told once and not before all of them are in.
    #[test]
    fn one_gap_of_many_charts() {
        let mut loss = Loss::default();
        assert_eq!(loss.take_settled(1_000_000_000), None);
        for (at_us, from_s, to_s, every_s) in [(0, 1_000, 1_060, 1), (1_000_000, 990, 1_060, 10), (2_000_000, 0, 9, 1)]
        {
            if let Some(gap) = Gap::of_chart(from_s, to_s, every_s) {
                loss.add(gap, at_us);
            }
        }
        assert_eq!(loss.take_settled(3_999_999), None, "the last chart came less than 3 s ago");
        let gap = loss.take_settled(4_000_000).unwrap();
        assert_eq!(gap, Gap { rows: 67, from_s: 990, to_s: 1_060 });
        assert_eq!(gap.to_string(), "67 rows lost, from 1970-01-01 00:16:30 to 1970-01-01 00:17:40 UTC, 70 seconds");
        assert_eq!(loss.take(), None);
    }
}
