use std::sync::Arc;

use row::{Algorithm, ChartDefinition, DimensionDefinition, DimensionOptions, Label};
use rrd_store::query::{Charts, Query, WindowRequest};
use rrd_store::{Elapsed, Feed, Store};

use super::*;
use crate::testing::{LAST_S, NOW, chart, fill, host};
use crate::walk::{Order, Reading, Walk};

const SPAN: Span = Span { after_s: LAST_S - 9, before_s: LAST_S + 1 };

fn text(options: PrometheusOptions, hosts: &[&Arc<Host>]) -> String {
    let reading = if options.source == Source::AsCollected { Reading::Newest } else { Reading::Sums(SPAN) };
    let mut prometheus = Prometheus::new(options, SPAN);
    let mut out = Vec::new();
    for host in hosts {
        prometheus.host(&mut out, host, NOW);
        let mut walk = Walk::new(Arc::clone(host), Order::ByContext, |_| true);
        while walk.step(reading) {
            walk.charts().for_each(|chart| prometheus.chart(&mut out, &chart));
        }
        prometheus.end(&mut out);
    }
    String::from_utf8(out).unwrap()
}

fn cpu(store: &Store) -> (Arc<Host>, Feed) {
    let (host, mut feed) = host(store, "box1");
    let cpu = ChartDefinition {
        id: "system.cpu",
        title: "Total CPU utilization",
        units: "percentage",
        family: "cpu",
        update_every_s: 1,
        ..Default::default()
    };
    let slot =
        chart(&mut feed, &cpu, &[("user", Algorithm::Incremental, 1, 1), ("system", Algorithm::Incremental, 1, 1)]);
    fill(&mut feed, slot, LAST_S - 99..=LAST_S, |time_s, dimension| {
        (dimension == 0).then_some((time_s - LAST_S + 100) as f64)
    });
    (host, feed)
}

