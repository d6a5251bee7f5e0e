//! Delivery: when the next batch is tried, and what becomes of one that was refused.
//!
//! A plain state machine; the time is an argument. After a failure it waits a second, then twice as long each
//! time, never longer than a window, or as long as the server asks for. A batch that a server refuses as
//! a whole for what may be in a part of it is halved, and each half tried by itself, down to single records.
//!
//! Where several batches wait, they may be joined to one request: samples of one series are sent together then.
//! What is refused as a whole is tried batch by batch.

use std::sync::Arc;

use crate::backend::{BYTES_MAX, RECORDS_MAX};
use crate::queue::{Batch, Queue};
use crate::records::Records;

/// The first wait after a failure.
const FIRST_US: u64 = 1_000_000;
/// What a server may ask for at most.
const ASKED_US_MAX: u64 = 900_000_000;

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The backend has it.
    Delivered,
    /// It may work later; after so many microseconds, if the backend says so.
    Later(Option<u64>),
    /// The backend refuses, and would again.
    Refused,
    /// The backend refuses all of it for some of its records.
    RefusedInPart,
}

/// What came of batches since this was asked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Attempts.
    pub attempts: u64,
    /// of which failed.
    pub failures: u64,
    /// Records that were delivered.
    pub records: u64,
    /// and their bytes.
    pub bytes: u64,
    /// Requests that the backend refused for good.
    pub refusals: u64,
    /// Their records.
    pub refused: u64,
    /// and bytes.
    pub refused_bytes: u64,
}

/// The delivery of one backend's batches.
#[derive(Debug)]
pub struct Delivery {
    longest_us: u64,
    failures: u32,
    not_before_us: u64,
    /// Whether batches are joined, and whether the next one is not.
    joins: bool,
    is_alone: bool,
    /// The batches that are on their way, in parts: the last one is next.
    parts: Vec<Arc<Records>>,
    numbers: Vec<u64>,
    counted: Delivered,
}

impl Delivery {
    /// Nothing is on its way yet; waits are no longer than `longest_us`.
    #[must_use]
    pub fn new(longest_us: u64) -> Self {
        let longest_us = longest_us.max(FIRST_US);
        Self {
            longest_us,
            failures: 0,
            not_before_us: 0,
            joins: false,
            is_alone: false,
            parts: Vec::new(),
            numbers: Vec::new(),
            counted: Delivered::default(),
        }
    }

    /// The same that joins batches where several wait.
    #[must_use]
    pub const fn joining(mut self) -> Self {
        self.joins = true;
        self
    }

    /// What is to be sent now; `Err` with the time before which there is nothing to do, `u64::MAX` where nothing waits.
    ///
    /// # Errors
    /// Where nothing is to be sent now.
    pub fn next(&mut self, queue: &mut Queue, now_us: u64) -> Result<Arc<Records>, u64> {
        if now_us < self.not_before_us {
            return Err(self.not_before_us);
        }
        let is_there = queue.front_number().is_some_and(|front| self.numbers.contains(&front));
        if !is_there || self.parts.is_empty() {
            // What was on its way was given up meanwhile.
            self.parts.clear();
            self.numbers.clear();
            let Some(Batch { number, mut records, .. }) = queue.front() else { return Err(u64::MAX) };
            self.numbers.push(number);
            if self.joins && !self.is_alone {
                self.join(&mut records, queue);
            }
            self.parts.push(records);
        }
        self.parts.last().cloned().ok_or(u64::MAX)
    }

    /// Adds the batches that come next, as many as a request may hold.
    fn join(&mut self, records: &mut Arc<Records>, queue: &Queue) {
        while let Some((count, bytes)) = queue.size_after(self.numbers.len())
            && records.len() + count <= RECORDS_MAX
            && records.bytes().len() + bytes <= BYTES_MAX
            && let Some(batch) = queue.after(self.numbers.len())
        {
            Arc::make_mut(records).join(&batch.records);
            self.numbers.push(batch.number);
        }
    }

    /// What was sent came to this.
    pub fn ended(&mut self, outcome: Outcome, queue: &mut Queue, now_us: u64) {
        self.counted.attempts += 1;
        if outcome == Outcome::Delivered {
            (self.failures, self.not_before_us) = (0, 0);
        } else {
            self.counted.failures += 1;
        }
        match outcome {
            Outcome::Later(after_us) => {
                let wait_us = (FIRST_US << self.failures.min(20)).min(self.longest_us);
                let wait_us = after_us.map_or(wait_us, |after_us| after_us.clamp(FIRST_US, ASKED_US_MAX));
                self.failures += 1;
                self.not_before_us = now_us.saturating_add(wait_us);
                return;
            }
            Outcome::Delivered | Outcome::Refused | Outcome::RefusedInPart => {}
        }
        if outcome == Outcome::Refused && self.numbers.len() > 1 {
            self.is_alone = true;
            return self.parts.clear();
        }
        let Some(part) = self.parts.pop() else { return };
        match outcome {
            Outcome::RefusedInPart if part.len() > 1 => {
                let mut part = Arc::unwrap_or_clone(part);
                let rest = part.split_off(part.len() / 2);
                self.parts.extend([Arc::new(rest), Arc::new(part)]);
            }
            Outcome::Delivered => {
                self.counted.records += part.len() as u64;
                self.counted.bytes += part.bytes().len() as u64;
            }
            _ => {
                self.counted.refusals += 1;
                self.counted.refused += part.len() as u64;
                self.counted.refused_bytes += part.bytes().len() as u64;
            }
        }
        if self.parts.is_empty() {
            self.is_alone = false;
            self.numbers.drain(..).for_each(|number| queue.delivered(number));
        }
    }

