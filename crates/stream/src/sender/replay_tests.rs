//! Tests of answers where the host goes on meanwhile, and of what a tap holds back.

use std::sync::Arc;

use patterns::SimplePattern;
use protocol::Capabilities;
use row::{DimensionDefinition, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, Keep, MemoryMode, Store};
use tokio::sync::Notify;

use super::super::session::{Session, attach};
use super::*;
use crate::testing::{START_S, at, define, host, info, let_go, set_clock, store};

const V2: Capabilities = Capabilities::CHILD.with(Capabilities::VCAPS);
const V1: Capabilities = Capabilities(15_296);

/// A host of stored values, its tap, and a chart with rows of the last minute.
fn start(
    capabilities: Capabilities,
    id: &str,
    dimensions: usize,
    buffer_bytes: usize,
) -> (Feed, TapId, ChartSlot, Session) {
    set_clock(START_S);
    let host = host(MemoryMode::Ram, 3_600);
    let mut feed = host.claim(FeedKind::Stored, info(1));
    let slot = define(&mut feed, id, dimensions);
    (START_S - 59..=START_S).for_each(|second| store(&mut feed, slot, second, second as f64));
    let tap = attach(&host, SimplePattern::new("*"), buffer_bytes, Arc::new(Notify::new()));
    let session = Session::start(host, tap, capabilities, buffer_bytes, at(START_S));
    (feed, tap, slot, session)
}

fn filled(session: &mut Session, second: i64) -> String {
    let mut out = Vec::new();
    session.fill(at(second), &mut out);
    String::from_utf8(out).unwrap()
}

fn request(text: &str) -> Vec<u8> {
    format!("REPLAY_CHART {text}\n").into_bytes()
}

/// The goal: rows that come while the answer is decoded are in it, and a definition that changes
/// meanwhile has it done again.
#[test]
fn nothing_is_lost_while_an_answer_is_made() {
    let (mut feed, tap, slot, mut session) = start(V2, "a.b", 1, 1 << 20);
    assert!(filled(&mut session, START_S).contains("CHART_DEFINITION_END"));
    let host = Arc::clone(feed.host());
    let asked = ReplayRequest { start_streaming: true, after_s: START_S - 10, before_s: START_S };
    let chart = find_chart(&host, "a.b").unwrap();
    let prepare = || {
        let now = at(START_S + 1);
        let prepared = host.with_tap(tap, |tap: &mut SenderTap, view| Answer::prepare(tap, view, chart, &asked, now));
        let mut answer = prepared.unwrap().unwrap();
        answer.write_rows(now);
        answer
    };
    let finish = |mut answer: Answer, out: &mut Vec<u8>| {
        host.with_tap(tap, |tap: &mut SenderTap, view| answer.finish(tap, view, at(START_S + 1), out)).unwrap().unwrap()
    };
    let (mut out, answer) = (Vec::new(), prepare());
    store(&mut feed, slot, START_S + 1, 7.0);
    let definition = DimensionDefinition { id: "late", ..Default::default() };
    feed.writer(at(START_S + 1)).unwrap().define_dimension(slot, &definition).unwrap();
    assert!(!finish(answer, &mut out), "the lines are those of the old definition");
    assert!(out.is_empty());
    let answer = prepare();
    store(&mut feed, slot, START_S + 2, 8.0);
    assert!(finish(answer, &mut out));
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("RSET SLOT:#B \"d0\"").count(), 12, "{text}");
    assert_eq!(text.matches("RSET SLOT:#C \"late\" 8 A").count(), 1, "{text}");
    assert!(text.ends_with(" true #BrA25u #BrA256 #BrA255\n"), "{text}");
    store(&mut feed, slot, START_S + 3, 9.0);
    assert!(filled(&mut session, START_S + 3).starts_with("BEGIN2"));
}

/// The goal: the same where nothing was asked for: rows since the definition are held back, not lost.
#[test]
fn an_empty_request_gets_what_was_held_back() {
    let (mut feed, _, slot, mut session) = start(V2, "a.b", 1, 1 << 20);
    filled(&mut session, START_S);
    store(&mut feed, slot, START_S + 1, 5.0);
    store(&mut feed, slot, START_S + 2, 6.0);
    session.receive(&request("\"a.b\" \"true\" 0 0"), at(START_S)).unwrap();
    let text = filled(&mut session, START_S + 2);
    let values: Vec<_> = text.lines().filter(|line| line.starts_with("RSET")).collect();
    assert_eq!(values, ["RSET SLOT:#B \"d0\" 5 A", "RSET SLOT:#B \"d0\" 6 A"]);
    assert!(text.contains(" true "), "{text}");
    // A chart that is live holds nothing back.
    session.receive(&request("\"a.b\" \"true\" 0 0"), at(START_S)).unwrap();
    assert!(!filled(&mut session, START_S + 2).contains("RSET"));
}

