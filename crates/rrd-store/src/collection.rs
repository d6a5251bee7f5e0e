//! From collected to stored values: one chart's clock and its dimensions, as plain arithmetic.
//!
//! A collection is what a chart's dimensions read at one moment. It becomes zero, one or several
//! points at whole multiples of update every: counters are interpolated to the boundaries, other
//! values only where a collection came late. A gap of three points or more keeps the last two.
//! The sums are those of Netdata, so that both ends of a stream store equal values.
//!
//! No lock, no ring, no clock: time and state are arguments, and points go to a closure.

use std::mem::{swap, take};

use row::{Algorithm, DimensionOptions, Packed, PointFlags, Sample, US_PER_S};

/// How long ago a chart was collected before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elapsed {
    /// The writer's clock says.
    Clock,
    /// Microseconds, measured where the chart is collected; 0 where it does not know.
    Us(u64),
}

/// The longest time between two collections that is believed: ten years.
const ELAPSED_US_MAX: u64 = 10 * 366 * 86_400 * US_PER_S as u64;
/// Of the points that became due at once, so many of the newest get values.
const POINTS_WITH_VALUE: i64 = 2;

/// When a chart was collected and stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock {
    /// The last collection, in microseconds of the wall clock; 0 before the first.
    pub(crate) collected_us: i64,
    /// The last stored point, in microseconds; 0 before the first collection.
    pub(crate) updated_us: i64,
    /// The next duration comes from the receiver's clock, whatever the source says.
    pub(crate) resync: bool,
    /// The run of the writer's clock that the chart was collected in.
    pub(crate) epoch: u32,
}

/// One dimension's hot record.
#[derive(Debug, Clone)]
pub(crate) struct Dimension {
    /// The last collected value.
    pub(crate) collected: i64,
    /// What a counter gained since the last stored point; of others, the last calculated value.
    pub(crate) carry: f64,
    pub(crate) multiplier: i32,
    pub(crate) divisor: i32,
    pub(crate) id_hash: u32,
    /// The newest stored value.
    pub(crate) stored: Packed,
    pub(crate) algorithm: Algorithm,
    pub(crate) options: DimensionOptions,
    /// Collections, or replicated points, of this run; 2 means two or more.
    pub(crate) collections: u8,
    /// A collected value beyond 32 bits was seen: the counter wraps at 64.
    pub(crate) wide: bool,
    /// It had a value since it was last looked at.
    pub(crate) seen: bool,
    /// It is obsolete and had no value for long: not shown any more.
    pub(crate) is_gone: bool,
}

/// What moving a chart's clock came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The first collection, or the first after the clock was set: nothing can be calculated.
    Based,
    /// From the previous collection to this one, in microseconds.
    Interval { from_us: i64, to_us: i64 },
}

impl Clock {
    /// Moves the clock to a collection. `epoch` counts how often the writer's clock was set.
    pub(crate) fn advance(
        &mut self,
        elapsed: Elapsed,
        now_us: i64,
        epoch: u32,
        every_us: i64,
        store_first: bool,
    ) -> Moved {
        let jumped = std::mem::replace(&mut self.epoch, epoch) != epoch;
        let resync = take(&mut self.resync);
        // A source may date its rows ahead of this clock; where it knows no durations, it cannot.
        let is_ahead = self.collected_us > now_us.saturating_add(every_us);
        let is_lost = jumped && (elapsed == Elapsed::Clock || (elapsed == Elapsed::Us(0) && is_ahead));
        if self.collected_us == 0 || is_lost {
            self.base(elapsed, now_us, every_us, store_first);
            self.resync = elapsed != Elapsed::Clock;
            return Moved::Based;
        }
        let from_us = self.collected_us;
        let since = match elapsed {
            Elapsed::Us(us) if us > 0 && (!resync || is_ahead) => us,
            // By this clock the time since would be how far it is ahead, twice as far each time.
            Elapsed::Us(_) if is_ahead => every_us.unsigned_abs(),
            Elapsed::Us(_) => now_us.abs_diff(from_us),
            Elapsed::Clock => u64::try_from(now_us - from_us).unwrap_or(0),
        };
        self.collected_us = from_us.saturating_add(since.min(ELAPSED_US_MAX) as i64);
        Moved::Interval { from_us, to_us: self.collected_us }
    }

