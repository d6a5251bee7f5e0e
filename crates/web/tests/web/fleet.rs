//! Four hosts with charts, at a fixed moment.

use std::sync::Arc;

use patterns::SimplePattern;
use row::{
    ChartDefinition, ChartOptions, ChartSlot, ChartType, DimensionDefinition, DimensionOptions, FunctionDefinition,
    Guid, Label, Now, Packed, PointFlags,
};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};
use web::{Allowed, Config, Web};

/// The moment of all tests; a multiple of 60.
pub(crate) const NOW_S: i64 = 1_795_387_680;
/// The newest row of every chart, and the oldest of those that have an hour of them.
pub(crate) const LAST_S: i64 = NOW_S - 2;
pub(crate) const FIRST_S: i64 = LAST_S - 599;

pub(crate) const NASTY: &str = "a \"title\"\\ with\n\t\u{1} <script>alert('x')</script> ä 🦀";

pub(crate) struct Fleet {
    pub(crate) web: Web,
    pub(crate) store: Arc<Store>,
    /// Of alpha.
    pub(crate) feed: Feed,
}

pub(crate) fn guid(number: u8) -> Guid {
    Guid::from_bytes([number; 16])
}

fn info(number: u8, hostname: &str, hops: u32) -> HostInfo {
    HostInfo {
        guid: guid(number),
        hostname: hostname.into(),
        registry_hostname: hostname.into(),
        os: "linux".into(),
        timezone: "Etc/UTC".into(),
        abbrev_timezone: "UTC".into(),
        utc_offset_s: 0,
        hops,
        update_every_s: 1,
        program_name: "netdata".into(),
        program_version: "v1.37.1".into(),
        tags: String::new(),
        system: vec![
            ("NETDATA_SYSTEM_OS_NAME".into(), NASTY.into()),
            ("NETDATA_HOST_OS_ID".into(), "debian".into()),
            ("NETDATA_SYSTEM_CPU_LOGICAL_CPU_COUNT".into(), "8".into()),
            ("NETDATA_SYSTEM_TOTAL_RAM".into(), "unknown".into()),
        ],
        boot_id: String::new(),
        fingerprint: String::new(),
        path: Vec::new(),
    }
}

pub(crate) fn now() -> Now {
    Now { wall_us: NOW_S * 1_000_000, mono_us: 1_000_000 }
}

/// alpha is the node itself, beta lost its stream, gamma is only passed on.
pub(crate) fn fleet() -> Fleet {
    fleet_that_allows("*")
}

pub(crate) fn fleet_that_allows_calls(addresses: &str) -> Fleet {
    fleet_with(Config {
        allowed: Allowed { functions: SimplePattern::new(addresses), ..Allowed::default() },
        ..Config::default()
    })
}

pub(crate) fn fleet_that_allows(addresses: &str) -> Fleet {
    fleet_with(Config {
        allowed: Allowed { dashboard: SimplePattern::new(addresses), ..Allowed::default() },
        ..Config::default()
    })
}

pub(crate) fn fleet_with(config: Config) -> Fleet {
    let store = Arc::new(Store::new());
    let mut feed = add(&store, info(1, "alpha", 0), MemoryMode::Ram);
    define(&mut feed);
    drop(add(&store, info(2, "beta", 1), MemoryMode::Ram));
    define(&mut add(&store, info(3, "gamma", 1), MemoryMode::None));
    define(&mut add(&store, info(4, "my box/1 <b>", 2), MemoryMode::Ram));
    Fleet { web: Web::new(Arc::clone(&store), config, Arc::new(now)), store, feed }
}

/// A server that knows no host yet.
pub(crate) fn nobody() -> Web {
    Web::new(Arc::new(Store::new()), Config::default(), Arc::new(now))
}

fn add(store: &Store, info: HostInfo, mode: MemoryMode) -> Feed {
    store.add(&info, Keep::new(mode, 3_600)).claim(FeedKind::Local, info)
}

fn define(feed: &mut Feed) {
    let mut writer = feed.writer(now()).unwrap();
    let cpu = ChartDefinition {
        id: "test.cpu",
        name: "test.processor",
        title: NASTY,
        units: "%",
        family: "",
        chart_type: ChartType::Stacked,
        priority: 100,
        update_every_s: 1,
        plugin: "proc.plugin",
        module: "/proc/stat",
        ..Default::default()
    };
    let cpu = writer.define_chart(&cpu).unwrap();
    let hidden = DimensionOptions::HIDDEN;
    for (id, name, options) in [
        ("user", "", DimensionOptions::default()),
        ("system", "the \"system\"", DimensionOptions::default()),
        ("steal", "", DimensionOptions::default()),
        ("idle", "", hidden),
    ] {
        writer.define_dimension(cpu, &DimensionDefinition { id, name, options, ..Default::default() }).unwrap();
    }
    writer.set_chart_labels(cpu, &[Label { name: "_collect_plugin", value: NASTY, source: 1 }]);
    writer.set_host_labels(&[Label { name: "_os", value: NASTY, source: 1 }]);
    writer.set_chart_variable(cpu, "limit", 2.5);
    writer.set_claimed_id(Some(guid(200)));
    writer.offer_function(&FunctionDefinition {
        name: "processes",
        timeout_s: 10,
        help: NASTY,
        tags: "",
        access: "",
        priority: 100,
        version: 0,
    });
    for (id, options, dimension) in [
        ("test.hidden", ChartOptions::HIDDEN, "a"),
        ("test.obsolete", ChartOptions::OBSOLETE, "a"),
        ("test.bare", ChartOptions::default(), ""),
        ("test.dark", ChartOptions::default(), "idle"),
        ("test.rowless", ChartOptions::default(), "a"),
    ] {
        let slot =
            writer.define_chart(&ChartDefinition { id, options, update_every_s: 1, ..Default::default() }).unwrap();
        if !dimension.is_empty() {
            let options = if id == "test.dark" { hidden } else { DimensionOptions::default() };
            let definition = DimensionDefinition { id: dimension, options, ..Default::default() };
            writer.define_dimension(slot, &definition).unwrap();
        }
        if id == "test.dark" {
            (FIRST_S..=LAST_S).for_each(|time_s| put(&mut writer, slot, time_s, &[1.0]));
        }
    }
    for time_s in FIRST_S..=LAST_S {
        // Ten seconds are missing.
        if !(LAST_S - 109..=LAST_S - 100).contains(&time_s) {
            put(&mut writer, cpu, time_s, &[(time_s % 10) as f64, -0.5, 0.0, 100.0]);
        }
    }
}

fn put(writer: &mut rrd_store::Writer<'_>, slot: ChartSlot, time_s: i64, values: &[f64]) {
    writer.begin(slot);
    for (index, value) in values.iter().enumerate() {
        writer.set_stored(index as u32, None, Packed::pack(*value, PointFlags::NORMAL));
    }
    assert!(writer.end_stored(time_s, true));
}
