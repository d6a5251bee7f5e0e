//! Pace: small reads that follow one another are gathered.
//!
//! A child that writes chart by chart would wake its lane hundreds of times a second, and a
//! wake-up costs more than the row it brings. A read that is small and comes soon after another
//! makes the next one wait; a child that writes once a second is never delayed.

/// Reads below this many bytes are small.
const SMALL_BYTES: usize = 16 * 1024;

/// Decides how long a session waits before it reads again.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    pace_us: u64,
    read_us: u64,
}

impl Pace {
    pub(super) fn new(pace_us: u64) -> Self {
        Self { pace_us, read_us: 0 }
    }

    /// A read of `bytes` came at `mono_us`; returns how many microseconds to wait before the next.
    pub(super) fn after_read(&mut self, mono_us: u64, bytes: usize) -> u64 {
        let since_us = mono_us.saturating_sub(std::mem::replace(&mut self.read_us, mono_us));
        if bytes < SMALL_BYTES && since_us < 2 * self.pace_us { self.pace_us } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_reads_in_a_row_wait() {
        let mut pace = Pace::new(50_000);
        assert_eq!(pace.after_read(1_000_000, 9_000), 0);
        assert_eq!(pace.after_read(2_000_000, 9_000), 0, "once a second is not often");
        assert_eq!(pace.after_read(2_000_300, 200), 50_000);
        assert_eq!(pace.after_read(2_050_400, 9_000), 50_000);
        assert_eq!(pace.after_read(2_100_500, 60_000), 0, "a full buffer is bulk");
        assert_eq!(Pace::new(0).after_read(1, 1), 0);
    }
}
