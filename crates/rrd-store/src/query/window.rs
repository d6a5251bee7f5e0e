//! The window: which seconds a query means, and how they fall into rows.
//!
//! The order of the steps is that of Netdata's data API, so that the same request gives the same
//! rows; and rows keep their boundaries from one refresh to the next.

/// Rows of an answer at most.
const POINTS_MAX: i64 = 86_400;
/// Bounds up to this magnitude are relative: three years.
const RELATIVE_S_MAX: i64 = 3 * 365 * 86_400;
/// A bound may lie this far in the past or in the future.
const PAST_S_MAX: i64 = 10 * 366 * 86_400;
const FUTURE_S_MAX: i64 = 366 * 86_400;

/// A time range as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowRequest {
    /// Where it begins: seconds since 1970, or relative to its end; 0 means the oldest row.
    pub after_s: i64,
    /// Where it ends: seconds since 1970, or relative to now; 0 means the newest row.
    pub before_s: i64,
    /// Rows wanted; 0 means as many as there are.
    pub points: i64,
    /// Let the window begin and end where it was asked for.
    pub unaligned: bool,
}

/// A time range as it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The second of the first row. A row covers the `step_s` seconds up to its own.
    pub after_s: i64,
    /// The second of the last row.
    pub before_s: i64,
    /// Seconds from row to row.
    pub step_s: i64,
    /// Rows.
    pub points: usize,
}

impl Window {
    /// Resolves a request for a chart whose rows are `every_s` apart, from `first_s` to `last_s`.
    #[must_use]
    pub fn resolve(request: &WindowRequest, first_s: i64, last_s: i64, every_s: u32, now_s: i64) -> Self {
        let every_s = i64::from(every_s.max(1));
        let relative = |bound: i64| bound.abs() <= RELATIVE_S_MAX;
        let natural = request.points == 0 || relative(request.after_s) || relative(request.before_s);
        let ends_at_newest = request.before_s == 0;
        let (after_s, before_s) = bounds(request, first_s, last_s, now_s - 1);

        let quantum = if natural { every_s } else { 1 };
        let (after_s, mut before_s) = (after_s / quantum * quantum, before_s / quantum * quantum);
        let duration_s = before_s - after_s;
        let available = ((duration_s + 1) / quantum).max(1);
        let wanted = if request.points <= 0 { available } else { request.points };
        let mut points = wanted.min(available).min(POINTS_MAX);
        let group = available / points + i64::from(available % points > points / 2);
        let step_s = group * quantum;
        if points * step_s < duration_s {
            points = (available + group - 1) / group;
        }
        if !request.unaligned && before_s % step_s != 0 {
            before_s = before_s / step_s * step_s + if ends_at_newest { 0 } else { step_s };
        }
        Self { after_s: before_s - points * step_s + step_s, before_s, step_s, points: points as usize }
    }

    /// The row that a stored point belongs to.
    #[must_use]
    pub fn row_of(&self, time_s: i64) -> Option<usize> {
        let from_start_s = time_s - (self.after_s - self.step_s) - 1;
        let row = from_start_s.div_euclid(self.step_s);
        usize::try_from(row).ok().filter(|&row| row < self.points)
    }
}

/// The absolute bounds, in order and not after `now_s`.
fn bounds(request: &WindowRequest, first_s: i64, last_s: i64, now_s: i64) -> (i64, i64) {
    let relative = |bound: i64| bound.abs() <= RELATIVE_S_MAX;
    let mut after_s = if request.after_s == 0 { first_s } else { request.after_s };
    let mut before_s = if request.before_s == 0 { last_s } else { request.before_s };
    if relative(before_s) {
        before_s = now_s - before_s.abs();
    }
    if relative(after_s) {
        after_s = before_s - after_s.abs() + 1;
    }
    if after_s > before_s {
        (after_s, before_s) = (before_s, after_s);
    }
    if before_s > now_s {
        let ahead_s = before_s - now_s;
        (after_s, before_s) = (after_s.saturating_sub(ahead_s), now_s);
    }
    let clamp = |bound: i64| bound.clamp(now_s - PAST_S_MAX, now_s + FUTURE_S_MAX);
    (clamp(after_s), clamp(before_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_387_700;
    const LAST: i64 = NOW - 2;

    fn window(after_s: i64, before_s: i64, points: i64, unaligned: bool) -> Window {
        let request = WindowRequest { after_s, before_s, points, unaligned };
        Window::resolve(&request, NOW - 3_600, LAST, 1, NOW)
    }

    #[test]
    fn windows_are_those_of_a_real_agent() {
        let found = window(-10, 0, 0, false);
        assert_eq!((found.points, found.before_s, found.after_s, found.step_s), (10, LAST, LAST - 9, 1));
        let found = window(-30, 0, 3, false);
        assert_eq!((found.points, found.step_s, found.before_s % 10), (3, 10, 0));
        assert_eq!(window(-60, 0, 7, false).step_s, 9);
        let found = window(-5, 0, 1, false);
        assert_eq!((found.points, found.before_s, found.step_s), (1, LAST / 5 * 5, 5));
        let end = NOW - 100 - (NOW - 100) % 10 + 3;
        let found = window(end - 19, end, 2, false);
        assert_eq!((found.before_s, found.after_s), (end + 7, end - 3));
        let found = window(end - 19, end, 2, true);
        assert_eq!((found.before_s, found.after_s), (end, end - 10));
    }

    #[test]
    fn a_stopped_host_still_answers_relative_questions() {
        let request = WindowRequest { after_s: -5, ..Default::default() };
        let found = Window::resolve(&request, NOW - 9_000, NOW - 5_000, 1, NOW);
        assert_eq!((found.before_s, found.points), (NOW - 5_000, 5));
    }

    #[test]
    fn absurd_requests_are_bounded() {
        for after in [i64::MIN, -1, 0, 1, NOW, i64::MAX] {
            for before in [i64::MIN + 1, -1, 0, 1, NOW, i64::MAX] {
                for points in [i64::MIN, -1, 0, 1, 7, i64::MAX] {
                    let found = window(after.max(i64::MIN + 1), before, points, false);
                    assert!(
                        (1..=POINTS_MAX as usize + 1).contains(&found.points),
                        "{after} {before} {points} {found:?}"
                    );
                    assert!(found.step_s >= 1);
                }
            }
        }
    }

    #[test]
    fn a_row_covers_the_seconds_up_to_its_own() {
        let found = Window { after_s: 110, before_s: 130, step_s: 10, points: 3 };
        let rows: Vec<_> = [100, 101, 110, 111, 130, 131].map(|time_s| found.row_of(time_s)).into();
        assert_eq!(rows, [None, Some(0), Some(0), Some(1), Some(2), None]);
    }
}
