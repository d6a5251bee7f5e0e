//! `allmetrics` beside a real Netdata that is fed the same stream, and a real Prometheus that scrapes ours.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use std::collections::BTreeMap;

use integration_tests::API_KEY;
use integration_tests::api::{Api, Window};
use integration_tests::node;
use integration_tests::peer::feeding::Feeding;
use integration_tests::peer::netdata;
use integration_tests::peer::prometheus::Prometheus;
use integration_tests::wait::{middle_of_a_second, now_s, pass, s, until};

/// Charts of every kind: counters and gauges, alike and not, upside down, hidden, with names that need care.
const DEFINITIONS: &str = r#"CHART "test.alike" "test.named" "Two counters" "KiB/s" "fam" "test.alike" line 1000 1 "" "test" "mod"
DIMENSION "a" "first one" incremental 1 1024 ""
DIMENSION "b" "" incremental 1 1024 ""
CHART "test.mixed" "" "Of two kinds" "things" "fam" "test.mixed" line 1000 1 "" "test" "mod"
DIMENSION "count" "" incremental 1 1 ""
DIMENSION "level" "" absolute 1 10 ""
CHART "test.upside" "" "Upside down" "kilobits/s" "fam" "test.updown" area 1000 1 "" "test" "mod"
DIMENSION "out" "" absolute -8 1000 ""
DIMENSION "in" "" absolute 8 1000 ""
CHART "test.downside" "" "The other way" "kilobits/s" "fam" "test.updown" area 1000 1 "" "test" "mod"
DIMENSION "in" "" absolute 8 1000 ""
DIMENSION "out" "" absolute -8 1000 ""
CHART "test.share" "" "With a part that is not shown" "%" "" "test.share" stacked 1000 1 "" "test" "mod"
DIMENSION "used" "" absolute 1 1 ""
DIMENSION "free" "" absolute 1 1 "hidden"
CHART "test.odd" "" 'Odd "names"' "page faults/s" "a family" "test.odd-one" line 1000 1 "" "test" "mod"
DIMENSION "x y" "the x/y: z" absolute 1 1 ""
CHART "test.silent" "" "Never a row" "things" "fam" "test.silent" line 1000 1 "" "test" "mod"
DIMENSION "a" "" absolute 1 1 ""
"#;

/// Rows of a second: counters that grow evenly and levels that stay, so that it does not matter when in a
/// second they come.
fn rows(turn: i64) -> String {
    let row = |chart: &str, values: &[(&str, i64)]| {
        let set = |sets: String, (id, value): &(&str, i64)| sets + &format!("SET \"{id}\" = {value}\n");
        let sets = values.iter().fold(String::new(), set);
        format!("BEGIN \"{chart}\" 1000000\n{sets}END\n")
    };
    [
        row("test.alike", &[("a", turn * 123_456), ("b", turn * 7)]),
        row("test.mixed", &[("count", turn * 11), ("level", 425)]),
        row("test.upside", &[("out", 12_345), ("in", 999)]),
        row("test.downside", &[("in", 999), ("out", 12_345)]),
        row("test.share", &[("used", 37), ("free", 63)]),
        row("test.odd", &[("x y", -3)]),
    ]
    .concat()
}

/// A sample: value and milliseconds, both as text.
type Samples = BTreeMap<String, (String, String)>;

