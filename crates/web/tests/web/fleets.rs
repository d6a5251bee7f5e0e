//! `fleet`: all hosts in one answer, as time goes by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use row::{ChartDefinition, ChartSlot, DimensionDefinition, DimensionOptions, Label, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};
use serde_json::{Value, json};
use web::{Config, Web};

use crate::client::get;
use crate::fleet::{NASTY, NOW_S, guid};

/// Charts with their dimensions; a hidden one begins with a dot.
const CHARTS: [(&str, &[&str]); 4] = [
    ("system.cpu", &["user", "system", ".idle"]),
    ("system.ram", &["free", "used", "cached", "buffers"]),
    ("system.load", &["load1", "load5"]),
    ("system.net", &["received", "sent"]),
];
const VALUES: [&[f64]; 4] = [&[20.0, 3.456, 70.0], &[10.0, 25.0, 50.0, 15.0], &[0.5, 9.0], &[1_000.0, -234.0]];

struct World {
    web: Web,
    store: Arc<Store>,
    clock: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        let (store, clock) = (Arc::new(Store::new()), Arc::new(AtomicI64::new(NOW_S)));
        let read = Arc::clone(&clock);
        let clock_of_web = Arc::new(move || now(read.load(Ordering::Relaxed)));
        let web = Web::new(Arc::clone(&store), Config::default(), clock_of_web);
        Self { web, store, clock }
    }

    fn now_s(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn add(&self, number: u8, hostname: &str) -> Feed {
        let info = HostInfo {
            hostname: hostname.into(),
            hops: u32::from(number > 1),
            path: vec![guid(9), guid(1)],
            ..HostInfo::unknown(guid(number))
        };
        self.store.add(&info, Keep::new(MemoryMode::Ram, 3_600)).claim(FeedKind::Stored, info)
    }

    async fn ask(&self, query: &str) -> Value {
        let reply = get(&self.web, &format!("/api/v1/fleet?{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }
}

const fn now(wall_s: i64) -> Now {
    Now { wall_us: wall_s * 1_000_000, mono_us: (wall_s - NOW_S + 1_000) as u64 * 1_000_000 }
}

fn define(feed: &mut Feed) {
    let mut writer = feed.writer(now(NOW_S)).unwrap();
    for (id, dimensions) in CHARTS {
        let slot = writer.define_chart(&ChartDefinition { id, update_every_s: 1, ..Default::default() }).unwrap();
        for dimension in dimensions {
            let id = dimension.trim_start_matches('.');
            let hidden = dimension.len() != id.len();
            let options = if hidden { DimensionOptions::HIDDEN } else { DimensionOptions::default() };
            writer.define_dimension(slot, &DimensionDefinition { id, options, ..Default::default() }).unwrap();
        }
    }
    writer.set_host_labels(&[Label { name: "rack", value: NASTY, source: 1 }]);
}

/// A row of each chart per second, `factor` times as high as usual.
fn write(feed: &mut Feed, from_s: i64, until_s: i64, factor: f64) {
    let mut writer = feed.writer(now(until_s)).unwrap();
    for time_s in from_s..=until_s {
        for (slot, values) in VALUES.iter().enumerate() {
            writer.begin(ChartSlot(slot as u32));
            for (index, value) in values.iter().enumerate() {
                let value = Packed::pack(value * factor, PointFlags::NORMAL);
                writer.set_stored(index as u32, None, value);
            }
            assert!(writer.end_stored(time_s, true));
        }
    }
}

fn curve<'a>(host: &'a Value, name: &str) -> &'a [Value] {
    host["curves"][name].as_array().unwrap()
}

/// The goal: one answer tells of each host all that a list shows.
#[tokio::test]
async fn hosts_are_told_with_their_vital_signs() {
    let world = World::new();
    let mut own = world.add(1, "own");
    define(&mut own);
    write(&mut own, NOW_S - 100, NOW_S - 1, 1.0);
    let _bare = world.add(2, NASTY);
    let mut late = world.add(3, "late");
    define(&mut late);
    write(&mut late, NOW_S - 500, NOW_S - 60, 1.0);
    let mut gone = world.add(4, "gone");
    define(&mut gone);
    write(&mut gone, NOW_S - 500, NOW_S - 60, 1.0);
    drop(gone);

    let answer = world.ask("").await;
    assert_eq!((&answer["now_s"], &answer["page"], &answer["pages"]), (&json!(NOW_S), &json!(0), &json!(1)));
    let alarms = json!({ "critical": 0, "warning": 0, "normal": 0 });
    let totals = json!({ "hosts": 4, "live": 1, "stale": 2, "offline": 1, "archived": 0, "alarms": alarms });
    assert_eq!(answer["totals"], totals);
    let end_s = (NOW_S - 3) / 20 * 20;
    assert_eq!(answer["curve"], json!({ "points": 30, "step_s": 20, "end_s": end_s }));
    let host = &answer["hosts"][0];
    for (key, value) in [
        ("guid", json!(guid(1).to_string())),
        ("hostname", json!("own")),
        ("status", json!("live")),
        ("newest_s", json!(NOW_S - 1)),
        ("age_s", json!(1)),
        ("hops", json!(0)),
        ("path", json!([guid(9).to_string(), guid(1).to_string()])),
        ("memory_mode", json!("ram")),
        ("charts", json!(4)),
        ("labels", json!({ "rack": NASTY })),
        ("now", json!({ "cpu": 23.5, "ram": 25, "load": 0.5, "net": 1_230 })),
        ("alarms", alarms),
    ] {
        assert_eq!(host[key], value, "{key}");
    }
    let cpu = curve(host, "cpu");
    // Points that end at NOW_S - 100 up to NOW_S - 20 have rows; what came later is not complete.
    assert_eq!((cpu.len(), &cpu[24], &cpu[25], &cpu[29]), (30, &json!(null), &json!(23.5), &json!(23.5)));
    assert_eq!((&curve(host, "ram")[29], &curve(host, "net")[29]), (&json!(25), &json!(1_230)));

    let bare = &answer["hosts"][1];
    assert_eq!((&bare["hostname"], &bare["status"], &bare["age_s"]), (&json!(NASTY), &json!("stale"), &json!(null)));
    assert_eq!(bare["now"], json!({ "cpu": null, "ram": null, "load": null, "net": null }));
    let (late, gone) = (&answer["hosts"][2], &answer["hosts"][3]);
    assert_eq!((&late["status"], &late["age_s"]), (&json!("stale"), &json!(60)));
    assert_eq!((&gone["status"], &gone["now"]["cpu"]), (&json!("offline"), &json!(null)));
    assert_eq!(curve(late, "cpu"), curve(gone, "cpu"), "what a host that left was stays to be seen");
}

/// The goal: the brief form tells what moves; what is good for a second is told to all without a look at
/// any host; then points are added, and rows of the past that came late are seen.
#[tokio::test]
async fn answers_follow_what_happens() {
    let world = World::new();
    let mut feed = world.add(1, "own");
    define(&mut feed);
    write(&mut feed, NOW_S - 100, NOW_S - 1, 1.0);
    let brief = world.ask("brief").await;
    assert_eq!(brief["curve"], Value::Null);
    let mut keys: Vec<&String> = brief["hosts"][0].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["age_s", "alarms", "guid", "newest_s", "now", "status"]);

    let _second = world.add(2, "second");
    write(&mut feed, NOW_S, NOW_S + 40, 2.0);
    assert_eq!(world.ask("brief").await, brief, "it is the same second");
    assert_eq!(world.ask("brief=no").await["totals"]["hosts"], 1);
    world.clock.fetch_add(41, Ordering::Relaxed);
    let answer = world.ask("").await;
    assert_eq!((&answer["totals"]["hosts"], &answer["hosts"][0]["now"]["load"]), (&json!(2), &json!(1)));
    let load = curve(&answer["hosts"][0], "load");
    // The row of NOW_S, twice as high, is the last of its point.
    assert_eq!(load[25..], [json!(0.5), json!(0.5), json!(0.5), json!(0.525), json!(1)]);

    // The stream is away for a minute, comes back, and brings first what is new, then what was missed.
    write(&mut feed, world.now_s() + 60, world.now_s() + 99, 2.0);
    world.clock.fetch_add(100, Ordering::Relaxed);
    let answer = world.ask("").await;
    let nulls =
        |answer: &Value| curve(&answer["hosts"][0], "load")[22..].iter().filter(|point| point.is_null()).count();
    assert_eq!(nulls(&answer), 3);
    let host = world.store.host(guid(1)).unwrap();
    write(&mut feed, NOW_S + 41, NOW_S + 100, 2.0);
    host.figures().rows_replicated.add(60);
    world.clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(nulls(&world.ask("").await), 0);
}

/// The goal: fleets that are too large for one answer come in pages, and there is no page beyond.
#[tokio::test]
async fn large_fleets_come_in_pages() {
    let world = World::new();
    let reply = get(&world.web, "/api/v1/fleet").await;
    assert_eq!(reply.status, 503, "it does not know itself: {}", reply.body);
    drop(world.add(1, "own"));
    for number in 0..5_000_u32 {
        let mut bytes = [7; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let info = HostInfo::unknown(row::Guid::from_bytes(bytes));
        world.store.add(&info, Keep::new(MemoryMode::Ram, 60));
    }
    let first = world.ask("brief").await;
    assert_eq!((&first["pages"], &first["totals"]["hosts"]), (&json!(2), &json!(5_001)));
    assert_eq!(first["hosts"].as_array().unwrap().len(), 5_000);
    assert_eq!(world.ask("brief&page=1").await["hosts"].as_array().unwrap().len(), 1);
    let reply = get(&world.web, "/api/v1/fleet?page=2").await;
    assert_eq!((reply.status, reply.body.as_str()), (400, "There is no page 2, there are 2."));
}