/// The goal: an answer longer than the buffer does not count as an overflow, live rows do.
#[test]
fn long_answers_do_not_overflow() {
    let (mut feed, _, slot, mut session) = start(V2, "a.b", 20, 2_000);
    filled(&mut session, START_S);
    session.receive(&request(&format!("\"a.b\" \"true\" {} {START_S}", START_S - 50)), at(START_S)).unwrap();
    let text = filled(&mut session, START_S);
    assert!(text.len() > 10 * 2_000, "{}", text.len());
    for second in 1..=3 {
        store(&mut feed, slot, START_S + second, 1.0);
        assert!(!session.has_overflowed());
    }
    (4..10).for_each(|second| store(&mut feed, slot, START_S + second, 1.0));
    assert!(session.has_overflowed());
}

/// The goal: a parent that floods us with definitions unread is parted from, not remembered for ever.
#[test]
fn definitions_overflow_too() {
    let (mut feed, _, slot, mut session) = start(V2, "a.b", 20, 2_000);
    filled(&mut session, START_S);
    for turn in 1..20 {
        let label = row::Label { name: "turn", value: &turn.to_string(), source: 1 };
        feed.writer(at(START_S)).unwrap().set_chart_labels(slot, &[label]);
        store(&mut feed, slot, START_S + turn, 1.0);
    }
    assert!(session.has_overflowed());
    assert!(filled(&mut session, START_S).len() < 10_000);
}

/// The goal: a parent names a chart as it was written, and unknown names do no harm.
#[test]
fn charts_are_found_by_the_id_on_the_wire() {
    let (_feed, _, slot, mut session) = start(V2, "a.o'clock \"x\"\\", 1, 1 << 20);
    let text = filled(&mut session, START_S);
    assert!(text.contains("CHART SLOT:#B \"a.o_clock _x__\""), "{text}");
    let host = _feed.host();
    assert_eq!(find_chart(host, "a.o_clock _x__"), Some((slot, 1)));
    assert_eq!(find_chart(host, "a.o'clock \"x\"\\"), Some((slot, 1)));
    assert_eq!(find_chart(host, "a.oclock"), None);
    session.receive(&request("\"nothing.here\" \"true\" 0 0"), at(START_S)).unwrap();
    assert!(!session.is_asked());
    session.receive(&request("\"a.o_clock _x__\" \"true\" 0 0"), at(START_S)).unwrap();
    assert!(session.is_asked());
}

/// The goal: a chart that is not to be sent is not sent in answers either.
#[test]
fn charts_that_do_not_match_are_not_told() {
    let (mut feed, ..) = start(V2, "a.b", 1, 1 << 20);
    let slot = define(&mut feed, "secret.chart", 1);
    store(&mut feed, slot, START_S, 1.0);
    let host = Arc::clone(feed.host());
    let tap = attach(&host, SimplePattern::new("!secret.* *"), 1 << 20, Arc::new(Notify::new()));
    let mut session = Session::start(host, tap, V2, 1 << 20, at(START_S));
    filled(&mut session, START_S);
    session.receive(&request(&format!("\"secret.chart\" \"true\" {} {START_S}", START_S - 5)), at(START_S)).unwrap();
    assert_eq!(filled(&mut session, START_S), "");
}

/// The goal: the newest request of a chart is answered, once, and charts in the order in which they came.
#[test]
fn requests_wait_in_order() {
    let mut requests = Requests::default();
    let at = |before_s| ReplayRequest { start_streaming: true, after_s: 1, before_s };
    let chart = |slot: u32| (ChartSlot(slot), u64::from(slot) + 1);
    requests.push(chart(7), at(10));
    requests.push(chart(2), at(20));
    requests.push(chart(7), at(30));
    assert_eq!(requests.pop(), Some((chart(7), at(30))));
    assert_eq!(requests.pop(), Some((chart(2), at(20))));
    assert!(requests.pop().is_none() && requests.is_empty());
}

