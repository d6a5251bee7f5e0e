//! Back-off: when to try a destination again.
//!
//! Waits are spread at random, so that the children of a parent that was away do not all come
//! back at once. Randomness comes from a seed; the time comes as an argument.

/// When a destination may be tried again.
#[derive(Debug, Clone)]
pub struct BackOff {
    delay_us: u64,
    random: u64,
}

/// How the last attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The stream was established, and ended later.
    Established,
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
    /// A back-off around `delay_us`; `seed` makes its waits differ from those of others.
    #[must_use]
    pub fn new(delay_us: u64, seed: u64) -> Self {
        Self { delay_us: delay_us.clamp(WAIT_US_MIN, WAIT_US_MAX), random: seed | 1 }
    }

    /// How long to wait after an attempt that ended like this, in microseconds.
    pub fn wait_us(&mut self, ended: Ended) -> u64 {
        match ended {
            Ended::Established => self.between(WAIT_US_MIN, self.delay_us),
            Ended::Failed => self.between(self.delay_us / 2, self.delay_us + self.delay_us / 2),
            Ended::Refused(wait_s) => {
                let wait_us = (u64::from(wait_s) * 1_000_000).min(WAIT_US_MAX);
                self.between(self.delay_us, wait_us.max(self.delay_us))
            }
        }
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

    #[test]
    fn waits_are_spread_within_their_bounds() {
        let mut waits = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let mut back_off = BackOff::new(5_000_000, seed * 7_919);
            for _ in 0..5 {
                let wait_us = back_off.wait_us(Ended::Failed);
                assert!((2_500_000..=7_500_000).contains(&wait_us));
                waits.insert(wait_us / 500_000);
                assert!((100_000..=5_000_000).contains(&back_off.wait_us(Ended::Established)));
                assert!((5_000_000..=60_000_000).contains(&back_off.wait_us(Ended::Refused(60))));
                assert!(back_off.wait_us(Ended::Refused(u32::MAX)) <= WAIT_US_MAX);
            }
        }
        assert!(waits.len() >= 9, "{waits:?}");
    }

    #[test]
    fn a_delay_of_zero_makes_no_hot_loop() {
        let mut back_off = BackOff::new(0, 3);
        assert!(back_off.wait_us(Ended::Established) >= WAIT_US_MIN);
        assert!(back_off.wait_us(Ended::Failed) >= WAIT_US_MIN / 2);
    }
}
