//! What the two threads of a backend share: the one that writes its windows down, and the one that sends them.

use std::mem;
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
    has_ended: bool,
    /// The disk refuses what is to be queued on it.
    is_disk_refusing: bool,
    /// Values that were given up, and that the backend refused.
    lost: Tally,
    refused: Tally,
}

/// How often losses are told of, at most.
const TOLD_EVERY_US: u64 = 60_000_000;

impl Shared {
    pub(super) fn new(ledger: Arc<Ledger>, queue: Queue, delivery: Delivery) -> Self {
        ledger.waits(Queued::of(&queue));
        if queue.damaged_bytes() > 0 {
            let (name, bytes) = (&ledger.name, queue.damaged_bytes());
            warn!("export: {name}: {bytes} bytes of windows on the disk are damaged, and are given up");
        }
        let state = State {
            queue,
            delivery,
            end_us: 0,
            has_ended: false,
            is_disk_refusing: false,
            lost: Tally::default(),
            refused: Tally::default(),
        };
        let state = Mutex::new(state);
        Self { ledger, state, changed: Condvar::new() }
    }

    pub(super) const fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
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

    /// Waits until it has, no longer than that.
    pub(super) fn wait_for_end(&self, end_us: u64) {
        let mut state = self.state();
        loop {
            let left_us = end_us.saturating_sub(clock::now().mono_us);
            if state.has_ended || left_us == 0 {
                break;
            }
            let wait = Duration::from_micros(left_us);
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes what still waits. A thread that hangs in a request finds nothing more.
    pub(super) fn take_queue(&self) -> Queue {
        mem::take(&mut self.state().queue)
    }

    /// Says whether what waits is lost when it goes.
    pub(super) fn tell_end(&self) {
        if self.state().queue.waiting().memory_bytes > 0 {
            warn!("export: {}: values are given up, for it ends and they wait in memory", self.name());
        }
    }

    /// Adds a part of a window.
    pub(super) fn push(&self, told_s: i64, records: Records) {
        let mut state = self.state();
        let pushed = state.queue.push(told_s, records);
        if let Err(err) = &pushed
            && !state.is_disk_refusing
        {
            warn!("export: {}: windows cannot be written to the disk, and are kept in memory: {err}", self.name());
        }
        if pushed.is_ok() && state.is_disk_refusing {
            info!("export: {}: windows are written to the disk again", self.name());
        }
        state.is_disk_refusing = pushed.is_err();
    }

    /// A window is complete, and holds so much.
    pub(super) fn pushed(&self, held: Amount) {
        let mut state = self.state();
        if !state.is_disk_refusing
            && let Err(err) = state.queue.sync()
        {
            warn!("export: {}: windows on the disk may not survive a power loss: {err}", self.name());
        }
        let given_up = state.queue.take_lost();
        self.ledger.window(held, given_up, Queued::of(&state.queue));
        let lost = state.lost.add(given_up.records, clock::now().mono_us);
        drop(state);
        self.changed.notify_all();
        self.tell_lost(lost);
    }

    /// Sends what waits, until the node ends.
    pub(super) fn send(&self, mut way: Way) {
        let mut is_away = false;
        while let Some(records) = self.next() {
            self.attempt(&mut way, &records, &mut is_away);
        }
        self.state().has_ended = true;
        self.changed.notify_all();
    }

    /// Waits for what is to be sent; `None` at the end. What a backend that is away does not take then, the disk
    /// keeps, if there is one.
    fn next(&self) -> Option<Arc<Records>> {
        let mut state = self.state();
        loop {
            let now_us = clock::now().mono_us;
            let State { queue, delivery, end_us, .. } = &mut *state;
            let is_over = *end_us > 0 && now_us >= *end_us;
            let until_us = match delivery.next(queue, now_us) {
                Ok(records) if !is_over => return Some(records),
                Ok(_) => return None,
                Err(_) if *end_us > 0 => return None,
                Err(until_us) => until_us,
            };
            let wait = Duration::from_micros(until_us.saturating_sub(now_us).min(60_000_000));
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn attempt(&self, way: &mut Way, records: &Arc<Records>, is_away: &mut bool) {
        let begin = clock::now();
        let (outcome, why) = way.send(records, begin);
        let end = clock::now();
        let mut state = self.state();
        let State { queue, delivery, lost, refused, .. } = &mut *state;
        delivery.ended(outcome, queue, end.mono_us);
        let attempt = Attempt {
            end_s: end.wall_s(),
            took_us: end.mono_us.saturating_sub(begin.mono_us),
            is_reached: !matches!(outcome, Outcome::Later(_)),
            why: &why,
            heard: way.take_heard(),
        };
        let (delivered, given_up) = (delivery.take_counted(), queue.take_lost());
        self.ledger.attempt(attempt, delivered, given_up, Queued::of(queue));
        let refused = refused.add(delivered.refused, end.mono_us);
        let lost = lost.add(given_up.records, end.mono_us);
        drop(state);
        if let Some(count) = refused {
            warn!("export: {} refuses {count} values: {why}", self.name());
        }
        self.tell_lost(lost);
        self.tell(outcome, &why, is_away);
    }

    fn tell_lost(&self, lost: Option<u64>) {
        if let Some(count) = lost {
            warn!("export: {}: {count} values are given up, too many windows wait", self.name());
        }
    }

    fn tell(&self, outcome: Outcome, why: &str, is_away: &mut bool) {
        let name = self.name();
        match outcome {
            Outcome::Later(_) if !*is_away => {
                warn!("export: {name} does not take windows, which wait: {why}");
                *is_away = true;
            }
            Outcome::Delivered if *is_away => {
                info!("export: {name} takes windows again");
                *is_away = false;
            }
            _ => {}
        }
    }
}

/// What is told of at most once a minute.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    not_before_us: u64,
}

impl Tally {
    /// Counts; returns what there is to tell now.
    fn add(&mut self, count: u64, now_us: u64) -> Option<u64> {
        self.count += count;
        if self.count == 0 || now_us < self.not_before_us {
            return None;
        }
        self.not_before_us = now_us + TOLD_EVERY_US;
        Some(mem::take(&mut self.count))
    }
}
