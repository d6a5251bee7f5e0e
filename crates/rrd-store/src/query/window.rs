//! The window: which seconds a query means, and how they fall into rows.
//!
//! The order of the steps is that of Netdata's data API, so that the same request gives the same
//! rows; and rows keep their boundaries from one refresh to the next.
//!
//! ```text
//!            quantum_s
//!             >-<
//!  start_s() |. . .|. . .|. . .| before_s
//!              ^after_s  >-----<
//!                         step_s = group x quantum_s
//! ```

use crate::AHEAD_S;

/// Rows of an answer at most: a day of seconds.
pub const POINTS_MAX: usize = 86_400;
/// Bounds up to this magnitude are relative: three years.
const RELATIVE_S_MAX: u64 = 3 * 365 * 86_400;
/// A bound may lie this far in the past or in the future.
const PAST_S_MAX: i64 = 10 * 366 * 86_400;
const FUTURE_S_MAX: i64 = 366 * 86_400;
/// Numbers of a request are cut to this, so that sums and products of them cannot overflow.
const REQUEST_MAX: i64 = 1_000_000_000_000;

/// A time range as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowRequest {
    /// Where it begins: seconds since 1970, or relative to its end; 0 means the oldest row.
    pub after_s: i64,
    /// Where it ends: seconds since 1970, or relative to now; 0 means the newest row.
    pub before_s: i64,
    /// Rows wanted; 0 means as many as there are.
    pub points: i64,
    /// Averages become sums per so many seconds, and rows are no shorter than that; 0 means not.
    pub gtime_s: i64,
    /// Let the window begin and end where it was asked for.
    pub unaligned: bool,
    /// What a row is counted in.
    pub grid: Grid,
}

/// What the points are that rows are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grid {
    /// Stored points, or seconds where the range is absolute and the number of rows is given.
    #[default]
    ByRequest,
    /// Stored points.
    Natural,
    /// Seconds: values between stored points are interpolated.
    Virtual,
}

/// What is known of the charts that are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The oldest row of any of them.
    pub(super) first_s: i64,
    /// The newest row of any of them.
    pub(super) last_s: i64,
    /// The shortest update every.
    pub(super) every_s: i64,
}

/// A time range as it is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The first second of the first row (of rows made of stored points: the first point's).
    pub after_s: i64,
    /// The second of the last row.
    pub before_s: i64,
    /// Seconds from row to row. A row covers so many seconds up to its own.
    pub step_s: i64,
    /// Rows.
    pub points: usize,
    /// Points of a row.
    pub group: i64,
    /// Seconds from point to point: one, or the shortest update every of what is asked.
    pub quantum_s: i64,
    /// The rows are made of stored points.
    pub natural: bool,
    /// With `gtime`: what sums are divided by to become averages.
    pub divisor: Option<f64>,
}

impl Window {
    /// Resolves a request; more than `points_max` rows become fewer, longer ones.
    pub(super) fn resolve(request: &WindowRequest, extent: Extent, points_max: usize, now_s: i64) -> Self {
        let points_max = points_max.clamp(1, POINTS_MAX) as i64;
        let is_natural = is_natural(request);
        let quantum_s = if is_natural { extent.every_s.max(1) } else { 1 };
        let ends_at_newest = request.before_s == 0;
        let (after_s, before_s) = bounds(request, extent, now_s - 1);
        let cut = |bound: i64| bound.div_euclid(quantum_s) * quantum_s;
        let (mut after_s, mut before_s) = (cut(after_s), cut(before_s));
        let mut points = request.points.clamp(0, REQUEST_MAX);
        if points == 0 {
            points = ((before_s - after_s + 1) / quantum_s).max(1);
        }
        let gtime_s = request.gtime_s.clamp(0, PAST_S_MAX);
        after_s = stretched(after_s, before_s, gtime_s, quantum_s);

        let duration_s = before_s - after_s;
        let available = ((duration_s + 1) / quantum_s).max(1);
        points = points.min(available).min(points_max);
        let mut group = available / points + i64::from(available % points > points / 2);
        if points * group * quantum_s < duration_s {
            points = div_up(available, group);
        }
        if points > points_max {
            group = div_up(available, points_max);
            points = div_up(available, group);
        }
        let mut divisor = None;
        if gtime_s > quantum_s {
            let per_gtime = div_up(gtime_s, quantum_s);
            group = div_up(group.max(per_gtime), per_gtime) * per_gtime;
            divisor = Some((group * quantum_s) as f64 / gtime_s as f64);
        }
        let step_s = group * quantum_s;
        let over_s = before_s.rem_euclid(step_s);
        if !request.unaligned && over_s != 0 {
            before_s += if ends_at_newest { -over_s } else { step_s - over_s };
        }
        after_s = before_s - points * step_s + quantum_s;
        Self { after_s, before_s, step_s, points: points as usize, group, quantum_s, natural: is_natural, divisor }
    }

