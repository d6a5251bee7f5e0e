//! Serves API and dashboard over made-up hosts whose charts move once a second:
//! `cargo run -p web --example serve [PORT]`. Without a port the system chooses one.
#![allow(clippy::disallowed_methods, reason = "an example is its own shell: it reads the clocks itself")]
#![allow(clippy::print_stdout, reason = "it tells its address")]

use std::error::Error;
use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use row::{ChartDefinition, ChartSlot, ChartType, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};
use web::{Config, Web};

/// Seconds of history that are there from the start.
const PAST_S: i64 = 3_600;
/// Hosts: name, hops, whether it is passed on only, whether its stream goes on.
const HOSTS: [(&str, u32, bool, bool); 9] = [
    ("harbour-master", 0, false, true),
    ("web-01.fra", 1, false, true),
    ("web-02.fra", 1, false, true),
    ("db-primary", 2, false, true),
    ("edge proxy/7 <b>", 1, false, true),
    ("build-runner-a91f", 2, false, true),
    ("build-runner-77c0", 2, false, false),
    ("pass-through", 1, true, true),
    ("a-host-with-a-rather-long-name.internal.example.org", 3, false, true),
];
/// Charts: id, title, units, family, type, priority, dimensions, their height, seconds between rows.
type Sketch =
    (&'static str, &'static str, &'static str, &'static str, ChartType, i32, &'static [&'static str], f64, u32);
const CHARTS: [Sketch; 12] = [
    ("system.cpu", "Total CPU utilization", "percentage", "cpu", ChartType::Stacked, 100, CPU, 9.0, 1),
    ("system.load", "System Load Average", "load", "load", ChartType::Line, 110, &["load1", "load5", "load15"], 3.0, 5),
    ("system.io", "Disk I/O", "KiB/s", "disk", ChartType::Area, 150, &["in", "-out"], 5_300.0, 1),
    ("system.ram", "System RAM", "MiB", "ram", ChartType::Stacked, 200, RAM, 2_900.0, 1),
    ("system.net", "Physical Network Interfaces", "kilobits/s", "network", ChartType::Area, 500, NET, 84_000.0, 1),
    ("system.ctxt", "CPU Context Switches", "context switches/s", "processes", ChartType::Line, 800, ONE, 21_000.0, 1),
    ("system.uptime", "System Uptime", "seconds", "uptime", ChartType::Line, 1_000, &["uptime"], -1.0, 1),
    ("cpu.cpu0", "Core utilization", "percentage", "utilization", ChartType::Stacked, 1_100, CPU, 10.0, 1),
    ("cpu.cpu1", "Core utilization", "percentage", "utilization", ChartType::Stacked, 1_101, CPU, 7.0, 1),
    ("disk.nvme0n1", "Disk I/O Bandwidth", "KiB/s", "nvme0n1", ChartType::Area, 2_000, &["reads", "-writes"], 3e3, 1),
    ("disk_util.nvme0n1", "Disk Utilization Time", "% of time", "nvme0n1", ChartType::Area, 2_004, ONE, 30.0, 1),
    ("net.eth0", "Bandwidth", "kilobits/s", "eth0", ChartType::Area, 7_000, NET, 84_000.0, 1),
];
const CPU: &[&str] = &["softirq", "irq", "user", "system", "nice", "iowait", "steal", "guest"];
const RAM: &[&str] = &["free", "used", "cached", "buffers"];
const NET: &[&str] = &["received", "-sent"];
const ONE: &[&str] = &["value"];

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(port))
}

async fn run(port: u16) -> Result<(), Box<dyn Error>> {
    let store = Arc::new(Store::new());
    let mut feeds: Vec<(Feed, bool)> =
        HOSTS.iter().enumerate().map(|(n, host)| sketch(&store, n as u8, host)).collect();
    feeds.iter_mut().enumerate().for_each(|(n, (feed, on))| {
        let end_s = if *on { now().wall_s() } else { now().wall_s() - 1_000 };
        fill(feed, n, end_s - PAST_S, end_s);
    });
    feeds.retain(|(_, on)| *on);
    let web = Web::new(Arc::clone(&store), Config::default(), Arc::new(now));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/", listener.local_addr()?);
    let mut last_s = now().wall_s();
    let mut second = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (socket, peer) = accepted?;
                let web = web.clone();
                tokio::spawn(async move { web.serve(socket, Bytes::new(), peer).await });
            }
            _ = second.tick() => {
                let now_s = now().wall_s();
                feeds.iter_mut().enumerate().for_each(|(n, (feed, _))| fill(feed, n, last_s, now_s));
                last_s = now_s;
            }
        }
    }
}

