//! What a query costs, from the URL to the bytes of the answer: `cargo bench -p web --bench data`.
//!
//! CPU time, as the kernel counts it for this thread; the least of several runs, since neighbours on
//! the machine only ever add. A word after `--` asks only the queries that hold it. To hold: one chart of 4 dimensions x 3,600 rows in 500 µs.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::HttpBody;
use http::Request;
use row::{ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};
use web::{Config, Peer, Web};

const ROWS: i64 = 3_600;
/// Not at the end of a block, so that there are sealed and open rows.
const LAST_S: i64 = 1_795_387_617;
const NOW: Now = Now { wall_us: (LAST_S + 1) * 1_000_000, mono_us: 1 };
const RUNS: usize = 20;
const QUERIES_PER_RUN: u32 = 20;

fn main() {
    let web = web();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs nothing");
    // Cargo adds an option of its own.
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    println!("{:>10} {:>10} {:>8}  query", "µs", "bytes", "ns/value");
    for (query, values) in [
        ("chart=bench.changing", 4 * ROWS),
        ("chart=bench.usual", 4 * ROWS),
        ("chart=bench.changing&options=jsonwrap,nonzero", 4 * ROWS),
        ("chart=bench.changing&options=absolute", 4 * ROWS),
        ("chart=bench.changing&options=percentage", 4 * ROWS),
        ("chart=bench.changing&points=360", 4 * ROWS),
        ("chart=bench.changing&points=360&group=max", 4 * ROWS),
        ("chart=bench.changing&points=360&group=median", 4 * ROWS),
        ("chart=bench.changing&points=360&group=stddev", 4 * ROWS),
        ("chart=bench.changing&points=1", 4 * ROWS),
        ("chart=bench.wide", 100 * ROWS),
        ("chart=bench.wide&points=360", 100 * ROWS),
        ("context=bench.*&points=360", 108 * ROWS),
    ]
    .into_iter()
    .filter(|(query, _)| query.contains(&wanted))
    {
        let url = format!("/api/v1/data?after=-{ROWS}&{query}");
        let mut bytes = 0;
        let mut least_us = f64::INFINITY;
        for _ in 0..RUNS {
            let begin_ns = cost::cpu_ns();
            for _ in 0..QUERIES_PER_RUN {
                bytes = runtime.block_on(ask(&web, &url));
            }
            least_us = least_us.min((cost::cpu_ns() - begin_ns) as f64 / 1e3 / f64::from(QUERIES_PER_RUN));
        }
        println!("{least_us:>10.1} {bytes:>10} {:>8.1}  {query}", least_us * 1e3 / values as f64);
    }
}

async fn ask(web: &Web, url: &str) -> usize {
    let request = Request::get(url).body(axum::body::Body::empty()).expect("the URL is one");
    let response = web.answer(request, Peer::Unix).await;
    assert_eq!(response.status(), 200, "{url}");
    // Piece by piece, as a connection takes it.
    let (mut body, mut bytes) = (response.into_body(), 0);
    while let Some(piece) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        bytes += piece.expect("the body is in memory").data_ref().map_or(0, |data| data.len());
    }
    bytes
}

fn web() -> Web {
    let store = Arc::new(Store::new());
    let info = HostInfo {
        guid: Guid::from_bytes([1; 16]),
        hostname: "bench".into(),
        registry_hostname: "bench".into(),
        os: "linux".into(),
        timezone: "Etc/UTC".into(),
        abbrev_timezone: "UTC".into(),
        utc_offset_s: 0,
        hops: 0,
        update_every_s: 1,
        program_name: "bench".into(),
        program_version: "1".into(),
        tags: String::new(),
        system: Vec::new(),
        boot_id: String::new(),
        fingerprint: String::new(),
        path: Vec::new(),
    };
    let host = store.add(&info, Keep::new(MemoryMode::Ram, ROWS as u32));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(NOW).expect("nobody else claims the feed");
    let mut random = 1_u64;
    for (id, dimensions, changing) in [("bench.changing", 4, 4), ("bench.usual", 4, 1), ("bench.wide", 100, 25)] {
        let chart = ChartDefinition { id, update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&chart).expect("the definition is sound");
        for number in 0..dimensions {
            let id = format!("dimension{number}");
            let dimension = DimensionDefinition { id: &id, ..Default::default() };
            writer.define_dimension(slot, &dimension).expect("the definition is sound");
        }
        for time_s in LAST_S - ROWS + 1..=LAST_S {
            writer.begin(slot);
            for number in 0..dimensions {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let value = if number < changing { (random >> 40) as f64 / 1e5 } else { f64::from(number % 2) * 12.5 };
                writer.set_stored(number, None, Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored(time_s, true);
        }
    }
    drop(writer);
    Web::new(store, Config::default(), Arc::new(|| NOW))
}
