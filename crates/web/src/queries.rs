//! Queries that take long: on threads of their own, a few at a time, so that neither other requests nor
//! the port wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::answer::Answer;

/// Stored values that a query may read where it was asked: a millisecond or two. With more it is long.
pub(crate) const QUICK_READS_MAX: u64 = 200_000;
/// Stored values that a query may read at all: some seconds.
pub(crate) const READS_MAX: u64 = 500_000_000;
/// Charts that a query may be of.
pub(crate) const CHARTS_MAX: usize = 10_000;
/// Long queries that run at once: half of the cores are left to those who receive.
const AT_ONCE_MAX: usize = 4;
/// Long queries that wait for their turn.
const WAITING_MAX: usize = 64;

pub(crate) struct Queries {
    turns: Arc<Semaphore>,
    under_way: Arc<AtomicUsize>,
}

impl Default for Queries {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new((cores / 2).clamp(1, AT_ONCE_MAX))), under_way: Arc::default() }
    }
}

/// One of those that run or wait.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queries {
    /// Runs a long query when its turn comes. One whose client left before is not begun.
    pub(crate) async fn run(&self, query: impl FnOnce() -> Answer + Send + 'static) -> Answer {
        let place = Place(Arc::clone(&self.under_way));
        if place.0.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX + AT_ONCE_MAX {
            return Answer::busy("Too many long queries are under way. Try again, or ask for less.");
        }
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else { return Answer::starting() };
        let answered = spawn_blocking(move || {
            let _until_it_ends = (place, turn);
            query()
        });
        answered.await.unwrap_or_else(|_| Answer::internal("The query has failed."))
    }
}
