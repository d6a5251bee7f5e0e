//! Both clocks, read together: the only place that reads them.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use row::Now;

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
