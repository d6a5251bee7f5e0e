//! What the two threads of a backend share: the one that writes its windows down, and the one that sends them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use export::{Amount, Attempt, Delivery, Ledger, Outcome, Queue, Queued, Records};
use tracing::{info, warn};

use super::build::Way;
use crate::clock;

/// A backend's queue, and what becomes of it.
#[derive(Debug)]
pub(super) struct Shared {
    ledger: Arc<Ledger>,
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

impl Shared {
    pub(super) fn new(ledger: Arc<Ledger>, queue: Queue, delivery: Delivery) -> Self {
        ledger.waits(Queued::of(&queue));
        let state = Mutex::new(State { queue, delivery, end_us: 0 });
        Self { ledger, state, changed: Condvar::new() }
    }

    pub(super) fn name(&self) -> &str {
        &self.ledger.name
    }

    /// Has the thread that sends end by then.
    pub(super) fn end(&self, end_us: u64) {
        self.state().end_us = end_us;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a part of a window.
    pub(super) fn push(&self, told_s: i64, records: Records) {
        if let Err(err) = self.state().queue.push(told_s, records) {
            warn!("export: {}: a window cannot be written to the disk, and is kept in memory: {err}", self.ledger.name);
        }
    }

    /// A window is complete, and holds so much.
    pub(super) fn pushed(&self, held: Amount) {
        let mut state = self.state();
        if let Err(err) = state.queue.sync() {
            warn!("export: {}: windows on the disk may not survive a power loss: {err}", self.ledger.name);
        }
        let lost = state.queue.take_lost();
        self.ledger.window(held, lost, Queued::of(&state.queue));
        drop(state);
        self.changed.notify_all();
        if lost.records > 0 {
            warn!("export: {}: {} values are given up, too many windows wait", self.ledger.name, lost.records);
        }
    }

    /// Sends what waits, until the node ends.
    pub(super) fn send(&self, mut way: Way) {
        let mut is_away = false;
        let mut state = self.state();
        loop {
            let now = clock::now();
            let State { queue, delivery, end_us } = &mut *state;
            let until_us = match delivery.next(queue, now.mono_us) {
                Ok(records) if *end_us == 0 || now.mono_us < *end_us => {
                    drop(state);
                    let (outcome, why) = way.send(&records, now);
                    let end = clock::now();
                    self.tell(outcome, &why, &records, &mut is_away);
                    state = self.state();
                    let State { queue, delivery, .. } = &mut *state;
                    delivery.ended(outcome, queue, end.mono_us);
                    let attempt = Attempt {
                        end_s: end.wall_s(),
                        took_us: end.mono_us.saturating_sub(now.mono_us),
                        is_reached: !matches!(outcome, Outcome::Later(_)),
                        why: &why,
                        heard: way.take_heard(),
                    };
                    self.ledger.attempt(attempt, delivery.take_counted(), queue.take_lost(), Queued::of(queue));
                    continue;
                }
                Ok(_) => now.mono_us,
                Err(until_us) => until_us,
            };
            if *end_us > 0 {
                // Nothing to do, or a backend that is away: the disk keeps what waits, if there is one.
                let waiting = queue.waiting();
                if waiting.memory_bytes > 0 {
                    warn!(
                        "export: {}: values are given up, for the node ends and they wait in memory",
                        self.ledger.name
                    );
                }
                return;
            }
            let wait = Duration::from_micros(until_us.saturating_sub(now.mono_us).min(60_000_000));
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn tell(&self, outcome: Outcome, why: &str, records: &Records, is_away: &mut bool) {
        let name = &self.ledger.name;
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
