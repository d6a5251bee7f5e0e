//! The threads that archive: one that writes windows down for all backends, and one for each backend that
//! sends them. Neither waits for the other, and nobody waits for them.

mod build;
mod figures;
mod shared;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use config::Settings;
use export::{Amount, Backend, Ledgers};
use row::{Guid, Now, US_PER_S};
use rrd_store::Store;
use tracing::{error, info, warn};

use crate::clock;
use crate::own_host::OwnHost;
use build::{Before, Built};
use shared::Shared;

pub(crate) use build::{Plan, basic, secret, url};
pub(crate) use figures::figures;

/// Windows are written down so long after each full second: by then its rows are there.
const OFFSET_US: i64 = 400_000;
/// How long a backend that ends may still send what waits.
const END_US: u64 = 2_000_000;

/// The threads, until its last copy is dropped.
#[derive(Debug, Clone)]
pub struct Exporting(Arc<Threads>);

/// The thread that writes down, which has the others.
#[derive(Debug)]
struct Threads {
    archive: Archive,
    thread: Mutex<Thread>,
}

/// As long as no backend is enabled, there is none.
#[derive(Debug, Default)]
struct Thread {
    /// Takes other settings; dropped to end it.
    plans: Option<Sender<Plan>>,
    thread: Option<JoinHandle<()>>,
}

/// What is archived.
#[derive(Debug, Clone)]
struct Archive {
    store: Arc<Store>,
    own: Guid,
    ledgers: Ledgers,
}

/// A backend that is told. Its settings hold secrets.
struct Running {
    settings: config::Backend,
    backend: Backend,
    shared: Arc<Shared>,
}

impl Exporting {
    /// Starts to archive, if settings name a backend.
    ///
    /// # Errors
    /// Where a backend cannot be used as settings say, or the system gives no thread.
    pub fn start(settings: &Settings, own: &OwnHost) -> anyhow::Result<Self> {
        let archive = Archive { store: Arc::clone(&own.store), own: own.host.guid(), ledgers: own.ledgers.clone() };
        let exporting = Self(Arc::new(Threads { archive, thread: Mutex::default() }));
        exporting.0.begin(&Plan::new(settings))?;
        Ok(exporting)
    }

    /// Takes over other settings, which were checked. Backends that stay as they are notice nothing; what waits for
    /// others goes on to where it can.
    ///
    /// # Errors
    /// Where a first backend cannot be used as settings say, or the system gives no thread.
    pub(crate) fn exchange(&self, plan: Plan) -> anyhow::Result<()> {
        let plans = self.0.thread().plans.clone();
        match plans {
            // The thread lives as long as somebody can send to it.
            Some(plans) => plans.send(plan).context("the thread of backends has ended"),
            None => self.0.begin(&plan),
        }
    }
}

impl Threads {
    fn begin(&self, plan: &Plan) -> anyhow::Result<()> {
        if plan.backends().is_empty() {
            return Ok(());
        }
        let mut running = Vec::new();
        for settings in plan.backends() {
            running.push(self.archive.run(plan, settings, None)?);
        }
        self.archive.show(&running);
        let (sender, plans) = channel();
        let archive = self.archive.clone();
        let thread = std::thread::Builder::new().name("export".into());
        let thread = thread.spawn(move || archive.tell(running, &plans)).context("starting the thread of backends")?;
        *self.thread() = Thread { plans: Some(sender), thread: Some(thread) };
        Ok(())
    }

    fn thread(&self) -> MutexGuard<'_, Thread> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let Thread { plans, thread } = std::mem::take(&mut *self.thread());
        drop(plans);
        if thread.is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of backends ended by a panic");
        }
    }
}

impl Archive {
    /// Tells all backends what is due, until nobody can send plans any more.
    fn tell(&self, mut running: Vec<Running>, plans: &Receiver<Plan>) {
        loop {
            match plans.recv_timeout(until_next(&running)) {
                Err(RecvTimeoutError::Timeout) => turn(&mut running, &self.store, clock::now()),
                Ok(plan) => running = self.take_over(running, &plan),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        end(&running);
        running.iter().for_each(|running| running.shared.tell_end());
    }

    /// Ends what is not as the plan says, and starts what is.
    fn take_over(&self, running: Vec<Running>, plan: &Plan) -> Vec<Running> {
        let (mut kept, mut gone): (Vec<_>, Vec<_>) =
            running.into_iter().partition(|running| plan.backends().contains(&running.settings));
        end(&gone);
        for settings in plan.backends() {
            if kept.iter().any(|running| running.settings == *settings) {
                continue;
            }
            let before = gone.iter().position(|running| running.settings.name == settings.name);
            let before = before.map(|place| gone.swap_remove(place).leave(settings));
            match self.run(plan, settings, before) {
                Ok(running) => kept.push(running),
                Err(err) => error!("export: {err:#}"),
            }
        }
        for Running { shared, .. } in gone {
            info!("export: {} is told nothing more", shared.name());
            shared.tell_end();
        }
        self.show(&kept);
        kept
    }

    /// Starts one backend.
    fn run(&self, plan: &Plan, settings: &config::Backend, before: Option<Before>) -> anyhow::Result<Running> {
        let Built { backend, queue, delivery, way, ledger } = plan.build(settings, self.own, before, clock::now())?;
        info!("export: {} is told every {} s", ledger.name, ledger.every_s);
        let shared = Arc::new(Shared::new(ledger, queue, delivery));
        let sending = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("backend".into());
        thread.spawn(move || sending.send(way)).context("starting the thread of a backend")?;
        Ok(Running { settings: settings.clone(), backend, shared })
    }

    fn show(&self, running: &[Running]) {
        self.ledgers.set(running.iter().map(|running| Arc::clone(running.shared.ledger())).collect());
    }
}

impl Running {
    /// What one with other settings takes over of it, once it has ended.
    fn leave(self, settings: &config::Backend) -> Before {
        let is_same = self.settings.kind == settings.kind && self.settings.queue_on_disk == settings.queue_on_disk;
        if !is_same {
            self.shared.tell_end();
        }
        let queue = self.shared.take_queue();
        Before { told_s: Some(self.backend.told_s()), queue: is_same.then_some(queue) }
    }
}

/// Ends the threads that send, all at once. One that waits for its backend longer ends when that answers.
fn end(running: &[Running]) {
    let end_us = clock::now().mono_us + END_US;
    running.iter().for_each(|running| running.shared.end(end_us));
    running.iter().for_each(|running| running.shared.wait_for_end(end_us));
}

fn until_next(running: &[Running]) -> Duration {
    let due_s = running.iter().map(|running| running.backend.due_s()).min().unwrap_or(i64::MAX);
    let wait_us = due_s.saturating_mul(US_PER_S).saturating_add(OFFSET_US).saturating_sub(clock::now().wall_us);
    // A clock that is set is noticed within a second.
    Duration::from_micros(wait_us.clamp(1_000, US_PER_S) as u64)
}

/// Writes down what is due.
fn turn(running: &mut [Running], store: &Store, now: Now) {
    for Running { backend, shared, .. } in running {
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
