//! Back-off: which destination to try next, and when.
//!
//! Destinations are tried in their order, those that just failed are left out for a while. So a
//! stream that ends moves on to the next parent at once, and each new search begins with the first.
//! Waits are spread at random, so that the children of a parent that was away do not all come
//! back at once; none is for ever. Randomness comes from a seed; the time comes as an argument.

/// Which destination may be tried when.
#[derive(Debug, Clone)]
pub struct BackOff {
    delay_us: u64,
    random: u64,
    /// Per destination, the monotonic time before which it is left out.
    until_us: Vec<u64>,
    /// The time before which none is tried.
    rest_until_us: u64,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try the destination at this place of the list.
    Try(usize),
    /// Wait until this monotonic time, in microseconds.
    Wait(u64),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The stream was established, and the parent ended it, or the way to it did.
    ByParent,
    /// The stream was established, and ended for a reason of our own.
    ByUs,
    /// The stream was left for the destination at this place, which is there again.
    ForBetter(usize),
    /// The parent could not be reached, or did not answer.
    Failed,
    /// The parent refused and asks for this wait, in seconds.
    Refused(u32),
}

/// No wait is longer: five minutes.
const WAIT_US_MAX: u64 = 300_000_000;
/// A parent that ends stream after stream is not asked more often than this.
const WAIT_US_MIN: u64 = 100_000;

impl BackOff {
    /// A back-off around `delay_us` for so many destinations; `seed` makes its waits differ from
    /// those of others.
    #[must_use]
    pub fn new(destinations: usize, delay_us: u64, seed: u64) -> Self {
        Self {
            delay_us: delay_us.clamp(WAIT_US_MIN, WAIT_US_MAX),
            random: seed | 1,
            until_us: vec![0; destinations],
            rest_until_us: 0,
        }
    }

    /// What to do at `now_us`.
    #[must_use]
    pub fn next(&self, now_us: u64) -> Next {
        if now_us < self.rest_until_us {
            return Next::Wait(self.rest_until_us);
        }
        match self.until_us.iter().position(|&until_us| until_us <= now_us) {
            Some(destination) => Next::Try(destination),
            None => Next::Wait(self.until_us.iter().copied().min().unwrap_or(now_us + WAIT_US_MAX)),
        }
    }

    /// The attempt at this destination ended like this.
    pub fn ended(&mut self, destination: usize, ended: Ended, now_us: u64) {
        let until_us = now_us + self.wait_us(ended);
        match ended {
            Ended::ByUs => self.rest_until_us = until_us,
            Ended::ForBetter(better) => self.until_us[better] = now_us,
            _ => self.until_us[destination] = until_us,
        }
    }

    fn wait_us(&mut self, ended: Ended) -> u64 {
        match ended {
            Ended::ByParent | Ended::ByUs => self.between(WAIT_US_MIN, self.delay_us),
            Ended::ForBetter(_) => 0,
            Ended::Failed => self.between(self.delay_us / 2, self.delay_us + self.delay_us / 2),
            Ended::Refused(wait_s) => {
                let wait_us = (u64::from(wait_s) * 1_000_000).min(WAIT_US_MAX);
                self.between(self.delay_us, wait_us.max(self.delay_us))
            }
        }
    }

    /// Nobody is left out any more: what they refused has changed.
    pub fn forgive(&mut self) {
        self.until_us.fill(0);
    }

    /// A time from half of `about_us` to one and a half.
    pub fn spread_us(&mut self, about_us: u64) -> u64 {
        self.between(about_us / 2, about_us + about_us / 2)
    }

    fn between(&mut self, low_us: u64, high_us: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        low_us + self.random % (high_us.saturating_sub(low_us) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends an attempt at 0 and returns how long there is nothing to try.
    fn wait_us(back_off: &mut BackOff, ended: Ended) -> u64 {
        back_off.ended(0, ended, 0);
        let wait_us = match back_off.next(0) {
            Next::Wait(until_us) => until_us,
            Next::Try(_) => 0,
        };
        *back_off = BackOff { until_us: vec![0], rest_until_us: 0, ..back_off.clone() };
        wait_us
    }

    #[test]
    fn waits_are_spread_within_their_bounds() {
        let mut waits = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let mut back_off = BackOff::new(1, 5_000_000, seed * 7_919);
            for _ in 0..5 {
                let failed_us = wait_us(&mut back_off, Ended::Failed);
                assert!((2_500_000..=7_500_000).contains(&failed_us));
                waits.insert(failed_us / 500_000);
                assert!((100_000..=5_000_000).contains(&wait_us(&mut back_off, Ended::ByParent)));
                assert!((100_000..=5_000_000).contains(&wait_us(&mut back_off, Ended::ByUs)));
                assert!((5_000_000..=60_000_000).contains(&wait_us(&mut back_off, Ended::Refused(60))));
                assert!(wait_us(&mut back_off, Ended::Refused(u32::MAX)) <= WAIT_US_MAX);
                assert_eq!(wait_us(&mut back_off, Ended::ForBetter(0)), 0);
                assert!((500..=1_500).contains(&back_off.spread_us(1_000)));
            }
        }
        assert!(waits.len() >= 9, "{waits:?}");
    }

    #[test]
    fn a_delay_of_zero_makes_no_hot_loop() {
        let mut back_off = BackOff::new(1, 0, 3);
        assert!(wait_us(&mut back_off, Ended::ByParent) >= WAIT_US_MIN);
        assert!(wait_us(&mut back_off, Ended::Failed) >= WAIT_US_MIN / 2);
    }

    /// The goal: who fails is passed over at once, and comes first again when its time is over.
    #[test]
    fn destinations_are_tried_in_their_order() {
        let mut back_off = BackOff::new(3, 1_000_000, 1);
        assert_eq!(back_off.next(0), Next::Try(0));
        back_off.ended(0, Ended::Failed, 0);
        assert_eq!(back_off.next(0), Next::Try(1));
        back_off.ended(1, Ended::Refused(60), 0);
        assert_eq!(back_off.next(0), Next::Try(2));
        back_off.ended(2, Ended::Failed, 0);
        let Next::Wait(until_us) = back_off.next(0) else { panic!("all have failed") };
        assert!((500_000..=1_500_000).contains(&until_us));
        assert!(matches!(back_off.next(until_us), Next::Try(0 | 2)));
        assert_eq!(back_off.next(300_000_000), Next::Try(0), "nothing is left out for ever");
        // A stream to the last one ends: the search begins anew, and soon.
        back_off.ended(2, Ended::ByParent, 300_000_000);
        assert_eq!(back_off.next(300_000_000), Next::Try(0));
        // One that failed just now, but is there again, is tried at once.
        back_off.ended(0, Ended::Refused(60), 300_000_000);
        back_off.ended(1, Ended::ForBetter(0), 300_000_000);
        assert_eq!(back_off.next(300_000_000), Next::Try(0));
        // What ends by ourselves goes to nobody else.
        back_off.ended(0, Ended::ByUs, 300_000_000);
        assert!(matches!(back_off.next(300_000_000), Next::Wait(_)));
        assert_eq!(back_off.next(302_000_000), Next::Try(0));
    }

    #[test]
    fn without_destinations_there_is_nothing_to_try() {
        assert!(matches!(BackOff::new(0, 1, 1).next(5), Next::Wait(_)));
    }
}
