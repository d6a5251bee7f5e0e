//! Lanes: threads that stream.
//!
//! A lane is one thread with a runtime of its own. A host lives on the lane that its GUID points
//! to, its receiver and its sender side by side, so a row that is passed on crosses no thread.
//!
//! Each bit that arrives wakes the lane, even for a session that reads only every 50 ms; children
//! that write chart by chart would wake it thousands of times a second, at 3 to 5 µs each. A lane
//! that is woken so often naps for 5 ms before it waits again (`Rest`): measured with 100 hosts of
//! 50 charts each.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::thread::JoinHandle;
use std::time::Duration;

use row::Guid;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};
use tracing::error;

use crate::Clock;

/// Work for a lane: makes its future there, where it need not be able to move between threads.
type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// More lanes than this only split the same work.
const LANES_MAX: usize = 4;

/// How long a restless lane naps.
const NAP: Duration = Duration::from_millis(5);
/// How long a lane's wake-ups are counted.
const WINDOW_US: u64 = 50_000;
/// More wake-ups in a window make a lane restless: 2,000 a second.
const WAKES_MAX: u32 = 100;
/// With naps there are 10 in a window at most; fewer than this, and the rush is over.
const WAKES_WITH_NAPS_MIN: u32 = 5;

thread_local! {
    static REST: RefCell<Rest> = RefCell::default();
}

/// Decides whether a lane naps before it waits.
#[derive(Debug, Default)]
struct Rest {
    window_us: u64,
    wakes: u32,
    is_restless: bool,
}

impl Rest {
    /// The lane has nothing left to do; returns whether to nap.
    fn before_wait(&mut self, mono_us: u64) -> bool {
        if mono_us.saturating_sub(self.window_us) >= WINDOW_US {
            self.is_restless &= self.wakes >= WAKES_WITH_NAPS_MIN;
            (self.window_us, self.wakes) = (mono_us, 0);
        }
        self.wakes += 1;
        self.is_restless |= self.wakes > WAKES_MAX;
        self.is_restless
    }
}

/// The lanes of a node.
#[derive(Debug)]
pub struct Lanes {
    jobs: Vec<mpsc::UnboundedSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

/// Gives work to lanes; cheap to clone.
#[derive(Debug, Clone)]
pub struct LaneHandle {
    jobs: Vec<mpsc::UnboundedSender<Job>>,
}

impl Lanes {
    /// Starts one lane per processor, four at most.
    ///
    /// # Errors
    /// Where the system gives no thread or no runtime.
    pub fn start(clock: Clock) -> io::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
        let mut lanes = Self { jobs: Vec::new(), threads: Vec::new() };
        for number in 0..count {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_io().enable_time().on_thread_park(move || {
                if REST.with_borrow_mut(|rest| rest.before_wait(clock().mono_us)) {
                    std::thread::sleep(NAP);
                }
            });
            let runtime = builder.build()?;
            let (sender, receiver) = mpsc::unbounded_channel();
            let thread = std::thread::Builder::new().name(format!("lane-{number}"));
            lanes.threads.push(thread.spawn(move || LocalSet::new().block_on(&runtime, work(receiver)))?);
            lanes.jobs.push(sender);
        }
        Ok(lanes)
    }

    /// A handle to give work with.
    #[must_use]
    pub fn handle(&self) -> LaneHandle {
        LaneHandle { jobs: self.jobs.clone() }
    }

    /// Waits until all work has ended and all handles are gone.
    pub fn join(self) {
        drop(self.jobs);
        for thread in self.threads {
            if thread.join().is_err() {
                error!("STREAM: a lane ended by a panic");
            }
        }
    }
}

impl LaneHandle {
    /// Runs a future on the lane of a host.
    pub fn spawn<F>(&self, host: Guid, make: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        let bytes = host.as_bytes();
        let lane = usize::from(bytes[14]) << 8 | usize::from(bytes[15]);
        let job: Job = Box::new(move || Box::pin(make()));
        if self.jobs[lane % self.jobs.len()].send(job).is_err() {
            error!("STREAM: a lane is gone");
        }
    }
}

/// A lane on the thread and the runtime of a test.
#[cfg(all(test, feature = "receiver"))]
pub(crate) fn of_test() -> LaneHandle {
    let (sender, receiver) = mpsc::unbounded_channel();
    drop(tokio::task::spawn_local(work(receiver)));
    LaneHandle { jobs: vec![sender] }
}

/// Runs jobs until no more can come and all have ended. A panic ends its own job only.
async fn work(mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => {
                    tasks.spawn_local(async move { job().await });
                }
                None => break,
            },
            Some(ended) = tasks.join_next() => report(ended),
        }
    }
    while let Some(ended) = tasks.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(err) = ended {
        error!("STREAM: a session ended by a panic: {err}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rush_makes_a_lane_nap() {
        let mut rest = Rest::default();
        assert!((0..2_000).all(|wake| !rest.before_wait(1_000_000 + wake * 1_000)), "a thousand a second is calm");
        let naps = (0..1_000).filter(|wake| rest.before_wait(4_000_000 + wake * 20)).count();
        assert!((800..=900).contains(&naps), "{naps}");
        // With naps, wake-ups are 5 ms apart as long as the rush lasts; then they are rare.
        assert!((0..50).all(|wake| rest.before_wait(4_020_000 + wake * 5_100)));
        let naps = (0..20).filter(|wake| rest.before_wait(4_300_000 + wake * 20_000)).count();
        assert!(naps <= 4, "{naps}");
    }
}
