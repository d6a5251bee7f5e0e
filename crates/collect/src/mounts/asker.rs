//! Asks file systems how much room they have, on a thread of its own.
//!
//! ```text
//! collecting thread   post: these questions ─┐             ┌─> take: what is answered, without waiting
//! asking thread                              └─> statvfs ──┘   one after another
//! ```
//!
//! A file system may not answer for hours, where its server or its disk is gone. The thread that
//! hangs there is then left to that one question, and another goes on with the rest; it ends with
//! the answer. So there is one thread while all answer, and [`THREADS_MAX`] in the worst case: no
//! more than that are ever left behind, and mounts that may well hang do not get the last one.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::statvfs;
use tracing::warn;

/// Threads at most, of which all but one hang.
pub(crate) const THREADS_MAX: usize = 4;
/// A question that takes longer holds up the others no more. It is the shortest time between two ticks.
const DEADLINE_US: u64 = 900_000;
/// Room for a system call and little else.
const STACK_BYTES: usize = 64 * 1024;

/// How much room a file system has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes in a block.
    pub block_bytes: u64,
    /// Blocks: all, free, and free to everybody.
    pub blocks: [u64; 3],
    /// Inodes, likewise.
    pub inodes: [u64; 3],
}

/// Asks a file system; takes as long as it takes.
pub(crate) type Ask = dyn Fn(&Path) -> io::Result<Room> + Send + Sync;

/// Asks the file system that is mounted at `path`.
pub(crate) fn ask(path: &Path) -> io::Result<Room> {
    let found = statvfs(path)?;
    Ok(Room {
        block_bytes: if found.f_frsize > 0 { found.f_frsize } else { found.f_bsize },
        blocks: [found.f_blocks, found.f_bfree, found.f_bavail],
        inodes: [found.f_files, found.f_ffree, found.f_favail],
    })
}

/// A question about one mount, asked again and again.
#[derive(Debug)]
pub(crate) struct Question {
    path: PathBuf,
    state: Mutex<Asked>,
}

#[derive(Debug)]
enum Asked {
    No,
    Waiting,
    Answered(io::Result<Room>),
}

impl Question {
    /// A question about what is mounted at `path`.
    pub(crate) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, state: Mutex::new(Asked::No) })
    }

    /// The answer, if there is one that was not taken so far.
    pub(crate) fn take(&self) -> Option<io::Result<Room>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, Asked::No) {
            Asked::Answered(answer) => Some(answer),
            other => {
                *state = other;
                None
            }
        }
    }

    /// The same where it is no error.
    pub(crate) fn take_room(&self) -> Option<Room> {
        let mut state = lock(&self.state);
        let Asked::Answered(Ok(room)) = *state else { return None };
        *state = Asked::No;
        Some(room)
    }

    /// Whether it was posted and is not answered.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(*lock(&self.state), Asked::Waiting)
    }

    fn set(&self, state: Asked) {
        *lock(&self.state) = state;
    }
}

/// The asking threads, as the collecting one sees them.
pub(crate) struct Asker {
    shared: Arc<Shared>,
    /// When the questions were posted that are asked now, by the monotonic clock.
    posted_us: u64,
    /// Questions that a thread was left to.
    left: Vec<Arc<Question>>,
}

struct Shared {
    ask: Box<Ask>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Question>>,
    asking: Option<Arc<Question>>,
    /// The number of the thread that takes from the queue; others end. None while there is none.
    worker: Option<u64>,
    workers: u64,
}

impl Asker {
    /// An asker that asks by `ask`. Its thread starts with the first question.
    pub(crate) fn new(ask: Box<Ask>) -> Self {
        let shared = Shared { ask, state: Mutex::default(), wake: Condvar::new() };
        Self { shared: Arc::new(shared), posted_us: 0, left: Vec::new() }
    }

    /// Asks at once, on this thread.
    pub(crate) fn ask(&self, question: &Question) {
        question.set(Asked::Answered((self.shared.ask)(&question.path)));
    }

    /// Whether all that was posted is answered, or left behind.
    pub(crate) fn is_idle(&self) -> bool {
        let state = lock(&self.shared.state);
        state.queue.is_empty() && state.asking.is_none()
    }

    /// Whether a thread takes questions.
    #[cfg(test)]
    pub(crate) fn has_thread(&self) -> bool {
        lock(&self.shared.state).worker.is_some()
    }

    /// Whether one more thread may hang, and one is left for those that do not.
    pub(crate) fn may_hang(&self) -> bool {
        self.left.len() + 2 < THREADS_MAX
    }

    /// Posts questions, to be asked in their order.
    pub(crate) fn post<'q>(&mut self, questions: impl Iterator<Item = &'q Arc<Question>>, now_us: u64) {
        self.posted_us = now_us;
        let mut state = lock(&self.shared.state);
        for question in questions {
            question.set(Asked::Waiting);
            state.queue.push_back(Arc::clone(question));
        }
        if !state.queue.is_empty() {
            if state.worker.is_none() {
                self.shared.start(&mut state);
            }
            drop(state);
            self.shared.wake.notify_all();
        }
    }

    /// Looks whether the question that is asked now takes too long, and returns it then. Its thread
    /// is left to it and another goes on with the rest, unless too many hang.
    pub(crate) fn supervise(&mut self, now_us: u64) -> Option<Arc<Question>> {
        self.left.retain(|question| question.is_waiting());
        let mut state = lock(&self.shared.state);
        if state.worker.is_none() && !state.queue.is_empty() {
            self.shared.start(&mut state);
        }
        if now_us.saturating_sub(self.posted_us) < DEADLINE_US {
            return None;
        }
        let question = Arc::clone(state.asking.as_ref()?);
        if self.left.len() + 1 < THREADS_MAX {
            state.asking = None;
            self.shared.start(&mut state);
            self.posted_us = now_us;
            self.left.push(Arc::clone(&question));
        }
        Some(question)
    }
}

