//! Clients that people use, unchanged: what they make of our answers is what our API says, and what they make of
//! Netdata's.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use std::collections::BTreeSet;
use std::path::Path;

use integration_tests::api::{Api, Data, Host, Window};
use integration_tests::compare::close;
use integration_tests::node;
use integration_tests::peer::feeding::Feeding;
use integration_tests::peer::netdata;
use integration_tests::wait::{now_s, s, until};
use integration_tests::{API_KEY, agreement, python, tour};
use serde_json::Value;

/// Where tools and screenshots are.
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");
/// Charts that stay as they are, so that it does not matter when one asks.
const STEADY: &str = r#"CHART "some.level" "some.named" "A level" "things" "fam" "some.level" line 1000 1 "" "test" "mod"
DIMENSION "a" "first one" absolute 1 10 ""
DIMENSION "b" "" absolute -1 1 "hidden"
CHART "some.count" "" "Two counters" "things/s" "fam" "some.count" stacked 1000 1 "" "test" "mod"
DIMENSION "a" "" incremental 1 1 ""
DIMENSION "b" "" incremental 2 1 ""
"#;

fn steady_rows(turn: i64) -> String {
    format!(
        "BEGIN \"some.level\" 1000000\nSET \"a\" = 425\nSET \"b\" = 7\nEND\n\
         BEGIN \"some.count\" 1000000\nSET \"a\" = {}\nSET \"b\" = {turn}\nEND\n",
        turn * 11
    )
}

/// Goal: PyPI's `netdata` reads the same of a host whether it streams to us or to a Netdata.
#[test]
fn a_client_reads_of_us_what_it_reads_of_netdata() {
    let netdata = netdata::named("client-real").plugins(&[]).accepts(API_KEY).start();
    let master = node::master("client-ours").set("collect.enabled", "false").accepts(API_KEY).start();
    let apis = [master.api(), netdata.api()];
    let _child = Feeding::start("steady", STEADY, steady_rows, &apis.map(Api::address));
    apis.iter().for_each(|api| agreement::goes_on(&api.host("steady"), "some.count", 4));
    for chart in ["some.level", "some.named", "some.count"] {
        let [mut ours, mut theirs] = apis.map(|api| ask_client(api, chart, Some("steady")));
        for answers in [&mut ours, &mut theirs] {
            answers["values"]["time"].take().as_i64().unwrap();
            let metrics = answers["metrics"].as_object_mut().unwrap();
            metrics.values_mut().for_each(|chart| assert!(chart["last_updated"].take().as_i64() > Some(0)));
        }
        assert_eq!(ours["values"], theirs["values"], "{chart}");
        assert_eq!(ours["metrics"], theirs["metrics"]);
        let missing = |what: &str| keys(&theirs[what]).difference(&keys(&ours[what])).cloned().collect::<Vec<_>>();
        assert_eq!(missing("alarms"), [""; 0]);
        // Of the program itself, where its own parts are told that we do not have.
        let of_its_own = ["allmetrics-", "notification-methods", "exporting-connectors", "dashboard-used"];
        let missing = missing("info").into_iter().filter(|key| !of_its_own.iter().any(|own| key.starts_with(own)));
        assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
    }
}

/// Goal: PyPI's `netdata` and `netdata-pandas` are given every value that our API has, of the node itself and of
/// a host that streams to it, in each of their calls.
#[test]
fn clients_in_python_read_what_the_api_says() {
    let postponed = format!("api_keys.{API_KEY}.postpone_alarms_on_connect");
    let master = node::master("python-master").accepts(API_KEY).set(&postponed, "1s").start();
    let _child = node::collector("python-child").sends_to(master.address(), API_KEY).start();
    let api = master.api();
    let hosts = [api.host("python-master"), api.host("python-child")];
    for host in &hosts {
        agreement::goes_on(host, "system.cpu", 12);
        until(s(60), "alarms", || {
            let alarms = api.try_json(&format!("/host/{}/api/v1/alarms?all", host.name())).ok()?;
            Some(()).filter(|()| !keys(&alarms["alarms"]).is_empty())
        });
    }
    let own = ask_client(api, "system.cpu", None);
    let child = ask_client(api, "system.cpu", Some("python-child"));
    for (host, answers) in hosts.iter().zip([own, child]) {
        client_is_right(api, host, &answers);
    }
    pandas_is_right(api, &hosts);
}

fn ask_client(api: Api, chart: &str, host: Option<&str>) -> Value {
    let port = api.address().port().to_string();
    let arguments: Vec<&str> = [port.as_str(), chart].into_iter().chain(host).collect();
    python::run(Path::new(SCRATCH), "netdata_client.py", &arguments)
}

