//! What it costs to tell of a fleet of 1,000 hosts: `cargo bench -p web --bench fleet`.
//!
//! CPU time, as the kernel counts it for this thread, per host: the first look, which reads ten minutes
//! of rows; a second later, and twenty seconds later, when the curves get a point; and again within the
//! same second. Each host has 100 charts beside those that are told, so that caches are cold.
#![allow(clippy::print_stdout, reason = "it tells what it measured")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::to_bytes;
use http::Request;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Label, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};
use web::{Config, Peer, Web};

const HOSTS: u32 = 1_000;
const BEGIN_S: i64 = 1_795_387_617;
const PAST_S: i64 = 700;
const CHARTS: [(&str, u32); 4] = [("system.cpu", 10), ("system.ram", 4), ("system.load", 3), ("system.net", 2)];
const OTHERS: u32 = 100;

fn main() {
    let clock = Arc::new(AtomicI64::new(BEGIN_S));
    let store = Arc::new(Store::new());
    let mut feeds: Vec<Feed> = (0..HOSTS).map(|number| host(&store, number)).collect();
    let read = Arc::clone(&clock);
    let web = Web::new(Arc::clone(&store), Config::default(), Arc::new(move || now(read.load(Ordering::Relaxed))));
    feeds.iter_mut().for_each(|feed| fill(feed, BEGIN_S - PAST_S, BEGIN_S - 1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs nothing");
    let mut newest_s = BEGIN_S - 1;
    println!("{:>12} {:>12}", "µs per host", "bytes");
    for (what, url, later_s) in [
        ("first", "/api/v1/fleet", 0),
        ("brief, the same second", "/api/v1/fleet?brief", 0),
        ("brief, again", "/api/v1/fleet?brief", 0),
        ("brief, a second later", "/api/v1/fleet?brief", 1),
        ("brief, a second later", "/api/v1/fleet?brief", 1),
        ("whole, 20 s later", "/api/v1/fleet", 20),
        ("whole, 20 s later", "/api/v1/fleet", 20),
        ("whole, again", "/api/v1/fleet", 0),
    ] {
        let now_s = clock.fetch_add(later_s, Ordering::Relaxed) + later_s;
        feeds.iter_mut().for_each(|feed| fill(feed, newest_s + 1, now_s - 1));
        newest_s = now_s - 1;
        let begin_ns = cost::cpu_ns();
        let bytes = runtime.block_on(ask(&web, url));
        let us = (cost::cpu_ns() - begin_ns) as f64 / 1e3 / f64::from(HOSTS);
        println!("{us:>12.2} {bytes:>12}  {what}");
    }
}

const fn now(wall_s: i64) -> Now {
    Now { wall_us: wall_s * 1_000_000, mono_us: wall_s as u64 * 1_000_000 }
}

async fn ask(web: &Web, url: &str) -> usize {
    let request = Request::get(url).body(axum::body::Body::empty()).expect("the URL is one");
    let response = web.answer(request, Peer::Unix).await;
    assert_eq!(response.status(), 200, "{url}");
    to_bytes(response.into_body(), usize::MAX).await.expect("the body is in memory").len()
}

fn host(store: &Store, number: u32) -> Feed {
    let mut bytes = [1; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    let info =
        HostInfo { hostname: format!("host-{number}.example.org"), ..HostInfo::unknown(Guid::from_bytes(bytes)) };
    let mut feed = store.add(&info, Keep::new(MemoryMode::Ram, 3_600)).claim(FeedKind::Stored, info);
    let mut writer = feed.writer(now(BEGIN_S)).expect("nobody else claims the feed");
    let others = (0..OTHERS).map(|number| (format!("other.chart{number}"), 2));
    for (id, dimensions) in CHARTS.map(|(id, dimensions)| (id.to_owned(), dimensions)).into_iter().chain(others) {
        let chart = ChartDefinition { id: &id, update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&chart).expect("the definition is sound");
        for number in 0..dimensions {
            let id = format!("dimension{number}");
            let definition = DimensionDefinition { id: &id, ..Default::default() };
            writer.define_dimension(slot, &definition).expect("the definition is sound");
        }
    }
    let labels = [("_os", "linux"), ("rack", "r17"), ("datacentre", "fra"), ("role", "web"), ("team", "checkout")];
    writer.set_host_labels(&labels.map(|(name, value)| Label { name, value, source: 1 }));
    drop(writer);
    feed
}

/// Rows of the charts that are told.
fn fill(feed: &mut Feed, from_s: i64, until_s: i64) {
    let mut writer = feed.writer(now(until_s)).expect("nobody else claims the feed");
    let mut random = from_s as u64;
    for time_s in from_s..=until_s {
        for (slot, (_, dimensions)) in (0..).zip(CHARTS) {
            writer.begin(ChartSlot(slot));
            for number in 0..dimensions {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let value = if number < 3 { (random >> 40) as f64 / 1e5 } else { 0.0 };
                writer.set_stored(number, None, Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored(time_s, true);
        }
    }
}
