//! Texts that repeat over charts and hosts, kept once.
//!
//! Touched at definitions only, never per row. Texts that nobody uses any more are dropped when a
//! part of the table has doubled since it was last swept, or when it is told that charts went. The
//! table has parts with a lock each, so that nobody waits for a sweep of the whole.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::chart::id_hash;

#[derive(Debug, Default)]
pub(crate) struct Interner {
    parts: [Mutex<Texts>; PARTS],
}

#[derive(Debug, Default)]
struct Texts {
    known: HashSet<Arc<str>>,
    sweep_at: usize,
}

/// Parts of the table.
pub(crate) const PARTS: usize = 16;
/// Below this many texts in a part a sweep is not worth its time.
const SWEEP_FLOOR: usize = 256;

impl Interner {
    pub(crate) fn get(&self, text: &str) -> Arc<str> {
        let mut texts = self.lock(id_hash(text.as_bytes()) as usize % PARTS);
        if let Some(known) = texts.known.get(text) {
            return Arc::clone(known);
        }
        if texts.known.len() >= texts.sweep_at.max(SWEEP_FLOOR) {
            texts.sweep();
        }
        let text: Arc<str> = text.into();
        texts.known.insert(Arc::clone(&text));
        text
    }

    /// Drops the texts of a part that nobody uses any more.
    pub(crate) fn sweep(&self, part: usize) {
        self.lock(part).sweep();
    }

    /// How many texts there are, used or not.
    pub(crate) fn len(&self) -> usize {
        (0..PARTS).map(|part| self.lock(part).known.len()).sum()
    }

    fn lock(&self, part: usize) -> MutexGuard<'_, Texts> {
        self.parts[part].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Texts {
    fn sweep(&mut self) {
        self.known.retain(|known| Arc::strong_count(known) > 1);
        self.sweep_at = self.known.len() * 2;
        if self.known.capacity() > 2 * self.known.len() {
            self.known.shrink_to(self.known.len() + self.known.len() / 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_goes_when_unused() {
        let interner = Interner::default();
        let kept = interner.get("system.cpu");
        assert!(Arc::ptr_eq(&kept, &interner.get("system.cpu")));
        for text in 0..3 * PARTS * SWEEP_FLOOR {
            interner.get(&text.to_string());
        }
        assert!(interner.len() <= PARTS * (SWEEP_FLOOR + 1), "{}", interner.len());
        assert!(Arc::ptr_eq(&kept, &interner.get("system.cpu")));
        (0..PARTS).for_each(|part| interner.sweep(part));
        assert_eq!(interner.len(), 1);
    }
}
