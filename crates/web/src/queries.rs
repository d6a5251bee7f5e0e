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
/// Stored values that a query may read at all: a second or two, for which a stop would wait.
pub(crate) const READS_MAX: u64 = 200_000_000;
/// Charts that a query may be of.
pub(crate) const CHARTS_MAX: usize = 10_000;
/// Long queries that run at once: half of the cores are left to those who receive.
const AT_ONCE_MAX: usize = 4;
/// Long queries that wait for their turn.
const WAITING_MAX: usize = 64;

/// Bytes that tables of answers may take which wait for their readers.
const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;

pub(crate) struct Queries {
    turns: Arc<Semaphore>,
    under_way: Arc<AtomicUsize>,
    held_bytes: Arc<AtomicUsize>,
}

impl Default for Queries {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::at_once((cores / 2).clamp(1, AT_ONCE_MAX))
    }
}

/// One of those that run or wait.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes of a table that waits for its reader.
struct Held {
    of_all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of_all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Queries {
    fn at_once(count: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(count)), under_way: Arc::default(), held_bytes: Arc::default() }
    }

    /// Those that wait for an archive: what they take of the cores is little.
    pub(crate) fn that_wait() -> Self {
        Self::at_once(AT_ONCE_MAX)
    }

    /// Counts what an answer holds until it is written, or refuses it: slow readers are given so much
    /// memory, and no more.
    pub(crate) fn hold(&self, answer: Answer) -> Answer {
        let bytes = answer.held_bytes();
        let held = Held { of_all: Arc::clone(&self.held_bytes), bytes };
        if self.held_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > HELD_BYTES_MAX && bytes > 0 {
            return Answer::busy("Too many long answers wait for their readers. Try again.");
        }
        answer.holding(held)
    }

    /// Runs a long query when its turn comes. One whose client left before is not begun.
    pub(crate) async fn run(&self, query: impl FnOnce() -> Answer + Send + 'static) -> Answer {
        self.run_for(query).await.unwrap_or_else(|refusal| refusal)
    }

    /// The same for what is no answer yet; an error is why there is none.
    pub(crate) async fn run_for<T: Send + 'static>(
        &self,
        query: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Answer> {
        let place = Place(Arc::clone(&self.under_way));
        if place.0.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX + AT_ONCE_MAX {
            return Err(Answer::busy("Too many long queries are under way. Try again, or ask for less."));
        }
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else { return Err(Answer::starting()) };
        let answered = spawn_blocking(move || {
            let _until_it_ends = (place, turn);
            query()
        });
        answered.await.map_err(|_| Answer::internal("The query has failed."))
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http::StatusCode;

    use super::*;
    use crate::answer::PLAIN;

    /// Goal: what slow readers hold is bounded, and given back with their answers.
    #[test]
    fn answers_hold_so_much_and_no_more() {
        let queries = Queries::default();
        let answer = |bytes| Answer::made(PLAIN, |_: &mut Vec<u8>| true).of_bytes(bytes);
        let first = queries.hold(answer(HELD_BYTES_MAX - 10));
        let second = queries.hold(answer(10));
        let refused = queries.hold(answer(1)).into_response();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(queries.hold(Answer::made(PLAIN, |_: &mut Vec<u8>| false)).into_response().status(), StatusCode::OK);
        drop((first, second));
        assert_eq!(queries.held_bytes.load(Ordering::Relaxed), 0);
    }

    /// Goal: of a flood of long queries some run, some wait, and the rest are told so at once.
    #[tokio::test]
    async fn floods_of_long_queries_are_refused() {
        let queries = Arc::new(Queries::default());
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let ask = || {
            let (queries, wait) = (Arc::clone(&queries), Arc::clone(&wait));
            tokio::spawn(async move {
                let query = move || {
                    let until_told = wait.lock().expect("nobody panics").recv();
                    Answer::new(PLAIN, if until_told.is_ok() { "told" } else { "left" })
                };
                queries.run(query).await.into_response().status()
            })
        };
        let asked: Vec<_> = (0..WAITING_MAX + AT_ONCE_MAX).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        assert_eq!(ask().await.expect("nobody panics"), StatusCode::SERVICE_UNAVAILABLE);
        asked.iter().for_each(|_| go.send(()).expect("they wait"));
        for one in asked {
            assert_eq!(one.await.expect("nobody panics"), StatusCode::OK);
        }
        assert_eq!(queries.under_way.load(Ordering::Relaxed), 0);
    }
}
