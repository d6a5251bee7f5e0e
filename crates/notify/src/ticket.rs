//! What became of a message, over all methods that were to tell it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One letter's part in a message. A letter that is dropped unsettled leaves the message unsettled.
#[derive(Debug, Clone)]
pub struct Ticket(Arc<Telling>);

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<'a> {
    /// This one heard it, and others are still to.
    Reached(&'a str),
    /// All letters are settled, with this status: 0 where any of them arrived, else that of a failure.
    Settled(i32),
}

type Report = Box<dyn Fn(Progress<'_>) + Send>;

struct Telling {
    state: Mutex<State>,
}

struct State {
    left: usize,
    /// The best status so far; 0 where somebody was told.
    code: Option<i32>,
    report: Report,
}

impl Ticket {
    /// A ticket for each of `count` letters of a message, whose progress goes to `report`.
    #[must_use]
    pub fn new(count: usize, report: impl Fn(Progress<'_>) + Send + 'static) -> Self {
        let state = State { left: count, code: None, report: Box::new(report) };
        Self(Arc::new(Telling { state: Mutex::new(state) }))
    }

    /// The letter to `who` arrived (0), or did not.
    pub fn settle(&self, who: &str, code: i32) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left = state.left.saturating_sub(1);
        if code == 0 || state.code.is_none() {
            state.code = Some(code);
        }
        match state.code {
            Some(best) if state.left == 0 => (state.report)(Progress::Settled(best)),
            _ if code == 0 => (state.report)(Progress::Reached(who)),
            _ => {}
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
    use std::sync::mpsc::channel;

    use super::*;

    /// Goal: a message is told when any letter arrived, and that is known only when all are settled; until
    /// then it is told who was reached.
    #[test]
    fn the_best_counts() {
        for (codes, expected) in [
            (&[0, 1][..], &["reached 0", "settled 0"][..]),
            (&[1, 0], &["settled 0"]),
            (&[3, 1], &["settled 3"]),
            (&[0, 0, 1], &["reached 0", "reached 1", "settled 0"]),
            (&[0], &["settled 0"]),
            (&[1], &["settled 1"]),
        ] {
            let (said, heard) = channel();
            let ticket = Ticket::new(codes.len(), move |progress| {
                let word = match progress {
                    Progress::Reached(who) => format!("reached {who}"),
                    Progress::Settled(code) => format!("settled {code}"),
                };
                said.send(word).unwrap();
            });
            for (number, code) in codes.iter().enumerate() {
                ticket.clone().settle(&number.to_string(), *code);
            }
            assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected, "{codes:?}");
        }
    }
}
