//! The functions that a plugin offers, calls of them on their way to the plugin, and its answers.
//!
//! A plugin that tells who may call a function is one that knows more of calls: that they may come with
//! a text, be cancelled, or be still awaited. Others are sent plain calls only.

use protocol::encode::{self, FunctionCall};
use row::FunctionDefinition;
use rrd_store::{Call, Notice, Reply};

/// Bytes of an answer.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an answer's content type.
const CONTENT_TYPE_BYTES_MAX: usize = 100;

/// The functions of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    offered: Vec<Offered>,
    /// Calls that the plugin has not answered yet.
    asked: Vec<u64>,
    answer: Option<(u64, Reply)>,
    is_too_long: bool,
    news: Vec<News>,
}

#[derive(Debug)]
struct Offered {
    name: String,
    knows_more: bool,
}

/// What a plugin says of calls.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The answer to the call of this number.
    Answer(u64, Reply),
    /// How much is done of it, and of how much.
    Progress(u64, (u64, u64)),
}

impl Functions {
    /// The plugin offers a function.
    pub(crate) fn offer(&mut self, function: &FunctionDefinition<'_>) {
        self.withdraw(function.name);
        if self.offered.len() < rrd_store::FUNCTIONS_MAX {
            self.offered.push(Offered { name: function.name.into(), knows_more: !function.access.is_empty() });
        }
    }

    /// It does so no more.
    pub(crate) fn withdraw(&mut self, name: &str) {
        self.offered.retain(|offered| offered.name != name);
    }

    /// Forgets all of them, at the end of a run; returns their names, and the calls without an answer.
    pub(crate) fn clear(&mut self) -> (Vec<String>, Vec<u64>) {
        self.answer = None;
        let names = self.offered.drain(..).map(|offered| offered.name).collect();
        (names, std::mem::take(&mut self.asked))
    }

    /// Whether the plugin serves a call.
    pub(crate) fn serves(&self, call: &Call) -> bool {
        self.find(call).is_some()
    }

    /// The function that is called; its name may be followed by arguments.
    fn find(&self, call: &Call) -> Option<&Offered> {
        let is_called = |offered: &&Offered| {
            let rest = call.function.strip_prefix(&offered.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        self.offered.iter().filter(is_called).max_by_key(|offered| offered.name.len())
    }

    /// Writes a call for the plugin, or answers in its place.
    pub(crate) fn call(&mut self, number: u64, call: &Call, out: &mut Vec<u8>) {
        if let Some(refused) = self.refuse(call) {
            return self.news.push(News::Answer(number, refused));
        }
        // Answers may never come: as many as may wait at once are enough.
        if self.asked.len() >= rrd_store::CALLS_MAX {
            self.asked.remove(0);
        }
        self.asked.push(number);
        let knows_more = self.find(call).is_some_and(|offered| offered.knows_more);
        let (access, source) = if knows_more { (&*call.access, &*call.source) } else { ("", "") };
        let transaction = &transaction(number);
        let written = FunctionCall { transaction, timeout_s: call.timeout_s, function: &call.function, access, source };
        match &call.payload {
            None => encode::write_function_call(out, &written),
            Some(payload) => encode::write_function_payload(out, &written, &payload.content_type, &payload.body),
        }
    }

    fn refuse(&self, call: &Call) -> Option<Reply> {
        let Some(offered) = self.find(call) else { return Some(Reply::error(404, "no plugin has this function")) };
        if call.function.len() > encode::TEXT_BYTES_MAX {
            return Some(Reply::error(400, "the function and its arguments are too long to be passed on"));
        }
        let payload = call.payload.as_ref()?;
        if !offered.knows_more {
            return Some(Reply::error(501, "the plugin takes no text with a call"));
        }
        let fits = encode::fits_payload(&payload.body);
        (!fits).then(|| Reply::error(400, "the text that comes with the call holds the word that ends such texts"))
    }

    /// Writes what became of a call, where the plugin would understand it.
    pub(crate) fn notice(&mut self, notice: Notice, out: &mut Vec<u8>) {
        let (Notice::Cancelled(number) | Notice::Awaited(number)) = notice;
        let Some(place) = self.asked.iter().position(|asked| *asked == number) else { return };
        let knows_more = self.offered.iter().any(|offered| offered.knows_more);
        match notice {
            Notice::Cancelled(_) => {
                self.asked.remove(place);
                if knows_more {
                    encode::write_function_cancel(out, &transaction(number));
                }
            }
            Notice::Awaited(_) if knows_more => encode::write_function_awaited(out, &transaction(number)),
            Notice::Awaited(_) => {}
        }
    }

    /// A call is being worked on.
    pub(crate) fn progress(&mut self, named: &str, done: u64, all: u64) {
        if let Some(&number) = self.asked.iter().find(|number| transaction(**number) == named) {
            self.news.retain(|news| !matches!(news, News::Progress(known, _) if *known == number));
            self.news.push(News::Progress(number, (done, all)));
        }
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
        self.news.push(News::Answer(number, reply));
    }

    /// What the plugin said of calls since the last time.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }
}

/// The form that newer agents use themselves: 32 hexadecimal digits.
fn transaction(number: u64) -> String {
    format!("{number:032x}")
}
