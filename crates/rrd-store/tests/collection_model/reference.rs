//! From collected to stored values as plainly as it can be said: one loop over the points that are
//! due, all arithmetic in doubles, every state in a field of its own.
//!
//! The words and letters are those of the description: A is the previous collection, B this one, L
//! the last point, N the next, in microseconds; p a dimension's last collected value, x the new one.

use row::{Algorithm, DimensionDefinition, DimensionOptions};
use rrd_store::Elapsed;

const US_PER_S: i64 = 1_000_000;
/// A point that leaves this many or more to come, itself included, stays empty.
const DUE_OF_A_GAP: i64 = 3;

/// One chart.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    every_us: i64,
    store_first: bool,
    /// When it was collected last, B; none before the first collection.
    collected_us: Option<i64>,
    /// The time of the last point, L.
    updated_us: i64,
    /// The source's next duration is not believed.
    sync_clock: bool,
    dimensions: Vec<Dimension>,
}

#[derive(Debug, Clone)]
struct Dimension {
    algorithm: Algorithm,
    multiplier: f64,
    divisor: f64,
    marks_resets: bool,
    /// p.
    last: i64,
    /// The largest absolute value that was ever collected.
    largest: u64,
    collections: u32,
    /// Of counters what was gained but not stored, of others the value before.
    carry: f64,
    /// How large the numbers were that `carry` was made of: what rounding may have cost.
    carry_scale: f64,
}

/// A stored value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) value: f64,
    /// The magnitude of the numbers that it was made of.
    pub(crate) scale: f64,
}

/// A point that became due.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) time_s: i64,
    /// It lies in a gap: nothing is stored, whatever was collected.
    pub(crate) is_gap: bool,
    pub(crate) is_reset: bool,
    pub(crate) values: Vec<Option<Value>>,
}

/// What one collection comes to.
#[derive(Debug)]
pub(crate) struct Collection {
    /// From A to B; 0 where there is no A.
    pub(crate) elapsed_us: u64,
    /// The clock starts anew.
    pub(crate) is_base: bool,
    pub(crate) points: Vec<Point>,
}

impl Reference {
    pub(crate) fn new(every_s: i64, store_first: bool) -> Self {
        Self {
            every_us: every_s * US_PER_S,
            store_first,
            collected_us: None,
            updated_us: 0,
            sync_clock: false,
            dimensions: Vec::new(),
        }
    }

    pub(crate) fn define(&mut self, index: usize, definition: &DimensionDefinition<'_>) {
        let not_zero = |number: i32| f64::from(if number == 0 { 1 } else { number });
        if index == self.dimensions.len() {
            self.dimensions.push(Dimension {
                algorithm: definition.algorithm,
                multiplier: 1.0,
                divisor: 1.0,
                marks_resets: true,
                last: 0,
                largest: 0,
                // Where the first collection is stored, a counter is taken to begin at zero.
                collections: u32::from(self.store_first),
                carry: 0.0,
                carry_scale: 0.0,
            });
        }
        let dimension = &mut self.dimensions[index];
        dimension.algorithm = definition.algorithm;
        dimension.multiplier = not_zero(definition.multiplier);
        dimension.divisor = not_zero(definition.divisor);
        dimension.marks_resets = !definition.options.has(DimensionOptions::NO_RESET);
    }

    /// A new connection: the first duration that it brings is not believed.
    pub(crate) fn reconnect(&mut self) {
        self.sync_clock = true;
    }

    /// The child hands over where its chart's clock stands.
    pub(crate) fn set_chart_state(&mut self, collected_us: i64, updated_us: i64) {
        self.collected_us = Some(collected_us);
        self.updated_us = updated_us;
        self.sync_clock = false;
    }

    /// and where a dimension goes on.
    pub(crate) fn set_dimension_state(&mut self, index: usize, collected: i64, carry: f64) {
        let dimension = &mut self.dimensions[index];
        dimension.last = collected;
        dimension.carry = carry;
        dimension.carry_scale = carry.abs();
        dimension.largest = dimension.largest.max(collected.unsigned_abs());
        dimension.collections = dimension.collections.max(1);
    }

