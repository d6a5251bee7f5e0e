//! Fifty good children beside slow, silent, garbage-sending and reconnecting ones: the good ones
//! miss nothing and have the values that they sent, the master stays small, and its log tells of the bad ones.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use integration_tests::API_KEY;
use integration_tests::api::{Host, Window};
use integration_tests::node;
use integration_tests::peer::scripted::{Scripted, WELCOME, definition, raw, row};
use integration_tests::wait::{Deadline, now_s, pass, s};

const GOOD: usize = 50;
const CHART: &str = "good.chart";
/// Seconds until streams and memory have settled.
const SETTLING_S: u64 = 6;
/// What lies between the values of two children.
const APART: u64 = 10_000;
/// What a value may be off by: seven digits are stored.
const TOLERANCE: f64 = 0.06;
const MORE_BYTES_MAX: u64 = 32 * 1024 * 1024;
const MORE_THREADS_MAX: u64 = 4;

fn child(master: SocketAddr, name: &str, number: usize) -> std::io::Result<Scripted> {
    Scripted::connect(master, API_KEY, name, &format!("aaaaaaaa-1111-2222-3333-{number:012}"))
}

fn good(master: SocketAddr) -> Vec<Scripted> {
    let connect = |number| {
        let mut child = child(master, &format!("good-{number}"), number).unwrap();
        assert_eq!(child.answer(), WELCOME);
        child.send(&definition(CHART)).unwrap();
        child
    };
    (0..GOOD).map(connect).collect()
}

/// Each in its own way, again and again, until it is over.
fn misbehave(master: SocketAddr, over: &AtomicBool) {
    let _silent: Vec<_> = (0..20).map(|_| raw(master).unwrap()).collect();
    let _idle: Vec<_> =
        (0..20).map(|number| child(master, &format!("idle-{number}"), 1000 + number).unwrap()).collect();
    let mut slow = child(master, "slow", 2000).unwrap();
    let text = definition("slow.chart").repeat(1000);
    let mut bytes = text.bytes();
    while !over.load(Ordering::Relaxed) {
        slow.send(&char::from(bytes.next().unwrap_or(b'\n')).to_string()).ok();
        for number in 0..4 {
            // One that comes back all the time, and defines a chart; it may be called busy.
            if let Ok(mut again) = child(master, "again", 3000) {
                again.send(&definition("again.chart")).ok();
            }
            if let Ok(mut garbage) = child(master, &format!("garbage-{number}"), 4000 + number) {
                garbage.send("BEGIN \"never.defined\" 1\n\0\u{1}\u{2}\nSET\n").ok();
            }
            if let Ok(mut noise) = raw(master) {
                noise.write_all(&[b"\xff\xfe\0\x16", &[7; 3000][..]].concat()).ok();
            }
        }
        pass(s(1) / 10);
    }
}

/// What a good child sends: no two of them have a value in common, and each counts the seconds.
fn sent(number: usize, turn: u64) -> i64 {
    i64::try_from(number as u64 * APART + turn).unwrap()
}

/// The seconds of a good child whose row is missing or another than was sent. Values of whole seconds lie
/// between those that were sent, by as much as the first was away from a whole second.
fn bad(host: &Host, window: Window, number: usize) -> Vec<(i64, Option<f64>)> {
    let data = host.data(CHART, window);
    let value = |second: i64| data.rows.get(&second).and_then(|row| row[0]);
    let first = value(window.after).unwrap_or(0.0);
    let off = first - sent(number, SETTLING_S) as f64;
    assert!(off.abs() < 3.0, "good-{number} begins with {first}");
    let is_bad = |second: &i64| {
        let expected = first + (second - window.after) as f64;
        value(*second).is_none_or(|value| (value - expected).abs() > TOLERANCE)
    };
    (window.after..=window.before).filter(is_bad).map(|second| (second, value(second))).collect()
}

fn soak(seconds: u64) {
    let master = node::master("soak-master").set("collect.enabled", "false").accepts(API_KEY).start();
    let (address, over) = (master.address(), AtomicBool::new(false));
    let mut children = good(address);
    let (mut start_s, mut before) = (0, (0, 0));
    thread::scope(|scope| {
        scope.spawn(|| misbehave(address, &over));
        for turn in 0..seconds {
            let second = Deadline::after(s(1));
            let send = |(number, child): (usize, &mut Scripted)| child.send(&row(CHART, sent(number, turn))).is_ok();
            let sent = children.iter_mut().enumerate().map(send).filter(|is_sent| *is_sent).count();
            if turn == SETTLING_S {
                start_s = now_s();
                before = (master.process().resident_bytes(), master.process().threads());
            }
            if sent < GOOD {
                over.store(true, Ordering::Relaxed);
            }
            assert_eq!(sent, GOOD, "after {turn} s");
            second.wait();
        }
        over.store(true, Ordering::Relaxed);
    });
    let window = Window { after: start_s, before: now_s() - 4 };
    let after = (master.process().resident_bytes(), master.process().threads());
    println!("{seconds} s: {GOOD} children × {} seconds; bytes, threads: {before:?}, then {after:?}", window.seconds());
    for number in 0..GOOD {
        let bad = bad(&master.api().host(&format!("good-{number}")), window, number);
        assert!(bad.is_empty(), "good-{number}: {bad:?} of {window:?}");
    }
    assert!(after.0 < before.0 + MORE_BYTES_MAX && after.1 <= before.1 + MORE_THREADS_MAX, "{before:?}, {after:?}");
    master.wait_for_log(0, &["STREAM", "garbage-0", "[receive from ", "line 1", "BEGIN"], s(5));
    master.wait_for_log(0, &["STREAM", "again", "[receive from "], s(5));
}

/// Goal: half a minute of bad company costs the good children no row.
#[test]
fn half_a_minute() {
    soak(30);
}

/// Goal: nor do ten minutes, and nothing grows.
#[test]
#[ignore = "takes ten minutes: make soak"]
fn ten_minutes() {
    soak(600);
}
