//! The API: what answers cost beside those of a Netdata with the same hosts, and how long a query waits
//! while 1,000 hosts stream in.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use integration_tests::api::Api;
use integration_tests::peer::netdata;
use integration_tests::process::Process;
use integration_tests::wait::{Deadline, Watch, now_s, pass, s};
use integration_tests::{API_KEY, node};

use crate::idle;
use crate::load::{self, Form, HOSTS, Line, SAMPLES, Writes};

/// What is asked, and how often in a row.
const QUESTIONS: [(&str, &str, u32); 8] = [
    ("info", "/api/v1/info", 300),
    ("charts", "/host/bench-7/api/v1/charts", 100),
    ("data, 60 rows", "/host/bench-7/api/v1/data?chart=bench.c3&after=-60", 500),
    ("data, 60 rows, wrapped", "/host/bench-7/api/v1/data?chart=bench.c3&after=-60&options=jsonwrap", 500),
    ("allmetrics, JSON", "/host/bench-7/api/v1/allmetrics?format=json", 100),
    ("one host, average", "/host/bench-7/api/v1/allmetrics?format=prometheus&help=no&types=no", 100),
    ("all hosts, average", "/api/v1/allmetrics?format=prometheus_all_hosts&help=no&types=no", 10),
    ("all hosts, collected", "/api/v1/allmetrics?format=prometheus_all_hosts&source=raw&help=no&types=no", 10),
];
/// Seconds of rows that are there before anything is asked.
const ROWS_S: u32 = 75;
/// Hosts that stream while queries are timed, and what each of them has.
const MANY: u32 = 1_000;
const CHARTS_OF_EACH: u32 = 10;
/// Queries of a kind, and the time between two of them: they fall anywhere in a second.
const QUERIES: usize = 500;
const PAUSE: Duration = Duration::from_millis(7);

/// CPU per request, the cost of receiving taken off.
pub(crate) fn costs() {
    let master = node::master("bench-master").set("collect.enabled", "false").accepts(API_KEY).start();
    let parent = netdata::named("bench-parent").plugins(&[]).replication(false).accepts(API_KEY).start();
    let mut line = Line::connect(Form::V1_PLAIN, Writes::PerSecond, &[master.address(), parent.address()]);
    line.play(ROWS_S);
    let is_over = AtomicBool::new(false);
    println!("CPU per request, µs, {HOSTS} hosts × {SAMPLES} dimensions streaming in");
    println!("{:26}{:>12}{:>12}{:>12}{:>14}", "", "Tributary", "Netdata", "lines", "ours, ns/line");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                line.play(1);
            }
        });
        let idle = [idle_s(master.process()), idle_s(parent.process())];
        for (name, target, times) in QUESTIONS {
            let (ours, lines) = cost_us(master.process(), master.api(), target, times, idle[0]);
            let (theirs, _) = cost_us(parent.process(), parent.api(), target, times, idle[1]);
            println!("{name:26}{ours:>12.1}{theirs:>12.1}{lines:>12}{:>14.1}", ours * 1e3 / lines as f64);
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// CPU of a process that is asked nothing, as a part of the time.
fn idle_s(process: &Process) -> f64 {
    let before = process.cpu_time_of_threads();
    Deadline::after(s(10)).wait();
    process.cpu_time_of_threads().saturating_sub(before).as_secs_f64() / 10.0
}

/// Microseconds of CPU per request, and the lines of an answer.
fn cost_us(process: &Process, api: Api, target: &str, times: u32, idle: f64) -> (f64, usize) {
    let (begin, before) = (Watch::start(), process.cpu_time_of_threads());
    let mut lines = 0;
    for _ in 0..times {
        let answer = api.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        lines = answer.body.lines().count();
    }
    let cpu_s = process.cpu_time_of_threads().saturating_sub(before).as_secs_f64();
    ((cpu_s - idle * begin.elapsed().as_secs_f64()).max(0.0) * 1e6 / f64::from(times), lines)
}

/// How long queries take while many hosts stream in.
pub(crate) fn latency() {
    let master = node::master("bench-master").set("collect.enabled", "false").accepts(API_KEY).start();
    let (form, count) = (Form::V2_PLAIN, idle::allowed(MANY));
    let mut children: Vec<TcpStream> = (0..count).map(|host| load::connect(form, master.address(), host)).collect();
    send(&mut children, &load::definitions(form, CHARTS_OF_EACH, load::DIMENSIONS));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0.. {
                let second = Deadline::after(s(1));
                let time_s = now_s();
                let rows: Vec<Vec<u8>> =
                    (0..CHARTS_OF_EACH).map(|chart| load::row_of(form, chart, turn, time_s)).collect();
                send(&mut children, &rows.concat());
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                second.wait();
            }
        });
        Deadline::after(s(20)).wait();
        println!(
            "milliseconds until an answer is read, {count} hosts × {} dimensions streaming in",
            CHARTS_OF_EACH * load::DIMENSIONS
        );
        println!("{:26}{:>10}{:>10}{:>10}", "", "median", "99 %", "longest");
        time("data, a minute", master.address(), "/host/bench-500/api/v1/data?chart=bench.c3&after=-60", QUERIES);
        time("allmetrics, one host", master.address(), "/host/bench-500/api/v1/allmetrics?format=prometheus", QUERIES);
        time("allmetrics, all hosts", master.address(), "/api/v1/allmetrics?format=prometheus_all_hosts", QUERIES / 25);
        is_over.store(true, Ordering::Relaxed);
    });
}

fn send(children: &mut [TcpStream], text: &[u8]) {
    children.iter_mut().for_each(|child| child.write_all(text).expect("the parent reads"));
}

fn time(name: &str, address: SocketAddr, target: &str, times: usize) {
    let ask = |_| {
        let begin = Watch::start();
        assert_eq!(Api::new(address).get(target).status, 200, "{target}");
        let elapsed_ms = begin.elapsed().as_secs_f64() * 1e3;
        pass(PAUSE);
        elapsed_ms
    };
    let mut spans_ms: Vec<f64> = (0..times).map(ask).collect();
    spans_ms.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| spans_ms[((times - 1) as f64 * share) as usize].max(0.0);
    println!("{name:26}{:>10.2}{:>10.2}{:>10.2}", at(0.5), at(0.99), at(1.0));
}
