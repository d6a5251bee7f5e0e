//! Vital signs: processor, memory, load and network of a host, as they are and as small curves.
//!
//! Where they are found, in which dimensions of which chart, is looked up when the host's definitions
//! change. A curve's points lie on a grid of the wall clock; when one is complete, its rows are read,
//! and only those: all of them again after rows of the past have come.

use row::{ChartSlot, DimensionIndex, DimensionOptions, Packed};
use rrd_store::{ChartView, HostView, Snapshot};

/// What is shown of a host, in this order.
pub(super) const NAMES: [&str; VITALS] = ["cpu", "ram", "load", "net"];
const VITALS: usize = 4;
/// Points of a curve, and the seconds that each stands for: ten minutes in all.
pub(super) const POINTS: usize = 30;
pub(super) const STEP_S: i64 = 20;
/// How long a row may take to get here, so that its point is complete when it is read.
const SETTLE_S: i64 = 3;

/// Charts that tell a vital sign, the first that is there; and how.
const SOURCES: [(&[&str], Rule); VITALS] = [
    (&["system.cpu"], Rule::Sum),
    (&["system.ram"], Rule::ShareUsed),
    (&["system.load"], Rule::First),
    (&["system.net", "system.ip", "system.ipv4"], Rule::Sum),
];
/// Dimensions of memory that is there for whoever wants it, on any system.
const FREE: [&str; 7] = ["free", "cached", "buffers", "cache", "inactive", "laundry", "available"];

/// How the dimensions of a chart become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// All that are shown, without their signs.
    Sum,
    /// The first one.
    First,
    /// In percent, what is not free of all.
    ShareUsed,
}

/// The vital signs of one host.
#[derive(Debug)]
pub(super) struct Vitals {
    /// The number of the host's changes with which the sources were looked up.
    changes: Option<u64>,
    sources: [Option<Source>; VITALS],
    /// The newest values; not a number where there is none.
    pub(super) now: [f64; VITALS],
    /// The curves, oldest point first.
    pub(super) points: [[f32; POINTS]; VITALS],
    /// The second at which the last point ends.
    end_s: i64,
    /// Rows of the past that had come by then.
    replicated: u64,
}

/// Where a vital sign is found.
#[derive(Debug)]
struct Source {
    slot: ChartSlot,
    rule: Rule,
    /// The dimensions that count, and whether they count as free.
    dimensions: Vec<(DimensionIndex, bool)>,
}

/// What was copied under the host's lock.
#[derive(Debug)]
pub(super) struct Taken {
    after_s: i64,
    end_s: i64,
    rows: [Option<Snapshot>; VITALS],
}

impl Default for Vitals {
    fn default() -> Self {
        Self {
            changes: None,
            sources: [const { None }; VITALS],
            now: [f64::NAN; VITALS],
            points: [[f32::NAN; POINTS]; VITALS],
            end_s: 0,
            replicated: 0,
        }
    }
}

/// The second at which the last complete point ends.
pub(super) fn end_s(now_s: i64) -> i64 {
    (now_s - SETTLE_S).div_euclid(STEP_S) * STEP_S
}

impl Vitals {
    /// Whether definitions changed since this was true last; looks the sources up again then.
    pub(super) fn follow(&mut self, view: &HostView<'_>) -> bool {
        let changes = Some(view.changes());
        if self.changes == changes {
            return false;
        }
        self.changes = changes;
        for (source, (ids, rule)) in self.sources.iter_mut().zip(SOURCES) {
            let chart = ids.iter().find_map(|id| view.chart_with_id(id));
            *source = chart.map(|chart| Source::of(&chart, rule));
        }
        true
    }

