//! What waits to be sent by one method: in which order, and when again after a failure.
//!
//! A plain state machine: the time is an argument, randomness comes from a seed. A letter that fails waits
//! a second, then twice as long each time, up to five minutes, and is given up after an hour. So does
//! the method as a whole where its server is away or asks for less; other letters go on where the fault may be
//! with one. Of letters with one key (those about one alarm, to one recipient) none overtakes another.

use std::collections::{HashSet, VecDeque};

/// Letters that wait at most.
pub(crate) const WAITING_MAX: usize = 1_000;
/// When a letter is given up, in microseconds.
pub const GIVE_UP_US: u64 = 3_600_000_000;
/// The first wait after a failure; each one after it is twice as long.
const FIRST_US: u64 = 1_000_000;
/// The longest.
const LONGEST_US: u64 = 300_000_000;
/// What a server may ask for at most.
const ASKED_US_MAX: u64 = 900_000_000;
/// Waits are longer by up to this part, at random.
const SPREAD: u64 = 4;

/// Letters of one method.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// In the order in which they came.
    jobs: VecDeque<Job<T>>,
    /// Failures of the method as a whole since something worked.
    failures: u32,
    /// Until when nothing is tried.
    paused_until_us: u64,
    random: u64,
    number: u64,
}

/// A letter and what became of it so far.
#[derive(Debug)]
pub(crate) struct Job<T> {
    pub(crate) letter: T,
    /// What must not be overtaken.
    key: u64,
    number: u64,
    attempts: u32,
    since_us: u64,
    not_before_us: u64,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent,
    /// Trying again would not help.
    Refused,
    /// It may work later.
    Later {
        /// When the server wants to be asked again.
        after_us: Option<u64>,
        /// The fault is not with this letter.
        is_general: bool,
    },
}

/// What becomes of a letter that was tried.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T> {
    Sent(T),
    /// It is given up.
    Failed(T),
    /// It is tried again, after so long.
    Again {
        wait_us: u64,
    },
}

impl<T> Queue<T> {
    /// An empty queue; of the seed its waits are spread.
    pub(crate) fn new(seed: u64) -> Self {
        Self { jobs: VecDeque::new(), failures: 0, paused_until_us: 0, random: seed | 1, number: 0 }
    }