    /// One collection; `was_set` says that the wall clock was set since the one before.
    pub(crate) fn collect(&mut self, now_us: i64, was_set: bool, elapsed: Elapsed, x: &[Option<i64>]) -> Collection {
        let is_first = self.collected_us.is_none();
        // Without durations, a clock that was set back far enough leaves nothing to go on from.
        let is_lost = elapsed == Elapsed::Clock || (elapsed == Elapsed::Us(0) && self.leads(now_us));
        let is_base = is_first || (was_set && is_lost);
        let a = self.move_clock(now_us, is_base, elapsed);
        let b = self.collected_us.expect("the clock was moved");
        for (dimension, &x) in self.dimensions.iter_mut().zip(x) {
            if let Some(x) = x {
                dimension.collections += 1;
                dimension.largest = dimension.largest.max(x.unsigned_abs());
            }
        }
        let (mut v, is_reset) = self.calculate(x);
        let scale: Vec<f64> = v.iter().map(|v| v.abs()).collect();
        if is_base && !(is_first && self.store_first) {
            // How long a counter took for what it gained is not known.
            self.drop_gains(&mut v, 1.0);
        } else if self.updated_us > a {
            // The clock of the source went back: for that time there are points already.
            let before = (self.updated_us.min(b) - a) as f64 / ((b - a) as f64).max(1.0);
            self.drop_gains(&mut v, before);
        }
        let points = self.interpolate(a, b, x, &mut v, &scale, is_reset);
        for (((dimension, &x), v), scale) in self.dimensions.iter_mut().zip(x).zip(v).zip(scale) {
            let Some(x) = x else { continue };
            dimension.last = x;
            if dimension.algorithm == Algorithm::Incremental {
                dimension.carry += v;
                dimension.carry_scale += scale;
            } else {
                dimension.carry = v;
                dimension.carry_scale = scale;
            }
        }
        Collection { elapsed_us: if is_base { 0 } else { (b - a) as u64 }, is_base, points }
    }

    /// Whether the source dates its collections ahead of our clock.
    fn leads(&self, now_us: i64) -> bool {
        self.collected_us.is_some_and(|collected_us| collected_us - self.every_us > now_us)
    }

    /// Moves the clock to B and returns A.
    fn move_clock(&mut self, now_us: i64, is_base: bool, elapsed: Elapsed) -> i64 {
        let leads = self.leads(now_us);
        let distrusted = std::mem::take(&mut self.sync_clock);
        let Some(a) = self.collected_us.filter(|_| !is_base) else {
            let aligned = now_us.div_euclid(self.every_us) * self.every_us;
            let store_it = self.store_first && self.collected_us.is_none();
            self.updated_us = if store_it { aligned - self.every_us } else { aligned };
            self.collected_us = Some(match elapsed {
                _ if store_it => aligned,
                // A stream does not tell when it collected first; here it is known.
                Elapsed::Us(_) => aligned + US_PER_S / 2,
                Elapsed::Clock => now_us,
            });
            self.sync_clock = elapsed != Elapsed::Clock;
            return self.updated_us;
        };
        let dt = match elapsed {
            Elapsed::Us(us) if us > 0 && (leads || !distrusted) => us as i64,
            Elapsed::Us(_) if leads => self.every_us,
            Elapsed::Us(_) => (now_us - a).abs(),
            Elapsed::Clock => (now_us - a).max(0),
        };
        self.collected_us = Some(a + dt);
        a
    }

