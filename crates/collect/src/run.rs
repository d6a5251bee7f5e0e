//! The loop of the collecting thread.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use row::{Guid, Now};
use rrd_store::Feed;
use tracing::{info, warn};

use crate::collector::Collector;
use crate::pace::{Pace, Step};

/// The loop looks at the clock at least this often, lest a clock that is set while it sleeps leave
/// a gap.
const SLEEP_US_MAX: u64 = 5_000_000;

/// A request to stop, shared between who makes it and the loop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// No request so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the request; the loop ends at once, or after the tick that it is in.
    pub fn request(&self) {
        let (requested, wake) = &*self.0;
        *requested.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
    }

    /// Waits for the request; returns whether it came within `us` microseconds.
    fn wait(&self, us: u64) -> bool {
        let (requested, wake) = &*self.0;
        let requested = requested.lock().unwrap_or_else(PoisonError::into_inner);
        let timeout = Duration::from_micros(us);
        let (requested, _) = wake
            .wait_timeout_while(requested, timeout, |requested| !*requested)
            .unwrap_or_else(PoisonError::into_inner);
        *requested
    }
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was requested.
    Stopped,
    /// Another feed of the host took over.
    FeedLost,
}

/// Collects until `stop` is requested or the feed is lost. `clock` reads both clocks; `guid` is the
/// machine's and fixes where in the second it collects.
pub fn run(mut collector: Collector, mut feed: Feed, guid: Guid, clock: impl Fn() -> Now, stop: &Stop) -> Ended {
    let mut pace = Pace::new(collector.update_every_s(), guid);
    loop {
        let now = clock();
        match pace.next(now) {
            Step::Wait { us, .. } => {
                if stop.wait(us.min(SLEEP_US_MAX)) {
                    return Ended::Stopped;
                }
            }
            Step::Tick { missed, .. } => {
                if missed > 0 {
                    warn!(missed, "collection was held up");
                }
                if collector.tick(now, &mut feed).feed_lost {
                    info!("another source feeds this host, collection ends");
                    return Ended::FeedLost;
                }
            }
        }
    }
}
