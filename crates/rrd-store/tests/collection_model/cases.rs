//! Random charts: what a source may do to one, step after step.

use row::{Algorithm, DimensionDefinition, DimensionOptions};
use rrd_store::{Elapsed, FeedKind};

use crate::random::Random;

const US_PER_S: i64 = 1_000_000;
/// Steps of one case.
const STEPS: i64 = 40;

/// A chart and what happens to it.
pub(crate) struct Case {
    pub(crate) every_s: u32,
    pub(crate) store_first: bool,
    pub(crate) kind: FeedKind,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A dimension is defined: a new one where the index is.
    Define(usize, Definition),
    /// Somebody sets the wall clock.
    SetClock(i64),
    /// The feed is claimed again.
    Reconnect,
    /// The child hands over a chart's clock, so many microseconds after the newest point: of the
    /// collection, and of the point before it.
    ChartState(i64, i64),
    /// and where a dimension goes on.
    DimensionState(usize, i64, f64),
    /// After some microseconds the chart is collected.
    Collect { wait_us: i64, elapsed: Elapsed, values: Vec<Option<i64>> },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition {
    pub(crate) algorithm: Algorithm,
    pub(crate) multiplier: i32,
    pub(crate) divisor: i32,
    pub(crate) options: DimensionOptions,
}

impl Definition {
    pub(crate) fn named<'a>(&self, id: &'a str) -> DimensionDefinition<'a> {
        let Self { algorithm, multiplier, divisor, options } = *self;
        DimensionDefinition { id, name: "", algorithm, multiplier, divisor, options }
    }

    fn random(random: &mut Random, algorithm: Algorithm) -> Self {
        let factor =
            |random: &mut Random| random.pick(&[1, 1, 1, 1, -1, 0, 8, 1000, -1024, 1_000_000, i32::MAX, i32::MIN]);
        Self {
            algorithm,
            multiplier: factor(random),
            divisor: factor(random),
            options: random.pick(&[
                DimensionOptions(0),
                DimensionOptions(0),
                DimensionOptions::NO_RESET,
                DimensionOptions::HIDDEN,
            ]),
        }
    }
}

/// What a dimension reads.
struct Source {
    counts: bool,
    /// The counter wraps at so many bits.
    bits: u32,
    value: i64,
    step: i64,
}

impl Source {
    fn random(random: &mut Random) -> Self {
        let bits = random.pick(&[32, 64, 64]);
        let near_end = random.one_in(3);
        let step = 1_i64 << random.below(if bits == 32 { 27 } else { 50 });
        let magnitude = random.pick(&[1, 10, 31, 62]);
        let value = match bits {
            _ if !near_end => random.below(1 << magnitude),
            32 => i64::from(u32::MAX) - random.below(step * 20),
            _ => -1 - random.below(step * 20),
        };
        Self { counts: random.below(4) > 0, bits, value, step }
    }

    fn read(&mut self, random: &mut Random) -> i64 {
        if random.one_in(60) {
            self.value = random.next() as i64 >> random.below(64);
        } else if self.counts {
            if random.one_in(25) {
                self.value = random.below(3) * random.below(self.step + 1);
            } else if random.below(4) > 0 {
                self.value = self.value.wrapping_add(random.below(self.step + 1));
            }
            if self.bits == 32 {
                self.value &= i64::from(u32::MAX);
            }
        } else if random.one_in(2) {
            self.value = random.below(2 * self.step + 1) - self.step / 2;
        }
        self.value
    }
}

impl Case {
    pub(crate) fn random(random: &mut Random) -> Self {
        let kind = random.pick(&[FeedKind::Local, FeedKind::Collected, FeedKind::Collected]);
        let every_s = random.pick(&[1, 1, 1, 2, 5, 10, 60]);
        let store_first = random.one_in(6);
        let mut case = Self { every_s, store_first, kind, steps: Vec::new() };
        case.fill(random);
        case
    }

