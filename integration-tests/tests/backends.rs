//! Archiving to a real time-series database: what it has afterwards is what the node has, whatever happened on the way.

use std::collections::BTreeMap;

use integration_tests::api::{Host, Window};
use integration_tests::backend::{self, backend};
use integration_tests::listener::{Asked, Listener};
use integration_tests::node::{self, Settings};
use integration_tests::peer::archives::{self, Series};
use integration_tests::peer::victoria::Victoria;
use integration_tests::wait::{Deadline, now_s, s, until};
use integration_tests::{API_KEY, agreement};
use serde_json::json;

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
        // A chart that came since has nothing there.
        let window = Window { after: first - window_s + 1, before: *last };
        let Ok(data) = host.try_data(&id, window) else { continue };
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

/// Series by chart and dimension, or by name alone where there are no labels of both.
type Found = BTreeMap<(String, String), Series>;

fn by_labels(series: BTreeMap<BTreeMap<String, String>, Series>) -> Found {
    let label = |key: &BTreeMap<String, String>, name: &str| key.get(name).cloned().unwrap_or_default();
    let named = |key: &BTreeMap<String, String>| match (label(key, "chart"), label(key, "dimension")) {
        (chart, _) if chart.is_empty() => (label(key, "__name__"), String::new()),
        both => both,
    };
    series.into_iter().map(|(key, values)| (named(&key), values)).collect()
}

fn by_name(series: BTreeMap<String, Series>) -> Found {
    series.into_iter().map(|(name, values)| ((name, String::new()), values)).collect()
}

/// Waits until all that is wanted is found, and compares each value. `head` is what names begin with that hold
/// chart and dimension; without one they are labels.
fn compare(what: &str, head: Option<&str>, wanted: &Found, look: impl Fn() -> Found) {
    let named = |(chart, dimension): &(String, String)| match head {
        Some(head) => (format!("{head}{}.{}", part(chart), part(dimension)), String::new()),
        None => (chart.clone(), dimension.clone()),
    };
    let is_there = |found: &Found| {
        wanted.iter().all(|(key, values)| {
            let series = found.get(&named(key));
            values.keys().all(|end| series.is_some_and(|series| series.contains_key(end)))
        })
    };
    let deadline = Deadline::after(s(15));
    let found = loop {
        let found = look();
        if is_there(&found) || deadline.is_over() {
            break found;
        }
    };
    let mut compared = 0;
    for (key, values) in wanted {
        let series = found.get(&named(key)).unwrap_or_else(|| panic!("{what}: no series of {key:?}"));
        for (end, value) in values {
            let told = series.get(end).unwrap_or_else(|| panic!("{what}: {key:?} has nothing at {end}"));
            let tolerance = 1e-4 * value.abs() + 1e-6;
            assert!((told - value).abs() <= tolerance, "{what}: {key:?} at {end}: {told} for {value}");
            compared += 1;
        }
    }
    println!("{what}: {compared} values of {} series are equal", wanted.len());
    assert!(compared >= 450, "{what}: {compared}");
}

/// The ends of windows that were told: at least so many, without the first, which was begun before the node.
fn ends(count: usize, look: impl Fn() -> Option<Series>) -> Vec<i64> {
    let limit_s = WINDOW_S * (count as u64 + 5) + 10;
    until(s(limit_s), "windows in the database", || {
        let ends: Vec<i64> = look()?.keys().copied().skip(1).collect();
        (ends.len() >= count).then_some(ends)
    })
}

/// Series of objects, by chart and dimension.
fn of_objects(bodies: &[Asked]) -> Found {
    let mut all = Found::new();
    for object in bodies.iter().flat_map(|asked| asked.json().as_array().cloned().unwrap_or_default()) {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let (second, value) = (object["timestamp"].as_i64(), object["value"].as_f64());
        let series = all.entry((text("chart_name"), text("name"))).or_default();
        series.extend(second.zip(value));
    }
    all
}

/// Series of Graphite's lines, by name.
fn of_lines(bodies: &[Asked]) -> Found {
    let mut all = Found::new();
    for line in bodies.iter().flat_map(|asked| asked.body.lines()) {
        let [name, value, second] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (second, value) = (second.parse().expect("a second"), value.parse().expect("a number"));
        all.entry((name.to_owned(), String::new())).or_default().insert(second, value);
    }
    all
}

/// Seconds of a window in which values are read back.
const WINDOW_S: u64 = 5;

/// A backend of a test, and how all that it was told is read back.
struct Told<'a> {
    what: &'a str,
    kind: &'a str,
    destination: String,
    /// As in [`compare`].
    head: Option<&'a str>,
    look: Box<dyn Fn() -> Found + 'a>,
}

impl<'a> Told<'a> {
    fn new(
        what: &'a str,
        kind: &'a str,
        destination: String,
        head: Option<&'a str>,
        look: impl Fn() -> Found + 'a,
    ) -> Self {
        Self { what, kind, destination, head, look: Box::new(look) }
    }

