//! When a plugin is started again, and when never.
//!
//! ```text
//! it said DISABLE, or mixed up its own commands        never
//! status 0, or ended by SIGTERM, and rows came once    after update every
//! status 0, and never a row                            after 10 x update every, 10 times in a row; then never
//! an error after rows came                             after 10 x update every
//! an error and no row                                  after 1 m, 2 m, 4 m … 1 h: what it needs may come up yet
//! ```
//!
//! An error is any other status, a fatal signal, garbage in its output, or silence. Plain: what happened
//! is an argument.

use std::fmt;

/// Seconds after the first run that failed.
const BACK_OFF_S: u64 = 60;
/// Seconds after the last of many.
const BACK_OFF_S_MAX: u64 = 3_600;
/// A plugin whose run brought little or nothing waits so many times its update every.
const PATIENCE: u64 = 10;
/// Runs in a row that end well without a row.
const IDLE_RUNS_MAX: u32 = 10;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The plugin does not want to run.
    Disabled,
    /// It is broken: its commands contradict each other.
    Malformed(String),
    /// It ended with this status.
    Status(i32),
    /// A signal ended it that nobody here sent.
    Signal(i32),
    /// It was ended because of what it printed, or did not.
    Error(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("it asked not to be run"),
            Self::Status(status) => write!(f, "it ended with status {status}"),
            Self::Signal(signal) => write!(f, "it was killed by signal {signal}"),
            Self::Malformed(why) | Self::Error(why) => f.write_str(why),
        }
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another run, after so many seconds.
    After(u64),
    /// No run any more.
    Never,
}

/// Decides about the runs of one plugin.
#[derive(Debug)]
pub(crate) struct Restart {
    update_every_s: u64,
    has_collected: bool,
    failures: u32,
    idle_runs: u32,
}

const SIGTERM: i32 = 15;

impl Restart {
    pub(crate) fn new(update_every_s: u32) -> Self {
        Self { update_every_s: u64::from(update_every_s.max(1)), has_collected: false, failures: 0, idle_runs: 0 }
    }

    /// A run ended, in which so many rows came.
    pub(crate) fn ended(&mut self, end: &End, rows: u64) -> Next {
        if rows > 0 {
            (self.has_collected, self.failures, self.idle_runs) = (true, 0, 0);
        }
        match end {
            End::Disabled | End::Malformed(_) => Next::Never,
            End::Status(0) | End::Signal(SIGTERM) if self.has_collected => Next::After(self.update_every_s),
            End::Status(0) | End::Signal(SIGTERM) => {
                self.idle_runs += 1;
                let goes_on = self.idle_runs <= IDLE_RUNS_MAX;
                if goes_on { Next::After(PATIENCE * self.update_every_s) } else { Next::Never }
            }
            // Garbage behind some rows may be garbage each time.
            End::Status(_) | End::Signal(_) if rows > 0 => Next::After(PATIENCE * self.update_every_s),
            End::Status(_) | End::Signal(_) | End::Error(_) => {
                let wait_s = BACK_OFF_S << self.failures.min(6);
                self.failures += 1;
                Next::After(wait_s.min(BACK_OFF_S_MAX).max(self.update_every_s))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> End {
        End::Error("silence".into())
    }

    /// Goal: each row of the table above holds.
    #[test]
    fn every_end_has_its_rule() {
        for (collected_before, end, rows, next) in [
            (true, End::Disabled, 5, Next::Never),
            (false, End::Malformed("x".into()), 5, Next::Never),
            (false, End::Status(0), 1, Next::After(5)),
            (true, End::Status(0), 0, Next::After(5)),
            (true, End::Signal(15), 0, Next::After(5)),
            (false, End::Status(0), 0, Next::After(50)),
            (false, End::Signal(15), 0, Next::After(50)),
            (false, End::Status(1), 1, Next::After(50)),
            (false, End::Signal(9), 1, Next::After(50)),
            (false, End::Status(1), 0, Next::After(60)),
            (true, End::Status(1), 0, Next::After(60)),
            (false, End::Signal(11), 0, Next::After(60)),
            (true, error(), 7, Next::After(60)),
        ] {
            let mut restart = Restart::new(5);
            if collected_before {
                restart.ended(&End::Status(0), 1);
            }
            assert_eq!(restart.ended(&end, rows), next, "{collected_before} {end:?} {rows}");
        }
    }

    /// Goal: what fails again and again is tried less and less often, for ever; a row forgives all.
    #[test]
    fn failures_back_off() {
        let mut restart = Restart::new(1);
        let waits: Vec<_> = (0..9).map(|_| restart.ended(&End::Status(1), 0)).collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600].map(Next::After));
        assert_eq!(restart.ended(&End::Status(1), 1), Next::After(10));
        assert_eq!(restart.ended(&End::Status(1), 0), Next::After(60));
        assert_eq!(Restart::new(7_200).ended(&error(), 0), Next::After(7_200), "not more often than it collects");
    }

    /// Goal: who ends well and never has a row is given up after eleven runs.
    #[test]
    fn idle_plugins_are_given_up() {
        let mut restart = Restart::new(2);
        for run in 1..=10 {
            assert_eq!(restart.ended(&End::Status(0), 0), Next::After(20), "run {run}");
        }
        assert_eq!(restart.ended(&End::Status(0), 0), Next::Never);
    }
}
