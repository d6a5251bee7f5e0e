//! Lanes: threads that stream.
//!
//! A lane is one thread with a runtime of its own. A host lives on the lane that its GUID points
//! to, its receiver and its sender side by side, so a row that is passed on crosses no thread.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::thread::JoinHandle;

use row::Guid;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};
use tracing::error;

/// Work for a lane: makes its future there, where it need not be able to move between threads.
type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// More lanes than this only split the same work.
const LANES_MAX: usize = 4;

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
    pub fn start() -> io::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
        let mut lanes = Self { jobs: Vec::new(), threads: Vec::new() };
        for number in 0..count {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
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