    /// Starts the clock. A stream's first collection is taken to be in the middle of its second;
    /// where a chart's first collection is stored, it is taken to cover the time to its point.
    fn base(&mut self, elapsed: Elapsed, now_us: i64, every_us: i64, store_first: bool) {
        let aligned = now_us.div_euclid(every_us) * every_us;
        if store_first && self.collected_us == 0 {
            (self.collected_us, self.updated_us) = (aligned, aligned - every_us);
            return;
        }
        self.collected_us = match elapsed {
            Elapsed::Clock => now_us,
            Elapsed::Us(_) => aligned + US_PER_S / 2,
        };
        self.updated_us = aligned;
    }
}

impl Dimension {
    /// The value of a collection that moved `self.collected` to `value`, before interpolation.
    fn calculate(&self, value: i64, sums: &Sums, reset: &mut bool) -> f64 {
        let scale = |value: f64| value * f64::from(self.multiplier) / f64::from(self.divisor);
        match self.algorithm {
            Algorithm::Absolute => scale(value as f64),
            Algorithm::PercentageOfAbsoluteRow => {
                if sums.now == 0 {
                    0.0
                } else {
                    100.0 * value as f64 / sums.now as f64
                }
            }
            Algorithm::PercentageOfIncrementalRow => {
                if self.collections <= 1 || sums.now == sums.before {
                    0.0
                } else {
                    let gained = sums.now.wrapping_sub(sums.before);
                    100.0 * value.wrapping_sub(self.collected) as f64 / gained as f64
                }
            }
            Algorithm::Incremental if self.collections <= 1 => 0.0,
            Algorithm::Incremental => {
                // Which way it went is seen without signs, how far with them: -1 is above 5, but by -6.
                if self.collected as u64 <= value as u64 {
                    return scale(value.wrapping_sub(self.collected) as f64);
                }
                *reset |= !self.options.has(DimensionOptions::NO_RESET);
                let cap = if self.wide { u64::MAX } else { u64::from(u32::MAX) };
                let delta = cap.wrapping_sub(self.collected as u64).wrapping_add(value as u64);
                if delta < cap / 100 * 10 { scale(delta as f64) } else { 0.0 }
            }
        }
    }

    fn is_counter(&self) -> bool {
        self.algorithm == Algorithm::Incremental
    }
}

/// The row's sums, for the two percentage algorithms: integers, so that large counters that grow
/// little lose nothing.
#[derive(Default)]
struct Sums {
    now: i64,
    before: i64,
}

/// Notes which dimensions were collected, and adds them up; a percentage counter that went backwards
/// is taken to have stood still.
fn note(dimensions: &mut [Dimension], samples: &mut [Sample], reset: &mut bool) -> Sums {
    let mut sums = Sums::default();
    for (dimension, sample) in dimensions.iter_mut().zip(samples) {
        if !sample.updated {
            sample.collected = dimension.collected;
            continue;
        }
        dimension.collections = (dimension.collections + 1).min(2);
        dimension.wide |= sample.collected.unsigned_abs() > u64::from(u32::MAX);
        dimension.seen = true;
        let counts = dimension.algorithm == Algorithm::PercentageOfIncrementalRow;
        if counts && dimension.collected > sample.collected {
            dimension.collected = sample.collected;
            *reset |= !dimension.options.has(DimensionOptions::NO_RESET);
        }
        sums.now = sums.now.wrapping_add(sample.collected);
        sums.before = sums.before.wrapping_add(dimension.collected);
    }
    sums
}

