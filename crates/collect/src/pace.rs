//! When to collect: once per update every, aligned to the wall clock, a little after the second.
//!
//! ```text
//! wall clock   |12:00:00 . . . . . . . . |12:00:01 . . . . . . . . |12:00:02
//! ticks          ^ offset                  ^ offset                  ^ offset
//! ```
//!
//! The offset, at most 50 ms, comes from the machine's GUID: it is the same each time, so rows
//! keep their distance, and differs between machines, so a fleet does not write to its parent in
//! one instant.

use row::{Guid, Now, US_PER_S};

/// The offset is at most this.
pub const OFFSET_US_MAX: i64 = 50_000;

/// Decides when the next tick is due.
#[derive(Debug)]
pub(crate) struct Pace {
    every_s: i64,
    offset_us: i64,
    last: Option<Last>,
}

/// The last tick: the second it was for, and when it was.
#[derive(Debug, Clone, Copy)]
struct Last {
    second: i64,
    mono_us: u64,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing before this time has passed; then ask again.
    Wait {
        /// Microseconds, from 1.
        us: u64,
        /// The second that the next tick is for.
        second: i64,
    },
    /// A tick is due.
    Tick {
        /// The second it is for: a multiple of update every, never one that had its tick unless
        /// the clock was set back.
        second: i64,
        /// Ticks that were due since the last one and did not run.
        missed: u64,
        /// Microseconds since it was due.
        late_us: u64,
    },
}

impl Pace {
    /// A pace of one tick per `update_every_s` seconds for the machine `guid`.
    #[must_use]
    pub(crate) fn new(update_every_s: u32, guid: Guid) -> Self {
        Self { every_s: i64::from(update_every_s.max(1)), offset_us: offset_us(guid), last: None }
    }

    /// Decides what to do at `now`; a tick that is due counts as run.
    ///
    /// The first tick is the next whole one. A tick that is late by less than half of update
    /// every runs at once; a later one is left to the next, so that two do not run in a row.
    pub(crate) fn next(&mut self, now: Now) -> Step {
        let every_us = self.every_s * US_PER_S;
        let since_offset_us = now.wall_us.saturating_sub(self.offset_us);
        let due = since_offset_us.div_euclid(every_us) * self.every_s;
        let late_us = since_offset_us.rem_euclid(every_us);
        let Some(last) = self.last.filter(|last| !self.was_set_back(last, due)) else {
            // As if the tick that is due now had run.
            self.last = Some(Last { second: due, mono_us: now.mono_us });
            return self.wait(now, due + self.every_s);
        };
        if due <= last.second {
            return self.wait(now, last.second + self.every_s);
        }
        if late_us >= every_us / 2 {
            return self.wait(now, due + self.every_s);
        }
        self.last = Some(Last { second: due, mono_us: now.mono_us });
        Step::Tick { second: due, missed: self.missed(last, due, now), late_us: late_us.unsigned_abs() }
    }

    /// Whether the clock was set back so far that waiting for it to catch up would leave a gap.
    fn was_set_back(&self, last: &Last, due: i64) -> bool {
        due < last.second - self.every_s
    }

    fn wait(&self, now: Now, second: i64) -> Step {
        let at_us = second.saturating_mul(US_PER_S).saturating_add(self.offset_us);
        Step::Wait { us: at_us.saturating_sub(now.wall_us).max(1).unsigned_abs(), second }
    }

    /// By both clocks, whichever says less: a wall clock that was set forward missed nothing.
    fn missed(&self, last: Last, due: i64, now: Now) -> u64 {
        let by_wall = ((due - last.second) / self.every_s).unsigned_abs();
        let every_us = (self.every_s * US_PER_S).unsigned_abs();
        let by_mono = (now.mono_us.saturating_sub(last.mono_us) + every_us / 2) / every_us;
        by_wall.min(by_mono).saturating_sub(1)
    }
}

fn offset_us(guid: Guid) -> i64 {
    let hash = guid
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    ((hash >> 16) % (OFFSET_US_MAX as u64 + 1)).cast_signed()
}

/// Lets something happen at one tick of several: the first in each period of the wall clock.
#[derive(Debug)]
pub(crate) struct Cadence {
    every_s: i64,
    period: Option<i64>,
}

impl Cadence {
    /// Once per `every_s` seconds.
    pub(crate) fn new(every_s: u32) -> Self {
        Self { every_s: i64::from(every_s.max(1)), period: None }
    }