    /// The second before the first one that the first row covers.
    pub(super) fn start_s(&self) -> i64 {
        self.before_s - self.points as i64 * self.step_s
    }

    /// The second of a row, counted from the oldest.
    #[must_use]
    pub fn row_s(&self, row: usize) -> i64 {
        self.start_s() + (row as i64 + 1) * self.step_s
    }
}

/// Division that rounds up, of what is not negative by what is positive.
const fn div_up(number: i64, by: i64) -> i64 {
    (number + by - 1) / by
}

fn is_relative(bound_s: i64) -> bool {
    bound_s.unsigned_abs() <= RELATIVE_S_MAX
}

pub(super) fn is_natural(request: &WindowRequest) -> bool {
    match request.grid {
        Grid::ByRequest => request.points <= 0 || is_relative(request.after_s) || is_relative(request.before_s),
        Grid::Natural => true,
        Grid::Virtual => false,
    }
}

/// The absolute bounds, in order and not after `now_s`.
fn bounds(request: &WindowRequest, extent: Extent, now_s: i64) -> (i64, i64) {
    // Rows that a child dates ahead of our clock are there for whoever names their seconds.
    let reaches_ahead = !is_relative(request.before_s) && extent.last_s >= now_s + AHEAD_S;
    let now_s = if reaches_ahead { extent.last_s } else { now_s };
    let asked = |bound: i64, zero_s: i64| if bound == 0 { zero_s } else { bound.clamp(-REQUEST_MAX, REQUEST_MAX) };
    let mut after_s = asked(request.after_s, extent.first_s);
    let mut before_s = asked(request.before_s, extent.last_s);
    if is_relative(before_s) {
        before_s = now_s - before_s.abs();
    }
    if is_relative(after_s) {
        after_s = before_s - after_s.abs() + 1;
    }
    if after_s > before_s {
        (after_s, before_s) = (before_s, after_s);
    }
    if before_s > now_s {
        after_s -= before_s - now_s;
        before_s = now_s;
    }
    let clamp = |bound: i64| bound.clamp(now_s - PAST_S_MAX, now_s + FUTURE_S_MAX);
    (clamp(after_s), clamp(before_s))
}

