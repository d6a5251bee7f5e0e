//! Calls of functions by the parent: on to whoever feeds the host, and what comes of them back.
//!
//! All that the parent can make us keep is bounded: by the store's limit of calls that wait, and by
//! limits of what waits to be sent here. A call whose stream ends is cancelled: nobody hears its answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use protocol::{Command, encode};
use row::Now;
use rrd_store::{Call, Host, News, OnNews, OpenCall, PAYLOAD_BYTES_MAX, Payload, Reply};
use tokio::sync::Notify;

/// Replies that may wait to be sent: a parent that asks on without reading gets no more.
const REPLIES_MAX: usize = 2 * rrd_store::CALLS_MAX;
/// What is said of a call that its caller cancelled.
const CANCELLED: u16 = 499;

/// The calls of one stream.
pub(super) struct Calls {
    host: Arc<Host>,
    wake: Arc<Notify>,
    /// The parent wants to hear of progress.
    tells_progress: bool,
    /// Calls that wait for an answer, with their transactions.
    open: Vec<(String, OpenCall)>,
    /// The call whose text is being received.
    incoming: Option<(String, Call)>,
    outgoing: Arc<Mutex<Outgoing>>,
}

/// What is to be sent, by transaction.
#[derive(Default)]
struct Outgoing {
    /// The last word of each call.
    progress: Vec<(String, u64, u64)>,
    replies: Vec<(String, Reply)>,
}

impl Outgoing {
    fn progress(&mut self, transaction: &str, done: u64, all: u64) {
        self.progress.retain(|(known, ..)| known != transaction);
        if self.progress.len() < rrd_store::CALLS_MAX {
            self.progress.push((transaction.into(), done, all));
        }
    }

    fn reply(&mut self, transaction: &str, reply: Reply) {
        self.progress.retain(|(known, ..)| known != transaction);
        if self.replies.len() < REPLIES_MAX {
            self.replies.push((transaction.into(), reply));
        }
    }
}

impl Calls {
    pub(super) fn new(host: Arc<Host>, wake: Arc<Notify>, tells_progress: bool) -> Self {
        Self { host, wake, tells_progress, open: Vec::new(), incoming: None, outgoing: Arc::default() }
    }

    /// Takes what the parent says of calls; other commands mean nothing here.
    pub(super) fn command(&mut self, command: &Command<'_>, now: Now) {
        match *command {
            Command::FunctionCall { transaction, timeout_s, function, access, source, payload } => {
                let (function, access, source) = (function.into(), access.into(), source.into());
                let payload =
                    payload.map(|content_type| Payload { content_type: content_type.into(), body: Vec::new() });
                let call = Call { function, timeout_s, access, source, payload };
                if call.payload.is_some() {
                    self.incoming = Some((transaction.into(), call));
                } else {
                    self.ask(transaction.into(), call, now);
                }
            }
            Command::PayloadText { text } => self.text(text),
            Command::PayloadEnd => self.end_text(now),
            Command::FunctionCancel { transaction } => self.cancel(transaction),
            Command::FunctionAwaited { transaction } => {
                let named = self.open.iter().filter(|(known, _)| known == transaction);
                named.for_each(|(_, call)| call.still_awaited(now));
            }
            _ => {}
        }
    }

    /// Keeps a piece of the text; of one that is too long, as much as shows it.
    fn text(&mut self, text: &[u8]) {
        let Some(Payload { body, .. }) = self.incoming.as_mut().and_then(|(_, call)| call.payload.as_mut()) else {
            return;
        };
        // The newline before the end comes on top.
        let room = (PAYLOAD_BYTES_MAX + 2).saturating_sub(body.len());
        body.extend_from_slice(&text[..text.len().min(room)]);
    }

    fn end_text(&mut self, now: Now) {
        let Some((transaction, mut call)) = self.incoming.take() else { return };
        if let Some(payload) = &mut call.payload {
            payload.body.pop_if(|last| *last == b'\n');
        }
        self.ask(transaction, call, now);
    }

    fn ask(&mut self, transaction: String, call: Call, now: Now) {
        self.open.retain(|(_, call)| call.is_open());
        let open = self.host.ask(call, now, self.on_news(&transaction));
        if open.is_open() {
            self.open.push((transaction, open));
        }
    }

    /// Passes the cancelling on. The answer says so, where no other one came first.
    fn cancel(&mut self, transaction: &str) {
        for (transaction, call) in self.open.extract_if(.., |(known, _)| known == transaction) {
            if call.cancel() {
                let reply = Reply::error(CANCELLED, "the call was cancelled by its caller");
                lock(&self.outgoing).reply(&transaction, reply);
                self.wake.notify_one();
            }
        }
    }

    /// Puts what comes of a call where it is sent from. What nobody sends any more goes with it.
    fn on_news(&self, transaction: &str) -> OnNews {
        let (transaction, wake, tells_progress) = (transaction.to_owned(), Arc::clone(&self.wake), self.tells_progress);
        let outgoing: Weak<Mutex<Outgoing>> = Arc::downgrade(&self.outgoing);
        Box::new(move |news| {
            let Some(outgoing) = outgoing.upgrade() else { return };
            match news {
                News::Reply(reply) => lock(&outgoing).reply(&transaction, reply),
                News::Progress { done, all } if tells_progress => lock(&outgoing).progress(&transaction, done, all),
                News::Progress { .. } => return,
            }
            wake.notify_one();
        })
    }

    /// Whether something waits to be sent.
    pub(super) fn has_news(&self) -> bool {
        let outgoing = lock(&self.outgoing);
        !outgoing.replies.is_empty() || !outgoing.progress.is_empty()
    }

    /// Writes what waits while `out` is shorter than `bytes`.
    pub(super) fn write(&self, bytes: usize, out: &mut Vec<u8>) {
        let mut outgoing = lock(&self.outgoing);
        while out.len() < bytes
            && let Some((transaction, done, all)) = outgoing.progress.pop()
        {
            encode::write_function_progress(out, &transaction, done, all);
        }
        while out.len() < bytes
            && let Some((transaction, reply)) = outgoing.replies.pop()
        {
            let Reply { code, content_type, expires_s, body } = &reply;
            encode::write_function_result(out, &transaction, *code, content_type, *expires_s, body);
        }
    }
}

fn lock(outgoing: &Mutex<Outgoing>) -> MutexGuard<'_, Outgoing> {
    outgoing.lock().unwrap_or_else(PoisonError::into_inner)
}
