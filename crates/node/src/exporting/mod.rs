//! The threads that archive: one that writes windows down for all backends, and one for each backend that
//! sends them. Neither waits for the other, and nobody waits for them.

mod build;
mod figures;
mod shared;

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use config::Settings;
use export::{Amount, Backend, Ledger};
use row::{Now, US_PER_S};
use rrd_store::Store;
use tracing::{error, info, warn};

use crate::clock;
use crate::own_host::OwnHost;
use build::{Built, build};
use shared::Shared;

pub(crate) use build::{basic, problems, secret, url};
pub(crate) use figures::figures;

/// Windows are written down so long after each full second: by then its rows are there.
const OFFSET_US: i64 = 400_000;
/// How long the end of the node waits for what is to be sent.
const END_US: u64 = 2_000_000;

/// The threads, until it is dropped.
#[derive(Debug)]
pub struct Exporting {
    backends: Vec<Arc<Shared>>,
    /// Dropped to end the thread that writes down.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Exporting {
    /// Starts to archive, if settings name a backend.
    ///
    /// # Errors
    /// Where a backend cannot be used as settings say, or the system gives no thread.
    pub fn start(settings: &Settings, own: &OwnHost) -> anyhow::Result<Self> {
        let mut exporting = Self { backends: Vec::new(), stop: None, thread: None };
        let built = build(settings, own.host.guid(), clock::now())?;
        if built.is_empty() {
            return Ok(exporting);
        }
        let mut backends = Vec::new();
        own.ledgers.set(built.iter().map(|built| Arc::clone(&built.ledger)).collect());
        for Built { backend, queue, delivery, way, ledger } in built {
            let Ledger { name, every_s, .. } = &*ledger;
            info!("export: {name} is told every {every_s} s");
            let shared = Arc::new(Shared::new(ledger, queue, delivery));
            exporting.backends.push(Arc::clone(&shared));
            backends.push((backend, Arc::clone(&shared)));
            let thread = std::thread::Builder::new().name("backend".into());
            thread.spawn(move || shared.send(way)).context("starting the thread of a backend")?;
        }
        let (stop, stopped) = channel::<()>();
        let store = Arc::clone(&own.store);
        let thread = std::thread::Builder::new().name("export".into());
        let thread = thread.spawn(move || {
            while stopped.recv_timeout(until_next(&backends)) == Err(RecvTimeoutError::Timeout) {
                turn(&mut backends, &store, clock::now());
            }
        });
        exporting.thread = Some(thread.context("starting the thread of backends")?);
        exporting.stop = Some(stop);
        Ok(exporting)
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        drop(self.stop.take());
        let end_us = clock::now().mono_us + END_US;
        self.backends.iter().for_each(|backend| backend.end(end_us));
        // One that waits for its backend longer than that ends with the process.
        self.backends.iter().for_each(|backend| backend.wait_for_end(end_us));
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of backends ended by a panic");
        }
    }
}

fn until_next(backends: &[(Backend, Arc<Shared>)]) -> Duration {
    let due_s = backends.iter().map(|(backend, _)| backend.due_s()).min().unwrap_or(0);
    let wait_us = due_s.saturating_mul(US_PER_S).saturating_add(OFFSET_US) - clock::now().wall_us;
    // A clock that is set is noticed within a second.
    Duration::from_micros(wait_us.clamp(1_000, US_PER_S) as u64)
}

/// Writes down what is due.
fn turn(backends: &mut [(Backend, Arc<Shared>)], store: &Store, now: Now) {
    for (backend, shared) in backends {
        if backend.due_s().saturating_mul(US_PER_S).saturating_add(OFFSET_US) > now.wall_us {
            continue;
        }
        let hosts = store.hosts();
        let mut held = Amount::default();
        let turn = backend.turn(&hosts, now, |told_s, records| {
            held.records += records.len() as u64;
            held.bytes += records.bytes().len() as u64;
            shared.push(told_s, records);
        });
        let Some(turn) = turn else { continue };
        for host in turn.left_out {
            warn!("export: {}: {host} keeps no rows here, and is told as collected only", shared.name());
        }
        shared.pushed(held);
    }
}
