//! What became of a message, over all methods that were to tell it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One letter's part in a message. A letter that is dropped unsettled leaves the message unsettled.
#[derive(Debug, Clone)]
pub struct Ticket(Arc<Telling>);

struct Telling {
    state: Mutex<State>,
}

struct State {
    left: usize,
    /// The best status so far; 0 where somebody was told.
    code: Option<i32>,
    told: Option<Box<dyn FnOnce(i32) + Send>>,
}

impl Ticket {
    /// A ticket for each of `count` letters of a message; when all are settled, `told` gets the status: 0
    /// where any of them arrived, else that of a failure.
    #[must_use]
    pub fn new(count: usize, told: impl FnOnce(i32) + Send + 'static) -> Self {
        Self(Arc::new(Telling { state: Mutex::new(State { left: count, code: None, told: Some(Box::new(told)) }) }))
    }

    /// A letter arrived (0), or did not.
    pub fn settle(&self, code: i32) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left = state.left.saturating_sub(1);
        if code == 0 || state.code.is_none() {
            state.code = Some(code);
        }
        if state.left == 0
            && let (Some(told), Some(code)) = (state.told.take(), state.code)
        {
            drop(state);
            told(code);
        }
    }
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI32, Ordering};

    use super::*;

    /// Goal: a message is told when any letter arrived, and that is known only when all are settled.
    #[test]
    fn the_best_counts() {
        for (codes, expected) in [(&[0, 1][..], 0), (&[1, 0], 0), (&[3, 1], 3), (&[0], 0), (&[1], 1)] {
            let told = Arc::new(AtomicI32::new(-1));
            let of_ticket = Arc::clone(&told);
            let ticket = Ticket::new(codes.len(), move |code| of_ticket.store(code, Ordering::Relaxed));
            for code in codes {
                assert_eq!(told.load(Ordering::Relaxed), -1);
                ticket.clone().settle(*code);
            }
            assert_eq!(told.load(Ordering::Relaxed), expected, "{codes:?}");
        }
    }
}
