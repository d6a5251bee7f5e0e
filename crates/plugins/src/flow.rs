//! How much a plugin may say: bytes of its output, and lines of its complaints. Plain: time is an argument.

use row::Now;

/// Bytes of rows that are taken from one plugin within a second; what it prints beyond waits in its pipe.
pub(crate) const ROWS_BYTES_PER_S: usize = 1024 * 1024;
/// Bytes of complaints, likewise.
pub(crate) const COMPLAINTS_BYTES_PER_S: usize = 32 * 1024;
/// Lines of a plugin's standard error within a period.
const LINES_MAX: u32 = 200;
/// Seconds of a period.
const PERIOD_S: u64 = 1_200;
const US_PER_S: u64 = 1_000_000;

/// The bytes of a second.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_per_s: usize,
    second_us: u64,
    bytes: usize,
}

impl Budget {
    pub(crate) const fn new(bytes_per_s: usize) -> Self {
        Self { bytes_per_s, second_us: 0, bytes: 0 }
    }

    /// Notes what was taken; returns for how many microseconds to take no more.
    pub(crate) fn take(&mut self, bytes: usize, now: Now) -> Option<u64> {
        let since_us = now.mono_us.saturating_sub(self.second_us);
        if since_us >= US_PER_S {
            (self.second_us, self.bytes) = (now.mono_us, bytes);
            return None;
        }
        self.bytes += bytes;
        (self.bytes >= self.bytes_per_s).then(|| US_PER_S - since_us)
    }
}

/// The lines of a period.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    period_us: u64,
    lines: u32,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether it is logged.
    pub(crate) writes: bool,
    /// Lines that were left out, to be told before it.
    pub(crate) left_out: u32,
}

impl Lines {
    /// Decides about a line.
    pub(crate) fn judge(&mut self, now: Now) -> Verdict {
        let mut left_out = 0;
        if now.mono_us.saturating_sub(self.period_us) >= PERIOD_S * US_PER_S {
            left_out = self.lines.saturating_sub(LINES_MAX);
            (self.period_us, self.lines) = (now.mono_us, 0);
        }
        self.lines = self.lines.saturating_add(1);
        Verdict { writes: self.lines <= LINES_MAX, left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_us: u64) -> Now {
        Now { wall_us: 0, mono_us }
    }

    /// Goal: a plugin that floods is read up to the limit in each second, and others without a pause.
    #[test]
    fn a_flood_is_paused() {
        const BYTES_PER_S: usize = 1_000_000;
        let mut budget = Budget::new(BYTES_PER_S);
        let start_us = 5_000_000;
        assert_eq!(budget.take(BYTES_PER_S, at(start_us)), None, "the first of a second");
        assert_eq!(budget.take(1, at(start_us + 250_000)), Some(750_000));
        assert_eq!(budget.take(1_000, at(start_us + 1_000_000)), None);
        assert_eq!(budget.take(BYTES_PER_S - 1_001, at(start_us + 1_500_000)), None);
        assert_eq!(budget.take(1, at(start_us + 1_500_000)), Some(500_000));
    }

    /// Goal: so many lines of a period are logged; how many were not is told with the next period.
    #[test]
    fn complaints_have_a_limit() {
        let mut lines = Lines::default();
        let written = (0..1_000).filter(|_| lines.judge(at(PERIOD_S * US_PER_S)).writes).count();
        assert_eq!(written, LINES_MAX as usize);
        let next = lines.judge(at(2 * PERIOD_S * US_PER_S));
        assert_eq!(next, Verdict { writes: true, left_out: 800 });
        assert_eq!(lines.judge(at(2 * PERIOD_S * US_PER_S)), Verdict { writes: true, left_out: 0 });
    }
}
