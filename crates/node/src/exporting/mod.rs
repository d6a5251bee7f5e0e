//! The threads that archive: one that writes windows down for all backends, and one for each backend that
//! sends them. Neither waits for the other, and nobody waits for them.

mod build;

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use config::Settings;
use export::{Backend, Delivery, Outcome, Queue, Records};
use row::{Now, US_PER_S};
use rrd_store::Store;
use tracing::{error, info, warn};

use crate::clock;
use crate::own_host::OwnHost;
use build::{Built, Way, build};

pub(crate) use build::problems;

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
    threads: Vec<JoinHandle<()>>,
}

/// What the two threads of a backend share.
#[derive(Debug)]
struct Shared {
    name: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    delivery: Delivery,
    /// The monotonic time when the thread ends at the latest; 0 as long as the node runs.
    end_us: u64,
}

impl Exporting {
    /// Starts to archive, if settings name a backend.
    ///
    /// # Errors
    /// Where a backend cannot be used as settings say, or the system gives no thread.
    pub fn start(settings: &Settings, own: &OwnHost) -> anyhow::Result<Self> {
        let mut exporting = Self { backends: Vec::new(), stop: None, threads: Vec::new() };
        let built = build(settings, own.host.guid(), clock::now())?;
        if built.is_empty() {
            return Ok(exporting);
        }
        let mut backends = Vec::new();
        for Built { backend, queue, delivery, way } in built {
            let name = backend.config().name.clone();
            info!("export: {name} is told every {} s", backend.config().every_s);
            let state = Mutex::new(State { queue, delivery, end_us: 0 });
            let shared = Arc::new(Shared { name, state, changed: Condvar::new() });
            exporting.backends.push(Arc::clone(&shared));
            backends.push((backend, Arc::clone(&shared)));
            let thread = std::thread::Builder::new().name("backend".into());
            let thread = thread.spawn(move || shared.send(way)).context("starting the thread of a backend")?;
            exporting.threads.push(thread);
        }
        let (stop, stopped) = channel::<()>();
        let store = Arc::clone(&own.store);
        let thread = std::thread::Builder::new().name("export".into());
        let thread = thread.spawn(move || {
            while stopped.recv_timeout(until_next(&backends)) == Err(RecvTimeoutError::Timeout) {
                turn(&mut backends, &store, clock::now());
            }
        });
        exporting.threads.push(thread.context("starting the thread of backends")?);
        exporting.stop = Some(stop);
        Ok(exporting)
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        drop(self.stop.take());
        let end_us = clock::now().mono_us + END_US;
        for backend in &self.backends {
            backend.state().end_us = end_us;
            backend.changed.notify_all();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                error!("a thread of backends ended by a panic");
            }
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
        let turn = backend.turn(&hosts, now, |told_s, records| shared.push(told_s, records));
        for host in turn.into_iter().flat_map(|turn| turn.left_out) {
            warn!("export: {}: {host} keeps no rows here, and is told as collected only", shared.name);
        }
        shared.pushed();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, told_s: i64, records: Records) {
        if let Err(err) = self.state().queue.push(told_s, records) {
            warn!("export: {}: a window cannot be written to the disk, and is kept in memory: {err}", self.name);
        }
    }

    /// A window is complete.
    fn pushed(&self) {
        let mut state = self.state();
        if let Err(err) = state.queue.sync() {
            warn!("export: {}: windows on the disk may not survive a power loss: {err}", self.name);
        }
        let lost = state.queue.take_lost();
        drop(state);
        self.changed.notify_all();
        if lost.records > 0 {
            warn!("export: {}: {} values are given up, too many windows wait", self.name, lost.records);
        }
    }

    /// Sends what waits, until the node ends.
    fn send(&self, mut way: Way) {
        let mut is_away = false;
        let mut state = self.state();
        loop {
            let now = clock::now();
            let State { queue, delivery, end_us } = &mut *state;
            let until_us = match delivery.next(queue, now.mono_us) {
                Ok(records) if *end_us == 0 || now.mono_us < *end_us => {
                    drop(state);
                    let (outcome, why) = way.send(&records, now);
                    self.tell(outcome, &why, &records, &mut is_away);
                    state = self.state();
                    let State { queue, delivery, .. } = &mut *state;
                    delivery.ended(outcome, queue, clock::now().mono_us);
                    continue;
                }
                Ok(_) => now.mono_us,
                Err(until_us) => until_us,
            };
            if *end_us > 0 {
                // Nothing to do, or a backend that is away: the disk keeps what waits, if there is one.
                let waiting = queue.waiting();
                if waiting.memory_bytes > 0 {
                    warn!("export: {}: values are given up, for the node ends and they wait in memory", self.name);
                }
                return;
            }
            let wait = Duration::from_micros(until_us.saturating_sub(now.mono_us).min(60_000_000));
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn tell(&self, outcome: Outcome, why: &str, records: &Records, is_away: &mut bool) {
        let name = &self.name;
        match outcome {
            Outcome::Delivered if *is_away => {
                info!("export: {name} takes windows again");
                *is_away = false;
            }
            Outcome::Later(_) if !*is_away => {
                warn!("export: {name} does not take windows, which wait: {why}");
                *is_away = true;
            }
            Outcome::Refused => warn!("export: {name} refuses {} values: {why}", records.len()),
            Outcome::RefusedInPart if records.len() == 1 => warn!("export: {name} refuses a value: {why}"),
            Outcome::Delivered | Outcome::Later(_) | Outcome::RefusedInPart => {}
        }
    }
}

impl Way {
    fn send(&mut self, records: &Records, now: Now) -> (Outcome, String) {
        match self {
            Self::Lines(lines, framing, buffer) => {
                framing.write(buffer, records);
                match lines.send(buffer) {
                    Ok(outcome) => (outcome, String::new()),
                    Err(failure) => (Outcome::Later(None), failure.to_string()),
                }
            }
            Self::Web(web) => web.send(records, now),
        }
    }
}
