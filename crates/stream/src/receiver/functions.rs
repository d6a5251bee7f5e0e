//! Calls of a host's functions on their way through its stream: to the child, and the answers back.
//!
//! Each call has a number of the host, which is its transaction at the child; what a child answers to
//! anything else is read and dropped. The text of one answer at a time is held, up to a limit.

use protocol::encode;
use rrd_store::{Call, Reply};

/// Bytes of an answer that are passed on.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an answer's content type.
const CONTENT_TYPE_BYTES_MAX: usize = 100;

/// The calls of one stream.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    /// Those that the child has not answered yet.
    asked: Vec<u64>,
    answer: Option<(u64, Reply)>,
    is_too_long: bool,
    /// Answers that are complete.
    answers: Vec<(u64, Reply)>,
}

impl Functions {
    /// Writes a call for the child.
    pub(crate) fn call(&mut self, number: u64, call: &Call, out: &mut Vec<u8>) {
        // Calls that were given up leave their numbers: as many as may wait at once are enough.
        if self.asked.len() >= rrd_store::CALLS_MAX {
            self.asked.remove(0);
        }
        self.asked.push(number);
        let transaction = transaction(number);
        encode::write_function_call(out, &transaction, call.timeout_s, &call.function, &call.access, &call.source);
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

    pub(crate) fn has_answer(&self) -> bool {
        !self.answers.is_empty()
    }

    /// An answer that is complete.
    pub(crate) fn take_answer(&mut self) -> Option<(u64, Reply)> {
        self.answers.pop()
    }
}

/// The form that newer agents use themselves: 32 hexadecimal digits.
fn transaction(number: u64) -> String {
    format!("{number:032x}")
}
