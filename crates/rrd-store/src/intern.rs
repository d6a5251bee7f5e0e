//! Texts that repeat over charts and hosts, kept once.
//!
//! Touched at definitions only, never per row. Texts that nobody uses any more are dropped when
//! the table has doubled since it was last swept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Interner {
    texts: Mutex<Texts>,
}

#[derive(Debug, Default)]
struct Texts {
    known: HashSet<Arc<str>>,
    sweep_at: usize,
}

/// Below this many texts a sweep is not worth its time.
const SWEEP_FLOOR: usize = 4_096;

impl Interner {
    pub(crate) fn get(&self, text: &str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.known.get(text) {
            return Arc::clone(known);
        }
        if texts.known.len() >= texts.sweep_at.max(SWEEP_FLOOR) {
            texts.known.retain(|known| Arc::strong_count(known) > 1);
            texts.sweep_at = texts.known.len() * 2;
        }
        let text: Arc<str> = text.into();
        texts.known.insert(Arc::clone(&text));
        text
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
        for text in 0..3 * SWEEP_FLOOR {
            interner.get(&text.to_string());
        }
        let texts = interner.texts.lock().unwrap();
        assert!(texts.known.len() <= SWEEP_FLOOR + 1, "{}", texts.known.len());
        assert!(texts.known.contains("system.cpu"));
    }
}
