//! Waiting for something to become true, with a limit; the only place that sleeps.
//!
//! Tests here watch real programs in real time, so they cannot pause a clock; but none of them
//! waits a fixed time in the hope that something has happened meanwhile.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long between two looks.
const STEP: Duration = Duration::from_millis(50);

/// An instant after which waiting is over.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `limit` from now.
    #[expect(clippy::disallowed_methods, reason = "these tests run in real time; this is their only clock")]
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// Whether the time is over.
    #[expect(clippy::disallowed_methods, reason = "these tests run in real time; this is their only clock")]
    pub fn is_over(self) -> bool {
        Instant::now() >= self.0
    }

    /// Sleeps until it.
    #[expect(clippy::disallowed_methods, reason = "these tests run in real time; this is their only clock")]
    pub fn wait(self) {
        sleep(self.0.saturating_duration_since(Instant::now()));
    }
}

/// Counts how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Watch(Instant);

impl Watch {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "these tests run in real time; this is their only clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago that was.
    #[expect(clippy::disallowed_methods, reason = "these tests run in real time; this is their only clock")]
    pub fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self.0)
    }
}

/// Looks again and again until `probe` yields something; `what` completes "waited 20 s for …".
///
/// # Panics
/// After `limit`, naming `what`.
pub fn until<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    match until_or(limit, &mut probe) {
        Some(found) => found,
        None => panic!("waited {} s for {what}", limit.as_secs_f64()),
    }
}

/// The same, for callers that have more to say about a failure than its name.
pub fn until_or<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Deadline::after(limit);
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if deadline.is_over() {
            return None;
        }
        sleep(STEP);
    }
}

/// The wall clock, seconds since 1970.
pub fn now_s() -> i64 {
    i64::try_from(since_1970().as_secs()).expect("seconds since 1970 fit an i64")
}

/// Waits until a second is half over, so that whoever collects in it has done so; yields the second.
pub fn middle_of_a_second() -> i64 {
    let is_middle = |now: Duration| (300..700).contains(&now.subsec_millis());
    until(s(2), "the middle of a second", || is_middle(since_1970()).then(now_s))
}

#[expect(clippy::disallowed_methods, reason = "these tests run in real time; this is their only clock")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970")
}

/// The wall clock when this machine's uptime was 0, seconds since 1970.
pub fn boot_s() -> f64 {
    let since = since_1970();
    let uptime = std::fs::read_to_string("/proc/uptime").expect("/proc is there");
    let uptime: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).expect("seconds come first");
    since.as_secs_f64() - uptime
}

/// Lets `span` of real time pass, for measurements over a span.
pub fn pass(span: Duration) {
    sleep(span);
}

/// Whole seconds, for limits in tests.
pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
