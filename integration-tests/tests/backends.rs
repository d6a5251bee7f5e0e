//! Archiving to a real time-series database: what it has afterwards is what the node has, whatever happened on the way.

use std::collections::BTreeMap;

use integration_tests::api::{Host, Window};
use integration_tests::listener::Listener;
use integration_tests::node::{self, Settings};
use integration_tests::peer::victoria::{Series, Victoria};
use integration_tests::wait::{Deadline, now_s, s, until};
use integration_tests::{API_KEY, agreement};

/// A backend called as its type, with a prefix of its own.
fn backend(settings: Settings, kind: &str, prefix: &str, destination: &str, every_s: i64) -> Settings {
    let key = |name: &str| format!("backend.{kind}.{name}");
    settings
        .set(&key("type"), kind)
        .set(&key("prefix"), prefix)
        .set(&key("destination"), destination)
        .set(&key("update_every"), &every_s.to_string())
}

/// As most formats write a part of a name.
fn part(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() || byte == b'.' { char::from(byte) } else { '_' }).collect()
}

/// The averages of windows that end with these seconds, by chart and dimension.
fn averages(host: &Host, ends: &[i64], window_s: i64) -> BTreeMap<(String, String), Series> {
    let mut all: BTreeMap<_, Series> = BTreeMap::new();
    let (first, last) = (ends.first().expect("an end"), ends.last().expect("an end"));
    for (id, chart) in host.charts() {
        if chart.update_every != 1 {
            continue;
        }
        let name = chart.all["name"].as_str().unwrap_or(&id).to_owned();
        let data = host.data(&id, Window { after: first - window_s + 1, before: *last });
        for (index, dimension) in data.dimensions.iter().enumerate() {
            for end in ends {
                let rows = data.rows.range(end - window_s + 1..=*end);
                let values: Vec<f64> = rows.filter_map(|(_, row)| row[index]).collect();
                if !values.is_empty() {
                    let average = values.iter().sum::<f64>() / values.len() as f64;
                    all.entry((name.clone(), dimension.clone())).or_default().insert(*end, average);
                }
            }
        }
    }
    all
}

/// Goal: of every chart and dimension, each average of a run is read back from the database, equal to ours, by five
/// formats.
#[test]
fn every_value_arrives() {
    const WINDOW_S: i64 = 5;
    let victoria = Victoria::start();
    let at = |port: u16| format!("127.0.0.1:{port}");
    let mut settings = node::master("archivist");
    for (kind, prefix, port) in [
        ("graphite", "gr", victoria.graphite),
        ("opentsdb", "ot", victoria.opentsdb),
        ("opentsdb-http", "oh", victoria.opentsdb_http),
        ("influx", "in", victoria.http),
        ("prometheus-remote-write", "rw", victoria.http),
    ] {
        settings = backend(settings, kind, prefix, &at(port), WINDOW_S);
    }
    let master = settings.start();
    let key = BTreeMap::from([("__name__".to_owned(), "gr.archivist.system.cpu.user".to_owned())]);
    let ends: Vec<i64> = until(s(55), "four windows in the database", || {
        let series = victoria.series("gr.archivist.system.cpu.user").remove(&key)?;
        // The first windows were begun before the node.
        let ends: Vec<i64> = series.keys().copied().skip(1).collect();
        (ends.len() >= 4).then_some(ends)
    });
    // What is told of them by the other formats comes in the same second.
    let wanted = averages(&master.host(), &ends, WINDOW_S);
    assert!(wanted.len() > 150, "{} dimensions", wanted.len());
    let labels = |key: &BTreeMap<String, String>| {
        let label = |name: &str| key.get(name).cloned().unwrap_or_default();
        (label("__name__"), label("chart"), label("dimension"))
    };
    for prefix in ["gr", "ot", "oh", "in", "rw"] {
        let found = |series: BTreeMap<BTreeMap<String, String>, Series>| -> BTreeMap<_, Series> {
            let named = |key: &BTreeMap<String, String>| {
                let (name, chart, dimension) = labels(key);
                if chart.is_empty() { (name, String::new()) } else { (chart, dimension) }
            };
            series.into_iter().map(|(key, values)| (named(&key), values)).collect()
        };
        let expected = |(chart, dimension): &(String, String)| match prefix {
            "gr" => (format!("gr.archivist.{}.{}", part(chart), part(dimension)), String::new()),
            "ot" | "oh" => (format!("{prefix}.{}.{}", part(chart), part(dimension)), String::new()),
            _ => (chart.clone(), dimension.clone()),
        };
        let is_there = |found: &BTreeMap<_, Series>| {
            wanted.iter().all(|(key, values)| {
                let series = found.get(&expected(key));
                values.keys().all(|end| series.is_some_and(|series| series.contains_key(end)))
            })
        };
        let deadline = Deadline::after(s(15));
        let found = loop {
            let found = found(victoria.series(prefix));
            if is_there(&found) || deadline.is_over() {
                break found;
            }
        };
        let mut compared = 0;
        for (key, values) in &wanted {
            let series = found.get(&expected(key)).unwrap_or_else(|| panic!("{prefix}: no series of {key:?}"));
            for (end, value) in values {
                let told = series.get(end).unwrap_or_else(|| panic!("{prefix}: {key:?} has nothing at {end}"));
                let tolerance = 1e-4 * value.abs() + 1e-6;
                assert!((told - value).abs() <= tolerance, "{prefix}: {key:?} at {end}: {told} for {value}");
                compared += 1;
            }
        }
        println!("{prefix}: {compared} values of {} series are equal", wanted.len());
        assert!(compared >= 600, "{prefix}: {compared}");
    }
}