    /// Adds it to a node, with a prefix that is its own in any database.
    fn add(&self, number: usize, settings: Settings) -> Settings {
        let prefix = match self.kind {
            "graphite" | "graphite-http" => "gr",
            "opentsdb" => "ot",
            "opentsdb-http" => "oh",
            "influx" => "in",
            "json" | "json-http" => "js",
            _ => "rw",
        };
        backend::called(settings, &format!("b{number}"), self.kind, prefix, &self.destination, WINDOW_S as i64)
    }
}

/// One node writes to all databases, by all formats that they take, for so many windows; each value is read back.
fn every_value(windows: usize) {
    let (victoria, carbon) = (Victoria::start(), archives::carbon());
    let (influx, prometheus) = (archives::influx(), archives::prometheus());
    let (rsyslog, objects, lines) = (archives::rsyslog(), Listener::start(), Listener::start());
    influx.make_influx("tributary");
    let [influx_http, influx_graphite, influx_opentsdb] = influx.ports;
    let at = |port: u16| format!("127.0.0.1:{port}");
    let of_victoria = |prefix| by_labels(victoria.series(prefix));
    let of_influx = |database| by_labels(influx.influx(database));
    let of_prometheus = || by_labels(prometheus.prometheus("rw_"));
    let gr = Some("gr.archivist.");
    let backends = [
        Told::new("graphite", "graphite", at(victoria.graphite), gr, || of_victoria("gr")),
        Told::new("opentsdb", "opentsdb", at(victoria.opentsdb), Some("ot."), || of_victoria("ot")),
        Told::new("opentsdb-http", "opentsdb-http", at(victoria.opentsdb_http), Some("oh."), || of_victoria("oh")),
        Told::new("influx", "influx", at(victoria.http), None, || of_victoria("in")),
        Told::new("remote write", "prometheus-remote-write", at(victoria.http), None, || of_victoria("rw")),
        Told::new("carbon", "graphite", at(carbon.ports[0]), gr, || by_name(carbon.whisper())),
        Told::new("Influx, graphite", "graphite", at(influx_graphite), Some(""), || of_influx("graphite")),
        Told::new("Influx, opentsdb", "opentsdb", at(influx_opentsdb), Some("ot."), || of_influx("opentsdb")),
        Told::new("Influx", "influx", at(influx_http), None, || of_influx("tributary")),
        Told::new("Prometheus", "prometheus-remote-write", at(prometheus.ports[0]), None, of_prometheus),
        Told::new("rsyslog, json", "json", at(rsyslog.ports[0]), None, || rsyslog.rsyslog()),
        Told::new("json-http", "json-http", objects.url("/take"), None, || of_objects(&objects.taken())),
        Told::new("graphite-http", "graphite-http", lines.url("/take"), gr, || of_lines(&lines.taken())),
    ];
    let settings = node::master("archivist");
    let settings = backends.iter().enumerate().fold(settings, |settings, (number, told)| told.add(number, settings));
    let master = settings.start();
    let ends = ends(windows, || carbon.whisper().remove("gr.archivist.system.cpu.user"));
    let wanted = averages(&master.host(), &ends, WINDOW_S as i64);
    for told in &backends {
        compare(told.what, told.head, &wanted, &told.look);
    }
    for (listener, content_type) in [(&objects, "application/json"), (&lines, "application/graphite")] {
        assert!(listener.taken().iter().all(|asked| asked.header("content-type") == Some(content_type)));
    }
    let log = master.log();
    assert!(!log.contains("refuses") && !log.contains("does not take"), "{log}");
}

/// Goal: of every chart and dimension, each average of a run is read back from each database,
/// equal to ours.
#[test]
fn every_value_arrives() {
    every_value(6);
}

/// Goal: the same of five minutes.
#[test]
#[ignore = "takes five minutes: make soak"]
fn every_value_of_five_minutes_arrives() {
    every_value(60);
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
    let node = || master.api().try_json("/api/v1/node").expect("an answer")["backends"][0].clone();
    let away = until(s(20), "the node to tell of it", || Some(node()).filter(|it| it["failed"].as_i64() >= Some(3)));
    assert_eq!((&away["connected"], &away["last_error"]), (&json!(false), &json!("the server answers 500: ok")));
    assert_eq!(away["destination"], listener.url("/take"));
    listener.answer("200 OK");
    until(s(20), "the next batches", || listener.asked().iter().any(|asked| asked.body != tried[0].body).then_some(()));
    listener.answer("400 Bad Request");
    let before = count();
    until(s(20), "refused batches", || (count() >= before + 3).then_some(()));
    let refused = until(s(20), "values that are dropped", || Some(node()).filter(|it| it["dropped"]["values"] != 0));
    assert_eq!((&refused["connected"], &refused["last_error"]), (&json!(true), &json!("the server answers 400: ok")));
    assert!(refused["sent"]["values"].as_i64() > Some(0), "{refused}");
    let host = master.host();
    let lost = || {
        let now_s = now_s();
        let window = Window { after: now_s - 30, before: now_s };
        let lost = host.try_data("netdata.exporting_json-http_metrics", window).ok()?.column("lost")?;
        lost.iter().any(|(_, lost)| *lost > Some(0.0)).then_some(())
    };
    until(s(20), "a chart of it", lost);
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
