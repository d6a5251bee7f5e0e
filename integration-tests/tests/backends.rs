//! Archiving to a real time-series database: what it has afterwards is what the node has, whatever happened on the way.

use std::collections::BTreeMap;

use integration_tests::api::{Host, Window};
use integration_tests::backend::backend;
use integration_tests::listener::{Asked, Listener};
use integration_tests::node;
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
    until(s(55), "windows in the database", || {
        let ends: Vec<i64> = look()?.keys().copied().skip(1).collect();
        (ends.len() >= count).then_some(ends)
    })
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
    let ends = ends(4, || victoria.series("gr.archivist.system.cpu.user").remove(&key));
    let wanted = averages(&master.host(), &ends, WINDOW_S);
    for (prefix, head) in
        [("gr", Some("gr.archivist.")), ("ot", Some("ot.")), ("oh", Some("oh.")), ("in", None), ("rw", None)]
    {
        compare(prefix, head, &wanted, || by_labels(victoria.series(prefix)));
    }
}

/// Goal: the same from Graphite's own database, InfluxDB, its listeners included, and Prometheus.
#[test]
fn every_value_arrives_at_other_databases() {
    const WINDOW_S: i64 = 5;
    let (carbon, influx, prometheus) = (archives::carbon(), archives::influx(), archives::prometheus());
    influx.make_influx("tributary");
    let [http, graphite, opentsdb] = influx.ports;
    let at = |port: u16| format!("127.0.0.1:{port}");
    let settings = backend(node::master("archivist"), "graphite", "gr", &at(carbon.ports[0]), WINDOW_S)
        .set("backend.second.type", "graphite")
        .set("backend.second.prefix", "gr")
        .set("backend.second.destination", &at(graphite))
        .set("backend.second.update_every", "5");
    let settings = backend(settings, "opentsdb", "ot", &at(opentsdb), WINDOW_S);
    let settings = backend(settings, "influx", "in", &at(http), WINDOW_S);
    let write = backend(settings, "prometheus-remote-write", "rw", &at(prometheus.ports[0]), WINDOW_S);
    let master = write.start();
    let ends = ends(3, || carbon.whisper().remove("gr.archivist.system.cpu.user"));
    let wanted = averages(&master.host(), &ends, WINDOW_S);
    compare("carbon", Some("gr.archivist."), &wanted, || by_name(carbon.whisper()));
    compare("influx, graphite", Some(""), &wanted, || by_labels(influx.influx("graphite")));
    compare("influx, opentsdb", Some("ot."), &wanted, || by_labels(influx.influx("opentsdb")));
    compare("influx", None, &wanted, || by_labels(influx.influx("tributary")));
    compare("prometheus", None, &wanted, || by_labels(prometheus.prometheus("rw_")));
    let log = master.log();
    assert!(!log.contains("refuses") && !log.contains("does not take"), "{log}");
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

/// Goal: the same as JSON, by lines to rsyslog and by requests, and as Graphite's lines by requests.
#[test]
fn every_value_arrives_as_json() {
    const WINDOW_S: i64 = 5;
    let (rsyslog, objects, lines) = (archives::rsyslog(), Listener::start(), Listener::start());
    let at = format!("127.0.0.1:{}", rsyslog.ports[0]);
    let settings = backend(node::master("archivist"), "json", "js", &at, WINDOW_S);
    let settings = backend(settings, "json-http", "jh", &objects.url("/take"), WINDOW_S);
    let master = backend(settings, "graphite-http", "gr", &lines.url("/take"), WINDOW_S).start();
    let user = ("system.cpu".to_owned(), "user".to_owned());
    let ends = ends(3, || rsyslog.rsyslog().remove(&user));
    let wanted = averages(&master.host(), &ends, WINDOW_S);
    compare("json", None, &wanted, || rsyslog.rsyslog());
    compare("json-http", None, &wanted, || of_objects(&objects.taken()));
    compare("graphite-http", Some("gr.archivist."), &wanted, || of_lines(&lines.taken()));
    for (listener, content_type) in [(&objects, "application/json"), (&lines, "application/graphite")] {
        assert!(listener.taken().iter().all(|asked| asked.header("content-type") == Some(content_type)));
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
