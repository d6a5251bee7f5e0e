//! Archiving: what a sample costs that a database is told, and its bytes on the wire; beside a real Netdata
//! where it has the format.
//!
//! Each backend has a node of its own, and all nodes have the same children. Counted is the CPU time of the threads
//! that archive, so that receiving is not in it.

use std::time::Duration;

use integration_tests::API_KEY;
use integration_tests::node::{self, Node};
use integration_tests::peer::netdata::{self, Netdata};
use integration_tests::process::Process;
use integration_tests::wait::now_s;

use crate::idle;
use crate::load::{Form, HOSTS, Line, SAMPLES, Writes};
use crate::report::span_or;
use crate::taker::{Taken, Taker};

/// Our types, what destinations look like, and Netdata's type where it has the same.
const TYPES: [(&str, &str, Option<&str>); 8] = [
    ("graphite", "", Some("graphite")),
    ("opentsdb", "", Some("opentsdb")),
    ("opentsdb-http", "http://", None),
    ("json", "", Some("json")),
    ("json-http", "http://", None),
    ("influx", "http://", None),
    ("prometheus-remote-write", "http://", None),
    ("graphite-http", "http://", None),
];
/// What both have by default.
const WINDOW_S: u32 = 10;
const SPAN_S: u32 = 60;
/// A second of windows that is far from the ends of both.
const MIDDLE_S: i64 = 4;
/// Threads that archive: ours, and Netdata's.
const THREADS: [&str; 3] = ["export", "backend", "EXPORTING"];

/// Whether a thread of this name archives.
pub(crate) fn is_archiving(name: &str) -> bool {
    THREADS.iter().any(|thread| name.starts_with(thread))
}

/// A program that archives.
struct Archiving<P> {
    program: P,
    taker: Taker,
}

/// What it had cost at one time.
struct Spent {
    writing: Duration,
    all: Duration,
    taken: Taken,
}

/// What a sample cost.
struct Cost {
    writing_ns: f64,
    all_ns: f64,
    bytes: f64,
}

/// A row for each backend, with this source of values.
pub(crate) fn rows(source: &str) {
    idle::allowed(2 * HOSTS * TYPES.len() as u32);
    let ours = TYPES.map(|(kind, scheme, _)| ours(kind, scheme, source));
    let theirs = TYPES.map(|(.., kind)| kind.map(|kind| theirs(kind, source)));
    let mut addresses: Vec<_> = ours.iter().map(|node| node.program.address()).collect();
    addresses.extend(theirs.iter().flatten().map(|peer| peer.program.address()));
    let mut line = Line::connect(Form::V1_PLAIN, Writes::PerSecond, &addresses);
    line.warm_up();
    while now_s() % i64::from(WINDOW_S) != MIDDLE_S {
        line.play(1);
    }
    let windows = span_or(SPAN_S).div_ceil(WINDOW_S);
    let spent = || -> (Vec<Spent>, Vec<Option<Spent>>) {
        let ours = ours.iter().map(|node| Spent::of(node.program.process(), &node.taker)).collect();
        let of_peer = |peer: &Archiving<Netdata>| Spent::of(peer.program.process(), &peer.taker);
        (ours, theirs.iter().map(|peer| peer.as_ref().map(of_peer)).collect())
    };
    let before = spent();
    line.play(windows * WINDOW_S);
    let after = spent();
    println!(
        "archiving, {source}, {HOSTS} hosts × {SAMPLES} dimensions, {windows} windows of {WINDOW_S} s, per sample"
    );
    println!(
        "{:26}{:>10}{:>12}{:>9}{:>14}{:>9}{:>24}",
        "", "CPU, ns", "of it text", "bytes", "Netdata, ns", "bytes", "ours as a part of it"
    );
    for (index, (kind, ..)) in TYPES.iter().enumerate() {
        let cost = Cost::of(kind, &before.0[index], &after.0[index], windows);
        print!("{kind:26}{:>10.1}{:>12.1}{:>9.1}", cost.all_ns, cost.writing_ns, cost.bytes);
        if let (Some(before), Some(after)) = (&before.1[index], &after.1[index]) {
            let their = Cost::of(kind, before, after, windows);
            print!("{:>14.1}{:>9.1}{:>24.3}", their.all_ns, their.bytes, cost.all_ns / their.all_ns);
        }
        println!();
    }
}

fn ours(kind: &str, scheme: &str, source: &str) -> Archiving<Node> {
    let taker = Taker::start();
    let program = node::master(&format!("bench-{kind}"))
        .set("collect.enabled", "false")
        .accepts(API_KEY)
        .set("backend.bench.type", kind)
        .set("backend.bench.destination", &format!("{scheme}{}", taker.address))
        .set("backend.bench.data_source", source)
        .set("backend.bench.update_every", &WINDOW_S.to_string())
        .set("backend.bench.send_hosts_matching", "!localhost *")
        .start();
    Archiving { program, taker }
}

fn theirs(kind: &str, source: &str) -> Archiving<Netdata> {
    let taker = Taker::start();
    let settings = format!(
        "[{kind}:bench]\n    enabled = yes\n    destination = {}\n    data source = {source}\n\
         \x20   update every = {WINDOW_S}\n    send hosts matching = !localhost *\n",
        taker.address
    );
    let netdata = netdata::named(&format!("bench-{kind}")).plugins(&[]).replication(false).accepts(API_KEY);
    Archiving { program: netdata.exports(&settings).start(), taker }
}

impl Spent {
    fn of(process: &Process, taker: &Taker) -> Self {
        let writing = process.cpu_time_of_threads_called(|name| name == THREADS[0]);
        Self { writing, all: process.cpu_time_of_threads_called(is_archiving), taken: taker.taken() }
    }
}

impl Cost {
    /// Of a sample of whole windows between two times.
    fn of(kind: &str, before: &Spent, after: &Spent, windows: u32) -> Self {
        let samples = u64::from(HOSTS) * SAMPLES * u64::from(windows);
        let lines = after.taken.lines - before.taken.lines;
        // What is packed has no lines.
        assert!(kind == "prometheus-remote-write" || lines >= samples, "{kind}: {lines} lines of {samples} samples");
        let each_ns = |of: fn(&Spent) -> Duration| (of(after) - of(before)).as_nanos() as f64 / samples as f64;
        Self {
            writing_ns: each_ns(|spent| spent.writing),
            all_ns: each_ns(|spent| spent.all),
            bytes: (after.taken.bytes - before.taken.bytes) as f64 / samples as f64,
        }
    }
}
