//! What goes over a link beside rows: calls of functions, and what a host says of itself.

use std::sync::Arc;

use patterns::SimplePattern;
use protocol::Capabilities;
use rrd_store::{Feed, FeedKind, Host, Keep, MemoryMode, Notice, Reply, Store};
use tokio::sync::Notify;

use crate::receiver::session::Session as Receiver;
use crate::sender::session::{self, Session as Sender};
use crate::testing::{START_S, at, define, info, store};

const AGREED: Capabilities = Capabilities::PARENT.with(Capabilities::FUNCTIONS).with(Capabilities::PROGRESS);
/// What children of 1.37 and 1.44 are agreed on: they know calls, and nothing more of them.
const OLD: Capabilities = AGREED.without(Capabilities::PROGRESS);

fn sender(host: &Arc<Host>) -> Sender {
    sender_with(host, AGREED)
}

fn sender_with(host: &Arc<Host>, agreed: Capabilities) -> Sender {
    let tap = session::attach(host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
    Sender::start(Arc::clone(host), tap, agreed, 1 << 20, at(START_S))
}

/// What a sender has to send.
fn sent(sender: &mut Sender) -> String {
    let mut out = Vec::new();
    while sender.is_asked() || out.is_empty() {
        let mut piece = Vec::new();
        sender.fill(at(START_S), &mut piece);
        if piece.is_empty() {
            break;
        }
        out.append(&mut piece);
    }
    String::from_utf8(out).unwrap()
}

/// A child whose functions are served by the test, a proxy, and the parent's end of the proxy's stream.
struct Chain {
    /// Serves the calls.
    origin: Feed,
    /// The child's sender, and the proxy's end of that stream.
    below: Sender,
    middle: Receiver,
    proxy: Feed,
    /// The proxy's sender.
    above: Sender,
}

impl Chain {
    /// With what is agreed between child and proxy, and between proxy and parent.
    fn new(below: Capabilities, above: Capabilities) -> Self {
        let keep = Keep::new(MemoryMode::Ram, 60);
        let [origin, proxy] = [(); 2].map(|()| Store::new().add(&info(1), keep));
        let (origin_feed, proxy_feed) =
            (origin.claim(FeedKind::Local, info(1)), proxy.claim(FeedKind::Stored, info(1)));
        origin_feed.take_calls_with(Arc::new(|| ()));
        proxy_feed.take_calls_with(Arc::new(|| ()));
        let mut chain = Self {
            origin: origin_feed,
            below: sender_with(&origin, below),
            middle: Receiver::new(below, 1, 60),
            proxy: proxy_feed,
            above: sender_with(&proxy, above),
        };
        sent(&mut chain.below);
        sent(&mut chain.above);
        chain
    }

    /// The parent writes to the proxy; returns what the proxy then writes to the child, which takes it.
    fn down(&mut self, text: &[u8], second: i64) -> String {
        self.above.receive(text, at(START_S + second)).unwrap();
        self.pass_down(second)
    }

    fn pass_down(&mut self, second: i64) -> String {
        let mut out = Vec::new();
        while let Some(notice) = self.proxy.take_notice() {
            self.middle.functions.notice(notice, &mut out);
        }
        while let Some((number, call)) = self.proxy.take_call() {
            self.middle.functions.call(number, &call, &mut out);
        }
        self.below.receive(&out, at(START_S + second)).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What the child has to say goes to the proxy; returns what that then writes to the parent.
    fn up(&mut self, second: i64) -> String {
        let (now, text) = (at(START_S + second), sent(&mut self.below));
        let mut writer = self.proxy.writer(now).unwrap();
        self.middle.receive(text.as_bytes(), now, &mut writer, &mut Vec::new()).unwrap();
        drop(writer);
        while let Some((number, progress)) = self.middle.functions.take_progress() {
            self.proxy.progress_call(number, progress, now);
        }
        while let Some((number, reply)) = self.middle.functions.take_answer() {
            self.proxy.answer_call(number, reply);
        }
        self.proxy.give_up_calls(now);
        sent(&mut self.above)
    }
}

const CALL: &[u8] = b"FUNCTION top-1 10 \"processes by=pid\" \"0x8\" \"someone\"\n";

fn fine(body: &str) -> Reply {
    Reply { code: 200, content_type: "application/json".into(), expires_s: 7, body: body.into() }
}

/// The goal: a call goes from the parent through the proxy to whoever feeds the host, and the answer
/// goes back under the parent's own transaction.
#[test]
fn a_call_goes_down_and_its_answer_up() {
    let mut chain = Chain::new(AGREED, AGREED);
    chain.down(CALL, 0);
    let (served, asked) = chain.origin.take_call().unwrap();
    assert_eq!((&*asked.function, &*asked.access, &*asked.source), ("processes by=pid", "0x8", "someone"));
    chain.origin.answer_call(served, fine("{\n\"rows\":[]\n}"));
    assert_eq!(
        chain.up(0),
        "FUNCTION_RESULT_BEGIN \"top-1\" 200 \"application/json\" 7\n{\n\"rows\":[]\n}\nFUNCTION_RESULT_END\n"
    );
}

/// The goal: where nobody serves a call, or who did has left, the caller is told so.
#[test]
fn calls_that_nobody_serves_are_answered() {
    let now = at(START_S);
    let host = Store::new().add(&info(1), Keep::new(MemoryMode::Ram, 60));
    let feed = host.claim(FeedKind::Stored, info(1));
    let mut above = sender(&host);
    sent(&mut above);
    above.receive(CALL, now).unwrap();
    let told = sent(&mut above);
    assert!(told.starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 503 \"application/json\" 0\n{\"status\":503,"), "{told}");
    above.receive(b"FUNCTION_PAYLOAD top-2 10 \"f\"\nEND\nFUNCTION_PAYLOAD_END\n", now).unwrap();
    assert!(sent(&mut above).starts_with("FUNCTION_RESULT_BEGIN \"top-2\" 503 "));
    feed.take_calls_with(Arc::new(|| ()));
    above.receive(CALL, now).unwrap();
    drop(feed);
    assert!(sent(&mut above).starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 503 "), "the child left");
}

/// The goal: the text of a call arrives as it was sent, however it is cut on its way; where it is too long,
/// or the child is of a kind that takes none, the caller is told so and the child hears nothing.
#[test]
fn a_call_may_carry_a_text() {
    let body = format!("{{\nFUNCTION_CANCEL top-1\n\n{}\n}}", "long ".repeat(10_000));
    let text = format!(
        "FUNCTION_PAYLOAD top-1 10 \"config\" \"0x8\" \"someone\" \"application/json\"\n{body}\nFUNCTION_PAYLOAD_END\n"
    );
    for piece in [7, 1_000, text.len()] {
        let mut chain = Chain::new(AGREED, AGREED);
        text.as_bytes().chunks(piece).for_each(|piece| drop(chain.down(piece, 0)));
        let (served, asked) = chain.origin.take_call().unwrap();
        let payload = asked.payload.unwrap();
        assert_eq!((&*asked.function, &*payload.content_type), ("config", "application/json"));
        assert!(payload.body == body.as_bytes(), "{piece}");
        chain.origin.answer_call(served, fine("{}"));
        assert!(chain.up(0).starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 200 "));
    }
    let mut chain = Chain::new(OLD, AGREED);
    assert_eq!(chain.down(text.as_bytes(), 0), "");
    assert!(chain.up(0).starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 501 "));
    let mut chain = Chain::new(AGREED, AGREED);
    let payload = |bytes| format!("FUNCTION_PAYLOAD t 10 f\n{}\nFUNCTION_PAYLOAD_END\n", "x".repeat(bytes));
    assert_eq!(chain.down(payload(rrd_store::PAYLOAD_BYTES_MAX + 1).as_bytes(), 0), "");
    assert!(chain.up(0).starts_with("FUNCTION_RESULT_BEGIN \"t\" 413 "));
    chain.down(payload(rrd_store::PAYLOAD_BYTES_MAX).as_bytes(), 0);
    assert!(chain.origin.take_call().is_some(), "the longest that is taken");
}

/// The goal: who cancels is answered, whoever runs the call hears of it, and its late answer goes nowhere.
/// A child that does not know the word is left alone.
#[test]
fn a_cancelled_call_ends_at_the_child() {
    let mut chain = Chain::new(AGREED, AGREED);
    chain.down(CALL, 0);
    let (served, _) = chain.origin.take_call().unwrap();
    assert_eq!(
        chain.down(b"FUNCTION_CANCEL top-2\nFUNCTION_CANCEL 'top-1'\nFUNCTION_CANCEL top-1\n", 1),
        "FUNCTION_CANCEL '00000000000000000000000000000000'\n"
    );
    assert_eq!(chain.origin.take_notice(), Some(Notice::Cancelled(served)));
    let told = chain.up(1);
    assert!(told.starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 499 "), "{told}");
    assert_eq!(told.matches("FUNCTION_RESULT_BEGIN").count(), 1, "the child's own 499 goes nowhere: {told}");
    chain.origin.answer_call(served, fine("late"));
    assert_eq!(chain.up(2), "");

    let mut chain = Chain::new(OLD, AGREED);
    chain.down(CALL, 0);
    let (served, _) = chain.origin.take_call().unwrap();
    assert_eq!(chain.down(b"FUNCTION_CANCEL top-1\n", 1), "");
    assert!(chain.up(1).starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 499 "));
    chain.origin.answer_call(served, fine("late"));
    assert_eq!(chain.up(2), "");
}

/// The goal: a caller whose stream ends, and one who is given up, cancel as well.
#[test]
fn calls_of_a_parent_that_left_are_cancelled() {
    let mut chain = Chain::new(AGREED, AGREED);
    chain.down(CALL, 0);
    let proxy = Arc::clone(chain.proxy.host());
    std::mem::replace(&mut chain.above, sender(&proxy)).stop();
    assert_eq!(chain.pass_down(0), "FUNCTION_CANCEL '00000000000000000000000000000000'\n");
    assert_eq!(chain.origin.take_call(), None);

    let mut chain = Chain::new(AGREED, AGREED);
    chain.down(CALL, 0);
    let (served, _) = chain.origin.take_call().unwrap();
    assert!(chain.up(11).starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 504 "));
    chain.pass_down(11);
    assert_eq!(chain.origin.take_notice(), Some(Notice::Cancelled(served)));
}

/// The goal: progress goes up and word of the waiting goes down, each to those who know it, and both keep
/// a call alive that would be given up without.
#[test]
fn progress_goes_up_and_patience_down() {
    for (below, above) in [(AGREED, AGREED), (OLD, AGREED), (AGREED, OLD)] {
        let knows = |agreed: Capabilities| agreed.has(Capabilities::PROGRESS);
        let mut chain = Chain::new(below, above);
        chain.down(CALL, 0);
        let (served, _) = chain.origin.take_call().unwrap();
        for second in [9, 18, 27] {
            chain.origin.progress_call(served, (1, 2), at(START_S + second));
            chain.origin.progress_call(served, (second as u64, 30), at(START_S + second));
            let told = if knows(below) && knows(above) {
                format!("FUNCTION_PROGRESS 'top-1' {second} 30\n")
            } else {
                String::new()
            };
            assert_eq!(if second == 9 || knows(below) { chain.up(second) } else { String::new() }, told);
        }
        if !knows(below) {
            continue;
        }
        let patience = chain.down(b"FUNCTION_PROGRESS top-1\nFUNCTION_PROGRESS other\n", 35);
        assert_eq!(patience, "FUNCTION_PROGRESS '00000000000000000000000000000000'\n");
        assert_eq!(chain.origin.take_notice(), Some(Notice::Awaited(served)));
        assert_eq!(chain.up(44), "", "it waits on");
        chain.origin.answer_call(served, fine("{}"));
        assert!(chain.up(45).starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 200 "));
    }
}

/// The goal: a parent that calls, cancels and hurries without end keeps nothing here beyond the limits, and
/// the child hears of each call at most once more than it is asked.
#[test]
fn a_parent_without_manners_is_bounded() {
    let mut chain = Chain::new(AGREED, AGREED);
    for number in 0..2_000 {
        let text = format!(
            "FUNCTION t{number} 10 f\nFUNCTION_PROGRESS t{number}\nFUNCTION_CANCEL t{number}\nFUNCTION_CANCEL u\n"
        );
        chain.above.receive(text.as_bytes(), at(START_S)).unwrap();
    }
    assert_eq!(chain.pass_down(0), "", "what was cancelled at once is not asked");
    assert_eq!(chain.up(0).matches("FUNCTION_RESULT_BEGIN").count(), 2 * rrd_store::CALLS_MAX);
    (0..2_000)
        .for_each(|number| chain.above.receive(format!("FUNCTION t{number} 10 f\n").as_bytes(), at(START_S)).unwrap());
    assert_eq!(chain.pass_down(0).lines().count(), rrd_store::CALLS_MAX);
    (0..2_000).for_each(|_| chain.above.receive(b"FUNCTION_PROGRESS t1\n", at(START_S)).unwrap());
    assert_eq!(chain.pass_down(0).lines().count(), 1);
    let flood = ["FUNCTION_PAYLOAD t 10 f\n", &"x\n".repeat(6_000_000)].concat();
    let error = chain.above.receive(flood.as_bytes(), at(START_S)).unwrap_err();
    assert!(error.to_string().ends_with("block is longer than 10485760 bytes"), "{error}");
}

/// The goal: what a host said of itself reaches the next parent, in lines that a receiver takes.
#[test]
fn what_a_host_says_of_itself_is_passed_on() {
    let now = at(START_S);
    let host = Store::new().add(&info(1), Keep::new(MemoryMode::Ram, 60));
    let mut feed = host.claim(FeedKind::Stored, info(1));
    let claim = row::Guid::from_bytes([7; 16]);
    let function = row::FunctionDefinition {
        name: "mounts",
        timeout_s: 10,
        help: "Shows",
        tags: "top",
        access: "0x8",
        priority: 100,
        version: 0,
    };
    {
        let mut writer = feed.writer(now).unwrap();
        writer.set_claimed_id(Some(claim));
        writer.offer_function(&function);
        writer.set_host_variable("limit", 5.0);
    }
    let text = sent(&mut sender(&host));
    let parent = Store::new().add(&info(1), Keep::new(MemoryMode::Ram, 60));
    let mut parent_feed = parent.claim(FeedKind::Stored, info(1));
    let mut session = Receiver::new(AGREED, 1, 60);
    session.receive(text.as_bytes(), now, &mut parent_feed.writer(now).unwrap(), &mut Vec::new()).unwrap();
    assert_eq!(session.take_unknown(), None);
    assert_eq!(parent.claimed_id(), Some(claim));
    parent.read(|view| {
        assert_eq!(view.functions().collect::<Vec<_>>(), [function]);
        assert_eq!(view.variables().collect::<Vec<_>>(), [("limit", 5.0)]);
    });
    drop(parent.claim(FeedKind::Stored, info(1)));
    assert_eq!(parent.read(|view| view.functions().count()), 0, "a new stream offers its own");
}

/// The goal: a variable that changes goes with the next row; the chart is not defined anew for it,
/// which would silence it until the parent has asked for what it misses.
#[test]
fn variables_go_with_rows() {
    let host = Store::new().add(&info(1), Keep::new(MemoryMode::Ram, 60));
    let mut feed = host.claim(FeedKind::Stored, info(1));
    let slot = define(&mut feed, "a.b", 1);
    for (agreed, end) in [(AGREED.without(Capabilities::REPLICATION), "END2\n"), (Capabilities::V1, "END\n")] {
        let tap = session::attach(&host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
        let mut sender = Sender::start(Arc::clone(&host), tap, agreed, 1 << 20, at(START_S));
        let base_s = host.newest_s().max(START_S);
        store(&mut feed, slot, base_s + 1, 1.0);
        let text = sent(&mut sender);
        assert!(text.contains("CHART ") && text.ends_with(end));
        feed.writer(at(base_s)).unwrap().set_chart_variable(slot, "limit", base_s as f64);
        assert_eq!(sent(&mut sender), "", "it waits for a row");
        store(&mut feed, slot, base_s + 2, 2.0);
        let text = sent(&mut sender);
        assert!(text.ends_with(&format!("VARIABLE CHART \"limit\" = {base_s}\n{end}")), "{text}");
        assert!(text.starts_with("BEGIN") && !text.contains("CHART SLOT"), "{text}");
        store(&mut feed, slot, base_s + 3, 2.0);
        assert!(!sent(&mut sender).contains("VARIABLE"), "once is enough");
    }
}