    /// Adds a letter; it comes back where there is no room.
    pub(crate) fn push(&mut self, key: u64, letter: T, now_us: u64) -> Result<(), T> {
        if self.jobs.len() >= WAITING_MAX {
            return Err(letter);
        }
        self.number += 1;
        let number = self.number;
        self.jobs.push_back(Job { letter, key, number, attempts: 0, since_us: now_us, not_before_us: now_us });
        Ok(())
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// Takes the letter that is to be tried now: of those that may go, the one that was tried least.
    pub(crate) fn take(&mut self, now_us: u64) -> Option<Job<T>> {
        if now_us < self.paused_until_us {
            return None;
        }
        let place = self.free().filter(|(_, job)| job.not_before_us <= now_us);
        let place = place.min_by_key(|(_, job)| (job.attempts, job.number)).map(|(place, _)| place)?;
        self.jobs.remove(place)
    }

    /// Takes the oldest letter, whatever it waits for: for the last time.
    pub(crate) fn take_last(&mut self) -> Option<Job<T>> {
        self.jobs.pop_front()
    }

    /// When something is to be done; `None` where nothing waits.
    pub(crate) fn next_us(&self) -> Option<u64> {
        let tried_us = self.free().map(|(_, job)| job.not_before_us.max(self.paused_until_us)).min()?;
        let given_up_us = self.jobs.iter().map(|job| job.since_us + GIVE_UP_US).min()?;
        Some(tried_us.min(given_up_us))
    }

    /// Letters that waited for too long.
    pub(crate) fn given_up(&mut self, now_us: u64) -> Vec<T> {
        let is_old = |job: &Job<T>| now_us >= job.since_us + GIVE_UP_US;
        if !self.jobs.iter().any(is_old) {
            return Vec::new();
        }
        let (old, rest): (Vec<_>, Vec<_>) = self.jobs.drain(..).partition(is_old);
        self.jobs = rest.into();
        old.into_iter().map(|job| job.letter).collect()
    }

    /// A letter that was taken was tried.
    pub(crate) fn tried(&mut self, mut job: Job<T>, outcome: &Outcome, now_us: u64) -> Verdict<T> {
        let Outcome::Later { after_us, is_general } = outcome else {
            self.failures = 0;
            return if *outcome == Outcome::Sent { Verdict::Sent(job.letter) } else { Verdict::Failed(job.letter) };
        };
        job.attempts = job.attempts.saturating_add(1);
        if now_us >= job.since_us + GIVE_UP_US {
            return Verdict::Failed(job.letter);
        }
        let mut wait_us = self.wait_us(job.attempts);
        if *is_general {
            self.failures = self.failures.saturating_add(1);
            wait_us = self.wait_us(self.failures);
        }
        wait_us = wait_us.max(after_us.unwrap_or(0).min(ASKED_US_MAX));
        if *is_general {
            self.paused_until_us = now_us + wait_us;
        }
        job.not_before_us = now_us + wait_us;
        let place = self.jobs.partition_point(|other| other.number < job.number);
        self.jobs.insert(place, job);
        Verdict::Again { wait_us }
    }

    /// Those that no other one with their key stands in front of.
    fn free(&self) -> impl Iterator<Item = (usize, &Job<T>)> {
        let mut seen = HashSet::new();
        self.jobs.iter().enumerate().filter(move |(_, job)| seen.insert(job.key))
    }

    /// How long the wait after so many failures is.
    fn wait_us(&mut self, failures: u32) -> u64 {
        let doubled = FIRST_US.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let wait_us = doubled.min(LONGEST_US);
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        wait_us + self.random % (wait_us / SPREAD + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;
    const AWAY: Outcome = Outcome::Later { after_us: None, is_general: true };
    const ODD: Outcome = Outcome::Later { after_us: None, is_general: false };

    fn queue(letters: &[(u64, &'static str)]) -> Queue<&'static str> {
        let mut queue = Queue::new(7);
        letters.iter().for_each(|(key, letter)| queue.push(*key, *letter, 0).unwrap());
        queue
    }

    /// Tries what is due until nothing waits or `until_us`; returns what was tried and when, in seconds.
    fn run(
        queue: &mut Queue<&'static str>,
        until_us: u64,
        mut server: impl FnMut(&str, u64) -> Outcome,
    ) -> Vec<(u64, &'static str)> {
        let (mut tried, mut now_us) = (Vec::new(), 0);
        while let Some(next_us) = queue.next_us().filter(|next_us| *next_us <= until_us) {
            now_us = next_us.max(now_us);
            queue.given_up(now_us);
            if let Some(job) = queue.take(now_us) {
                let (letter, outcome) = (job.letter, server(job.letter, now_us));
                tried.push((now_us / S, letter));
                queue.tried(job, &outcome, now_us);
            }
        }
        tried
    }

    /// Goal: a server that is away is asked less and less often, about twenty times in an hour, by whatever
    /// letter; then all are given up.
    #[test]
    fn a_server_that_is_away() {
        let mut queue = queue(&[(1, "a"), (2, "b"), (3, "c")]);
        let tried = run(&mut queue, u64::MAX, |_, _| AWAY);
        assert_eq!(queue.count(), 0);
        assert!((15..=22).contains(&tried.len()), "{tried:?}");
        let gaps: Vec<u64> = tried.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(gaps.windows(2).all(|pair| pair[1] + 80 >= pair[0]) && gaps[0] <= 2, "{gaps:?}");
        assert!(gaps.iter().all(|gap| *gap <= 376), "{gaps:?}");
        assert!(tried.last().unwrap().0 <= 3_600 && tried.last().unwrap().0 > 3_000);
    }

    /// Goal: when the server is back, all go out at once, in their order.
    #[test]
    fn a_server_that_comes_back() {
        let mut queue = queue(&[(1, "a"), (2, "b"), (1, "a2")]);
        let tried = run(&mut queue, u64::MAX, |_, now_us| if now_us < 60 * S { AWAY } else { Outcome::Sent });
        let sent: Vec<_> = tried.into_iter().filter(|(at_s, _)| *at_s >= 60).collect();
        assert_eq!(sent.len(), 3, "{sent:?}");
        assert!(sent.iter().all(|(at_s, _)| *at_s == sent[0].0), "{sent:?}");
        let place = |letter| sent.iter().position(|(_, other)| *other == letter);
        assert!(place("a") < place("a2"), "{sent:?}");
    }

    /// Goal: a letter that the server stumbles over delays only those about the same.
    #[test]
    fn a_letter_that_fails() {
        let mut queue = queue(&[(1, "bad"), (1, "behind"), (2, "b"), (3, "c")]);
        let tried = run(&mut queue, 10 * S, |letter, _| if letter == "bad" { ODD } else { Outcome::Sent });
        assert_eq!(tried[..3], [(0, "bad"), (0, "b"), (0, "c")]);
        assert!(tried[3..].iter().all(|(_, letter)| *letter == "bad") && tried.len() >= 5, "{tried:?}");
        assert_eq!(queue.count(), 2);
        let late = run(&mut queue, u64::MAX, |letter, _| if letter == "bad" { ODD } else { Outcome::Sent });
        assert!(late.iter().all(|(_, letter)| *letter == "bad"), "given up at the same time: {late:?}");
        assert_eq!(queue.count(), 0);
    }

    /// Goal: a letter that is refused is not tried again, and holds nobody up.
    #[test]
    fn a_letter_that_is_refused() {
        let mut queue = queue(&[(1, "bad"), (1, "good")]);
        let job = queue.take(0).unwrap();
        assert_eq!(queue.take(0).map(|job| job.letter), Some("good"), "what was taken is nobody's business");
        assert_eq!(queue.tried(job, &Outcome::Refused, 0), Verdict::Failed("bad"));
        assert_eq!(queue.next_us(), None);
    }

    /// Goal: what a server asks for is granted, within a bound; and it counts for all letters.
    #[test]
    fn a_server_that_asks_for_time() {
        for (asked_us, granted_us) in [(90 * S, 90 * S), (u64::MAX, 900 * S), (0, S)] {
            let mut queue = queue(&[(1, "a"), (2, "b")]);
            let job = queue.take(0).unwrap();
            let outcome = Outcome::Later { after_us: Some(asked_us), is_general: true };
            let Verdict::Again { wait_us } = queue.tried(job, &outcome, 0) else { panic!("it is tried again") };
            assert!((granted_us..=granted_us.max(S + S / 4)).contains(&wait_us), "{asked_us}: {wait_us}");
            assert_eq!(queue.next_us(), Some(wait_us));
            assert!(queue.take(wait_us - 1).is_none() && queue.take(wait_us).is_some());
        }
    }

    /// Goal: there is a bound, and who finds no room is told.
    #[test]
    fn a_full_queue() {
        let mut queue = Queue::new(1);
        for number in 0..WAITING_MAX as u64 {
            queue.push(number, number, 0).unwrap();
        }
        assert_eq!(queue.push(0, 7, 0), Err(7));
        assert_eq!(queue.given_up(GIVE_UP_US - 1).len(), 0);
        assert_eq!(queue.given_up(GIVE_UP_US).len(), WAITING_MAX);
        assert!(queue.push(0, 7, 0).is_ok());
    }

    /// Goal: waits of two seeds differ, those of one do not.
    #[test]
    fn waits_are_spread() {
        let waits = |seed| {
            let mut queue = Queue::<()>::new(seed);
            (1..10).map(|failures| queue.wait_us(failures)).collect::<Vec<_>>()
        };
        assert_eq!(waits(3), waits(3));
        assert_ne!(waits(3), waits(4));
    }
}
