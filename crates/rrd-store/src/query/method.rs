//! Methods: how each group is calculated, point by point in the order of time.
//!
//! Most keep a few numbers per dimension. Those that need a row's sorted values keep them, and no
//! more than those; smoothing keeps its state from row to row.
//!
//! Those that keep a few numbers take the values of a row block by block: what a block comes to is
//! worked out from nothing, and then merged. So whoever remembers that ([`super::standing`]) gets the
//! same number as who decodes all blocks again, to the last bit.

use row::Packed;

use super::group::Condition;

/// How a group is calculated.
pub(super) trait Method {
    /// What is kept of one dimension.
    type State;
    /// The state grows with the points of a row.
    const KEEPS_POINTS: bool = false;

    fn start(&self) -> Self::State;

    /// Takes the next value of a row.
    fn add(&self, state: &mut Self::State, value: f64);

    /// Takes the next values of a row, which lie in one block, as they are stored.
    fn add_run(&self, state: &mut Self::State, bits: &[u32]) {
        values(bits).for_each(|value| self.add(state, value));
    }

    /// Takes the next values of a row, of which only their summary is known: as one value, their
    /// average, where the method cannot do better.
    fn add_points(&self, state: &mut Self::State, points: &Points) {
        self.add(state, points.sum / points.count);
    }

    /// The row's value, not a number where no value came; the state is ready for the next row.
    fn finish(&self, state: &mut Self::State) -> f64;
}

/// A method that can go on from what the values of a block come to.
pub(super) trait ByBlock: Method<State: Copy> {
    /// What the values of one block come to.
    fn of_run(&self, bits: &[u32]) -> Self::State {
        let mut state = self.start();
        values(bits).for_each(|value| self.add(&mut state, value));
        state
    }

    /// Takes what the next block comes to. That of a block without values changes nothing.
    fn merge(&self, state: &mut Self::State, next: &Self::State);
}

/// The values that there are.
fn values(bits: &[u32]) -> impl Iterator<Item = f64> {
    bits.iter().map(|&bits| Packed::from_bits(bits).unpack()).filter(|value| !value.is_nan())
}

/// Values of which only this is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Points {
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) sum: f64,
    /// More than 0; a part of a value counts as such.
    pub(super) count: f64,
}

/// A number and how many values are in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Running {
    number: f64,
    count: f64,
}

impl Running {
    fn add(&mut self, other: &Self) {
        self.number += other.number;
        self.count += other.count;
    }

    fn take(&mut self) -> Option<(f64, f64)> {
        let Self { number, count } = std::mem::take(self);
        (count > 0.0).then_some((number, count))
    }
}

fn or_none(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

/// Σ/n, or Σ/divisor.
pub(super) struct Average {
    pub(super) divisor: Option<f64>,
}

impl Method for Average {
    type State = Running;

    fn start(&self) -> Running {
        Running::default()
    }

    fn add(&self, state: &mut Running, value: f64) {
        state.number += value;
        state.count += 1.0;
    }

    fn add_run(&self, state: &mut Running, bits: &[u32]) {
        self.merge(state, &self.of_run(bits));
    }

    fn add_points(&self, state: &mut Running, points: &Points) {
        state.number += points.sum;
        state.count += points.count;
    }

    fn finish(&self, state: &mut Running) -> f64 {
        or_none(state.take().map(|(sum, count)| sum / self.divisor.unwrap_or(count)))
    }
}

impl ByBlock for Average {
    fn merge(&self, state: &mut Running, next: &Running) {
        state.add(next);
    }
}

pub(super) struct Sum;

impl Method for Sum {
    type State = Running;

    fn start(&self) -> Running {
        Running::default()
    }

    fn add(&self, state: &mut Running, value: f64) {
        state.number += value;
        state.count += 1.0;
    }

    fn add_run(&self, state: &mut Running, bits: &[u32]) {
        self.merge(state, &self.of_run(bits));
    }

    fn add_points(&self, state: &mut Running, points: &Points) {
        state.number += points.sum;
        state.count += points.count;
    }

    fn finish(&self, state: &mut Running) -> f64 {
        or_none(state.take().map(|(sum, _)| sum))
    }
}

impl ByBlock for Sum {
    fn merge(&self, state: &mut Running, next: &Running) {
        state.add(next);
    }
}

/// The smallest or the largest magnitude; the first of equals.
pub(super) struct Extreme {
    pub(super) smallest: bool,
}

impl Method for Extreme {
    type State = Running;

    fn start(&self) -> Running {
        Running::default()
    }

    fn add(&self, state: &mut Running, value: f64) {
        let (new, old) = (value.abs(), state.number.abs());
        if state.count == 0.0 || if self.smallest { new < old } else { new > old } {
            state.number = value;
        }
        state.count += 1.0;
    }

    fn add_run(&self, state: &mut Running, bits: &[u32]) {
        self.merge(state, &self.of_run(bits));
    }

    /// One of the two ends is the largest; it is the smallest, too, unless they lie on both sides of
    /// zero: then the nearer one is taken, which is a value that was there.
    fn add_points(&self, state: &mut Running, points: &Points) {
        let Points { least, most, .. } = *points;
        self.add(state, if (least.abs() < most.abs()) == self.smallest { least } else { most });
    }

    fn finish(&self, state: &mut Running) -> f64 {
        or_none(state.take().map(|(value, _)| value))
    }
}

impl ByBlock for Extreme {
    fn merge(&self, state: &mut Running, next: &Running) {
        if next.count > 0.0 {
            let count = state.count + next.count;
            self.add(state, next.number);
            state.count = count;
        }
    }
}

/// Count, mean and the sum of squared distances from it, kept exact as values come (Welford).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    count: u32,
    mean: f64,
    squares: f64,
}

