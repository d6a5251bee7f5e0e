//! What goes over a link beside rows: calls of functions, and what a host says of itself.

use std::sync::Arc;

use patterns::SimplePattern;
use protocol::Capabilities;
use rrd_store::{FeedKind, Host, Keep, MemoryMode, Reply, Store};
use tokio::sync::Notify;

use crate::receiver::session::Session as Receiver;
use crate::sender::session::{self, Session as Sender};
use crate::testing::{START_S, at, define, info, store};

const AGREED: Capabilities = Capabilities::PARENT.with(Capabilities::FUNCTIONS);

fn sender(host: &Arc<Host>) -> Sender {
    let tap = session::attach(host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
    Sender::start(Arc::clone(host), tap, AGREED, 1 << 20, at(START_S))
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

/// The goal: a call goes from the parent through the proxy to whoever feeds the host, and the answer
/// goes back under the parent's own transaction; where nobody serves it, the caller is told so.
#[test]
fn a_call_goes_down_and_its_answer_up() {
    let now = at(START_S);
    let (origin_store, proxy_store) = (Store::new(), Store::new());
    let keep = Keep::new(MemoryMode::Ram, 60);
    let (origin, proxy) = (origin_store.add(&info(1), keep), proxy_store.add(&info(1), keep));
    let origin_feed = origin.claim(FeedKind::Local, info(1));
    let mut proxy_feed = proxy.claim(FeedKind::Stored, info(1));
    let (mut below, mut above) = (sender(&origin), sender(&proxy));
    let mut middle = Receiver::new(AGREED, 1, 60);
    sent(&mut below);
    sent(&mut above);
    let call: &[u8] = b"FUNCTION top-1 10 \"processes by=pid\" \"0x8\" \"someone\"\n";

    above.receive(call, now).unwrap();
    let told = sent(&mut above);
    assert!(told.starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 503 \"application/json\" 0\n{\"status\":503,"), "{told}");
    above.receive(b"FUNCTION_PAYLOAD top-2 10 \"f\"\nEND\nFUNCTION_PAYLOAD_END\n", now).unwrap();
    assert!(sent(&mut above).starts_with("FUNCTION_RESULT_BEGIN \"top-2\" 400 "));

    origin_feed.take_calls_with(Arc::new(|| ()));
    proxy_feed.take_calls_with(Arc::new(|| ()));
    above.receive(call, now).unwrap();
    let (number, asked) = proxy_feed.take_call().unwrap();
    let mut down = Vec::new();
    middle.functions.call(number, &asked, &mut down);
    below.receive(&down, now).unwrap();
    let (served, asked) = origin_feed.take_call().unwrap();
    assert_eq!((&*asked.function, &*asked.access, &*asked.source), ("processes by=pid", "0x8", "someone"));
    let body = b"{\n\"rows\":[]\n}".to_vec();
    origin_feed.answer_call(served, Reply { code: 200, content_type: "application/json".into(), expires_s: 7, body });
    let up = sent(&mut below);
    middle.receive(up.as_bytes(), now, &mut proxy_feed.writer(now).unwrap(), &mut Vec::new()).unwrap();
    let (number, reply) = middle.functions.take_answer().unwrap();
    proxy_feed.answer_call(number, reply);
    assert_eq!(
        sent(&mut above),
        "FUNCTION_RESULT_BEGIN \"top-1\" 200 \"application/json\" 7\n{\n\"rows\":[]\n}\nFUNCTION_RESULT_END\n"
    );

    above.receive(call, now).unwrap();
    drop(proxy_feed);
    assert!(sent(&mut above).starts_with("FUNCTION_RESULT_BEGIN \"top-1\" 503 "), "the child left");
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