/// Brings one collection to stored values.
///
/// `samples` hold what was collected; `before` is scratch space. `point` is called for each point
/// due, oldest first, with its second and with the samples' values filled in, and whether it is the
/// last. Returns how many there were.
pub(crate) fn store(
    clock: &mut Clock,
    moved: Moved,
    every_us: i64,
    dimensions: &mut [Dimension],
    samples: &mut [Sample],
    before: &mut Vec<Packed>,
    mut point: impl FnMut(i64, &[Sample], bool),
) -> u32 {
    let mut reset = false;
    let sums = note(dimensions, samples, &mut reset);
    let due = Due::of(clock, moved, every_us);
    before.clear();
    for (dimension, sample) in dimensions.iter_mut().zip(samples.iter_mut()) {
        let mut value = if sample.updated { dimension.calculate(sample.collected, &sums, &mut reset) } else { 0.0 };
        if let Some(share) = due.share
            && dimension.is_counter()
        {
            value *= share;
            dimension.carry = 0.0;
        }
        let keep = sample.updated && dimension.collections > 1;
        let pack = |stored| if keep { Packed::pack(stored, PointFlags::NORMAL) } else { Packed::EMPTY };
        if let Some(point) = &due.before {
            before.push(pack(point.take(dimension, &mut value, false)));
        }
        if let Some(point) = &due.last {
            sample.value = pack(point.take(dimension, &mut value, true));
            dimension.stored = sample.value;
        }
        if sample.updated {
            dimension.collected = sample.collected;
            dimension.carry = if dimension.is_counter() { dimension.carry + value } else { value };
        }
    }
    clock.updated_us = due.updated_us;
    if let Some(due) = &due.before {
        samples.iter_mut().zip(before.iter_mut()).for_each(|(sample, before)| swap(&mut sample.value, before));
        if take(&mut reset) {
            samples.iter_mut().for_each(|sample| sample.value = sample.value.with_reset());
        }
        point(due.time_us / US_PER_S, samples, false);
        samples.iter_mut().zip(before.iter()).for_each(|(sample, last)| sample.value = *last);
    }
    if let Some(due) = &due.last {
        if reset {
            mark_reset(dimensions, samples);
        }
        point(due.time_us / US_PER_S, samples, true);
    }
    u32::from(due.before.is_some()) + u32::from(due.last.is_some())
}

#[cold]
fn mark_reset(dimensions: &mut [Dimension], samples: &mut [Sample]) {
    for (dimension, sample) in dimensions.iter_mut().zip(samples) {
        sample.value = sample.value.with_reset();
        dimension.stored = sample.value;
    }
}

/// What a collection makes due: at most the [`POINTS_WITH_VALUE`] newest points.
struct Due {
    /// Of what counters gain in this collection so much belongs to the points, or to later ones; what they
    /// had gained before is gone. `None` where all of both belongs to them.
    share: Option<f64>,
    before: Option<Point>,
    last: Option<Point>,
    /// The newest point then.
    updated_us: i64,
}

/// A point that is due.
struct Point {
    time_us: i64,
    /// The time that a collection's gains are for, as far as no point before this one has them.
    whole_us: f64,
    /// The part of it before this point.
    part_us: f64,
    /// The time between the point before and this one.
    covered_us: i64,
    every_us: i64,
}

impl Due {
    fn of(clock: &Clock, moved: Moved, every_us: i64) -> Self {
        let (from_us, to_us) = match moved {
            Moved::Interval { from_us, to_us } => (from_us, to_us),
            Moved::Based => (clock.updated_us, clock.collected_us),
        };
        let stored_us = clock.updated_us;
        // A division takes as long as most of the rest, so there is one: points follow this one evenly.
        let next_us = (stored_us.div_euclid(every_us) + 1) * every_us;
        let mut interval = Interval { to_us, at_us: from_us, stored_us, next_us, every_us };
        let points = interval.points();
        let mut share = None;
        if moved == Moved::Based && points == 0 {
            // Nobody knows how long counters took for what they gained.
            share = Some(0.0);
        } else if interval.stored_us > from_us {
            // The source's clock was set back: for that time there are points already.
            interval.at_us = interval.stored_us.min(to_us);
            share = Some((to_us - interval.at_us) as f64 / (to_us - from_us).max(1) as f64);
        }
        let (points, share_after_gap) = interval.skip_gap(points);
        if let Some(after_gap) = share_after_gap {
            share = Some(share.unwrap_or(1.0) * after_gap);
        }
        let before = (points > 1).then(|| interval.next());
        let last = (points > 0).then(|| interval.next());
        Self { share, before, last, updated_us: interval.stored_us }
    }
}