/// Where a window begins that is to hold whole spans of `gtime_s`: earlier, if what lacks is more
/// than a tenth of one.
fn stretched(mut after_s: i64, before_s: i64, gtime_s: i64, quantum_s: i64) -> i64 {
    if gtime_s > before_s - after_s {
        after_s = before_s - gtime_s;
    }
    if gtime_s > quantum_s {
        let over_s = (before_s - after_s) % gtime_s;
        if over_s > gtime_s / 10 {
            after_s -= gtime_s - over_s;
        }
    }
    after_s
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_387_700;
    const LAST: i64 = NOW - 2;

    fn resolve(request: WindowRequest, every_s: i64) -> Window {
        Window::resolve(&request, Extent { first_s: NOW - 3_600, last_s: LAST, every_s }, POINTS_MAX, NOW)
    }

    fn window(after_s: i64, before_s: i64, points: i64, unaligned: bool) -> Window {
        resolve(WindowRequest { after_s, before_s, points, unaligned, ..Default::default() }, 1)
    }

    /// Rows ahead of our clock are shown where their seconds are asked for, and only there.
    #[test]
    fn rows_ahead_of_the_clock_are_reached_by_their_seconds() {
        let extent = Extent { first_s: NOW - 3_600, last_s: NOW + 3_600, every_s: 1 };
        for (after_s, before_s, expected_s) in [
            (NOW + 3_501, NOW + 3_600, NOW + 3_600),
            (NOW + 3_501, NOW + 9_000, NOW + 3_600),
            (-100, NOW + 3_600, NOW + 3_600),
            (NOW - 199, NOW - 100, NOW - 100),
            (-100, 0, NOW - 1),
        ] {
            let request = WindowRequest { after_s, before_s, unaligned: true, ..Default::default() };
            let window = Window::resolve(&request, extent, POINTS_MAX, NOW);
            assert_eq!(window.before_s, expected_s, "{after_s} {before_s}");
        }
        let near = Extent { last_s: NOW + 2, ..extent };
        let request = WindowRequest { after_s: -100, before_s: NOW + 2, ..Default::default() };
        assert_eq!(Window::resolve(&request, near, POINTS_MAX, NOW).before_s, NOW - 1);
    }

    /// The rows of a window as their seconds, oldest first.
    fn rows(window: &Window) -> Vec<i64> {
        (0..window.points).map(|row| window.row_s(row)).collect()
    }

    /// Requests to a chart of one second, and what a real agent makes of them.
    #[test]
    fn windows_are_those_of_a_real_agent() {
        let found = window(-10, 0, 0, false);
        assert_eq!((found.points, found.before_s, found.after_s, found.step_s), (10, LAST, LAST - 9, 1));
        let found = window(-30, 0, 3, false);
        assert_eq!((found.points, found.step_s, found.before_s % 10), (3, 10, 0));
        assert_eq!(found.after_s, found.before_s - 29);
        assert_eq!(window(-60, 0, 7, false).step_s, 9);
        let found = window(-5, 0, 1, false);
        assert_eq!((found.points, found.before_s, found.step_s), (1, LAST / 5 * 5, 5));
        let end = NOW - 100 - (NOW - 100) % 10 + 3;
        assert_eq!(rows(&window(end - 19, end, 2, false)), [end - 3, end + 7]);
        assert_eq!(rows(&window(end - 19, end, 2, true)), [end - 10, end]);
    }

    /// A span to resample to makes rows of whole spans, and reaches back for them.
    #[test]
    fn gtime_makes_rows_of_whole_spans() {
        let gtime = |after_s, points, gtime_s, every_s| {
            let found = resolve(WindowRequest { after_s, points, gtime_s, ..Default::default() }, every_s);
            (found.points, found.step_s, found.group, found.divisor)
        };
        for (after_s, points, gtime_s, every_s, expected) in [
            (-60, 1, 60, 1, (1, 120, 120, Some(2.0))),
            (-60, 1, 0, 1, (1, 60, 60, None)),
            (-60, 1, 1, 1, (1, 60, 60, None)),
            (-600, 10, 60, 1, (10, 60, 60, Some(1.0))),
            (-600, 4, 60, 1, (4, 180, 180, Some(3.0))),
            (-30, 30, 10, 1, (30, 10, 10, Some(1.0))),
            // 99 seconds are stretched to 120; 3 seconds over are left alone.
            (-100, 0, 60, 1, (121, 60, 60, Some(1.0))),
            (-124, 0, 60, 1, (124, 60, 60, Some(1.0))),
            // Rows of five seconds: twelve to a minute, and a span that is no multiple of them.
            (-600, 10, 60, 5, (10, 60, 12, Some(1.0))),
            (-600, 10, 12, 5, (10, 60, 12, Some(5.0))),
        ] {
            assert_eq!(gtime(after_s, points, gtime_s, every_s), expected, "{after_s} {points} {gtime_s} {every_s}");
        }
    }

    /// Stored points by default, seconds for an absolute range with a number of rows; either on
    /// demand.
    #[test]
    fn the_grid_depends_on_the_request() {
        let ask = |after_s, before_s, points, grid| {
            let found = resolve(WindowRequest { after_s, before_s, points, grid, ..Default::default() }, 5);
            (found.natural, found.quantum_s, found.step_s, found.points, found.before_s)
        };
        let end = LAST / 20 * 20;
        for (after_s, before_s, points, grid, expected) in [
            (-20, 0, 0, Grid::ByRequest, (true, 5, 5, 4, LAST / 5 * 5)),
            (end - 19, end, 0, Grid::ByRequest, (true, 5, 5, 4, end)),
            (end - 19, end, 20, Grid::ByRequest, (false, 1, 1, 20, end)),
            (end - 19, end, 4, Grid::ByRequest, (false, 1, 5, 4, end)),
            (end - 19, end, 20, Grid::Natural, (true, 5, 5, 4, end)),
            (-20, end, 0, Grid::Virtual, (false, 1, 1, 20, end)),
        ] {
            assert_eq!(ask(after_s, before_s, points, grid), expected, "{after_s} {before_s} {points} {grid:?}");
        }
    }

    #[test]
    fn a_stopped_host_still_answers_relative_questions() {
        let request = WindowRequest { after_s: -5, ..Default::default() };
        let extent = Extent { first_s: NOW - 9_000, last_s: NOW - 5_000, every_s: 1 };
        let found = Window::resolve(&request, extent, POINTS_MAX, NOW);
        assert_eq!((found.before_s, found.points), (NOW - 5_000, 5));
    }

    /// Signs, order and bounds in the future are set right.
    #[test]
    fn bounds_are_set_right() {
        assert_eq!(window(5, 0, 0, false), window(-5, 0, 0, false));
        assert_eq!(rows(&window(NOW - 10, NOW - 14, 0, false)), rows(&window(NOW - 14, NOW - 10, 0, false)));
        assert_eq!(rows(&window(NOW + 100, NOW + 104, 0, false)), rows(&window(NOW - 5, NOW - 1, 0, false)));
        assert_eq!(window(-10, -10, 0, false).before_s, NOW - 1 - 10);
        assert_eq!(window(0, 0, 0, false).after_s, NOW - 3_600);
    }

    /// However large the numbers, rows are bounded and cover what was asked.
    #[test]
    fn absurd_requests_are_bounded() {
        let bounds = [i64::MIN, i64::MIN + 1, -94_608_000, -1, 0, 1, 86_500, NOW - 130_000, NOW, i64::MAX];
        let mut asked = 0;
        for after_s in bounds {
            for before_s in bounds {
                for points in [i64::MIN, 0, 1, 7, 86_400, i64::MAX] {
                    for gtime_s in [i64::MIN, 0, 60, i64::MAX] {
                        for (every_s, points_max, grid) in
                            [(1, POINTS_MAX, Grid::ByRequest), (7, 10, Grid::Natural), (3_600, 1, Grid::Virtual)]
                        {
                            let request = WindowRequest { after_s, before_s, points, gtime_s, unaligned: false, grid };
                            let extent = Extent { first_s: NOW - 3_600, last_s: LAST, every_s };
                            let found = Window::resolve(&request, extent, points_max, NOW);
                            assert!((1..=points_max).contains(&found.points), "{request:?} {found:?}");
                            assert!(found.step_s >= 1 && found.group >= 1, "{request:?} {found:?}");
                            assert_eq!(found.before_s % found.step_s, 0);
                            asked += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(asked, 100 * 24 * 3);
    }

    #[test]
    fn a_row_ends_with_its_own_second() {
        let found = window(NOW - 129, NOW - 100, 3, true);
        assert_eq!((found.start_s(), found.after_s), (NOW - 130, NOW - 129));
        assert_eq!(rows(&found), [NOW - 120, NOW - 110, NOW - 100]);
    }
}