    /// Reads the newest values, and takes the rows of the points that were completed. `replicated` is
    /// how many rows of the past have come so far.
    pub(super) fn take(&mut self, view: &HostView<'_>, end_s: i64, replicated: u64) -> Option<Taken> {
        let charts = || self.sources.iter().map(|source| Some((source.as_ref()?, view.chart(source.as_ref()?.slot)?)));
        for (now, found) in self.now.iter_mut().zip(charts()) {
            *now = found.map_or(f64::NAN, |(source, chart)| source.newest(&chart));
        }
        let begin_s = end_s - POINTS as i64 * STEP_S;
        let is_behind = (begin_s..=end_s).contains(&self.end_s) && replicated == self.replicated;
        let after_s = if is_behind { self.end_s } else { begin_s };
        self.replicated = replicated;
        if after_s == end_s {
            return None;
        }
        let mut rows = [const { None }; VITALS];
        for (place, found) in rows.iter_mut().zip(charts()) {
            *place = found.map(|(_, chart)| chart.snapshot(after_s, end_s));
        }
        Some(Taken { after_s, end_s, rows })
    }

    /// Adds the points of rows that were taken; outside the lock.
    pub(super) fn add(&mut self, taken: &Taken) {
        self.turn_to(taken.end_s, taken.after_s);
        let first = POINTS - ((taken.end_s - taken.after_s) / STEP_S) as usize;
        for ((points, source), rows) in self.points.iter_mut().zip(&self.sources).zip(&taken.rows) {
            let (Some(source), Some(rows)) = (source, rows) else { continue };
            let mut sums = [(0.0, 0.0); POINTS];
            rows.rows(|time_s, values| {
                let value = source.value(|index| values.get(index as usize).map_or(f64::NAN, |value| value.unpack()));
                if !value.is_nan() {
                    let (sum, count) = &mut sums[first + ((time_s - taken.after_s - 1) / STEP_S) as usize];
                    (*sum, *count) = (*sum + value, *count + 1.0);
                }
            });
            for (point, (sum, count)) in points.iter_mut().zip(sums).skip(first) {
                // Nothing by nothing is not a number.
                *point = (sum / count) as f32;
            }
        }
    }

    /// Nobody streams the host: there is no value now, and no row that would come.
    pub(super) fn rest(&mut self, end_s: i64) {
        self.now = [f64::NAN; VITALS];
        let is_behind = (end_s - POINTS as i64 * STEP_S..=end_s).contains(&self.end_s);
        self.turn_to(end_s, if is_behind { self.end_s } else { i64::MIN });
    }

    /// Moves the curves on, so that their last point ends at `end_s`; points after `after_s` are empty.
    fn turn_to(&mut self, end_s: i64, after_s: i64) {
        let new = (end_s.saturating_sub(after_s) / STEP_S).clamp(0, POINTS as i64) as usize;
        for points in &mut self.points {
            points.rotate_left(new);
            points[POINTS - new..].fill(f32::NAN);
        }
        self.end_s = end_s;
    }
}

impl Source {
    fn of(chart: &ChartView<'_>, rule: Rule) -> Self {
        let shown = (0..)
            .zip(chart.dimensions())
            .filter(|(index, dimension)| !dimension.options.has(DimensionOptions::HIDDEN) && !chart.is_gone(*index));
        let dimensions = shown.map(|(index, dimension)| (index, FREE.contains(&dimension.id)));
        let count = if rule == Rule::First { 1 } else { usize::MAX };
        Self { slot: chart.slot(), rule, dimensions: dimensions.take(count).collect() }
    }

    fn newest(&self, chart: &ChartView<'_>) -> f64 {
        self.value(|index| chart.dimension_state(index).map_or(Packed::EMPTY, |state| state.stored).unpack())
    }

    /// Makes one number of a row; not a number where the row has none.
    fn value(&self, of: impl Fn(DimensionIndex) -> f64) -> f64 {
        let (mut all, mut free, mut count) = (0.0, 0.0, 0);
        for &(index, is_free) in &self.dimensions {
            let value = of(index).abs();
            if !value.is_nan() {
                all += value;
                free += if is_free { value } else { 0.0 };
                count += 1;
            }
        }
        match self.rule {
            _ if count == 0 => f64::NAN,
            Rule::Sum | Rule::First => all,
            // Nothing of nothing is not a number.
            Rule::ShareUsed => 100.0 * (all - free) / all,
        }
    }
}
