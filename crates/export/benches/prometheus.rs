//! What a line for Prometheus costs, from the store to the text: `cargo bench -p export --bench prometheus`.
//!
//! 100 hosts of 200 dimensions, as many to a chart as on a usual machine, and rows of ten seconds. CPU time
//! of this thread, the least of several runs. To hold: 300 ns a line.
#![allow(clippy::print_stdout, reason = "a bench tells what it found")]

mod fleet;

use std::sync::Arc;

use export::{Order, Prometheus, PrometheusOptions, Reading, Source, Span, Walk};
use rrd_store::Store;

use fleet::{Fleet, Size};

const RUNS: usize = 30;
const SIZE: Size = Size { hosts: 100, charts: 50, dimensions: 4 };

fn main() {
    let store = Store::new();
    let fleet = Fleet::new(&store, SIZE);
    println!("{:>8} {:>9} {:>10}  source", "ns/line", "lines", "bytes");
    for source in [Source::AsCollected, Source::Average, Source::Sum] {
        let mut out = Vec::new();
        let mut least_ns = f64::INFINITY;
        for _ in 0..RUNS {
            out.clear();
            let begin_ns = cost::cpu_ns();
            write(&mut out, source, &fleet);
            least_ns = least_ns.min((cost::cpu_ns() - begin_ns) as f64);
        }
        let lines = out.iter().filter(|byte| **byte == b'\n').count();
        assert!(lines as u64 >= SIZE.samples());
        println!("{:>8.1} {lines:>9} {:>10}  {source:?}", least_ns / lines as f64, out.len());
    }
}

fn write(out: &mut Vec<u8>, source: Source, fleet: &Fleet) {
    let span = Span { after_s: fleet.last_s - 9, before_s: fleet.last_s + 1 };
    let reading = if source == Source::AsCollected { Reading::Newest } else { Reading::Sums(span) };
    let mut text = Prometheus::new(PrometheusOptions { source, instance: true, ..Default::default() }, span);
    for host in &fleet.hosts {
        text.host(out, host, fleet.now());
        let mut walk = Walk::new(Arc::clone(host), Order::ByContext, |_| true);
        while walk.step(reading) {
            walk.charts().for_each(|chart| text.chart(out, &chart));
        }
        text.end(out);
    }
}
