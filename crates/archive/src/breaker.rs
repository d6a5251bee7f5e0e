//! The breaker: a server that fails again and again is left alone for a while.

/// Failures one after another until it is left alone.
const FAILURES_MAX: u32 = 3;
/// For how long, in microseconds.
const REST_US: u64 = 30_000_000;

/// What is known of one server.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    rests_until_us: u64,
}

/// What a failure or a success means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing new.
    None,
    /// It is left alone from now on.
    Opened,
    /// It answers again.
    Closed,
}

impl Breaker {
    /// Whether to ask. After its rest, the next failure begins another one.
    pub(crate) const fn may_ask(&self, now_us: u64) -> bool {
        now_us >= self.rests_until_us
    }

    pub(crate) fn failed(&mut self, now_us: u64) -> Change {
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES_MAX {
            return Change::None;
        }
        self.rests_until_us = now_us + REST_US;
        if self.failures == FAILURES_MAX { Change::Opened } else { Change::None }
    }

    pub(crate) fn answered(&mut self) -> Change {
        let was_open = self.failures >= FAILURES_MAX;
        *self = Self::default();
        if was_open { Change::Closed } else { Change::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: three failures in a row open it for thirty seconds, one more for thirty again, an answer closes it.
    #[test]
    fn it_opens_and_closes() {
        let mut breaker = Breaker::default();
        assert_eq!([breaker.failed(1), breaker.failed(2)], [Change::None; 2]);
        assert_eq!(breaker.answered(), Change::None);
        assert_eq!([breaker.failed(3), breaker.failed(4)], [Change::None; 2]);
        assert!(breaker.may_ask(4));
        assert_eq!(breaker.failed(5), Change::Opened);
        assert!(!breaker.may_ask(5 + REST_US - 1) && breaker.may_ask(5 + REST_US));
        assert_eq!(breaker.failed(5 + REST_US), Change::None);
        assert!(!breaker.may_ask(6 + REST_US));
        assert_eq!(breaker.answered(), Change::Closed);
        assert!(breaker.may_ask(6 + REST_US));
    }
}