/// Goal: the database is stopped for some windows and the node killed meanwhile; with a queue on the disk, and a
/// collector that keeps what its parent missed, no second is missing afterwards.
#[test]
fn outages_lose_nothing() {
    let mut victoria = Victoria::start();
    let destination = format!("127.0.0.1:{}", victoria.http);
    let settings = backend(node::master("keeper").accepts(API_KEY), "influx", "in", &destination, 1)
        .set("backend.influx.queue_on_disk", "16MiB")
        .set("backend.influx.send_charts_matching", "system.cpu")
        .set("backend.influx.send_hosts_matching", "!localhost *");
    let mut master = settings.start();
    let _collector = node::collector("leaf").sends_to(master.address(), API_KEY).start();
    agreement::goes_on(&master.api().host("leaf"), "system.cpu", 3);
    let series = |victoria: &Victoria| -> Option<Series> {
        let all = victoria.series("in.system.cpu_value");
        all.into_iter()
            .find(|(key, _)| key.get("dimension").is_some_and(|name| name == "user"))
            .map(|(_, series)| series)
    };
    let first = until(s(20), "the first values in the database", || series(&victoria)?.keys().next().copied());
    victoria.stop();
    Deadline::after(s(3)).wait();
    master.kill();
    Deadline::after(s(3)).wait();
    master.start_again();
    Deadline::after(s(2)).wait();
    victoria.run();
    let end = now_s();
    let series =
        until(s(30), "the values of after the outage", || series(&victoria).filter(|all| all.contains_key(&end)));
    let missing: Vec<i64> = (first..=end).filter(|second| !series.contains_key(second)).collect();
    assert!(missing.is_empty(), "{missing:?} of {first} to {end}\n{}", master.log());
}

/// Goal: what a server says is honoured: later is later, and a refusal is told and holds nothing up.
#[test]
fn answers_of_servers_are_honoured() {
    let listener = Listener::start();
    listener.answer("500 Internal Server Error");
    let mut master = backend(node::master("polite"), "json-http", "x", &listener.url("/take?this"), 1)
        .set("backend.json-http.send_charts_matching", "system.cpu")
        .set("backend.json-http.token", "hunter2secret")
        .start();
    let count = || listener.asked().len();
    until(s(20), "the first tries", || (count() >= 3).then_some(()));
    let tried = listener.asked();
    assert!(tried.iter().all(|asked| asked.body == tried[0].body), "the same batch until it is taken");
    assert_eq!(tried[0].line, "POST /take?this HTTP/1.1");
    assert_eq!(tried[0].header("authorization"), Some("Bearer hunter2secret"));
    assert_eq!(tried[0].json()[0]["chart_id"], "system.cpu");
    listener.answer("200 OK");
    until(s(20), "the next batches", || listener.asked().iter().any(|asked| asked.body != tried[0].body).then_some(()));
    listener.answer("400 Bad Request");
    let before = count();
    until(s(20), "refused batches", || (count() >= before + 3).then_some(()));
    let log = master.log();
    for expected in [
        "does not take windows, which wait: the server answers 500",
        "takes windows again",
        "values: the server answers 400: ok",
    ] {
        assert!(log.contains(expected), "{expected}\n{log}");
    }
    assert!(!log.contains("hunter2"), "{log}");
    assert!(master.is_running());
}
