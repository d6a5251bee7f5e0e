//! What a line for Prometheus costs, from the store to the text: `cargo bench -p export`.
//!
//! 100 hosts of 200 dimensions, as many to a chart as on a usual machine, and rows of ten seconds. CPU time
//! of this thread, the least of several runs. To hold: 300 ns a line.
#![allow(clippy::print_stdout, reason = "a bench tells what it found")]

use std::sync::Arc;

use export::{Order, Prometheus, PrometheusOptions, Reading, Source, Span, Walk};
use row::{Algorithm, ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

const HOSTS: u8 = 100;
const CHARTS: u32 = 50;
const DIMENSIONS: u32 = 4;
const ROWS: i64 = 150;
const LAST_S: i64 = 1_795_387_617;
const NOW: Now = Now { wall_us: (LAST_S + 1) * 1_000_000, mono_us: 1 };
const SPAN: Span = Span { after_s: LAST_S - 9, before_s: LAST_S + 1 };
const RUNS: usize = 30;

fn main() {
    let store = Store::new();
    let fed: Vec<(Arc<Host>, Feed)> = (0..HOSTS).map(|number| host(&store, number)).collect();
    let hosts: Vec<&Arc<Host>> = fed.iter().map(|(host, _)| host).collect();
    println!("{:>8} {:>9} {:>10}  source", "ns/line", "lines", "bytes");
    for source in [Source::AsCollected, Source::Average, Source::Sum] {
        let mut out = Vec::new();
        let mut least_ns = f64::INFINITY;
        for _ in 0..RUNS {
            out.clear();
            let begin_ns = cost::cpu_ns();
            write(&mut out, source, &hosts);
            least_ns = least_ns.min((cost::cpu_ns() - begin_ns) as f64);
        }
        let lines = out.iter().filter(|byte| **byte == b'\n').count();
        println!("{:>8.1} {lines:>9} {:>10}  {source:?}", least_ns / lines as f64, out.len());
    }
}

fn write(out: &mut Vec<u8>, source: Source, hosts: &[&Arc<Host>]) {
    let reading = if source == Source::AsCollected { Reading::Newest } else { Reading::Sums(SPAN) };
    let mut text = Prometheus::new(PrometheusOptions { source, instance: true, ..Default::default() }, SPAN);
    for host in hosts {
        text.host(out, host, NOW);
        let mut walk = Walk::new(Arc::clone(host), Order::ByContext, |_| true);
        while walk.step(reading) {
            walk.charts().for_each(|chart| text.chart(out, &chart));
        }
        text.end(out);
    }
}

fn host(store: &Store, number: u8) -> (Arc<Host>, Feed) {
    let guid = Guid::from_bytes([number + 1; 16]);
    let info = HostInfo { hostname: format!("host{number}"), ..HostInfo::unknown(guid) };
    let host = store.add(&info, Keep::new(MemoryMode::Ram, ROWS as u32));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(NOW).expect("nobody else claims the feed");
    let mut random = 1 + u64::from(number);
    for chart in 0..CHARTS {
        let (id, context) = (format!("system.chart_number{chart}"), format!("system.context{}", chart * 3 / 4));
        let definition = ChartDefinition {
            id: &id,
            context: &context,
            title: "What is counted by this chart",
            units: "operations/s",
            family: "family",
            update_every_s: 1,
            ..Default::default()
        };
        let slot = writer.define_chart(&definition).expect("the definition is sound");
        for dimension in 0..DIMENSIONS {
            let id = format!("dimension{dimension}");
            let algorithm = Algorithm::Incremental;
            let definition = DimensionDefinition { id: &id, algorithm, ..Default::default() };
            writer.define_dimension(slot, &definition).expect("the definition is sound");
        }
        for time_s in LAST_S - ROWS + 1..=LAST_S {
            writer.begin(slot);
            for dimension in 0..DIMENSIONS {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let value = if dimension % 2 == 0 { 0.0 } else { (random >> 40) as f64 / 1e5 };
                writer.set_stored(dimension, Some((random >> 33) as i64), Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored(time_s, true);
        }
    }
    drop(writer);
    (host, feed)
}