/// The time between two collections, and how far it has been turned into points.
struct Interval {
    to_us: i64,
    /// Where the part of a counter that is not yet stored begins.
    at_us: i64,
    stored_us: i64,
    /// The next point: the first multiple of update every after the last one.
    next_us: i64,
    every_us: i64,
}

impl Interval {
    /// How many points the collection makes due.
    fn points(&self) -> i64 {
        match self.to_us - self.next_us {
            ..0 => 0,
            rest_us if rest_us < self.every_us => 1,
            rest_us => rest_us / self.every_us + 1,
        }
    }

    /// Passes over the points that stay empty, taking their share of the counters with them;
    /// returns how many points are left, two at most, and the share that is left.
    fn skip_gap(&mut self, points: i64) -> (i64, Option<f64>) {
        let last_us = self.next_us + (points - 1) * self.every_us;
        // A last point that falls on the collection itself counts as one more towards a gap.
        let due = points + i64::from(last_us == self.to_us);
        let skipped = (due - POINTS_WITH_VALUE).clamp(0, points);
        if skipped == 0 {
            return (points, None);
        }
        self.stored_us = self.next_us + (skipped - 1) * self.every_us;
        self.next_us = self.stored_us + self.every_us;
        let whole_us = (self.to_us - self.at_us).max(1);
        let passed_us = (self.stored_us - self.at_us).max(0);
        self.at_us += passed_us;
        (points - skipped, Some((whole_us - passed_us) as f64 / whole_us as f64))
    }

    /// Passes over the next point.
    fn next(&mut self) -> Point {
        let point = Point {
            time_us: self.next_us,
            // Handed-over clocks may leave points that are due before the collection began.
            whole_us: (self.to_us - self.at_us).max(1) as f64,
            part_us: (self.next_us - self.at_us).max(0) as f64,
            covered_us: self.next_us - self.stored_us,
            every_us: self.every_us,
        };
        self.at_us = self.at_us.max(self.next_us);
        self.stored_us = self.next_us;
        self.next_us += self.every_us;
        point
    }
}

