//! Progress: up to when each chart of a host was told to a backend.
//!
//! Time is cut into windows, all of one length. A chart's window is told once its last row is there; so rows
//! that come late, because a machine was cut off and then sent what was missed, are told when
//! they are there, each window of them by itself. A window whose end stays away is told after
//! a while with what it has.

use row::ChartSlot;

use crate::span::Span;

/// How long a window waits for its end once it has begun, beside its own length.
pub const PATIENCE_S: i64 = 600;

/// By then the last row of a window is there.
const SETTLE_S: i64 = 3;

/// Up to when the charts of a host were told.
#[derive(Debug)]
pub struct Progress {
    every_s: i64,
    cut: Cut,
    /// Windows that end before are not told of any chart.
    begin_s: i64,
    /// By slot.
    charts: Vec<Told>,
}

/// Which rows a window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cut {
    /// Those that a Netdata would tell at its end: up to some rows before it.
    #[default]
    AsTold,
    /// All rows after its begin up to its end.
    Whole,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    born: u64,
    until_s: i64,
    /// Where the newest window ends that was told.
    end_s: i64,
}

/// What is known of a chart's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// Between two of them.
    pub every_s: i64,
    /// The oldest.
    pub first_s: i64,
    /// The newest; 0 without one.
    pub last_s: i64,
}

impl Progress {
    /// Nothing was told yet; windows of `every_s` are, from `begin_s` on.
    #[must_use]
    pub const fn new(every_s: i64, begin_s: i64, cut: Cut) -> Self {
        Self { every_s: if every_s < 1 { 1 } else { every_s }, cut, begin_s, charts: Vec::new() }
    }

    /// The next window of a chart: its first and last second. Calling says that it is told. `None` where
    /// there is nothing to tell before `now_s`, which is the end of a window.
    pub fn next(&mut self, slot: ChartSlot, born: u64, rows: Rows, now_s: i64) -> Option<(i64, i64)> {
        let (every_s, begin_s, cut) = (self.every_s, self.begin_s, self.cut);
        let told = self.told(slot, born);
        if told.until_s < begin_s {
            told.until_s = begin_s;
        }
        // Nothing is there of windows that end before the first row.
        let bare = (rows.first_s - cut.end(told.until_s + every_s, rows.every_s)).div_euclid(every_s);
        let room = (now_s - told.until_s).div_euclid(every_s);
        told.until_s += bare.min(room).max(0) * every_s;
        while told.until_s + every_s <= now_s {
            let span = Span { after_s: told.until_s, before_s: told.until_s + every_s };
            let end_s = cut.end(span.before_s, rows.every_s);
            let window = cut.window(span, rows);
            let is_whole = rows.last_s >= end_s;
            let is_waiting = now_s - span.before_s < PATIENCE_S;
            if !is_whole && (window.is_none() || is_waiting) {
                return None;
            }
            // A chart that is slower than a window has the same row in several.
            let is_new = end_s > told.end_s;
            told.until_s = span.before_s;
            if let Some(window) = window.filter(|_| is_new) {
                told.end_s = end_s;
                return Some(window);
            }
        }
        None
    }

    fn told(&mut self, slot: ChartSlot, born: u64) -> &mut Told {
        let index = slot.0 as usize;
        if index >= self.charts.len() {
            self.charts.resize(index + 1, Told { born: u64::MAX, until_s: i64::MIN, end_s: i64::MIN });
        }
        let told = &mut self.charts[index];
        if told.born != born {
            *told = Told { born, until_s: i64::MIN, end_s: i64::MIN };
        }
        told
    }
}

impl Cut {
    /// The last end of a window of so many seconds up to a time.
    pub(crate) const fn end_before(self, time_s: i64, every_s: i64) -> i64 {
        match self {
            // Windows end a second before the full ones.
            Self::AsTold => time_s - (time_s + 1).rem_euclid(every_s),
            Self::Whole => time_s - time_s.rem_euclid(every_s),
        }
    }

    /// How long after its end a window is told.
    pub(crate) const fn delay_s(self) -> i64 {
        match self {
            Self::AsTold => 0,
            Self::Whole => SETTLE_S,
        }
    }

    /// The last second of the window that ends at `before_s`, of a chart.
    fn end(self, before_s: i64, every_s: i64) -> i64 {
        let every_s = every_s.max(1);
        match self {
            Self::AsTold => {
                let time_s = before_s.saturating_sub(2 * every_s);
                time_s - time_s.rem_euclid(every_s) - every_s
            }
            Self::Whole => before_s - before_s.rem_euclid(every_s),
        }
    }

