//! How late this machine wakes who sleeps: `system.idlejitter`.
//!
//! After a tick a sleep of 20 ms is asked for, once; what it takes longer is how long a program waits
//! for a processor here that has nothing else to do. One sleep a second costs a wake-up a second, and
//! tells of a machine that is overcommitted as well as fifty would; of those that last one second
//! there is one value only, and the three dimensions tell the same.

use row::{ChartType, Now};

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute};
use crate::pace::Cadence;

/// How long a sleep is asked for.
const SLEEP_US: u64 = 20_000;

static FORM: Form = Form {
    id: "system.idlejitter",
    context: "system.idlejitter",
    title: "What sleeps take longer than they should",
    units: "microseconds lost/s",
    family: "idlejitter",
    chart_type: ChartType::Area,
    priority: 800,
    options: PLAIN,
    dimensions: &[absolute("min", 1, 1), absolute("max", 1, 1), absolute("average", 1, 1)],
};

/// Measures sleeps between ticks.
#[derive(Debug)]
pub(crate) struct Idlejitter {
    cadence: Cadence,
    /// When the sleep is to end, by the monotonic clock.
    until_us: Option<u64>,
    lost: Lost,
    /// Whether this tick's sleep is still to come.
    wanted: bool,
    chart: (Chart, Owner),
}

/// What the sleeps since the last row took too long.
#[derive(Debug, Default)]
struct Lost {
    min_us: u64,
    max_us: u64,
    sum_us: u64,
    sleeps: u64,
}

impl Idlejitter {
    /// A row every so many seconds.
    pub(crate) fn new(update_every_s: u32) -> Self {
        let owner = Owner { plugin: "idlejitter.plugin", update_every_s, ..Owner::default() };
        Self {
            cadence: Cadence::new(update_every_s),
            until_us: None,
            lost: Lost::default(),
            wanted: false,
            chart: (Chart::new(&FORM), owner),
        }
    }

    /// Begins or ends a sleep; returns when the one that is under way ends, by the wall clock.
    pub(crate) fn between_ticks(&mut self, now: Now) -> Option<i64> {
        if std::mem::take(&mut self.wanted) {
            self.until_us = Some(now.mono_us.saturating_add(SLEEP_US));
        }
        let left_us = self.until_us?.saturating_sub(now.mono_us);
        if left_us > 0 {
            return Some(now.wall_us.saturating_add_unsigned(left_us));
        }
        let until_us = self.until_us.take()?;
        self.lost.add(now.mono_us.saturating_sub(until_us));
        None
    }

    /// Hands over what was measured since the last row, and wants the next sleep.
    pub(crate) fn write(&mut self, batch: &mut Batch<'_>, now: Now) {
        self.wanted = true;
        if self.lost.sleeps == 0 || !self.cadence.is_due(now) {
            return;
        }
        let Lost { min_us, max_us, sum_us, sleeps } = std::mem::take(&mut self.lost);
        let values = [min_us, max_us, sum_us / sleeps].map(|us| i64::try_from(us).unwrap_or(i64::MAX));
        batch.row(&mut self.chart.0, &self.chart.1, &values);
    }
}

impl Lost {
    fn add(&mut self, us: u64) {
        self.min_us = if self.sleeps == 0 { us } else { self.min_us.min(us) };
        self.max_us = self.max_us.max(us);
        self.sum_us = self.sum_us.saturating_add(us);
        self.sleeps += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Now {
        Now { wall_us: 1_700_000_000_000_000 + us.cast_signed(), mono_us: us }
    }

    /// Goal: a sleep is asked for once per tick, and only what it took too long counts.
    #[test]
    fn one_sleep_per_tick() {
        let mut idlejitter = Idlejitter::new(1);
        assert_eq!(idlejitter.between_ticks(at(0)), None, "no tick so far");
        for (woken_us, lost_us) in [(20_000, 0), (20_070, 70), (900_000, 880_000)] {
            idlejitter.wanted = true;
            assert_eq!(idlejitter.between_ticks(at(0)), Some(at(20_000).wall_us));
            assert_eq!(idlejitter.between_ticks(at(5000)), Some(at(20_000).wall_us), "woken too early");
            assert_eq!(idlejitter.between_ticks(at(woken_us)), None);
            assert_eq!(idlejitter.between_ticks(at(woken_us)), None, "no other one until the next tick");
            assert_eq!(idlejitter.lost.max_us, lost_us);
        }
        let Lost { min_us, sum_us, sleeps, .. } = idlejitter.lost;
        assert_eq!((min_us, sum_us, sleeps), (0, 880_070, 3));
    }
}
