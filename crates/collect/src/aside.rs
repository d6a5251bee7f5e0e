//! Readings that take long: a thread for a module whose file keeps its reader waiting.
//!
//! A file that the kernel fills from its own memory never does; one that asks a device may, for as
//! long as the device pleases. Whoever asks then is this thread, so that nobody else waits. It exists
//! only for a module that takes long, and waits between readings.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use row::Now;

use crate::file::Buffer;
use crate::module::{Module, ReadError};

/// A module's reading needs little of it, and so many threads may exist as there are modules.
const STACK_BYTES: usize = 128 * 1024;

/// Nanoseconds by some clock that goes on.
pub type Stopwatch = fn() -> u64;

/// A module, and the tick that it is read for.
type Job = (Box<dyn Module>, Now);

/// A module that comes back, and what its reading came to.
pub(crate) struct Reading {
    pub(crate) module: Box<dyn Module>,
    /// The tick that it was read for.
    pub(crate) now: Now,
    pub(crate) result: Result<(), ReadError>,
    pub(crate) took_ns: u64,
}

/// A thread for the readings of one module; it ends after the reading in which this is dropped.
pub(crate) struct Aside {
    jobs: SyncSender<Job>,
    readings: Receiver<Reading>,
}

impl Aside {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system gives none.
    pub(crate) fn start(stopwatch: Stopwatch) -> io::Result<Self> {
        let (jobs, to_do) = sync_channel::<Job>(1);
        let (done, readings) = sync_channel(1);
        let work = move || {
            let mut buffer = Buffer::new();
            for (mut module, now) in to_do {
                let begun_ns = stopwatch();
                let result = module.read(&mut buffer, now);
                let took_ns = stopwatch().saturating_sub(begun_ns);
                if done.send(Reading { module, now, result, took_ns }).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("collect-aside".into()).stack_size(STACK_BYTES).spawn(work)?;
        Ok(Self { jobs, readings })
    }

    /// Has the module read; it is here again with [`Aside::take`].
    pub(crate) fn read(&self, module: Box<dyn Module>, now: Now) {
        // There is room for the one module that this thread is for. Were the thread gone, so were the
        // module, and whoever takes is told.
        self.jobs.try_send((module, now)).ok();
    }

    /// The module, if its reading is over within so long; an error if the thread is gone, and the
    /// module with it.
    pub(crate) fn take(&self, within: Duration) -> Result<Option<Reading>, Gone> {
        let taken = if within.is_zero() {
            self.readings.try_recv().map_err(|error| error == TryRecvError::Disconnected)
        } else {
            self.readings.recv_timeout(within).map_err(|error| error == RecvTimeoutError::Disconnected)
        };
        match taken {
            Ok(reading) => Ok(Some(reading)),
            Err(false) => Ok(None),
            Err(true) => Err(Gone),
        }
    }
}

/// The thread ended by a panic, and took the module with it.
#[derive(Debug)]
pub(crate) struct Gone;
