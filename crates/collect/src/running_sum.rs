//! A counter made of the counters of several devices.
//!
//! The plain sum would fall when a device goes, and leap when one comes with an old counter. So
//! the first sum is plain, and from then on only the growth of each device is added.

/// A sum of counters that never falls.
#[derive(Debug, Default)]
pub(crate) struct RunningSum {
    total: i64,
    /// Whether the first reading is over.
    begun: bool,
}

impl RunningSum {
    /// Adds a device that has `now`, and had `before` at the previous reading if it was there.
    pub(crate) fn add(&mut self, before: Option<i64>, now: i64) {
        let growth = match before {
            Some(before) => growth(before, now),
            None if self.begun => 0,
            None => now,
        };
        self.total = self.total.wrapping_add(growth);
    }

    /// Ends a reading; returns the sum.
    pub(crate) fn end(&mut self) -> i64 {
        self.begun = true;
        self.total
    }
}

/// How much a counter grew. One that fell began anew.
pub(crate) const fn growth(before: i64, now: i64) -> i64 {
    if now >= before {
        now.wrapping_sub(before)
    } else if now > 0 {
        now
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Devices come, go and begin anew; the sum only grows, by what was really counted.
    #[test]
    fn the_sum_never_falls() {
        let mut sum = RunningSum::default();
        let mut read = |devices: &[(Option<i64>, i64)]| {
            devices.iter().for_each(|&(before, now)| sum.add(before, now));
            sum.end()
        };
        assert_eq!(read(&[(None, 100), (None, 50)]), 150);
        assert_eq!(read(&[(Some(100), 110), (Some(50), 50)]), 160);
        assert_eq!(read(&[(Some(110), 111)]), 161, "the second is gone");
        assert_eq!(read(&[(Some(111), 112), (None, 1_000_000)]), 162, "one comes with an old counter");
        assert_eq!(read(&[(Some(112), 3), (Some(1_000_000), 1_000_007)]), 172, "the first began anew");
        assert_eq!(growth(5, -3), 0);
        assert_eq!(growth(i64::MIN, i64::MAX), -1, "absurd, but no panic");
    }
}