/// Samples by metric and labels, sorted; without what is told of hosts.
fn samples(text: &str) -> Samples {
    let of_line = |line: &str| {
        let (name, rest) = line.split_once('{').unwrap_or_else(|| panic!("no labels: {line}"));
        let (labels, value) = rest.rsplit_once("} ").unwrap_or_else(|| panic!("no value: {line}"));
        let mut labels: Vec<&str> = labels.split_inclusive("\",").map(|label| label.trim_end_matches(',')).collect();
        labels.sort_unstable();
        let (value, stamp) = value.split_once(' ').unwrap_or((value, ""));
        (format!("{name} {labels:?}"), (value.to_owned(), stamp.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("netdata_info{")).map(of_line).collect()
}

/// The same question to both within one second.
fn ask_both(ours: Api, theirs: Api, target: &str) -> (String, String) {
    until(s(20), "two answers within a second", || {
        // The rows of the second have come by then.
        let second = middle_of_a_second();
        pass(s(1) / 5);
        let answers = (ours.get(target).body, theirs.get(target).body);
        (now_s() == second).then_some(answers)
    })
}

/// Goal: whatever is asked, a scraper gets the same samples from us as from a Netdata that was fed the
/// same stream, and so do clients of the other formats.
#[test]
fn scrapers_get_what_netdata_gives() {
    let netdata = netdata::named("gold-real").plugins(&[]).accepts(API_KEY).start();
    let master = node::master("gold-ours").set("collect.enabled", "false").accepts(API_KEY).start();
    let _child = Feeding::start("gold", DEFINITIONS, rows, &[netdata.address(), master.address()]);
    let last = |api: Api| api.host("gold").last_entry("test.alike");
    let first_s = until(s(20), "rows at both", || last(master.api()).and(last(netdata.api())));
    until(s(40), "twenty rows at both", || {
        let have = |api: Api| last(api).filter(|last_s| *last_s >= first_s + 20);
        have(master.api()).and(have(netdata.api()))
    });
    for (number, parameters) in [
        "source=average",
        "source=sum&names=no",
        "data=as-collected",
        "data_source=raw&names=no&prefix=xy",
        "hideunits=yes&prefix=nd",
        "oldunits=yes",
        "datasource=volume&timestamps=no",
        "filter=!*odd* *named test.up*",
        "filter=test.named&names=no&source=nonsense",
    ]
    .iter()
    .enumerate()
    {
        let parameters = parameters.replace(' ', "%20");
        let target = format!("/host/gold/api/v1/allmetrics?format=prometheus&server=s{number}&{parameters}");
        let (ours, theirs) = ask_both(master.api(), netdata.api(), &target);
        let (ours, theirs) = (samples(&ours), samples(&theirs));
        assert!(!theirs.is_empty(), "{parameters}");
        if parameters.contains("as-collected") || parameters.contains("raw") {
            same_as_collected(&parameters, &ours, &theirs);
        } else if parameters.contains("sum") || parameters.contains("volume") {
            sums_of_what_they_average(&parameters, &ours, &theirs);
        } else {
            assert_eq!(ours, theirs, "{parameters}");
        }
    }
    let (ours, theirs) =
        ask_both(master.api(), netdata.api(), "/api/v1/allmetrics?format=prometheus_all_hosts&server=all");
    let of_gold = |text: &str| {
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("instance=\"gold\"")).collect();
        samples(&lines.join("\n"))
    };
    assert_eq!(of_gold(&ours), of_gold(&theirs));
    other_formats_are_the_same(master.api(), netdata.api());
}

fn same_as_collected(parameters: &str, ours: &Samples, theirs: &Samples) {
    // A dimension that is not like the others of its chart is a metric of its own, which Netdata 1.37
    // leaves out for charts that it receives; and the moment of collection is each parent's own.
    let is_alike = |key: &&String| !key.contains("\"test.mixed") && !key.contains("\"test.upside");
    let untimed = |samples: &Samples| {
        let alike = samples.iter().filter(|(key, _)| is_alike(key));
        alike.map(|(key, (value, _))| (key.clone(), value.clone())).collect::<Vec<_>>()
    };
    assert_eq!(untimed(ours), untimed(theirs), "{parameters}");
    let mut values = [ours, theirs].map(|all| all.values().map(|(value, _)| value).collect::<Vec<_>>());
    values.iter_mut().for_each(|values| values.sort_unstable());
    assert_eq!(values[0], values[1], "{parameters}");
    let time_ms = |text: &str| text.parse::<i64>().unwrap();
    let is_near = |key: &String| (time_ms(&ours[key].1) - time_ms(&theirs[key].1)).abs() <= 1_500;
    assert!(ours.keys().filter(is_alike).all(is_near), "{ours:?}\n{theirs:?}");
}

fn sums_of_what_they_average(parameters: &str, ours: &Samples, theirs: &Samples) {
    // Netdata 1.37 calls them sums, and tells averages: of ten rows, where nothing was asked before.
    assert!(ours.keys().eq(theirs.keys()), "{parameters}: {ours:?}\n{theirs:?}");
    for (key, (value, stamp)) in ours {
        let (sum, average): (f64, f64) = (value.parse().unwrap(), theirs[key].0.parse().unwrap());
        assert!((sum - 10.0 * average).abs() < 1e-6 * (1.0 + sum.abs()), "{parameters} {key}");
        assert_eq!(stamp, &theirs[key].1);
    }
}

/// JSON and shell.
fn other_formats_are_the_same(master: Api, netdata: Api) {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (ours, theirs) = ask_both(master, netdata, "/host/gold/api/v1/allmetrics?format=json");
    let (mut ours, mut theirs) = (json(&ours), json(&theirs));
    for all in [&mut ours, &mut theirs] {
        let charts = all.as_object_mut().unwrap();
        charts.values_mut().for_each(|chart| chart["last_updated"] = (chart["last_updated"].as_i64() > Some(0)).into());
    }
    assert_eq!(ours, theirs);
    let (ours, theirs) = ask_both(master, netdata, "/host/gold/api/v1/allmetrics");
    assert_eq!(ours, theirs);
}

/// Rows of a second whose values change.
fn restless_rows(turn: i64) -> String {
    let value = turn * 7_919 % 1_009;
    format!("BEGIN \"test.gauge\" 1000000\nSET \"a\" = {value}\nSET \"b\" = {}\nEND\n", -value * 3)
}

const RESTLESS: &str = r#"CHART "test.gauge" "" "Restless" "things" "fam" "test.gauge" line 1000 1 "" "test" "mod"
DIMENSION "a" "" absolute 1 7 ""
DIMENSION "b" "" absolute 1 1 ""
"#;

/// Goal: a Prometheus that scrapes all hosts stores, for every second, the averages that our own API gives.
#[test]
fn prometheus_stores_our_averages() {
    let master = node::master("scraped").set("collect.enabled", "false").accepts(API_KEY).start();
    let _one = Feeding::start("one", RESTLESS, restless_rows, &[master.address()]);
    let _two = Feeding::start("two \"2\"", RESTLESS, restless_rows, &[master.address()]);
    let prometheus = Prometheus::scraping(
        master.address(),
        &[("format", "prometheus_all_hosts"), ("source", "average"), ("server", "test")],
    );
    let metric = "netdata_test_gauge_things_average";
    let stored = until(s(50), "twelve samples of all series", || {
        pass(s(1));
        let stored = prometheus.samples(metric);
        (stored.len() == 4 && stored.iter().all(|(_, samples)| samples.len() >= 12)).then_some(stored)
    });
    assert_eq!(prometheus.health(), ("up".to_owned(), String::new()));
    for (labels, samples) in &stored {
        let text = |key: &str| labels[key].as_str().unwrap_or_else(|| panic!("{key}: {labels}"));
        assert_eq!((text("chart"), text("family")), ("test.gauge", "fam"));
        let host = master.api().host(&text("instance").replace(' ', "%20").replace('"', "%22"));
        for pair in samples.windows(2) {
            let (after_s, before_s) = (pair[0].0 / 1_000 + 1, pair[1].0 / 1_000);
            let data = host.data("test.gauge", Window { after: after_s, before: before_s });
            let column = data.column(text("dimension")).unwrap();
            let values: Vec<f64> = column.iter().filter_map(|(_, value)| *value).collect();
            let average = values.iter().sum::<f64>() / values.len() as f64;
            let stored = pair[1].1;
            assert!((average - stored).abs() < 1e-6 * (1.0 + average.abs()), "{labels} {pair:?}: {average} {values:?}");
        }
    }
}
