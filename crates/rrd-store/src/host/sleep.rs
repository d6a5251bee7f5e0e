//! Hosts that sleep: their charts and rows are on the disk only, until somebody takes their lock.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::{Host, HostState};
use crate::files::{self, OnDisk};
use crate::tier::Tier;

impl Host {
    /// Whether its charts and rows are on the disk only. It wakes when anybody asks for them.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Acquire)
    }

    /// It was found in this folder, and sleeps.
    pub(crate) fn found_in(&self, folder: OnDisk, newest_s: i64, oldest_s: i64) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
        self.newest_s.fetch_max(newest_s, Ordering::Relaxed);
        // It may be in another folder, too.
        let known_s = if self.is_asleep() { self.oldest_s.load(Ordering::Relaxed) } else { oldest_s };
        self.oldest_s.store(oldest_s.min(known_s), Ordering::Relaxed);
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
        self.oldest_s.store(self.oldest_by_bytes_s(&state), Ordering::Relaxed);
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

    /// The oldest row of the tiers that are kept by bytes; that of a host without one is its newest.
    fn oldest_by_bytes_s(&self, state: &HostState) -> i64 {
        let is_by_bytes = |tier: &&Tier| self.tiers().get(tier.level - 1).is_some_and(|tier| tier.bytes.is_some());
        let tiers = state.charts.iter().flat_map(|chart| &chart.tiers).filter(is_by_bytes);
        tiers.map(|tier| tier.ring.first_s()).filter(|&first_s| first_s > 0).min().unwrap_or(self.newest_s())
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