impl Point {
    /// One dimension's value; what a counter stores is taken from `value`.
    #[inline]
    fn take(&self, dimension: &mut Dimension, value: &mut f64, last: bool) -> f64 {
        if dimension.is_counter() {
            let gained = *value * self.part_us / self.whole_us;
            *value -= gained;
            let seconds = self.every_us as f64 / US_PER_S as f64;
            let rate = (gained + take(&mut dimension.carry)) / seconds;
            if self.covered_us < self.every_us { rate * self.every_us as f64 / self.covered_us as f64 } else { rate }
        } else if last {
            *value
        } else {
            dimension.carry + (*value - dimension.carry) * self.part_us / self.whole_us
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimension(algorithm: Algorithm) -> Dimension {
        Dimension::new(&row::DimensionDefinition { id: "d", algorithm, ..Default::default() }, 0)
    }

    /// What a real Netdata 1.37.1 stored for jittered, late and reset collections.
    #[test]
    fn stores_what_netdata_stores() {
        let collections: [(f64, i64, i64); 13] = [
            (0.0, 1000, 10),
            (1.040764, 1010, 20),
            (1.0, 1030, 30),
            (1.0, 1070, 50),
            (1.0, 1070, 40),
            (4.0, 1110, 80),
            (1.0, 1120, 90),
            (1.0, 50, 95),
            (1.0, 60, 100),
            (2.0, 100, 60),
            (1.0, 110, 70),
            (1.0, 120, 70),
            (1.0, 130, 70),
        ];
        let expected: [(i64, Option<f64>, Option<f64>); 16] = [
            (1, Some(4.804163), Some(20.0)),
            (2, Some(14.380557), Some(30.0)),
            (3, Some(29.18472), Some(50.0)),
            (4, Some(21.63056), Some(40.0)),
            (5, None, None),
            (6, None, None),
            (7, Some(10.0), Some(55.7433)),
            (8, Some(10.0), Some(80.0)),
            (9, Some(10.0), Some(90.0)),
            (10, Some(5.40764), Some(95.0)),
            (11, Some(4.59236), Some(100.0)),
            (12, Some(14.59236), Some(90.81528)),
            (13, Some(20.0), Some(60.0)),
            (14, Some(15.40764), Some(70.0)),
            (15, Some(10.0), Some(70.0)),
            (16, Some(10.0), Some(70.0)),
        ];
        let dimensions = [dimension(Algorithm::Incremental), dimension(Algorithm::Absolute)];
        let collections = collections.map(|(seconds, counter, gauge)| (seconds, [counter, gauge]));
        let expected = expected.map(|(second, counter, gauge)| (second, [counter, gauge]));
        let resets = compare(dimensions, &collections, false, &expected);
        assert_eq!(resets, 1, "the reset marks one row");
    }

    /// Collects at the durations given and compares what is stored; returns the rows marked as reset.
    fn compare<const N: usize>(
        mut dimensions: [Dimension; N],
        collections: &[(f64, [i64; N])],
        store_first: bool,
        expected: &[(i64, [Option<f64>; N])],
    ) -> u32 {
        let start_us = 1_795_387_000 * US_PER_S;
        let (mut clock, mut now_us) = (Clock::default(), start_us + US_PER_S / 2);
        let (mut stored, mut resets) = (std::collections::BTreeMap::new(), 0);
        for &(seconds, collected) in collections {
            let elapsed_us = (seconds * 1e6).round() as u64;
            now_us += elapsed_us as i64;
            if store_first && clock.collected_us != 0 && clock.resync {
                now_us = clock.collected_us + elapsed_us as i64;
            }
            let moved = clock.advance(Elapsed::Us(elapsed_us), now_us, 0, US_PER_S, store_first);
            let mut samples = collected.map(|collected| Sample { collected, updated: true, ..Sample::ABSENT });
            store(&mut clock, moved, US_PER_S, &mut dimensions, &mut samples, &mut Vec::new(), |second, samples, _| {
                resets += u32::from(samples[0].value.is_reset());
                stored.insert(second, samples.iter().map(|sample| sample.value.unpack()).collect::<Vec<_>>());
            });
        }
        for (second, expected) in expected {
            let found = stored.remove(&(start_us / US_PER_S + second)).unwrap_or(vec![f64::NAN; N]);
            for (found, expected) in found.into_iter().zip(expected) {
                match expected {
                    Some(expected) => {
                        assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{second}: {found} {expected}")
                    }
                    None => assert!(found.is_nan(), "{second}: {found}"),
                }
            }
        }
        resets
    }

    const ALGORITHMS: [Algorithm; 4] = [
        Algorithm::Incremental,
        Algorithm::Absolute,
        Algorithm::PercentageOfAbsoluteRow,
        Algorithm::PercentageOfIncrementalRow,
    ];

    /// What a real Netdata 1.37.1 stored of a chart whose first collection is stored: its counters
    /// begin at zero.
    #[test]
    fn stores_the_first_collection_as_netdata_does() {
        let dimensions = ALGORITHMS.map(|algorithm| Dimension { collections: 1, ..dimension(algorithm) });
        let collections = [
            (0.0, [1000, 40, 60, 100]),
            (1.635797, [1010, 41, 60, 101]),
            (1.0, [1020, 42, 60, 102]),
            (1.0, [1030, 43, 60, 103]),
        ];
        let expected = [
            (0, [Some(1000.0), Some(40.0), Some(5.0), Some(8.333333)]),
            (1, [Some(6.113228), Some(41.0), Some(4.950495), Some(8.333333)]),
            (2, [Some(7.528802), Some(42.0), Some(4.901961), Some(8.333333)]),
            (3, [Some(10.0), Some(43.0), Some(4.854369), Some(8.333333)]),
        ];
        compare(dimensions, &collections, true, &expected);
    }

    /// What a real Netdata 1.37.1 stored where the second collection came late: values that are no
    /// counters go on from the first.
    #[test]
    fn a_late_second_collection_goes_on_from_the_first() {
        let collections = [
            (0.0, [1000, 40, 60, 100]),
            (2.136178, [1020, 42, 60, 102]),
            (1.0, [1030, 43, 60, 103]),
            (1.0, [1040, 44, 60, 104]),
        ];
        let expected = [
            (1, [Some(4.681256), Some(40.46813), Some(4.977053), Some(1.950523)]),
            (2, [Some(9.362511), Some(42.0), Some(4.901961), Some(8.333333)]),
            (3, [Some(9.594443), Some(43.0), Some(4.854369), Some(8.333333)]),
        ];
        compare(ALGORITHMS.map(dimension), &collections, false, &expected);
    }

    /// A source whose clock is set back tells of seconds that have points already. What counters
    /// gain meanwhile is not saved up for the first point that comes after them.
    #[test]
    fn a_clock_that_is_set_back_saves_up_no_gains() {
        let second = 1_795_387_000;
        let mut clock = Clock {
            collected_us: second * US_PER_S + 300_000,
            updated_us: (second + 100) * US_PER_S,
            ..Clock::default()
        };
        let mut dimensions = [Dimension { collections: 2, ..dimension(Algorithm::Incremental) }];
        let mut rates = Vec::new();
        for collected in 1..=105 {
            let moved = clock.advance(Elapsed::Us(1_000_000), 0, 0, US_PER_S, false);
            let mut samples = [Sample { collected: 50 * collected, updated: true, ..Sample::ABSENT }];
            store(&mut clock, moved, US_PER_S, &mut dimensions, &mut samples, &mut Vec::new(), |second, samples, _| {
                rates.push((second, samples[0].value.unpack()));
            });
        }
        assert_eq!(rates, [101, 102, 103, 104, 105].map(|late| (second + late, 50.0)));
    }

    /// Any state and any duration end in a few points: no loop over years, no panic.
    #[test]
    fn absurd_durations_are_bounded() {
        let mut random = 7_u64;
        let mut clock = Clock::default();
        let mut dimensions = [dimension(Algorithm::Incremental), dimension(Algorithm::PercentageOfIncrementalRow)];
        for turn in 0..20_000_u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if turn % 100 == 0 {
                clock = Clock {
                    collected_us: random as i64 / 4,
                    updated_us: (random >> 7) as i64 / 4,
                    resync: false,
                    epoch: 0,
                };
            }
            let elapsed = if random.is_multiple_of(3) { Elapsed::Clock } else { Elapsed::Us(random >> (random % 64)) };
            let moved = clock.advance(elapsed, (random >> 3) as i64 / 8, turn / 50, US_PER_S, false);
            let mut samples = [random as i64, random.rotate_left(13) as i64].map(|collected| Sample {
                collected,
                updated: random & 8 == 0,
                ..Sample::ABSENT
            });
            let mut called = 0;
            let points =
                store(&mut clock, moved, US_PER_S, &mut dimensions, &mut samples, &mut Vec::new(), |_, _, _| {
                    called += 1
                });
            assert!(points <= 2 && points == called);
        }
    }
}