    /// What came of batches since this was asked last.
    pub fn take_counted(&mut self) -> Delivered {
        std::mem::take(&mut self.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    const S: u64 = 1_000_000;

    fn queue(batches: &[&[&str]]) -> Queue {
        let mut queue = Queue::new(10, None).unwrap();
        for (told_s, texts) in (0..).step_by(10).zip(batches) {
            queue.push(told_s, records(texts)).unwrap();
        }
        queue
    }

    /// Goal: nothing is lost while a backend is away, waits grow to a window and no further, and a server's word holds.
    #[test]
    fn waits_grow() {
        let (mut delivery, mut queue) = (Delivery::new(10 * S), queue(&[&["a"], &["b"]]));
        let mut now_us = 0;
        for wait_s in [1, 2, 4, 8, 10, 10] {
            assert_eq!(delivery.next(&mut queue, now_us).unwrap().bytes(), b"a");
            delivery.ended(Outcome::Later(None), &mut queue, now_us);
            assert_eq!(delivery.next(&mut queue, now_us), Err(now_us + wait_s * S));
            now_us += wait_s * S;
        }
        delivery.ended(Outcome::Later(Some(33 * S)), &mut queue, now_us);
        assert_eq!(delivery.next(&mut queue, now_us), Err(now_us + 33 * S));
        now_us += 33 * S;
        for text in ["a", "b"] {
            assert_eq!(delivery.next(&mut queue, now_us).unwrap().bytes(), text.as_bytes());
            delivery.ended(Outcome::Delivered, &mut queue, now_us);
        }
        assert_eq!(delivery.next(&mut queue, now_us), Err(u64::MAX));
        let counted = delivery.take_counted();
        assert_eq!((counted.attempts, counted.failures, counted.records, counted.refused), (9, 7, 2, 0));
    }

    /// Goal: batches that wait are sent together, in their order, and leave together; a refusal of all of them takes only the
    /// batch that it is for.
    #[test]
    fn batches_are_joined() {
        let mut delivery = Delivery::new(10 * S).joining();
        let mut queue = queue(&[&["a", "b"], &["c"], &["!"], &["d"]]);
        let mut told = Vec::new();
        while let Ok(part) = delivery.next(&mut queue, 0) {
            let text = String::from_utf8(part.bytes().to_vec()).unwrap();
            let outcome = if text.contains('!') { Outcome::Refused } else { Outcome::Delivered };
            delivery.ended(outcome, &mut queue, 0);
            told.push(text);
        }
        assert_eq!(told, ["abc!d", "ab", "c!d", "c", "!d", "!", "d"]);
        let counted = delivery.take_counted();
        assert_eq!((counted.records, counted.refused, queue.is_empty()), (4, 1, true));
    }

    /// Goal: of a batch that is refused for some of its records, all others are delivered, in their order.
    #[test]
    fn bad_records_are_found() {
        let texts = ["a", "b", "!", "c", "d", "!", "!", "e", "f"];
        let (mut delivery, mut queue) = (Delivery::new(10 * S), queue(&[&texts, &["g"]]));
        let mut delivered = String::new();
        let mut attempts = 0;
        while let Ok(part) = delivery.next(&mut queue, 0) {
            let text = String::from_utf8(part.bytes().to_vec()).unwrap();
            let outcome = if text.contains('!') { Outcome::RefusedInPart } else { Outcome::Delivered };
            if outcome == Outcome::Delivered {
                delivered += &text;
            }
            delivery.ended(outcome, &mut queue, 0);
            attempts += 1;
        }
        assert_eq!(delivered, "abcdefg");
        assert_eq!((delivery.take_counted().refused, attempts), (3, 14));
    }

    /// Goal: what is refused for good makes room for the next, and what was given up meanwhile is forgotten.
    #[test]
    fn refused_and_given_up() {
        let mut delivery = Delivery::new(10 * S);
        let mut short = Queue::new(1, None).unwrap();
        short.push(0, records(&["a", "b"])).unwrap();
        assert!(delivery.next(&mut short, 0).is_ok());
        delivery.ended(Outcome::RefusedInPart, &mut short, 0);
        short.push(10, records(&["c"])).unwrap();
        assert_eq!(delivery.next(&mut short, 0).unwrap().bytes(), b"c");
        delivery.ended(Outcome::Refused, &mut short, 0);
        assert_eq!(delivery.next(&mut short, 0), Err(u64::MAX));
        assert!(short.is_empty());
    }
}