impl Drop for Asker {
    /// Threads end by themselves, each with its question: nobody waits for one that hangs.
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.worker = None;
        state.queue.clear();
        drop(state);
        self.shared.wake.notify_all();
    }
}

impl Shared {
    /// Starts a thread that takes from the queue. Where there is none to be had, the next question
    /// tries again.
    fn start(self: &Arc<Self>, state: &mut State) {
        state.workers += 1;
        state.worker = None;
        let number = state.workers;
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("mounts".into()).stack_size(STACK_BYTES);
        match thread.spawn(move || shared.work(number)) {
            Ok(_) => state.worker = Some(number),
            Err(error) => warn!(%error, "no thread to ask file systems"),
        }
    }

    fn work(&self, number: u64) {
        while let Some(question) = self.next(number) {
            let answer = (self.ask)(&question.path);
            let mut state = lock(&self.state);
            question.set(Asked::Answered(answer));
            if state.worker == Some(number) {
                state.asking = None;
            }
        }
    }

    /// The next question for the thread with this number; `None` when it is to end.
    fn next(&self, number: u64) -> Option<Arc<Question>> {
        let state = lock(&self.state);
        let mut state = self
            .wake
            .wait_while(state, |state| state.worker == Some(number) && state.queue.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        if state.worker != Some(number) {
            return None;
        }
        let question = state.queue.pop_front()?;
        state.asking = Some(Arc::clone(&question));
        Some(question)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Waits until `is_so`, which other threads bring about.
    fn wait(mut is_so: impl FnMut() -> bool) {
        for _ in 0..4000 {
            if is_so() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("waited in vain");
    }

    fn room(blocks: u64) -> Room {
        Room { block_bytes: 4096, blocks: [blocks; 3], inodes: [1; 3] }
    }

    /// Goal: a question that hangs delays no other, its thread ends with the answer, and a limited
    /// number of threads may hang.
    #[test]
    fn what_hangs_is_left_to_its_own_thread() {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let mut asker = Asker::new(Box::new(move |path: &Path| {
            if path.starts_with("/hangs") {
                lock(&released).recv().ok();
            }
            Ok(room(7))
        }));
        let shared = Arc::downgrade(&asker.shared);
        let good = Question::new("/good".into());
        let hanging: Vec<_> = (0..THREADS_MAX).map(|at| Question::new(format!("/hangs/{at}").into())).collect();
        let mut now_us = 1_000_000;
        for (at, question) in hanging.iter().take(THREADS_MAX - 1).enumerate() {
            assert_eq!(asker.may_hang(), at + 2 < THREADS_MAX);
            asker.post([question, &good].into_iter(), now_us);
            wait(|| lock(&asker.shared.state).asking.is_some());
            assert!(asker.supervise(now_us + DEADLINE_US - 1).is_none(), "it has its time");
            now_us += 1_000_000;
            assert!(Arc::ptr_eq(&asker.supervise(now_us).unwrap(), question));
            wait(|| good.take().is_some_and(|answer| answer.unwrap() == room(7)));
            wait(|| asker.is_idle());
            assert!(question.is_waiting());
        }
        assert_eq!(Arc::strong_count(&asker.shared), 1 + THREADS_MAX);
        asker.post([&hanging[THREADS_MAX - 1]].into_iter(), now_us);
        now_us += 1_000_000;
        wait(|| lock(&asker.shared.state).asking.is_some());
        assert!(asker.supervise(now_us).is_some());
        assert!(!asker.is_idle(), "no thread is left for others");
        assert_eq!(Arc::strong_count(&asker.shared), 1 + THREADS_MAX);
        for _ in 0..THREADS_MAX {
            release.send(()).unwrap();
        }
        for question in &hanging {
            wait(|| question.take().is_some());
        }
        wait(|| Arc::strong_count(&asker.shared) == 2 && asker.is_idle());
        assert!(asker.supervise(now_us).is_none() && asker.may_hang());
        drop(asker);
        wait(|| shared.strong_count() == 0);
    }

    /// Goal: errors are answers, and an answer is taken once.
    #[test]
    fn errors_are_answers() {
        let mut asker = Asker::new(Box::new(ask));
        let (here, gone, file) = (
            Question::new("/".into()),
            Question::new("/there/is/none".into()),
            Question::new("/proc/self/stat/".into()),
        );
        asker.post([&here, &gone, &file].into_iter(), 1);
        wait(|| asker.is_idle());
        assert!(here.take().unwrap().unwrap().block_bytes > 0);
        assert_eq!(gone.take().unwrap().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(file.take().unwrap().unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert!(here.take().is_none() && !here.is_waiting());
    }
}