    /// Whether the tick at `now` is the first of its period; it counts as used.
    pub(crate) fn is_due(&mut self, now: Now) -> bool {
        let period = now.wall_s().div_euclid(self.every_s);
        self.period.replace(period) != Some(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: Guid = Guid::from_bytes([7; 16]);

    /// A moment: `wall_ms` by the wall clock, the monotonic one behind by `behind_ms`.
    fn at(wall_ms: i64, behind_ms: i64) -> Now {
        Now { wall_us: wall_ms * 1000, mono_us: ((wall_ms - behind_ms) * 1000).unsigned_abs() }
    }

    fn pace(every_s: u32) -> Pace {
        Pace { offset_us: 20_000, ..Pace::new(every_s, GUID) }
    }

    fn second(step: Step) -> i64 {
        match step {
            Step::Wait { second, .. } | Step::Tick { second, .. } => second,
        }
    }

    /// Ticks come once per second at the offset, however often is asked.
    #[test]
    fn ticks_are_aligned() {
        let mut pace = pace(1);
        assert_eq!(pace.next(at(100_500, 0)), Step::Wait { us: 520_000, second: 101 });
        assert_eq!(pace.next(at(101_019, 0)), Step::Wait { us: 1000, second: 101 });
        assert_eq!(pace.next(at(101_020, 0)), Step::Tick { second: 101, missed: 0, late_us: 0 });
        assert_eq!(pace.next(at(101_020, 0)), Step::Wait { us: 1_000_000, second: 102 });
        assert_eq!(pace.next(at(102_100, 0)), Step::Tick { second: 102, missed: 0, late_us: 80_000 });
        assert_eq!(pace.next(at(103_025, 0)), Step::Tick { second: 103, missed: 0, late_us: 5_000 });
    }

    /// Longer intervals are aligned to their multiples.
    #[test]
    fn longer_intervals() {
        let mut pace = pace(5);
        assert_eq!(pace.next(at(101_000, 0)), Step::Wait { us: 4_020_000, second: 105 });
        assert_eq!(pace.next(at(106_000, 0)), Step::Tick { second: 105, missed: 0, late_us: 980_000 });
        assert_eq!(pace.next(at(106_000, 0)), Step::Wait { us: 4_020_000, second: 110 });
    }

    /// Late ticks run while half of the interval is left; what was missed is counted once.
    #[test]
    fn late_and_missed_ticks() {
        let mut pace = pace(1);
        pace.next(at(100_000, 0));
        assert_eq!(second(pace.next(at(100_020, 0))), 100);
        assert_eq!(pace.next(at(104_400, 0)), Step::Tick { second: 104, missed: 3, late_us: 380_000 });
        assert_eq!(pace.next(at(107_900, 0)), Step::Wait { us: 120_000, second: 108 });
        assert_eq!(pace.next(at(108_020, 0)), Step::Tick { second: 108, missed: 3, late_us: 0 });
        assert_eq!(pace.next(at(109_020, 0)), Step::Tick { second: 109, missed: 0, late_us: 0 });
    }

    /// A clock set forward misses nothing; set back a little it waits, set back far it goes on.
    #[test]
    fn clock_jumps() {
        let mut pace = pace(1);
        pace.next(at(99_900, 0));
        assert_eq!(pace.next(at(100_020, 0)), Step::Tick { second: 100, missed: 0, late_us: 0 });
        assert_eq!(pace.next(at(3_700_020, 3_599_000)), Step::Tick { second: 3700, missed: 0, late_us: 0 });
        assert_eq!(pace.next(at(3_699_500, 3_597_000)), Step::Wait { us: 1_520_000, second: 3701 });
        assert_eq!(pace.next(at(3_701_020, 3_597_000)), Step::Tick { second: 3701, missed: 0, late_us: 0 });
        assert_eq!(pace.next(at(101_300, -10_000)), Step::Wait { us: 720_000, second: 102 });
        assert_eq!(pace.next(at(102_030, -10_000)), Step::Tick { second: 102, missed: 0, late_us: 10_000 });
    }

    /// A day with random waits and jumps: no second twice but after a jump back, waits are short.
    #[test]
    fn a_random_day() {
        for every_s in [1, 2, 10] {
            let mut pace = pace(every_s);
            let (mut wall_us, mut mono_us, mut state) = (1_000_000_000, 5_u64, 1_u64);
            let mut last = i64::MIN;
            for _ in 0..50_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                match pace.next(Now { wall_us, mono_us }) {
                    Step::Wait { us, second } => {
                        assert!(second % i64::from(every_s) == 0);
                        assert!((1..=2 * u64::from(every_s) * 1_000_000).contains(&us), "{us}");
                        wall_us += us as i64 + (state >> 50) as i64;
                        mono_us += us + (state >> 50);
                    }
                    Step::Tick { second, .. } => {
                        assert!(second > last && second * US_PER_S <= wall_us);
                        last = second;
                    }
                }
                match state >> 32 & 0xff {
                    0 => wall_us += (state >> 40) as i64 % 100_000_000,
                    1 => {
                        wall_us -= (state >> 40) as i64 % 100_000_000;
                        last = i64::MIN;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Offsets stay within their limit and differ between machines; extremes do not overflow.
    #[test]
    fn offsets_and_extremes() {
        let offsets: Vec<i64> = (0..200).map(|byte| offset_us(Guid::from_bytes([byte; 16]))).collect();
        assert!(offsets.iter().all(|offset| (0..=OFFSET_US_MAX).contains(offset)));
        assert!(offsets.iter().any(|&offset| offset < 5000) && offsets.iter().any(|&offset| offset > 45_000));
        for wall_us in [i64::MIN, 0, i64::MAX] {
            let mut pace = Pace::new(u32::MAX, GUID);
            pace.next(Now { wall_us, mono_us: u64::MAX });
            pace.next(Now { wall_us: 0, mono_us: 0 });
            pace.next(Now { wall_us, mono_us: 0 });
        }
    }

    /// Something rare happens at the first tick of each period, and at once after a jump.
    #[test]
    fn cadence() {
        let mut cadence = Cadence::new(5);
        let due: Vec<bool> = [3, 4, 5, 6, 11, 12, 2].map(|second| cadence.is_due(at(second * 1000, 0))).to_vec();
        assert_eq!(due, [true, false, true, false, true, false, true]);
    }
}
