//! Hosts that sleep: their charts and rows are on the disk only, until somebody takes their lock.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::{Host, HostState};
use crate::files::{self, OnDisk};

impl Host {
    /// Whether its charts and rows are on the disk only. It wakes when anybody asks for them.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Acquire)
    }

    /// It was found in this folder, and sleeps.
    pub(crate) fn found_in(&self, folder: OnDisk, newest_s: i64) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
        self.newest_s.fetch_max(newest_s, Ordering::Relaxed);
        self.asleep.store(true, Ordering::Release);
    }

    /// Lets its charts and rows go from memory, as far as the disk has them and nobody feeds or taps
    /// it, nor has fed it since `generation`; they come back from there. Returns whether it sleeps.
    pub(crate) fn sleep(&self, folder: OnDisk, generation: u64) -> bool {
        let mut state = self.lock();
        let is_written = state.journal.as_ref().is_some_and(|journal| journal.is_empty()) || !self.keep().on_disk;
        if self.is_fed() || state.generation != generation || !state.taps.is_empty() || !is_written {
            return false;
        }
        *state = HostState {
            generation: state.generation,
            next_tap: state.next_tap,
            slots: state.slots.asleep(),
            before_sleep: (state.chart_count(), state.dimensions),
            standing: std::mem::take(&mut state.standing),
            claimed_id: state.claimed_id,
            ..HostState::default()
        };
        *self.folders.lock().unwrap_or_else(PoisonError::into_inner) = vec![folder];
        self.asleep.store(true, Ordering::Release);
        true
    }

    /// Reads what the disk has.
    fn wake(&self) {
        let _waking = self.waking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_asleep() {
            let folders = std::mem::take(&mut *self.folders.lock().unwrap_or_else(PoisonError::into_inner));
            self.shared.damages.add(files::restore(self, &folders));
            self.asleep.store(false, Ordering::Release);
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, HostState> {
        loop {
            if self.is_asleep() {
                self.wake();
            }
            let state = self.lock_asleep();
            // It may have gone to sleep meanwhile.
            if !self.is_asleep() {
                return state;
            }
        }
    }

    /// The lock, for whoever fills a host that sleeps.
    pub(crate) fn lock_asleep(&self) -> MutexGuard<'_, HostState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
