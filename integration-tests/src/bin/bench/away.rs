//! Receiving beside archiving: what it costs and how soon rows are there, without a database, with one that takes
//! all, and with some that are dead or take nothing.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use integration_tests::API_KEY;
use integration_tests::api::Window;
use integration_tests::node::{self, Node, Settings};
use integration_tests::wait::{Deadline, Watch, now_s, pass, s};

use crate::archive::is_archiving;
use crate::idle;
use crate::load::{Form, HOSTS, Line, SAMPLES, Writes};
use crate::report::span_or;
use crate::taker::Taker;

const SPAN_S: u32 = 60;
/// The host and the chart that are written last.
const LAST: (&str, &str) = ("bench-99", "bench.c49");
/// Between two looks.
const STEP: Duration = Duration::from_millis(1);
/// Rows that are not there by then are late.
const LATE: Duration = Duration::from_millis(900);

/// A node, and what was seen of it.
struct Watched {
    name: &'static str,
    node: Node,
    lags_ms: Vec<f64>,
    before: Duration,
}

pub(crate) fn rows() {
    idle::allowed(4 * HOSTS);
    let taker = Taker::start();
    let black_hole = TcpListener::bind(("127.0.0.1", 0)).expect("a port on loopback");
    let taken = black_hole.local_addr().expect("it is bound");
    let closed = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    let alone = master("alone");
    let told = KINDS.iter().fold(master("told"), |master, kind| with(master, kind, taker.address));
    let away = with(with(with(master("away"), "graphite", taken), "influx", taken), "opentsdb", closed);
    let away = with(away, "prometheus-remote-write", closed);
    let watch = |(name, settings): (&'static str, Settings)| Watched {
        name,
        node: settings.start(),
        lags_ms: Vec::new(),
        before: Duration::ZERO,
    };
    let mut all = [("none", alone), ("four that take all", told), ("four that take nothing", away)].map(watch);
    let addresses: Vec<_> = all.iter().map(|watched| watched.node.address()).collect();
    let mut line = Line::connect(Form::V2_PLAIN, Writes::PerSecond, &addresses);
    line.warm_up();
    all.iter_mut().for_each(|watched| watched.before = watched.receiving());
    let (begin_s, seconds) = (now_s() + 1, span_or(SPAN_S));
    for _ in 0..seconds {
        second(&mut line, &mut all);
    }
    let window = Window { after: begin_s, before: now_s() - 1 };
    println!("receiving beside archiving, a window each second, {HOSTS} hosts × {SAMPLES} dimensions, {seconds} s");
    println!("{:26}{:>16}{:>12}{:>10}{:>10}{:>9}", "databases", "µs per sample", "lag, ms", "99 %", "longest", "rows");
    all.iter_mut().for_each(|watched| watched.print(u64::from(HOSTS) * SAMPLES * u64::from(seconds), window));
    drop(black_hole);
}

const KINDS: [&str; 4] = ["graphite", "opentsdb", "influx", "prometheus-remote-write"];

fn master(name: &str) -> Settings {
    node::master(&format!("bench-{name}")).set("collect.enabled", "false").accepts(API_KEY)
}

fn with(settings: Settings, kind: &str, destination: SocketAddr) -> Settings {
    let key = |name: &str| format!("backend.{kind}.{name}");
    settings
        .set(&key("type"), kind)
        .set(&key("destination"), &destination.to_string())
        .set(&key("update_every"), "1")
        .set(&key("timeout"), "2s")
}

/// Sends a second's rows, and waits until they are there.
fn second(line: &mut Line, all: &mut [Watched]) {
    let deadline = Deadline::after(s(1));
    let (begin, time_s) = (Watch::start(), now_s());
    line.rows();
    let mut is_there = vec![false; all.len()];
    while is_there.contains(&false) && begin.elapsed() < LATE {
        pass(STEP);
        for (watched, is_there) in all.iter_mut().zip(&mut is_there).filter(|(_, is_there)| !**is_there) {
            let host = watched.node.api().host(LAST.0);
            let window = Window { after: time_s, before: time_s };
            *is_there = host.try_data(LAST.1, window).is_ok_and(|data| data.rows.contains_key(&time_s));
            if *is_there {
                watched.lags_ms.push(begin.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    deadline.wait();
}

impl Watched {
    /// CPU of all threads that do not archive; what answers looks is among them.
    fn receiving(&self) -> Duration {
        self.node.process().cpu_time_of_threads_called(|name| !is_archiving(name))
    }

    fn print(&mut self, samples: u64, window: Window) {
        let cpu = self.receiving().saturating_sub(self.before);
        self.lags_ms.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| self.lags_ms[((self.lags_ms.len() - 1) as f64 * share) as usize];
        let rows = self.node.api().host(LAST.0).data(LAST.1, window).rows.len() as i64;
        println!(
            "{:26}{:>16.3}{:>12.1}{:>10.1}{:>10.1}{:>9}",
            self.name,
            cpu.as_secs_f64() * 1e6 / samples as f64,
            at(0.5),
            at(0.99),
            at(1.0),
            format!("{rows}/{}", window.seconds()),
        );
        assert_eq!(rows, window.seconds(), "{}: rows are missing", self.name);
    }
}
