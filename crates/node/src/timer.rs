//! A timer that keeps the wall clock's time to the microsecond, and wakes when that clock is set.
//!
//! The runtime's own timers count milliseconds of a clock that stands still while the machine sleeps:
//! with those a tick would come up to two milliseconds late, and after a sleep up to a second.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Waits for moments of the wall clock.
#[derive(Debug)]
pub(crate) struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    /// A timer of this runtime.
    ///
    /// # Errors
    /// Where the system gives none.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let file = timerfd_create(TimerfdClockId::Realtime, flags)?;
        #[expect(
            deprecated,
            reason = "what takes its place is unsafe, for files that may be exchanged: this one is owned"
        )]
        AsyncFd::with_interest(file, Interest::READABLE).map(Self)
    }

    /// Waits until `wall_us`, in microseconds since 1970, or until the clock is set.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) async fn wait(&self, wall_us: i64) -> io::Result<()> {
        // A time of zero would mean no time at all.
        let wall_us = wall_us.max(1);
        let at = Timespec { tv_sec: wall_us / 1_000_000, tv_nsec: wall_us % 1_000_000 * 1000 };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        match timerfd_settime(self.0.get_ref(), flags, &once) {
            // The clock was set since the timer was.
            Err(Errno::CANCELED) => return Ok(()),
            set => set?,
        };
        // Setting it anew clears the file, so nothing need be read.
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::program::runtime;

    /// Goal: it wakes at the moment that was asked for and not before it, again and again; a moment
    /// that is over is no wait at all.
    #[test]
    fn moments_are_kept() {
        runtime().unwrap().block_on(async {
            let timer = Timer::new().unwrap();
            for wait_us in [-5_000_000, 0, 300, 20_000, 700, 0] {
                let until_us = clock::now().wall_us + wait_us;
                timer.wait(until_us).await.unwrap();
                let late_us = clock::now().wall_us - until_us;
                assert!((0..30_000_000).contains(&late_us), "{wait_us}: {late_us} µs late");
            }
        });
    }
}