/// The goal: stored values in the dress of collected ones begin with a time, and what does not fit
/// is left out rather than wrong.
#[test]
fn final_rows_wait_for_a_time() {
    for (value, expected) in
        [(1.5, Some(15_000_000)), (-0.1, Some(-1_000_000)), (9e11, Some(9_000_000_000_000_000_000))]
    {
        assert_eq!(final_value(Packed::pack(value, PointFlags::NORMAL)), expected);
    }
    assert_eq!(final_value(Packed::pack(1e12, PointFlags::NORMAL)), None);
    assert_eq!(final_value(Packed::EMPTY), None);

    set_clock(START_S);
    let host = host(MemoryMode::Ram, 3_600);
    let mut feed = host.claim(FeedKind::Stored, info(1));
    let slot = define(&mut feed, "a.b", 1);
    let tap = attach(&host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
    let mut session = Session::start(host, tap, V1, 1 << 20, at(START_S));
    filled(&mut session, START_S);
    session.receive(&request("\"a.b\" \"true\" 0 0"), at(START_S)).unwrap();
    assert!(filled(&mut session, START_S).contains("REND"));
    // The chart is live without any row: the first has no duration, so it goes by replication.
    store(&mut feed, slot, START_S - 300, 5.0);
    store(&mut feed, slot, START_S - 299, 6.0);
    let text = filled(&mut session, START_S);
    assert!(text.starts_with("CHART ") && !text.contains("BEGIN"), "{text}");
    session.receive(&request("\"a.b\" \"true\" 0 0"), at(START_S)).unwrap();
    let text = filled(&mut session, START_S);
    assert!(text.contains("RSET \"d0\" 5 \"\"") && text.contains("RSET \"d0\" 6 \"\""), "{text}");
    let second_us = (START_S - 299) * US_PER_S;
    assert!(text.contains(&format!("RSSTATE {second_us} {second_us}\n")), "{text}");
    store(&mut feed, slot, START_S - 297, 7.0);
    assert_eq!(filled(&mut session, START_S), "BEGIN \"a.b\" 2000000\nSET \"d0\" = 70000000\nEND\n");
}

/// The goal: what a spool forgot stays a gap, and the rest arrives.
#[test]
fn a_spool_shorter_than_the_outage_leaves_a_gap() {
    set_clock(START_S);
    let host = host(MemoryMode::None, 60);
    let mut feed = host.claim(FeedKind::Stored, info(1));
    let slot = define(&mut feed, "a.b", 1);
    let tap = attach(&host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
    (0..500).for_each(|second| store(&mut feed, slot, START_S + second, 1.0));
    let mut session = Session::start(host, tap, V2, 1 << 20, at(START_S + 500));
    filled(&mut session, START_S + 500);
    session.receive(&request(&format!("\"a.b\" \"true\" {START_S} {}", START_S + 499)), at(START_S)).unwrap();
    let rows = filled(&mut session, START_S + 500).matches("RSET").count();
    assert!((60..=200).contains(&rows), "{rows}");
}

/// The goal: a chart that left is forgotten with what its parent asked; the one that has its slot
/// next is defined and asked for anew.
#[test]
fn a_slot_that_is_used_again_is_anothers() {
    let hosts = Store::new();
    let mut feed = hosts.claim(&info(1), Keep::new(MemoryMode::Ram, 3_600), FeedKind::Stored);
    let host = Arc::clone(feed.host());
    let [first, other] = ["a.first", "a.other"].map(|id| define(&mut feed, id, 2));
    for second in START_S - 59..=START_S {
        [first, other].iter().for_each(|&slot| store(&mut feed, slot, second, 1.0));
    }
    let tap = attach(&host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
    let mut session = Session::start(Arc::clone(&host), tap, V2, 1 << 20, at(START_S));
    filled(&mut session, START_S);
    let ask = |id: &str| request(&format!("\"{id}\" \"true\" {} {START_S}", START_S - 60));
    session.receive(&ask("a.first"), at(START_S)).unwrap();
    let prepare = |chart| {
        host.with_tap(tap, |tap: &mut SenderTap, view| {
            let asked = ReplayRequest { start_streaming: true, after_s: START_S - 60, before_s: START_S };
            Answer::prepare(tap, view, chart, &asked, at(START_S))
        })
    };
    let mut answer = prepare(find_chart(&host, "a.first").unwrap()).flatten().unwrap();
    let_go(&hosts, &mut feed, first, START_S + 1);
    let mut out = Vec::new();
    let finished = host.with_tap(tap, |tap: &mut SenderTap, view| answer.finish(tap, view, at(START_S + 5), &mut out));
    assert_eq!((finished, out.len()), (Some(None), 0), "an answer in the making ends with its chart");
    assert_eq!(define(&mut feed, "a.second", 1), first, "the slot is used again");
    store(&mut feed, first, START_S + 6, 7.0);
    let text = filled(&mut session, START_S + 6);
    assert!(text.contains("CHART SLOT:#B \"a.second\"") && !text.contains("RBEGIN"), "{text}");
    assert!(!session.is_asked());
    session.receive(&ask("a.second"), at(START_S)).unwrap();
    let text = filled(&mut session, START_S + 6);
    assert!(text.contains("RBEGIN SLOT:#B 'a.second'") && text.contains("REND"), "{text}");
    store(&mut feed, first, START_S + 7, 8.0);
    let text = filled(&mut session, START_S + 7);
    assert!(text.contains("'a.second'") && !text.contains("first"), "{text}");
}

/// The goal: a dimension whose index was another's is told under its own name, to a parent that
/// believes numbers too; one that left is not told at all.
#[test]
fn an_index_that_is_used_again_is_anothers() {
    let hosts = Store::new();
    let mut feed = hosts.claim(&info(1), Keep::new(MemoryMode::Ram, 60), FeedKind::Stored);
    let host = Arc::clone(feed.host());
    let slot = define(&mut feed, "a.b", 3);
    store(&mut feed, slot, START_S, 1.0);
    let obsolete = row::DimensionOptions::OBSOLETE;
    let dimension = |feed: &mut Feed, id: &str, options| {
        let definition = DimensionDefinition { id, options, ..Default::default() };
        feed.writer(at(START_S)).unwrap().define_dimension(slot, &definition).unwrap()
    };
    dimension(&mut feed, "d1", obsolete);
    let mut life = rrd_store::Life::new(rrd_store::Patience { charts_us: 1_000_000, hosts_us: 1_000_000 });
    for second in START_S + 1..START_S + 400 {
        let mut writer = feed.writer(at(second)).unwrap();
        writer.begin(slot);
        [0, 2].into_iter().for_each(|index| writer.set_stored(index, Some(2), Packed::pack(2.0, PointFlags::NORMAL)));
        writer.end_stored(second, true);
        drop(writer);
        life.step(&hosts, at(second));
    }
    let last_s = START_S + 399;
    let tap = attach(&host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
    let mut session = Session::start(Arc::clone(&host), tap, V2, 1 << 20, at(last_s));
    let ask = request(&format!("\"a.b\" \"true\" {} {last_s}", last_s - 10));
    let text = filled(&mut session, last_s);
    assert!(text.contains("\"d2\"") && !text.contains("d1") && !text.contains("\"\" \"\" absolute"), "{text}");
    session.receive(&ask, at(START_S)).unwrap();
    let text = filled(&mut session, last_s);
    assert!(text.contains("RSET SLOT:#D \"d2\"") && !text.contains("RSET SLOT:#C"), "{text}");
    assert_eq!(dimension(&mut feed, "late", Default::default()), 1);
    store(&mut feed, slot, last_s + 1, 5.0);
    let text = filled(&mut session, last_s + 1);
    assert!(text.contains("DIMENSION SLOT:#C \"late\""), "{text}");
    session.receive(&ask, at(START_S)).unwrap();
    filled(&mut session, last_s + 1);
    store(&mut feed, slot, last_s + 2, 5.0);
    let text = filled(&mut session, last_s + 2);
    assert!(text.contains("SET2 SLOT:#C 'late'"), "{text}");
}

/// The goal: what left the history while the stream was away is told as lost, once, with its ends;
/// a chart that came meanwhile has lost nothing, nor has a parent that asks for less.
#[test]
fn what_left_the_history_is_told_once() {
    set_clock(START_S);
    let host = host(MemoryMode::None, 60);
    let mut feed = host.claim(FeedKind::Stored, info(1));
    let slot = define(&mut feed, "a.b", 1);
    store(&mut feed, slot, START_S, 1.0);
    let tap = attach(&host, SimplePattern::new("*"), 1 << 20, Arc::new(Notify::new()));
    let begin = |second| Session::start(Arc::clone(&host), tap, V2, 1 << 20, at(second));
    let ask = |session: &mut Session, id: &str, after_s: i64, second: i64| {
        session.receive(&request(&format!("\"{id}\" \"true\" {after_s} {second}")), at(second)).unwrap();
        filled(session, second);
    };
    let mut session = begin(START_S);
    ask(&mut session, "a.b", START_S - 1, START_S);
    (1..=10).for_each(|second| store(&mut feed, slot, START_S + second, 1.0));
    filled(&mut session, START_S + 10);
    assert_eq!(session.take_gap(at(START_S + 20), true), None, "a first stream has lost nothing");
    session.stop();
    let figures = host.figures();
    assert_eq!((figures.sent_rows.get(), figures.sent_newest_s.get()), (11, START_S + 10));
    (11..=300).for_each(|second| store(&mut feed, slot, START_S + second, 1.0));
    let late = define(&mut feed, "a.late", 1);
    store(&mut feed, late, START_S + 300, 1.0);
    let first_s = host.read(|view| retention(&view.chart(slot).unwrap()).0);
    assert!(first_s > START_S + 100, "the history is long over");
    let mut session = begin(START_S + 300);
    ask(&mut session, "a.late", START_S + 299, START_S + 300);
    ask(&mut session, "a.b", first_s, START_S + 300);
    ask(&mut session, "a.b", first_s, START_S + 300);
    assert_eq!(session.take_gap(at(START_S + 301), false), None, "other charts may follow");
    let (from_s, rows) = (START_S + 10, (first_s - START_S - 10) as u64);
    assert_eq!(session.take_gap(at(START_S + 310), false), Some(Gap { rows, from_s, to_s: first_s }));
    assert_eq!(session.take_gap(at(START_S + 320), true), None);
    session.stop();
    let mut session = begin(START_S + 300);
    ask(&mut session, "a.b", START_S + 299, START_S + 300);
    assert_eq!(session.take_gap(at(START_S + 320), true), None, "nothing was missed");
}

/// The goal: whatever a parent asks for that makes no sense, the stream goes on as if it had not asked.
#[test]
fn lines_that_make_no_sense_are_passed_over() {
    let (mut feed, _, slot, mut session) = start(V2, "a.b", 1, 1 << 20);
    filled(&mut session, START_S);
    let lines = [
        "REPLAY_CHART \"\" \"true\" 0 0",
        "REPLAY_CHART \"\"",
        "REPLAY_CHART",
        "REPLAY_CHART \"a.b\" \"true\" then now",
        "FUNCTION",
        "FUNCTION_PAYLOAD\nno call\nFUNCTION_PAYLOAD_END",
        "FUNCTION_CANCEL",
        "BOGUS a b",
    ];
    for line in lines {
        session.receive(format!("{line}\n").as_bytes(), at(START_S)).unwrap();
    }
    let told = session.take_untold().unwrap().to_string();
    assert!(told.contains("REPLAY_CHART without chart"), "{told}");
    assert!(session.take_untold().is_none() && !session.is_asked());
    session.receive(&request("\"a.b\" \"true\" 0 0"), at(START_S)).unwrap();
    store(&mut feed, slot, START_S + 1, 5.0);
    assert!(filled(&mut session, START_S + 1).contains("RSET SLOT:#B \"d0\" 5 A"));
    let endless = vec![b'x'; 20_000];
    assert!(session.receive(&endless, at(START_S)).is_err());
    assert!(session.take_untold().is_none(), "what is told once is enough");
}

/// The goal: an answer names no dimension that the parent was not told of, though it came without a row.
#[test]
fn a_dimension_without_a_row_is_told_before_the_answer() {
    for capabilities in [V1, V2] {
        let (mut feed, _, slot, mut session) = start(capabilities, "a.b", 1, 1 << 20);
        filled(&mut session, START_S);
        let late = DimensionDefinition { id: "late", ..Default::default() };
        feed.writer(at(START_S)).unwrap().define_dimension(slot, &late).unwrap();
        let asked = format!("\"a.b\" \"true\" {} {START_S}", START_S - 10);
        session.receive(&request(&asked), at(START_S)).unwrap();
        let text = filled(&mut session, START_S);
        let (definition, answer) = text.split_once("RBEGIN").unwrap();
        assert!(definition.contains("\"late\"") && answer.contains(" true "), "{text}");
        session.receive(&request(&asked), at(START_S)).unwrap();
        assert!(filled(&mut session, START_S).starts_with("RBEGIN"), "once is enough");
    }
}
