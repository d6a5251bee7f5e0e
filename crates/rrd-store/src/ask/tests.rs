use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use row::Guid;

use super::*;
use crate::{FeedKind, HostInfo, Keep, MemoryMode, Store};

type Told = Arc<Mutex<Vec<News>>>;

fn at(second: u64) -> Now {
    Now { wall_us: 1_795_387_000_000_000, mono_us: second * 1_000_000 }
}

fn host() -> (Arc<Host>, HostInfo) {
    let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
    (Store::new().add(&info, Keep::new(MemoryMode::Ram, 60)), info)
}

fn call(payload_bytes: usize) -> Call {
    let body = vec![b'x'; payload_bytes];
    let payload = (payload_bytes > 0).then(|| Payload { content_type: "text/plain".into(), body });
    Call { function: "f".into(), timeout_s: 10, access: String::new(), source: String::new(), payload }
}

fn ask_with(host: &Host, told: &Told, second: u64, call: Call) -> OpenCall {
    let told = Arc::clone(told);
    host.ask(call, at(second), Box::new(move |news| told.lock().unwrap().push(news)))
}

fn ask(host: &Host, told: &Told, second: u64) -> OpenCall {
    ask_with(host, told, second, call(0))
}

fn codes(told: &Told) -> Vec<u16> {
    let code = |news| match news {
        News::Reply(reply) => reply.code,
        News::Progress { .. } => 102,
    };
    told.lock().unwrap().drain(..).map(code).collect()
}

/// The goal: each call is answered once, by the feed or, where it does not, by what ended it.
#[test]
fn each_call_is_answered_once() {
    let (host, info) = host();
    let (told, woken) = (Told::default(), Arc::new(AtomicUsize::new(0)));
    let refused = ask(&host, &told, 0);
    assert_eq!((codes(&told), refused.is_open()), (vec![503], false), "nobody feeds the host");
    let feed = host.claim(FeedKind::Stored, info.clone());
    let _refused = ask(&host, &told, 0);
    assert_eq!(codes(&told), [503], "the feed takes no calls");
    let wake = Arc::clone(&woken);
    feed.take_calls_with(Arc::new(move || {
        wake.fetch_add(1, Ordering::Relaxed);
    }));
    let open = [ask(&host, &told, 0), ask(&host, &told, 5)];
    assert_eq!((codes(&told), woken.load(Ordering::Relaxed)), (vec![], 2));
    let (first, call) = feed.take_call().unwrap();
    assert_eq!((&*call.function, feed.take_call().is_some(), feed.take_call()), ("f", true, None));
    let reply = |code| Reply { code, ..Reply::error(200, "fine") };
    feed.answer_call(first + 7, reply(200));
    feed.answer_call(first, reply(200));
    feed.answer_call(first, reply(200));
    assert_eq!((codes(&told), open[0].is_open(), open[1].is_open()), (vec![200], false, true));
    assert_eq!(feed.give_up_calls(at(15)), Some(16_000_000));
    assert_eq!((feed.give_up_calls(at(16)), codes(&told)), (None, vec![504]));
    assert_eq!(feed.take_notice(), Some(Notice::Cancelled(first + 1)), "who works on it need not go on");
    let open: Vec<_> = (0..CALLS_MAX + 2).map(|_| ask(&host, &told, 20)).collect();
    assert_eq!(codes(&told), [503, 503], "too many wait");
    let next = host.claim(FeedKind::Stored, info);
    assert_eq!(codes(&told), [503; CALLS_MAX], "the feed was replaced");
    drop((feed, open));
    next.take_calls_with(Arc::new(|| ()));
    assert_eq!(next.take_notice(), None, "calls of an earlier feed mean nothing to this one");
    let _open = ask(&host, &told, 20);
    drop(next);
    assert_eq!(codes(&told), [503], "the feed ended");
}

/// The goal: who goes away cancels; whoever took the call hears of it, once, and nobody else.
#[test]
fn a_call_that_is_dropped_is_cancelled() {
    let (host, info) = host();
    let told = Told::default();
    let feed = host.claim(FeedKind::Stored, info);
    feed.take_calls_with(Arc::new(|| ()));
    let (first, second, third) = (ask(&host, &told, 0), ask(&host, &told, 0), ask(&host, &told, 0));
    assert!(second.cancel());
    assert_eq!((feed.take_call().map(|(number, _)| number), feed.take_notice()), (Some(0), None), "it was not taken");
    drop(first);
    assert_eq!((feed.take_notice(), feed.take_notice()), (Some(Notice::Cancelled(0)), None));
    feed.answer_call(0, Reply::error(499, "cancelled"));
    assert_eq!(feed.take_call().map(|(number, _)| number), Some(2), "the slot of a cancelled one is free");
    feed.answer_call(2, Reply::error(200, "fine"));
    assert_eq!((codes(&told), third.cancel(), feed.take_notice()), (vec![200], false, None));
    for _ in 0..10 * CALLS_MAX {
        let open = ask(&host, &told, 0);
        assert!(feed.take_call().is_some());
        drop(open);
    }
    assert_eq!(std::iter::from_fn(|| feed.take_notice()).count(), CALLS_MAX, "notices are bounded");
}

/// The goal: signs of life from either side prolong a call, reach the other side, and end at the cap.
#[test]
fn signs_of_life_prolong_a_call() {
    let (host, info) = host();
    let told = Told::default();
    let feed = host.claim(FeedKind::Stored, info);
    feed.take_calls_with(Arc::new(|| ()));
    let open = ask(&host, &told, 0);
    open.still_awaited(at(1));
    assert_eq!(feed.take_notice(), None, "it was not taken");
    let (number, _) = feed.take_call().unwrap();
    assert_eq!((feed.take_notice(), feed.take_notice()), (Some(Notice::Awaited(number)), None));
    assert_eq!(feed.give_up_calls(at(2)), Some(12_000_000));
    feed.progress_call(number, (1, 4), at(8));
    feed.progress_call(number + 1, (1, 4), at(100));
    assert_eq!(told.lock().unwrap().drain(..).collect::<Vec<_>>(), [News::Progress { done: 1, all: 4 }]);
    assert_eq!(feed.give_up_calls(at(15)), Some(19_000_000));
    for second in 16..=700 {
        feed.progress_call(number, (second, 0), at(second));
        open.still_awaited(at(second));
        let until = feed.give_up_calls(at(second));
        assert_eq!(until.is_some(), second <= CALL_MAX_S as u64, "{second}");
    }
    assert_eq!(codes(&told).last(), Some(&504));
    assert!(!open.is_open());
}

/// The goal: a text goes with its call; one that is too long is refused before it waits.
#[test]
fn a_text_goes_with_its_call() {
    let (host, info) = host();
    let told = Told::default();
    let feed = host.claim(FeedKind::Stored, info);
    feed.take_calls_with(Arc::new(|| ()));
    let _refused = ask_with(&host, &told, 0, call(PAYLOAD_BYTES_MAX + 1));
    assert_eq!((codes(&told), feed.take_call()), (vec![413], None));
    let _open = ask_with(&host, &told, 0, call(PAYLOAD_BYTES_MAX));
    assert_eq!((codes(&told), feed.take_call()), (vec![], Some((0, call(PAYLOAD_BYTES_MAX)))));
}
