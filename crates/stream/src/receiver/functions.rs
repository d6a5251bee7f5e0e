//! Calls of a host's functions on their way through its stream: to the child, and the answers back.
//!
//! Each call has a number of the host, which is its transaction at the child; what a child answers to
//! anything else is read and dropped. The text of one answer at a time is held, up to a limit.
//!
//! Calls with a text, word that a call is cancelled or still awaited, and progress came to agents
//! together, with the capability `PROGRESS`: a child without it is sent plain calls only.

use protocol::encode::{self, FunctionCall};
use row::Now;
use rrd_store::{Call, Feed, Notice, Payload, Reply};

/// While more bytes than this wait for the child, calls wait, too: none may fill up the way of the others.
pub(crate) const UNSENT_BEFORE_CALLS: usize = 64 * 1024;
/// Bytes of an answer that are passed on.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an answer's content type.
const CONTENT_TYPE_BYTES_MAX: usize = 100;

/// The calls of one stream.
#[derive(Debug)]
pub(crate) struct Functions {
    /// The child knows more of calls than the call alone.
    knows_more: bool,
    /// Those that the child has not answered yet.
    asked: Vec<u64>,
    answer: Option<(u64, Reply)>,
    is_too_long: bool,
    /// Answers that are complete.
    answers: Vec<(u64, Reply)>,
    /// How far calls are, done and all: the last word of each.
    progress: Vec<(u64, (u64, u64))>,
}

impl Functions {
    pub(crate) fn new(knows_more: bool) -> Self {
        let (answers, progress) = (Vec::new(), Vec::new());
        Self { knows_more, asked: Vec::new(), answer: None, is_too_long: false, answers, progress }
    }

    /// Passes the feed's calls and what became of them to the child, progress and answers back, and gives
    /// up calls that are late; returns when the next one is, on the monotonic clock.
    pub(crate) fn pass(&mut self, feed: &Feed, now: Now, out: &mut Vec<u8>) -> Option<u64> {
        while !wait(out)
            && let Some(notice) = feed.take_notice()
        {
            self.notice(notice, out);
        }
        while !wait(out)
            && let Some((number, call)) = feed.take_call()
        {
            self.call(number, &call, out);
        }
        while let Some((number, progress)) = self.take_progress() {
            feed.progress_call(number, progress, now);
        }
        while let Some((number, reply)) = self.take_answer() {
            feed.answer_call(number, reply);
        }
        feed.give_up_calls(now)
    }

    /// Writes a call for the child, or answers in its place.
    pub(crate) fn call(&mut self, number: u64, call: &Call, out: &mut Vec<u8>) {
        if let Some(refused) = self.refuse(call) {
            return self.answers.push((number, refused));
        }
        // Answers may never come: as many as may wait at once are enough.
        if self.asked.len() >= rrd_store::CALLS_MAX {
            self.asked.remove(0);
        }
        self.asked.push(number);
        let Call { function, access, source, .. } = call;
        let written =
            FunctionCall { transaction: &transaction(number), timeout_s: call.timeout_s, function, access, source };
        match &call.payload {
            None => encode::write_function_call(out, &written),
            Some(Payload { content_type, body }) => {
                encode::write_function_payload(out, &written, content_type, body);
            }
        }
    }

    /// Why a call cannot be sent to the child.
    fn refuse(&self, call: &Call) -> Option<Reply> {
        if call.function.len() > encode::TEXT_BYTES_MAX {
            return Some(Reply::error(400, "the function and its arguments are too long to be passed on"));
        }
        let payload = call.payload.as_ref()?;
        if !self.knows_more {
            return Some(Reply::error(501, "the node that collects this host takes no text with a call"));
        }
        let fits = encode::fits_payload(&payload.body);
        (!fits).then(|| Reply::error(400, "the text that comes with the call holds the word that ends such texts"))
    }

    /// Writes what became of a call, where the child would understand it.
    pub(crate) fn notice(&mut self, notice: Notice, out: &mut Vec<u8>) {
        match notice {
            Notice::Cancelled(number) => {
                let was_asked = self.asked.iter().position(|asked| *asked == number).map(|at| self.asked.remove(at));
                if self.knows_more && was_asked.is_some() {
                    encode::write_function_cancel(out, &transaction(number));
                }
            }
            Notice::Awaited(number) if self.knows_more && self.asked.contains(&number) => {
                encode::write_function_awaited(out, &transaction(number));
            }
            Notice::Awaited(_) => {}
        }
    }

    /// A call is being worked on.
    pub(crate) fn progress(&mut self, named: &str, done: u64, all: u64) {
        let Some(&number) = self.asked.iter().find(|number| transaction(**number) == named) else { return };
        self.progress.retain(|(known, _)| *known != number);
        self.progress.push((number, (done, all)));
    }

    /// An answer begins.
    pub(crate) fn begin(&mut self, named: &str, code: u16, content_type: &str, expires_s: i64) {
        let place = self.asked.iter().position(|&number| transaction(number) == named);
        let number = place.map(|place| self.asked.remove(place));
        let content_type = &content_type[..content_type.floor_char_boundary(CONTENT_TYPE_BYTES_MAX)];
        let reply = || Reply { code, content_type: content_type.into(), expires_s, body: Vec::new() };
        self.answer = number.map(|number| (number, reply()));
        self.is_too_long = false;
    }

    /// A piece of its text.
    pub(crate) fn text(&mut self, text: &[u8]) {
        let Some((_, reply)) = &mut self.answer else { return };
        self.is_too_long |= reply.body.len() + text.len() > BODY_BYTES_MAX;
        if self.is_too_long {
            reply.body = Vec::new();
        } else {
            reply.body.extend_from_slice(text);
        }
    }

    /// It is complete; the newline before its end is not part of it.
    pub(crate) fn end(&mut self) {
        let Some((number, mut reply)) = self.answer.take() else { return };
        reply.body.pop_if(|last| *last == b'\n');
        if self.is_too_long {
            reply = Reply::error(502, "the answer is too long to be passed on");
        }
        self.answers.push((number, reply));
    }

    /// Whether an answer is complete, or a call is said to go on.
    pub(crate) fn has_news(&self) -> bool {
        !self.answers.is_empty() || !self.progress.is_empty()
    }

    /// An answer that is complete.
    pub(crate) fn take_answer(&mut self) -> Option<(u64, Reply)> {
        self.answers.pop()
    }

    /// How far a call is.
    pub(crate) fn take_progress(&mut self) -> Option<(u64, (u64, u64))> {
        self.progress.pop()
    }
}

/// Whether calls wait until the child has read more.
pub(super) fn wait(out: &[u8]) -> bool {
    out.len() >= UNSENT_BEFORE_CALLS
}

/// The form that newer agents use themselves: 32 hexadecimal digits.
fn transaction(number: u64) -> String {
    format!("{number:032x}")
}
