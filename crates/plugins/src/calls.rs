//! Calls of the node's functions: to the plugin that serves them, and its answers back.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rrd_store::{Feed, Reply};
use tokio::sync::Notify;

use crate::Clock;
use crate::functions::News;
use crate::session::Session;

/// Calls that wait for a plugin which does not read; more bytes than this are answered in its place.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// A plugin that runs, as far as calls reach it.
pub(crate) struct Desk {
    pub(crate) session: RefCell<Session>,
    /// What is to be written to the plugin.
    out: RefCell<Vec<u8>>,
    /// There is something to write.
    pub(crate) wake: Notify,
}

/// All plugins that run.
pub(crate) type Desks = RefCell<Vec<Rc<Desk>>>;

impl Desk {
    pub(crate) fn new(session: Session) -> Self {
        Self { session: RefCell::new(session), out: RefCell::default(), wake: Notify::new() }
    }

    /// What is to be written to the plugin since the last time.
    pub(crate) fn take_out(&self) -> Vec<u8> {
        self.out.take()
    }

    /// Passes on what the plugin said of calls.
    pub(crate) fn pass_news(&self, feed: &Feed, clock: Clock) {
        for news in self.session.borrow_mut().functions.take_news() {
            match news {
                News::Answer(number, reply) => feed.answer_call(number, reply),
                News::Progress(number, progress) => feed.progress_call(number, progress, clock()),
            }
        }
    }
}

/// Hands calls of the host of `feed` to plugins, for ever.
pub(crate) async fn serve(feed: &Feed, desks: &Desks, clock: Clock) {
    let called = Arc::new(Notify::new());
    let wake = Arc::clone(&called);
    feed.take_calls_with(Arc::new(move || wake.notify_one()));
    loop {
        let next_us = feed.give_up_calls(clock());
        hand_out(feed, &desks.borrow(), clock);
        match next_us {
            None => called.notified().await,
            Some(next_us) => {
                let wait = Duration::from_micros(next_us.saturating_sub(clock().mono_us));
                // Whichever comes first: a call, or the end of one's time.
                let _over = tokio::time::timeout(wait, called.notified()).await;
            }
        }
    }
}

fn hand_out(feed: &Feed, desks: &[Rc<Desk>], clock: Clock) {
    while let Some((number, call)) = feed.take_call() {
        let serves = |desk: &&Rc<Desk>| desk.session.borrow().functions.serves(&call);
        let Some(desk) = desks.iter().find(serves) else {
            feed.answer_call(number, Reply::error(404, "no plugin of this node has this function"));
            continue;
        };
        if desk.out.borrow().len() > WAITING_BYTES_MAX {
            feed.answer_call(number, Reply::error(503, "the plugin takes no calls"));
            continue;
        }
        desk.session.borrow_mut().functions.call(number, &call, &mut desk.out.borrow_mut());
        // It may be refused at once.
        desk.pass_news(feed, clock);
        desk.wake.notify_one();
    }
    while let Some(notice) = feed.take_notice() {
        for desk in desks {
            desk.session.borrow_mut().functions.notice(notice, &mut desk.out.borrow_mut());
            desk.wake.notify_one();
        }
    }
}
