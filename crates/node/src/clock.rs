//! The clocks, and the only place that reads them.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use row::Now;
use rustix::time::{ClockId, clock_gettime};

/// Reads the wall clock and the monotonic one.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where clocks are read")]
pub fn now() -> Now {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let wall_us = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_micros() as i64,
        Err(before) => -(before.duration().as_micros() as i64),
    };
    Now { wall_us, mono_us: start.elapsed().as_micros() as u64 }
}

/// Nanoseconds of the monotonic clock, to tell how long something took.
#[must_use]
pub fn mono_ns() -> u64 {
    ns(ClockId::Monotonic)
}

/// Microseconds that this process was on a processor, with all its threads.
#[must_use]
pub fn cpu_us() -> u64 {
    ns(ClockId::ProcessCPUTime) / 1000
}

fn ns(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
