//! Who is told of alarms, and by what: the program of settings, and methods.
//!
//! Alarms never wait for either: messages queue up, each method's by themselves, and what finds a queue full
//! is told in the log only. When all have come to an end with a message, the alarm log is told.

mod methods;
mod program;
mod testing;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use collect::NotificationCounts;
use config::Settings;
use health::fleet::{Fleet, Reaches};
use health::notify::Message;
use notify::{Counter, Facts, Letter, Method, Post, Progress, Ticket};

use crate::clock;
use crate::own_host::Notified;
use program::{Call, Program};

pub(crate) use methods::problems;
pub(crate) use testing::test;

/// How long the end of the node waits for what is to be told.
const END_US: u64 = 2_000_000;

/// Takes messages, and has them told.
#[derive(Debug)]
pub(crate) struct Notifying {
    fleet: Arc<Fleet>,
    program: Program,
    posts: Vec<Post>,
    dashboard_url: String,
}

impl Notifying {
    /// Starts the threads. What became of messages is told to `fleet`.
    pub(crate) fn start(settings: &Settings, fleet: Arc<Fleet>) -> anyhow::Result<Self> {
        let methods = methods::build(&settings.health).map_err(|problems| anyhow::anyhow!(problems.join("\n")))?;
        let seed = clock::now().wall_us as u64;
        let start = |(number, method): (u64, notify::Method)| Post::start(method, seed ^ number, clock::now);
        let posts = (0..).zip(methods).map(start).collect::<Result<_, _>>().context("starting to notify")?;
        let dashboard_url = settings.health.dashboard_url.clone();
        Ok(Self { fleet, program: Program::start(&settings.health)?, posts, dashboard_url })
    }

    /// What tells what became of all messages; `None` where no method is used.
    pub(crate) fn notified(&self) -> Option<Notified> {
        let counters: Vec<Counter> = self.posts.iter().map(Post::counter).collect();
        let counts = move || {
            let mut all = NotificationCounts::default();
            for counts in counters.iter().map(Counter::counts) {
                all.sent += counts.sent;
                all.failed += counts.failed;
                all.retried += counts.retried;
                all.dropped += counts.dropped;
                all.waiting += counts.waiting;
            }
            all
        };
        (!self.posts.is_empty()).then(|| Notified(Box::new(counts)))
    }

    /// Has a message told to all whom it is for.
    pub(crate) fn tell(&self, message: Message) {
        let letters = self.posts.iter().map(|post| (post, recipients(post.method(), &message)));
        let letters: Vec<_> = letters.filter(|(_, recipients)| !recipients.is_empty()).collect();
        let is_for_program = self.program.is_for(&message);
        let count = letters.iter().map(|(_, recipients)| recipients.len()).sum::<usize>() + usize::from(is_for_program);
        let (fleet, guid, transition) = (Arc::clone(&self.fleet), message.guid, message.notice.transition.clone());
        // What is told again and again is in no log.
        let is_logged = !message.notice.is_repeated;
        if count == 0 && is_logged {
            return fleet.told(guid, &transition, clock::now(), 0);
        }
        let ticket = Ticket::new(count, move |progress| match progress {
            _ if !is_logged => {}
            Progress::Reached(who) => fleet.reached(guid, &transition, who),
            Progress::Settled(code) => fleet.told(guid, &transition, clock::now(), code),
        });
        let facts = Arc::new(Facts::of(&message, &self.dashboard_url));
        for (post, recipients) in letters {
            for recipient in recipients {
                let letter = Letter { facts: Arc::clone(&facts), recipient: recipient.into(), ticket: ticket.clone() };
                post.send(key(&message, recipient), letter);
            }
        }
        if is_for_program {
            self.program.run(Call { message, ticket });
        }
    }
}

/// Tells whether somebody is told of what becomes of an alarm.
///
/// # Errors
/// Where a method cannot be used.
pub(crate) fn reaches(settings: &config::Health) -> anyhow::Result<Reaches> {
    let methods = methods::build(settings).map_err(|problems| anyhow::anyhow!(problems.join("\n")))?;
    let (methods, has_program) = (Mutex::new(methods), !settings.notify_exec.as_os_str().is_empty());
    Ok(Box::new(move |definition| {
        let is_told = || {
            let methods = methods.lock().unwrap_or_else(PoisonError::into_inner);
            methods.iter().any(|method| method.reaches(definition))
        };
        has_program || !definition.exec.is_empty() || is_told()
    }))
}

/// Whom a method tells of a message: not those who heard it before.
fn recipients<'m>(method: &'m Method, message: &Message) -> Vec<&'m str> {
    let mut recipients = method.recipients(message);
    if !message.reached.is_empty() {
        recipients.retain(|recipient| {
            let words = notify::words(method.name(), recipient);
            !message.reached.iter().any(|who| **who == *words)
        });
    }
    recipients
}

/// The same for what must arrive in its order.
fn key(message: &Message, recipient: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (message.guid.as_bytes(), message.notice.transition.alarm_id, recipient).hash(&mut hasher);
    hasher.finish()
}

impl Drop for Notifying {
    fn drop(&mut self) {
        let end_us = clock::now().mono_us + END_US;
        self.posts.iter().for_each(|post| post.stop(end_us));
        self.posts.iter().for_each(|post| post.wait(end_us));
    }
}