fn client_is_right(api: Api, host: &Host, answers: &Value) {
    let second = answers["values"]["time"].as_i64().unwrap();
    let data = second_of(host, "system.cpu", second);
    let of_chart = answers["values"].as_object().unwrap();
    assert!(of_chart.len() > 5, "{of_chart:?}");
    for (dimension, value) in of_chart.iter().filter(|(name, _)| *name != "time") {
        same(value.as_f64(), value_at(&data, dimension, second), dimension);
    }
    let charts = answers["metrics"].as_object().unwrap();
    let mut compared = 0;
    for (id, chart) in charts {
        let second = chart["last_updated"].as_i64().unwrap();
        let data = second_of(host, id, second);
        for dimension in chart["dimensions"].as_object().unwrap().values() {
            let name = dimension["name"].as_str().unwrap();
            same(dimension["value"].as_f64(), value_at(&data, name, second), &format!("{id} {name} at {second}"));
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared} values of {} charts", charts.len());
    let now = |target: &str| api.try_json(&format!("/host/{}/api/v1/{target}", host.name())).unwrap();
    for key in ["version", "uid", "mirrored_hosts", "host_labels", "os_name", "cores_total", "ram_total"] {
        assert_eq!(answers["info"][key], now("info")[key], "{key}");
    }
    let alarms = keys(&answers["alarms"]["alarms"]);
    assert!(!alarms.is_empty() && alarms.is_subset(&keys(&now("alarms?all")["alarms"])), "{alarms:?}");
}

fn pandas_is_right(api: Api, hosts: &[Host; 2]) {
    let charts = ["system.cpu", "system.ram", "system.load"];
    let newest_s = hosts.iter().map(|host| host.last_entry("system.cpu").unwrap()).min().unwrap();
    let window = Window { after: newest_s - 11, before: newest_s - 1 };
    let log: Vec<Value> = until(s(60), "an alarm of the node that changed", || {
        let log = api.try_json("/api/v1/alarm_log").unwrap();
        let ids: Vec<Value> = log.as_array()?.iter().map(|entry| entry["unique_id"].clone()).collect();
        Some(ids).filter(|ids| !ids.is_empty())
    });
    let (node, after, before) = (api.address().to_string(), window.after.to_string(), window.before.to_string());
    let arguments = [&[node.as_str(), &after, &before, hosts[0].name(), hosts[1].name()][..], &charts].concat();
    let answers = python::run(Path::new(SCRATCH), "pandas_client.py", &arguments);

    let listed: BTreeSet<String> = answers["charts"].as_array().unwrap().iter().map(text).collect();
    assert!(listed.is_subset(&hosts[0].charts().into_keys().collect()), "{listed:?}");
    let wide = Window { after: window.after - 5, before: window.before };
    let stored = |host: &Host, chart: &str| host.data(chart, wide);
    let prefixes = hosts.each_ref().map(|host| format!("{node}/host/{}", host.name()));
    let host_of = |prefix: &str| &hosts[prefixes.iter().position(|known| known == prefix).unwrap()];

    let data = Frame::of(&answers["data"]);
    assert!(data.values() > 200, "{} values", data.values());
    data.each(|row, column, value| {
        let (chart, dimension) = column.split_once('|').unwrap();
        let (host, second) = (host_of(row[0].as_str().unwrap()), row[1].as_i64().unwrap());
        same(Some(value), value_at(&stored(host, chart), dimension, second), column);
    });
    let by_host = Frame::of(&answers["by_host"]);
    assert_eq!(by_host.values(), data.values());
    by_host.each(|row, column, value| {
        let (host, rest) = column.rsplit_once(':').unwrap();
        let (chart, dimension) = rest.split_once('|').unwrap();
        same(Some(value), value_at(&stored(host_of(host), chart), dimension, row[0].as_i64().unwrap()), column);
    });
    let cpu = stored(&hosts[0], "system.cpu");
    let of_cpu = |column: &str, second: i64| value_at(&cpu, column.strip_prefix("system.cpu|").unwrap(), second);
    let by_pattern = Frame::of(&answers["by_pattern"]);
    assert!(by_pattern.values() > 50, "{} values", by_pattern.values());
    by_pattern.each(|row, column, value| same(Some(value), of_cpu(column, row[0].as_i64().unwrap()), column));
    Frame::of(&answers["changes"]).each(|row, column, value| {
        let second = row[0].as_i64().unwrap();
        let change = of_cpu(column, second).zip(of_cpu(column, second - 1)).map(|(now, then)| now - then);
        assert!((change.unwrap() - value).abs() < 1e-4, "{column} at {second}: {value} and {change:?}");
    });
    let rows_of_five = Frame::of(&answers["rows_of_five"]);
    assert!(rows_of_five.values() > 0);
    rows_of_five.each(|row, column, value| {
        let last_s = row[0].as_i64().unwrap();
        let five: Option<Vec<f64>> = (last_s - 4..=last_s).map(|second| of_cpu(column, second)).collect();
        // The first and the last row may reach beyond what was asked for.
        if let Some(five) = five {
            same(Some(value), Some(five.iter().sum::<f64>() / 5.0), column);
        }
    });
    let alarms = Frame::of(&answers["alarm_log"]);
    let ids = alarms.column("unique_id");
    assert!(log.iter().all(|id| ids.contains(id)), "{ids:?} lacks some of {log:?}");
    metrics_are_right(&answers, &charts, hosts, &prefixes);
}

/// What `allmetrics` became: rows of time, chart, dimension and value, those of the first host first; and a table.
fn metrics_are_right(answers: &Value, charts: &[&str], hosts: &[Host; 2], prefixes: &[String; 2]) {
    let rows = answers["metrics"]["data"].as_array().unwrap();
    assert!(rows.len() > 30 && rows.len().is_multiple_of(2), "{} rows", rows.len());
    for (host, rows) in hosts.iter().zip(rows.chunks(rows.len() / 2)) {
        for row in rows {
            let (second, column) = (row[0].as_i64().unwrap(), text(&row[2]));
            let (chart, dimension) = column.split_once('|').unwrap();
            let data = second_of(host, chart, second);
            same(row[3].as_f64(), value_at(&data, dimension, second), &column);
        }
    }
    let columns: BTreeSet<String> =
        answers["metrics_at_once"]["columns"].as_array().unwrap().iter().map(text).collect();
    let all = hosts.iter().zip(prefixes).flat_map(|(host, prefix)| {
        charts.iter().flat_map(move |chart| {
            let names = host.charts()[*chart].dimensions.clone().into_values();
            names.map(move |name| format!("{prefix}:{chart}|{name}"))
        })
    });
    let all: BTreeSet<String> = all.collect();
    assert!(all.is_subset(&columns), "{:?} are missing", all.difference(&columns));
}

/// A table of pandas as it writes itself: split into columns, index and data.
struct Frame<'a> {
    columns: Vec<String>,
    rows: Vec<(Vec<Value>, &'a [Value])>,
}

impl<'a> Frame<'a> {
    fn of(frame: &'a Value) -> Self {
        let array = |key: &str| frame[key].as_array().unwrap();
        let index = |key: &Value| key.as_array().cloned().unwrap_or_else(|| vec![key.clone()]);
        Self {
            columns: array("columns").iter().map(text).collect(),
            rows: array("index")
                .iter()
                .map(index)
                .zip(array("data").iter().map(|row| row.as_array().unwrap().as_slice()))
                .collect(),
        }
    }

    /// How many numbers it has.
    fn values(&self) -> usize {
        self.rows.iter().flat_map(|(_, row)| *row).filter(|value| value.is_number()).count()
    }

    /// Shows each number with its place in the index and the name of its column.
    fn each(&self, mut f: impl FnMut(&[Value], &str, f64)) {
        for (place, row) in &self.rows {
            for (column, value) in self.columns.iter().zip(*row) {
                value.as_f64().into_iter().for_each(|value| f(place, column, value));
            }
        }
    }

    fn column(&self, name: &str) -> Vec<Value> {
        let place = self.columns.iter().position(|column| column == name).unwrap();
        self.rows.iter().map(|(_, row)| row[place].clone()).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys().cloned().collect()
}

/// Who asks for a second that is not over is told of the one before it, so it waits for that.
fn second_of(host: &Host, chart: &str, second: i64) -> Data {
    until(s(10), "the second to be over", || (now_s() > second + 1).then_some(()));
    host.data(chart, Window { after: second, before: second })
}

fn value_at(data: &Data, dimension: &str, second: i64) -> Option<f64> {
    let place = data.dimensions.iter().position(|name| name == dimension)?;
    *data.rows.get(&second)?.get(place)?
}

fn same(theirs: Option<f64>, ours: Option<f64>, what: &str) {
    let is_same = theirs.zip(ours).map_or(theirs == ours, |(theirs, ours)| close(theirs, ours));
    assert!(is_same, "{what}: {theirs:?} at the client, {ours:?} in the API");
}

/// Goal: Netdata's dashboard of 1.37, served from a folder, shows the node, a collector and a real Netdata that stream
/// to it: charts and numbers, without an error of the browser.
#[test]
fn netdatas_dashboard_shows_our_hosts() {
    dashboard_shows_hosts("");
}

/// Goal: so does the one before it.
#[test]
fn netdatas_old_dashboard_shows_our_hosts() {
    dashboard_shows_hosts("old/");
}

fn dashboard_shows_hosts(dashboard: &str) {
    let files = netdata::dashboards();
    let folder = files.path().display().to_string();
    let master = node::master("classic-master").set("web.custom_dir", &folder).accepts(API_KEY).start();
    let _collector = node::collector("classic-collector").sends_to(master.address(), API_KEY).start();
    let _netdata = netdata::named("classic-netdata").sends_to(master.address(), API_KEY).start();
    let hosts = ["classic-collector", "classic-netdata"];
    // A dashboard asks for few rows of a long stretch; rows that end before there was anything are an error to it,
    // at a Netdata as well.
    agreement::goes_on(&master.api().host("classic-netdata"), "system.cpu", 28);
    agreement::goes_on(&master.api().host("classic-collector"), "system.cpu", 1);
    tour::classic(Path::new(SCRATCH), &format!("http://{}/", master.address()), dashboard, &hosts);
}