/// The sample's standard deviation, plain or in percent of the mean.
pub(super) struct Deviation {
    pub(super) relative: bool,
}

impl Method for Deviation {
    type State = Spread;

    fn start(&self) -> Spread {
        Spread::default()
    }

    fn add(&self, state: &mut Spread, value: f64) {
        state.count += 1;
        let distance = value - state.mean;
        state.mean += distance / f64::from(state.count);
        state.squares += distance * (value - state.mean);
    }

    fn add_run(&self, state: &mut Spread, bits: &[u32]) {
        self.merge(state, &self.of_run(bits));
    }

    fn finish(&self, state: &mut Spread) -> f64 {
        let Spread { count, mean, squares } = std::mem::take(state);
        let deviation = match count {
            0 => return f64::NAN,
            1 => return 0.0,
            _ => (squares / f64::from(count - 1)).sqrt(),
        };
        match self.relative {
            false => deviation,
            true if mean == 0.0 => f64::NAN,
            true => 100.0 * deviation / mean.abs(),
        }
    }
}

/// Two means and their squares become one (Chan).
impl ByBlock for Deviation {
    fn merge(&self, state: &mut Spread, next: &Spread) {
        if next.count == 0 {
            return;
        }
        if state.count == 0 {
            *state = *next;
            return;
        }
        let count = state.count + next.count;
        let (distance, share) = (next.mean - state.mean, f64::from(next.count) / f64::from(count));
        state.squares += next.squares + distance * distance * f64::from(state.count) * share;
        state.mean += distance * share;
        state.count = count;
    }
}

/// The last value less the first.
pub(super) struct Increment;

impl Method for Increment {
    type State = Option<(f64, f64)>;

    fn start(&self) -> Self::State {
        None
    }

    fn add(&self, state: &mut Self::State, value: f64) {
        let first = state.map_or(value, |(first, _)| first);
        *state = Some((first, value));
    }

    fn add_run(&self, state: &mut Self::State, bits: &[u32]) {
        self.merge(state, &self.of_run(bits));
    }

    fn finish(&self, state: &mut Self::State) -> f64 {
        or_none(state.take().map(|(first, last)| last - first))
    }
}

impl ByBlock for Increment {
    fn merge(&self, state: &mut Self::State, next: &Self::State) {
        if let Some((first, last)) = *next {
            *state = Some((state.map_or(first, |(first, _)| first), last));
        }
    }
}

/// The percentage of values that meet a condition.
pub(super) struct CountIf {
    pub(super) condition: Condition,
}

impl Method for CountIf {
    type State = Running;

    fn start(&self) -> Running {
        Running::default()
    }

    fn add(&self, state: &mut Running, value: f64) {
        state.number += f64::from(u8::from(self.condition.holds(value)));
        state.count += 1.0;
    }

    fn add_run(&self, state: &mut Running, bits: &[u32]) {
        self.merge(state, &self.of_run(bits));
    }

    fn finish(&self, state: &mut Running) -> f64 {
        or_none(state.take().map(|(matching, count)| 100.0 * matching / count))
    }
}

impl ByBlock for CountIf {
    fn merge(&self, state: &mut Running, next: &Running) {
        state.add(next);
    }
}

/// Smoothing remembers no more values than these, by weight.
const SMOOTHED_VALUES_MAX: i64 = 15;

/// Exponential smoothing; `double` follows the trend, too.
pub(super) struct Smoothing {
    alpha: f64,
    double: bool,
}

impl Smoothing {
    pub(super) fn new(group: i64, points: usize, double: bool) -> Self {
        let values = if group == 1 { points as i64 } else { group }.clamp(1, SMOOTHED_VALUES_MAX);
        Self { alpha: 2.0 / (values as f64 + 1.0), double }
    }
}