    fn fill(&mut self, random: &mut Random) {
        let pure = random.one_in(2).then(|| algorithm(random));
        let mut sources: Vec<Source> = Vec::new();
        for _ in 0..random.below(4) + 1 {
            self.add_dimension(random, &mut sources, pure);
        }
        let (jitter, gaps, holes) =
            (random.pick(&[0, 1, 20, 60]), random.pick(&[4, 10, 1_000]), random.pick(&[3, 20, 1_000]));
        for _ in 0..STEPS {
            match random.below(200) {
                0..4 if sources.len() < 6 => self.add_dimension(random, &mut sources, pure),
                4..8 => {
                    let algorithm = pure.filter(|_| !random.one_in(3)).unwrap_or_else(|| algorithm(random));
                    let index = random.below(sources.len() as i64) as usize;
                    self.steps.push(Step::Define(index, Definition::random(random, algorithm)));
                }
                8..12 => {
                    let span = random.pick(&[300_000, 2 * US_PER_S, 90 * US_PER_S, 5_000 * US_PER_S]);
                    self.steps.push(Step::SetClock(random.below(2 * span) - span));
                }
                12..15 => self.steps.push(Step::Reconnect),
                15..19 if self.kind == FeedKind::Collected => self.hand_over(random, sources.len()),
                _ => {}
            }
            let values = sources.iter_mut().map(|source| Some(source.read(random)).filter(|_| !random.one_in(holes)));
            let values = values.collect();
            let wait_us = self.wait_us(random, jitter, gaps);
            let elapsed = self.elapsed(random, wait_us);
            self.steps.push(Step::Collect { wait_us, elapsed, values });
        }
    }

    fn add_dimension(&mut self, random: &mut Random, sources: &mut Vec<Source>, pure: Option<Algorithm>) {
        let algorithm = pure.unwrap_or_else(|| algorithm(random));
        self.steps.push(Step::Define(sources.len(), Definition::random(random, algorithm)));
        sources.push(Source::random(random));
    }

    fn hand_over(&mut self, random: &mut Random, dimensions: usize) {
        let every_us = i64::from(self.every_s) * US_PER_S;
        let point_us = random.pick(&[0, 0, -3, 1, 40]) * every_us;
        let collected_us = point_us + random.below(every_us) + random.pick(&[0, 0, 0, -5, 7]) * every_us;
        if random.one_in(2) {
            let index = random.below(dimensions as i64) as usize;
            let carry = random.below(2_000) as f64 / 8.0;
            self.steps.push(Step::DimensionState(index, random.below(1 << 40), carry));
        }
        self.steps.push(Step::ChartState(collected_us, point_us));
    }

    /// From one collection to the next: on time, early, late or very late.
    fn wait_us(&self, random: &mut Random, jitter_percent: i64, gaps: i64) -> i64 {
        let every_us = i64::from(self.every_s) * US_PER_S;
        let jitter_us = every_us / 100 * jitter_percent;
        let wait_us = every_us + random.below(2 * jitter_us + 1) - jitter_us;
        if !random.one_in(gaps) {
            return wait_us;
        }
        match random.below(8) {
            0 => 0,
            1 => random.below(every_us / 2),
            2 => every_us * random.below(100),
            3 => every_us * random.below(100) + wait_us,
            4 => every_us * 2_000 + wait_us,
            late => every_us * (late - 4) + wait_us,
        }
    }

    fn elapsed(&self, random: &mut Random, wait_us: i64) -> Elapsed {
        let local = self.kind == FeedKind::Local;
        if local != random.one_in(40) {
            return Elapsed::Clock;
        }
        match random.below(20) {
            0 => Elapsed::Us(0),
            1 => Elapsed::Us(random.below(3 * i64::from(self.every_s) * US_PER_S) as u64),
            _ => Elapsed::Us(wait_us as u64),
        }
    }
}

fn algorithm(random: &mut Random) -> Algorithm {
    random.pick(&[
        Algorithm::Absolute,
        Algorithm::Incremental,
        Algorithm::Incremental,
        Algorithm::PercentageOfAbsoluteRow,
        Algorithm::PercentageOfIncrementalRow,
    ])
}