    fn window(self, span: Span, Rows { every_s, first_s, last_s }: Rows) -> Option<(i64, i64)> {
        match self {
            Self::AsTold => span.of_chart(every_s, first_s, last_s),
            Self::Whole => span.whole_of_chart(every_s, first_s, last_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_795_387_849;
    const SLOT: ChartSlot = ChartSlot(3);

    fn rows(first_s: i64, last_s: i64) -> Rows {
        Rows { every_s: 1, first_s, last_s }
    }

    fn all(progress: &mut Progress, rows: Rows, now_s: i64) -> Vec<(i64, i64)> {
        std::iter::from_fn(|| progress.next(SLOT, 1, rows, now_s)).collect()
    }

    /// Goal: a chart that goes on has the windows that a real agent tells.
    #[test]
    fn windows_follow_one_another() {
        let mut progress = Progress::new(10, T, Cut::AsTold);
        assert_eq!(all(&mut progress, rows(T - 99, T + 10), T + 10), [(T - 2, T + 7)]);
        assert_eq!(all(&mut progress, rows(T - 99, T + 12), T + 10), []);
        assert_eq!(
            all(&mut progress, rows(T - 99, T + 40), T + 40),
            [(T + 8, T + 17), (T + 18, T + 27), (T + 28, T + 37)]
        );
    }

    /// Goal: rows that come late are told window by window when they are there, not before.
    #[test]
    fn late_rows_are_told_when_they_are_there() {
        let mut progress = Progress::new(10, T, Cut::AsTold);
        // Cut off in the middle of the window; half an hour without anything new.
        assert_eq!(all(&mut progress, rows(T - 99, T + 3), T + 10), []);
        assert_eq!(all(&mut progress, rows(T - 99, T + 3), T + 300), []);
        // Then all of it comes.
        let told = all(&mut progress, rows(T - 99, T + 300), T + 300);
        assert_eq!((told.len(), told[0], told[29]), (30, (T - 2, T + 7), (T + 288, T + 297)));
    }

    /// Goal: the last rows of a chart that ended are told as well, after a while.
    #[test]
    fn a_window_does_not_wait_for_ever() {
        let mut progress = Progress::new(10, T, Cut::AsTold);
        let ended = rows(T - 99, T + 3);
        assert_eq!(all(&mut progress, ended, T + 10 + PATIENCE_S - 10), []);
        assert_eq!(all(&mut progress, ended, T + 10 + PATIENCE_S), [(T - 2, T + 3)]);
        assert_eq!(all(&mut progress, ended, T + 10_000), []);
        // It goes on after hours.
        let told = all(&mut progress, rows(T + 9_000, T + 9_100), T + 9_100);
        assert_eq!(told[0], (T + 9_000, T + 9_007));
    }

    /// Goal: a slow chart tells each row once; so does a chart in a slot that another one had.
    #[test]
    fn rows_of_slow_charts_are_told_once() {
        let mut progress = Progress::new(10, T, Cut::AsTold);
        let mut told = Vec::new();
        for now_s in (T..T + 600).step_by(10) {
            let rows = Rows { every_s: 60, first_s: 1, last_s: now_s - now_s % 60 };
            told.extend(all(&mut progress, rows, now_s));
        }
        assert!(told.len() >= 7 && told.iter().all(|(first, last)| first == last), "{told:?}");
        assert!(told.windows(2).all(|pair| pair[1].0 - pair[0].0 == 60), "{told:?}");
        for phase in 0..5 {
            let mut progress = Progress::new(1, T - 60, Cut::AsTold);
            let rows = Rows { every_s: 5, first_s: T - T % 5, last_s: T - T % 5 };
            let told: Vec<_> = (0..30).filter_map(|s| progress.next(SLOT, 1, rows, T + phase + s)).collect();
            assert_eq!(told, [(rows.first_s, rows.first_s)], "{phase}");
        }
        assert!(progress.next(SLOT, 2, rows(T - 99, T + 600), T + 590).is_some(), "another chart");
    }

    /// Goal: whatever comes when, no second that is there in the end is left out or told twice.
    #[test]
    fn windows_tile_however_rows_come() {
        let mut random = 11_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for turn in 0..400 {
            let (window_s, every_s) = ([1, 5, 10, 60][turn / 2 % 4], [1, 2, 5, 10][turn / 8 % 4]);
            let cut = [Cut::AsTold, Cut::Whole][turn % 2];
            let mut progress = Progress::new(window_s, T - T % window_s, cut);
            let (mut now_s, mut last_s, mut told) = (T - T % window_s, T - 50, None);
            while now_s < T + 4_000 {
                now_s += window_s * (1 + next(3) as i64);
                if next(4) != 0 || now_s - last_s > PATIENCE_S / 2 {
                    last_s = now_s - now_s % every_s;
                }
                let rows = Rows { every_s, first_s: T - 100 - T % every_s, last_s };
                for (first, last) in all(&mut progress, rows, now_s) {
                    assert!(first <= last && last <= last_s);
                    assert!(told.is_none_or(|told| first - told == every_s), "{window_s} {every_s} {first} {told:?}");
                    told = Some(last);
                }
            }
            assert!(told.is_some_and(|told| now_s - told <= 4 * every_s.max(window_s) + PATIENCE_S), "{told:?}");
        }
    }
}