fn now() -> Now {
    thread_local!(static START: Instant = Instant::now());
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Now { wall_us: wall.as_micros() as i64, mono_us: START.with(|start| start.elapsed().as_micros() as u64) }
}

/// Adds a host with its charts.
fn sketch(store: &Store, number: u8, &(name, hops, passed_on, on): &(&str, u32, bool, bool)) -> (Feed, bool) {
    let info = HostInfo {
        guid: Guid::from_bytes([number + 1; 16]),
        hostname: name.into(),
        registry_hostname: name.into(),
        os: "linux".into(),
        timezone: "Etc/UTC".into(),
        abbrev_timezone: "UTC".into(),
        utc_offset_s: 0,
        hops,
        update_every_s: 1,
        program_name: if hops == 1 { "netdata" } else { "tributary" }.into(),
        program_version: if hops == 1 { "v1.37.1" } else { "0.1.0" }.into(),
        tags: String::new(),
        system: Vec::new(),
        boot_id: String::new(),
        fingerprint: String::new(),
        path: Vec::new(),
    };
    let mode = if passed_on { MemoryMode::None } else { MemoryMode::Ram };
    let host = store.add(&info, Keep::new(mode, 3_600));
    let mut feed = host.claim(FeedKind::Local, info);
    if let Some(mut writer) = feed.writer(now()) {
        for (id, title, units, family, chart_type, priority, dimensions, _, update_every_s) in CHARTS {
            let definition = ChartDefinition {
                id,
                title,
                units,
                family,
                chart_type,
                priority,
                update_every_s,
                ..Default::default()
            };
            let slot = writer.define_chart(&definition).expect("a chart of the list is valid");
            for dimension in dimensions {
                let id = dimension.trim_start_matches('-');
                let definition = DimensionDefinition { id, ..Default::default() };
                writer.define_dimension(slot, &definition).expect("a dimension of the list is valid");
            }
        }
    }
    (feed, on)
}

/// Writes rows of all charts after one second up to another; now and then 20 seconds are missing.
fn fill(feed: &mut Feed, host: usize, after_s: i64, until_s: i64) {
    let Some(mut writer) = feed.writer(now()) else { return };
    for time_s in after_s + 1..=until_s {
        if (time_s / 20 + host as i64 * 7) % 29 == 0 {
            continue;
        }
        for (slot, (.., dimensions, height, every_s)) in CHARTS.iter().enumerate() {
            if time_s % i64::from(*every_s) != 0 {
                continue;
            }
            writer.begin(ChartSlot(slot as u32));
            for (place, name) in dimensions.iter().enumerate() {
                let value = value(time_s, host * 100 + slot * 10 + place, *height);
                let value = if name.starts_with('-') { -value } else { value };
                writer.set_stored(place as u32, None, Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored(time_s, true);
        }
    }
}

/// Waves of three lengths with some noise; below zero height, the seconds since some day.
fn value(time_s: i64, seed: usize, height: f64) -> f64 {
    if height < 0.0 {
        return (time_s - 1_790_000_000).unsigned_abs() as f64;
    }
    let (time, phase) = (time_s as f64, seed as f64 * 1.7);
    let wave = |length: f64| ((time / length * TAU) + phase).sin() * 0.5 + 0.5;
    let noise = ((time * 12.9898 + phase * 78.233).sin() * 43_758.545_3).fract().abs();
    let burst = if noise > 0.985 { 1.6 } else { 0.0 };
    height * (0.12 + 0.35 * wave(97.0 + phase) + 0.3 * wave(1_700.0) * wave(61.0) + 0.15 * noise + burst * 0.4)
}
