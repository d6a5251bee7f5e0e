//! What a window costs, from the store to the bytes that are sent: `cargo bench -p export --bench backends`.
//!
//! First each format by itself, over 100 hosts of 200 dimensions; then a window of a fleet of 1,000 hosts of 200
//! charts, and what is remembered of it. Windows are of ten seconds, one after another, each of new rows. CPU time of
//! this thread, the least of several windows. To hold: 100 ns a sample, and no allocation for one.
#![allow(clippy::print_stdout, reason = "a bench tells what it found")]

mod fleet;

use std::sync::Arc;

use export::send::Framing;
use export::{Backend, BackendConfig, Cut, Format, FormatOptions, Order, Records, Source, Walk};
use patterns::SimplePattern;
use row::Guid;
use rrd_store::Store;

use fleet::{Fleet, Size};

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

const WINDOW_S: i64 = 10;
const WINDOWS: usize = 12;
const FORMATS: [(Format, Framing); 7] = [
    (Format::Graphite, Framing::None),
    (Format::OpenTsdb, Framing::None),
    (Format::OpenTsdbObjects, Framing::Array),
    (Format::Json, Framing::Lines),
    (Format::Json, Framing::Array),
    (Format::Influx, Framing::None),
    (Format::RemoteWrite, Framing::Snappy),
];

fn main() {
    // Cargo adds an option of its own.
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    println!("100 hosts × 200 dimensions, windows of {WINDOW_S} s, per sample");
    println!("{:>10}{:>11}{:>8}{:>12}{:>13}  what", "write, ns", "frame, ns", "bytes", "bytes sent", "allocations");
    for source in [Source::Average, Source::AsCollected] {
        for (format, framing) in FORMATS {
            let what = format!("{format:?}, {framing:?}, {source:?}");
            if what.contains(&wanted) {
                a_format(format, framing, source, &what);
            }
        }
    }
    if "fleet".contains(&wanted) {
        a_fleet();
    }
}

fn a_format(format: Format, framing: Framing, source: Source, what: &str) {
    let size = Size { hosts: 100, charts: 50, dimensions: 4 };
    let store = Store::new();
    let mut fleet = Fleet::new(&store, size);
    let mut backend = backend(format, source, &fleet);
    let windows = (0..WINDOWS).map(|_| {
        fleet.go_on(WINDOW_S);
        window(&mut backend, &fleet, framing)
    });
    let least = windows.reduce(Costs::least).expect("windows");
    assert!(least.records >= size.samples(), "{least:?}");
    let each = |total: u64| total as f64 / size.samples() as f64;
    println!(
        "{:>10.1}{:>11.1}{:>8.1}{:>12.1}{:>13.4}  {what}",
        each(least.write_ns),
        each(least.frame_ns),
        each(least.bytes),
        each(least.sent_bytes),
        each(least.allocations),
    );
}

/// A window of many hosts, which costs more where rows are read from sealed blocks.
fn a_fleet() {
    let size = Size { hosts: 1_000, charts: 200, dimensions: 5 };
    let store = Store::new();
    let mut fleet = Fleet::new(&store, size);
    let mut backend = backend(Format::Graphite, Source::Average, &fleet);
    println!("\n1,000 hosts × 200 charts × 5 dimensions, windows of {WINDOW_S} s, Graphite");
    println!("{:>10}{:>15}{:>13}{:>18}", "ms", "ns per sample", "allocations", "more bytes live");
    for _ in 0..WINDOWS {
        fleet.go_on(WINDOW_S);
        let before = cost::live();
        let costs = window(&mut backend, &fleet, Framing::None);
        let remembered = cost::live() - before;
        let ms = costs.write_ns as f64 / 1e6;
        let each_ns = costs.write_ns as f64 / size.samples() as f64;
        println!("{ms:>10.0}{each_ns:>15.1}{:>13}{:>18}", costs.allocations, remembered.bytes);
    }
    walks(&fleet, size);
}

/// What is done under locks, and how long it takes at a time.
fn walks(fleet: &Fleet, size: Size) {
    let begin_ns = cost::cpu_ns();
    let (mut steps, mut longest_ns) = (0, 0);
    for host in &fleet.hosts {
        let mut walk = Walk::new(Arc::clone(host), Order::Listed, |_| true);
        loop {
            let step_ns = cost::cpu_ns();
            let is_more = walk.step_windows(|chart| Some((chart.last_s() - WINDOW_S + 1, chart.last_s())));
            if !is_more {
                break;
            }
            longest_ns = longest_ns.max(cost::cpu_ns() - step_ns);
            steps += 1;
        }
    }
    let all_ns = cost::cpu_ns() - begin_ns;
    println!(
        "reading alone: {:.0} ms, {:.1} ns a sample, in {steps} steps of {:.1} µs, of which the longest took {:.1} µs",
        all_ns as f64 / 1e6,
        all_ns as f64 / size.samples() as f64,
        all_ns as f64 / 1e3 / f64::from(steps),
        longest_ns as f64 / 1e3
    );
}

/// What a window cost.
#[derive(Debug, Default)]
struct Costs {
    write_ns: u64,
    frame_ns: u64,
    allocations: u64,
    records: u64,
    bytes: u64,
    sent_bytes: u64,
}

impl Costs {
    fn least(self, other: Self) -> Self {
        Self {
            write_ns: self.write_ns.min(other.write_ns),
            frame_ns: self.frame_ns.min(other.frame_ns),
            allocations: self.allocations.min(other.allocations),
            ..other
        }
    }
}

fn window(backend: &mut Backend, fleet: &Fleet, framing: Framing) -> Costs {
    let mut costs = Costs::default();
    let mut sent = Vec::new();
    let (begin_ns, before) = (cost::cpu_ns(), cost::allocations());
    let (mut aside_ns, mut aside) = (0, 0);
    let turn = backend.turn(&fleet.hosts, fleet.now(), |_, records: Records| {
        let (begin_ns, before) = (cost::cpu_ns(), cost::allocations());
        let sent_bytes = framing.frame(&mut sent, &records).len() as u64;
        costs.frame_ns += (cost::cpu_ns() - begin_ns) as u64;
        costs.records += records.len() as u64;
        costs.bytes += records.bytes().len() as u64;
        costs.sent_bytes += sent_bytes;
        aside_ns += cost::cpu_ns() - begin_ns;
        aside += cost::allocations() - before;
    });
    assert!(turn.is_some(), "a window is due");
    costs.write_ns = (cost::cpu_ns() - begin_ns - aside_ns) as u64;
    costs.allocations = cost::allocations() - before - aside;
    costs
}

fn backend(format: Format, source: Source, fleet: &Fleet) -> Backend {
    let format = FormatOptions {
        format,
        source,
        prefix: "tributary".into(),
        names: true,
        configured_labels: true,
        automatic_labels: false,
        node: false,
        undot_hostname: false,
    };
    let config = BackendConfig {
        name: "bench".into(),
        every_s: WINDOW_S,
        cut: Cut::AsTold,
        format,
        hosts: SimplePattern::new("*"),
        charts: SimplePattern::new("*"),
        hostname: String::new(),
    };
    Backend::new(config, Guid::from_bytes([9; 16]), None, fleet.now())
}