/// What smoothing goes on from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Smoothed {
    level: f64,
    trend: f64,
    /// Values ever; two suffice.
    values: u8,
    in_row: bool,
}

impl Method for Smoothing {
    type State = Smoothed;

    fn start(&self) -> Smoothed {
        Smoothed::default()
    }

    fn add(&self, state: &mut Smoothed, value: f64) {
        let (alpha, rest) = (self.alpha, 1.0 - self.alpha);
        match (self.double, state.values) {
            (false, 0) => state.level = value,
            (true, 0) => (state.level, state.trend) = (value, value),
            (true, 1) => (state.level, state.trend) = (value, value - state.trend),
            _ => {}
        }
        if !self.double {
            state.level = alpha * value + rest * state.level;
        } else if state.values > 0 {
            let before = state.level;
            state.level = alpha * value + rest * (before + state.trend);
            state.trend = alpha * (state.level - before) + rest * state.trend;
        }
        state.values = state.values.saturating_add(1);
        state.in_row = true;
    }

    fn finish(&self, state: &mut Smoothed) -> f64 {
        if std::mem::take(&mut state.in_row) { state.level } else { f64::NAN }
    }
}

/// What becomes of a row's sorted values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sorted {
    /// The median of what lies within the range less this share of it at both ends.
    Median {
        /// 0 to 0.5.
        trim: f64,
    },
    /// The mean of the values less this share of them at both ends.
    TrimmedMean {
        /// 0 to 0.5.
        trim: f64,
    },
    /// The mean of this share of the values.
    Percentile {
        /// 0 to 1.
        share: f64,
    },
}

impl Method for Sorted {
    type State = Vec<f64>;
    const KEEPS_POINTS: bool = true;

    fn start(&self) -> Vec<f64> {
        Vec::new()
    }

    fn add(&self, state: &mut Vec<f64>, value: f64) {
        state.push(value);
    }

    fn finish(&self, state: &mut Vec<f64>) -> f64 {
        if state.is_empty() {
            return f64::NAN;
        }
        state.sort_unstable_by(f64::total_cmp);
        let value = match *self {
            Self::Median { trim } => median(trimmed(state, trim)),
            Self::TrimmedMean { trim } => mean_of_share(state, 1.0 - 2.0 * trim, true),
            Self::Percentile { share } => mean_of_share(state, share, false),
        };
        state.clear();
        value
    }
}

/// Of sorted values those that are farther than `trim` of their range from its ends; where that leaves
/// none, the first beyond the middle, as Netdata has it.
fn trimmed(sorted: &[f64], trim: f64) -> &[f64] {
    let (lowest, highest) = (sorted[0], sorted[sorted.len() - 1]);
    let cut = (highest - lowest) * trim;
    let begin = sorted.partition_point(|&value| value < lowest + cut);
    let end = sorted.partition_point(|&value| value <= highest - cut);
    if begin < end {
        return &sorted[begin..end];
    }
    let begin = begin.min(sorted.len() - 1);
    &sorted[begin..=begin]
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] }
}