/// Goal: the text of a chart in each source, as it is known of Netdata 2.11.
#[test]
fn lines_are_those_of_netdata() {
    let store = Store::new();
    let (host, _feed) = cpu(&store);
    let info = "netdata_info{instance=\"box1\",application=\"netdata\",version=\"v1.37.1\"} 1 1795387621000\n";
    let lines = |options: PrometheusOptions| {
        let text = text(options, &[&host]);
        text.strip_prefix(info).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let options = PrometheusOptions::default;
    // Ten seconds up to the third before the last: 88 to 97.
    assert_eq!(
        lines(options()),
        "# HELP netdata_system_cpu_percentage_average Total CPU utilization\n\
         # TYPE netdata_system_cpu_percentage_average gauge\n\
         netdata_system_cpu_percentage_average{chart=\"system.cpu\",dimension=\"user\",family=\"cpu\"} 93.5000000 1795387618000\n"
    );
    assert_eq!(
        lines(PrometheusOptions { source: Source::Sum, help: false, ..options() }),
        "# TYPE netdata_system_cpu_sum gauge\n\
         netdata_system_cpu_sum{chart=\"system.cpu\",dimension=\"user\",family=\"cpu\"} 935.0000000 1795387618000\n"
    );
    assert_eq!(
        lines(PrometheusOptions { source: Source::AsCollected, prefix: "nd".into(), help: false, ..options() }),
        "# TYPE nd_system_cpu_total counter\n\
         nd_system_cpu_total{chart=\"system.cpu\",dimension=\"user\",family=\"cpu\"} 100000 1795387620000\n"
    );
    let plain = PrometheusOptions { help: false, types: false, timestamps: false, hide_units: true, ..options() };
    let average = "netdata_system_cpu_average{chart=\"system.cpu\",dimension=\"user\",family=\"cpu\"} 93.5000000\n";
    assert!(text(plain, &[&host]).ends_with(average));
}

/// Goal: averages are those that a query gives for their seconds, wherever the rows lie.
#[test]
fn averages_are_those_of_queries() {
    let store = Store::new();
    let (host, mut feed) = host(&store, "box");
    let definition = ChartDefinition { id: "a.b", update_every_s: 1, ..Default::default() };
    let slot = chart(&mut feed, &definition, &[("x", Algorithm::Absolute, 1, 1), ("y", Algorithm::Absolute, 1, 1)]);
    let value = |time_s: i64, dimension: u32| {
        let noise = (time_s * 7_919 + i64::from(dimension) * 104_729).rem_euclid(10_007);
        (noise % 5 != 0 && dimension < 2).then_some(noise as f64 / 7.0)
    };
    fill(&mut feed, slot, LAST_S - 599..=LAST_S, value);
    let mut checked = 0;
    for before_s in (LAST_S - 500..LAST_S + 5).step_by(13) {
        for length_s in [1, 2, 10, 61, 200] {
            let span = Span { after_s: before_s - length_s, before_s };
            let mut walk = Walk::new(Arc::clone(&host), Order::Listed, |_| true);
            assert!(walk.step(Reading::Sums(span)));
            let read = walk.charts().next().unwrap();
            let Some((after_s, before_s)) = read.window() else { continue };
            let points = 1;
            let window = WindowRequest { after_s, before_s, points, unaligned: true, ..Default::default() };
            let asked = Query { window, ..Query::new(Charts::One("a.b")) };
            let answer = host.query(&asked, LAST_S + 1_000).unwrap();
            let expected: Vec<f64> = answer.rows().next().unwrap().1.iter().collect();
            let found: Vec<f64> = read.dimensions().map(|one| one.average().unwrap_or(f64::NAN)).collect();
            // A query sums block by block: the last bit of a double may differ, which no format writes.
            let is_near = |found: f64, expected: f64| (found - expected).abs() <= 1e-12 * expected.abs();
            let is_same =
                |(&found, &expected): (&f64, &f64)| is_near(found, expected) || (found.is_nan() && expected.is_nan());
            assert!(found.iter().zip(&expected).all(is_same), "{after_s} {before_s}: {found:?} {expected:?}");
            checked += found.len();
        }
    }
    assert!(checked > 300, "{checked}");
}

/// Goal: where dimensions are not alike, each is a metric, announced once, and its samples stand together.
#[test]
fn metrics_stand_together() {
    let store = Store::new();
    let (one, mut feed) = host(&store, "one");
    for (id, second) in [("disk.a", 1), ("disk.b", 1), ("disk.c", 2)] {
        let definition =
            ChartDefinition { id, context: "disk.io", family: "io", update_every_s: 1, ..Default::default() };
        let dimensions = [("reads", Algorithm::Incremental, 1, 1), ("ops", Algorithm::Absolute, second, 1)];
        let slot = chart(&mut feed, &definition, &dimensions);
        fill(&mut feed, slot, LAST_S - 9..=LAST_S, |_, dimension| (dimension < 2).then_some(2.0));
    }
    let (two, mut other) = host(&store, "other");
    let definition = ChartDefinition { id: "disk.a", context: "disk.io", update_every_s: 1, ..Default::default() };
    let slot = chart(&mut other, &definition, &[("reads", Algorithm::Incremental, 1, 1)]);
    fill(&mut other, slot, LAST_S - 9..=LAST_S, |_, dimension| (dimension < 1).then_some(2.0));
    let options = PrometheusOptions { source: Source::AsCollected, instance: true, help: false, ..Default::default() };
    let text = text(options, &[&one, &two]);
    let names: Vec<&str> =
        text.lines().map(|line| line.split(['{', ' ']).nth(usize::from(line.starts_with('#')) * 2).unwrap()).collect();
    let (reads, ops) = ("netdata_disk_io_reads_total", "netdata_disk_io_ops");
    let alike = "netdata_disk_io_total";
    assert_eq!(
        names,
        ["netdata_info", reads, reads, reads, reads, ops, ops, ops, ops, "netdata_info", alike, alike],
        "{text}"
    );
    assert_eq!(text.matches("# TYPE").count(), 3);
    assert!(text.contains("netdata_disk_io_reads_total{chart=\"disk.c\",family=\"io\",instance=\"one\"} 2000 "));
}

/// Goal: whatever a host calls things, the text keeps its form, and no label stands twice.
#[test]
fn hostile_names_stay_names() {
    let store = Store::new();
    let nasty = "x\"} 1\n# TYPE evil gauge\nevil{a=\"\\ 🦀";
    let (host, mut feed) = host(&store, nasty);
    let definition = ChartDefinition {
        id: "hostile.chart",
        name: nasty,
        title: nasty,
        units: nasty,
        family: nasty,
        context: nasty,
        update_every_s: 1,
        ..Default::default()
    };
    let slot = chart(&mut feed, &definition, &[(nasty, Algorithm::Absolute, 1, 1)]);
    let mut writer = feed.writer(NOW).unwrap();
    let labels: Vec<Label<'_>> = ["a b", "a_b", "chart", "\tchart", "9", "", "ä", "a:b", "_hidden"]
        .into_iter()
        .map(|name| Label { name, value: nasty, source: 2 })
        .collect();
    writer.set_chart_labels(slot, &labels);
    writer.set_host_labels(&labels);
    writer.set_host_variable("a b\n", 1.5);
    drop(writer);
    fill(&mut feed, slot, LAST_S - 99..=LAST_S, |_, dimension| (dimension == 0).then_some(1.0));
    for source in [Source::Average, Source::Sum, Source::AsCollected] {
        let text = text(PrometheusOptions { source, variables: true, instance: true, ..Default::default() }, &[&host]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        for line in lines.iter().filter(|line| !line.starts_with('#')) {
            let (name, rest) = line.split_once('{').unwrap();
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'), "{line}");
            let (labels, value) = rest.rsplit_once("} ").unwrap();
            assert!(value.bytes().all(|byte| byte.is_ascii_digit() || b". ".contains(&byte)), "{line}");
            let mut names: Vec<&str> = label_names(labels);
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{line}");
        }
    }
}

/// The names of labels, read as Prometheus reads them.
fn label_names(mut rest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    while let Some((name, value)) = rest.split_once("=\"") {
        assert!(!name.is_empty() && !name.as_bytes()[0].is_ascii_digit(), "{rest}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{rest}");
        names.push(name);
        let mut escaped = false;
        let end = value.bytes().position(|byte| {
            let is_end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            is_end
        });
        rest = value[end.unwrap() + 1..].trim_start_matches(',');
    }
    assert_eq!(rest, "");
    names
}

/// Goal: what was not collected since the last time, and what never was, is left out.
#[test]
fn only_what_was_collected_is_told() {
    let store = Store::new();
    let (host, mut feed) = host(&store, "box");
    let definition = |id| ChartDefinition { id, update_every_s: 1, ..Default::default() };
    let dimensions = [("x", Algorithm::Absolute, 1, 1), ("never", Algorithm::Absolute, 1, 1)];
    let fresh = chart(&mut feed, &definition("a.fresh"), &dimensions);
    let stale = chart(&mut feed, &definition("a.stale"), &dimensions);
    fill(&mut feed, fresh, LAST_S - 99..=LAST_S, |_, dimension| (dimension == 0).then_some(1.0));
    fill(&mut feed, stale, LAST_S - 99..=LAST_S - 20, |_, dimension| (dimension == 0).then_some(1.0));
    let mut writer = feed.writer(NOW).unwrap();
    let gone = writer.define_chart(&definition("a.gone")).unwrap();
    let options = DimensionOptions::OBSOLETE;
    writer.define_dimension(gone, &DimensionDefinition { id: "x", options, ..Default::default() }).unwrap();
    writer.begin(gone);
    writer.set(0, 5);
    writer.end(Elapsed::Clock);
    drop(writer);
    for source in [Source::Average, Source::AsCollected] {
        let text = text(PrometheusOptions { source, help: false, types: false, ..Default::default() }, &[&host]);
        let charts: Vec<&str> = text.lines().skip(1).map(|line| line.split('"').nth(1).unwrap()).collect();
        assert_eq!(charts, ["a.fresh"], "{text}");
    }
}