    /// Each dimension's value of this collection, and whether a counter was reset.
    fn calculate(&mut self, x: &[Option<i64>]) -> (Vec<f64>, bool) {
        let mut is_reset = false;
        for (dimension, &x) in self.dimensions.iter_mut().zip(x) {
            if let Some(x) = x
                && dimension.algorithm == Algorithm::PercentageOfIncrementalRow
                && dimension.last > x
            {
                dimension.last = x;
                is_reset |= dimension.marks_resets;
            }
        }
        // Sums and differences of collected values are 64 bit integers.
        let updated = || self.dimensions.iter().zip(x).filter_map(|(dimension, x)| Some((dimension, (*x)?)));
        let total = updated().fold(0_i64, |sum, (_, x)| sum.wrapping_add(x));
        let before = updated().fold(0_i64, |sum, (dimension, _)| sum.wrapping_add(dimension.last));
        let mut values = Vec::new();
        for (dimension, &x) in self.dimensions.iter().zip(x) {
            let Some(x) = x else {
                values.push(0.0);
                continue;
            };
            let scaled = |value: f64| value * dimension.multiplier / dimension.divisor;
            values.push(match dimension.algorithm {
                Algorithm::Absolute => scaled(x as f64),
                Algorithm::PercentageOfAbsoluteRow if total == 0 => 0.0,
                Algorithm::PercentageOfAbsoluteRow => 100.0 * x as f64 / total as f64,
                _ if dimension.collections <= 1 => 0.0,
                Algorithm::PercentageOfIncrementalRow if total == before => 0.0,
                Algorithm::PercentageOfIncrementalRow => {
                    100.0 * x.wrapping_sub(dimension.last) as f64 / total.wrapping_sub(before) as f64
                }
                // Which way it went is seen without signs, how far with them: -1 is above 5, but by -6.
                Algorithm::Incremental if dimension.last as u64 <= x as u64 => {
                    scaled(x.wrapping_sub(dimension.last) as f64)
                }
                Algorithm::Incremental => {
                    is_reset |= dimension.marks_resets;
                    let cap = if dimension.largest > u64::from(u32::MAX) { u64::MAX } else { u64::from(u32::MAX) };
                    let delta = cap.wrapping_sub(dimension.last as u64).wrapping_add(x as u64);
                    if delta < cap / 100 * 10 { scaled(delta as f64) } else { 0.0 }
                }
            });
        }
        (values, is_reset)
    }

    /// Takes `share` of what counters gained in this collection, and what they had gained before.
    fn drop_gains(&mut self, v: &mut [f64], share: f64) {
        for (dimension, v) in self.dimensions.iter_mut().zip(v) {
            if dimension.algorithm == Algorithm::Incremental {
                *v -= *v * share;
                dimension.carry = 0.0;
                dimension.carry_scale = 0.0;
            }
        }
    }

    fn interpolate(
        &mut self,
        a: i64,
        b: i64,
        x: &[Option<i64>],
        v: &mut [f64],
        scale: &[f64],
        mut is_reset: bool,
    ) -> Vec<Point> {
        let every_us = self.every_us;
        let next = |l: i64| (l.div_euclid(every_us) + 1) * every_us;
        let mut a = a.max(self.updated_us);
        let mut n = next(self.updated_us);
        let mut due = if n > b { 0 } else { (b - n) / every_us + 1 + i64::from(b % every_us == 0) };
        let mut points = Vec::new();
        while n <= b {
            let l = self.updated_us;
            // A clock that was handed over may leave points that are due before A.
            let share = if n > a { (n - a) as f64 / (b - a) as f64 } else { 0.0 };
            let mut values = Vec::new();
            for (index, dimension) in self.dimensions.iter_mut().enumerate() {
                let v = &mut v[index];
                let mut scale = scale[index] + dimension.carry_scale;
                let value = if dimension.algorithm == Algorithm::Incremental {
                    let part = *v * share;
                    *v -= part;
                    let gained = part + std::mem::take(&mut dimension.carry);
                    dimension.carry_scale = 0.0;
                    // Rates are per second; the first point may cover less than its time.
                    let rate = gained / (every_us as f64 / 1e6);
                    let covered = (n - l).min(every_us) as f64 / every_us as f64;
                    scale /= covered;
                    rate / covered
                } else if due == 1 {
                    *v
                } else {
                    dimension.carry + (*v - dimension.carry) * share
                };
                let is_stored = x[index].is_some() && dimension.collections > 1 && due < DUE_OF_A_GAP;
                values.push(is_stored.then_some(Value { value, scale }));
            }
            let is_gap = due >= DUE_OF_A_GAP;
            points.push(Point { time_s: n / US_PER_S, is_gap, is_reset, values });
            if !is_gap {
                is_reset = false;
            }
            a = a.max(n);
            self.updated_us = n;
            n = next(n);
            due -= 1;
        }
        points
    }
}