/// The mean of a share of sorted values: of the lowest, or of those in the middle; from the other
/// end, if any is negative. What is left of the share after whole values counts as one value more,
/// that lies so far on the way from the last one to the next.
fn mean_of_share(sorted: &[f64], share: f64, in_the_middle: bool) -> f64 {
    let count = sorted.len();
    if sorted[0] == sorted[count - 1] {
        return sorted[0];
    }
    let wanted = count as f64 * share;
    let whole = (wanted as usize).clamp(1, count);
    let fraction = wanted - whole as f64;
    let skipped = if in_the_middle { (count - whole) / 2 } else { 0 };
    let at = |place: usize| if sorted[0] < 0.0 { sorted[count - 1 - place] } else { sorted[place] };
    let sum: f64 = (skipped..skipped + whole).map(at).sum();
    let (last, next) = (skipped + whole - 1, skipped + whole);
    if fraction <= 0.0 || next >= count {
        return sum / whole as f64;
    }
    (sum + at(last) + fraction * (at(next) - at(last))) / (whole + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::group::share;

    fn fold<M: Method>(method: &M, rows: &[&[f64]]) -> Vec<f64> {
        let mut state = method.start();
        let row = |values: &&[f64]| {
            values.iter().for_each(|&value| method.add(&mut state, value));
            method.finish(&mut state)
        };
        rows.iter().map(row).collect()
    }

    fn one<M: Method>(method: &M, values: &[f64]) -> f64 {
        fold(method, &[values])[0]
    }

    /// Whatever the method, a row without values has none, and rows do not mix.
    #[test]
    fn rows_without_values_have_none() {
        fn check(method: &impl Method) {
            let found = fold(method, &[&[], &[4.0, 4.0], &[], &[4.0, 4.0]]);
            assert!(found[0].is_nan() && found[2].is_nan() && found[1] == found[3], "{found:?}");
        }
        check(&Average { divisor: None });
        check(&Sum);
        check(&Extreme { smallest: true });
        check(&Deviation { relative: true });
        check(&Increment);
        check(&CountIf { condition: Condition::read("") });
        check(&Smoothing::new(2, 4, false));
        check(&Sorted::Median { trim: 0.0 });
    }

    #[test]
    fn simple_methods() {
        let values = [3.0, -1.0, 4.0, -10.0];
        assert_eq!(one(&Average { divisor: None }, &values), -1.0);
        assert_eq!(one(&Average { divisor: Some(2.0) }, &values), -2.0);
        assert_eq!(one(&Sum, &values), -4.0);
        assert_eq!(one(&Extreme { smallest: true }, &values), -1.0);
        assert_eq!(one(&Extreme { smallest: false }, &values), -10.0);
        assert_eq!(one(&Increment, &values), -13.0);
        assert_eq!(one(&Increment, &[5.0]), 0.0);
        for (condition, expected) in [("", 0.0), (">3", 25.0), (">=3", 50.0), ("<0", 50.0), ("!3", 75.0), (":4", 25.0)]
        {
            assert_eq!(one(&CountIf { condition: Condition::read(condition) }, &values), expected, "{condition}");
        }
    }

    #[test]
    fn deviations_are_those_of_the_sample() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let expected = (32.0_f64 / 7.0).sqrt();
        assert!((one(&Deviation { relative: false }, &values) - expected).abs() < 1e-12);
        assert!((one(&Deviation { relative: true }, &values) - 20.0 * expected).abs() < 1e-12);
        assert!((one(&Deviation { relative: true }, &values.map(|value| -value)) - 20.0 * expected).abs() < 1e-12);
        assert_eq!(one(&Deviation { relative: false }, &[7.0]), 0.0);
        assert_eq!(one(&Deviation { relative: true }, &[0.0]), 0.0);
        assert!(one(&Deviation { relative: true }, &[-1.0, 1.0]).is_nan());
    }

    #[test]
    fn sorted_methods() {
        let median = |trim, values: &[f64]| one(&Sorted::Median { trim }, values);
        assert_eq!(median(0.0, &[9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(0.0, &[9.0, 1.0, 5.0, 7.0]), 6.0);
        // Of the range 0 to 100 a tenth is cut off at both ends: 0, 1, 2 and 100 go.
        assert_eq!(median(0.1, &[0.0, 1.0, 2.0, 50.0, 60.0, 70.0, 100.0]), 60.0);
        assert_eq!(median(0.05, &[10.0, 10.0, 10.0, 10.0, 70.0]), 70.0, "nothing is left");
        assert_eq!(median(0.25, &[3.0, 3.0]), 3.0);

        let percentile =
            |percent: u8, values: &[f64]| one(&Sorted::Percentile { share: share("", percent, 100.0) }, values);
        let ten = [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!(percentile(50, &ten), 3.0);
        assert_eq!(percentile(100, &ten), 5.5);
        assert_eq!(percentile(0, &ten), 1.0);
        assert_eq!(percentile(25, &ten), (1.0 + 2.0 + 2.5) / 3.0, "half of a value lies halfway");
        assert_eq!(percentile(50, &ten.map(|value| -value)), -3.0, "negative ones from the other end");
        assert_eq!(percentile(50, &[7.0, 7.0]), 7.0);

        let trimmed_mean = |trim, values: &[f64]| one(&Sorted::TrimmedMean { trim }, values);
        assert_eq!(trimmed_mean(0.1, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1_000.0]), 4.5);
        assert_eq!(trimmed_mean(0.5, &[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(trimmed_mean(0.0, &[1.0, 2.0, 9.0]), 4.0);
    }

    /// Smoothing goes on from row to row, over rows without values.
    #[test]
    fn smoothing_goes_on() {
        // Three values a row: alpha is a half.
        let found = fold(&Smoothing::new(3, 9, false), &[&[4.0, 8.0], &[], &[2.0]]);
        assert_eq!((found[0], found[2]), (6.0, 4.0));
        assert!(found[1].is_nan());
        let found = fold(&Smoothing::new(3, 9, true), &[&[4.0], &[6.0], &[10.0]]);
        // First: level 4, trend 4. Second: trend 2, level 6, then 6 + (2 / 2), trend 1.5.
        assert_eq!(found, [4.0, 7.0, 0.5 * 10.0 + 0.5 * (7.0 + 1.5)]);
        assert_eq!(Smoothing::new(1, 3, false).alpha, 0.5, "rows of one point: by the number of rows");
        assert_eq!(Smoothing::new(100, 3, false).alpha, 0.125, "fifteen values at most");
    }
}
