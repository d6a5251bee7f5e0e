//! What a master does not keep any more, or never received, is shown from the database that backends write to.
//!
//! The archive's past is written by the backends' own code, with the time of that past; everything else are real
//! programs: a master, VictoriaMetrics, vmagent, Prometheus.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use export::send::{Framing, Web, WebConfig};
use export::{Backend, BackendConfig, Cut, Format, FormatOptions, Outcome, Source};
use integration_tests::API_KEY;
use integration_tests::api::{Answer, Api, Window};
use integration_tests::node::{self, Node, Settings};
use integration_tests::peer::archives;
use integration_tests::peer::scripted::{self, Scripted};
use integration_tests::peer::victoria::Victoria;
use integration_tests::peer::vmagent::Vmagent;
use integration_tests::wait::{Watch, now_s, s, until};
use patterns::SimplePattern;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};
use serde_json::Value;

const CHART: &str = "test.history";
/// So long after a second there is a later row, and its window was told.
const AFTER_S: i64 = 40;

/// What a host stored at a second; some seconds have none.
fn value(host: usize, second: i64) -> Option<f64> {
    (second % 37 != 0 && second % 1_000 > 20).then_some(((second + 77 * host as i64) % 1_000) as f64 / 4.0)
}

fn guid(host: usize) -> String {
    format!("7be4a51c-0000-4000-8000-00000000b{host:03}")
}

fn name(host: usize) -> String {
    format!("rb-box-{host}")
}

/// A node of the past that archives: hosts with one chart, told to a backend as time goes.
struct Past {
    store: Store,
    feeds: Vec<(Feed, ChartSlot)>,
    backend: Backend,
    web: Web,
    second: i64,
}

fn at(second: i64) -> Now {
    Now { wall_us: second * 1_000_000 + 500_000, mono_us: second as u64 * 1_000_000 }
}

impl Past {
    fn new(hosts: usize, every_s: i64, port: u16, begin_s: i64) -> Self {
        let store = Store::new();
        let feeds = (0..hosts).map(|host| feed(&store, host, begin_s)).collect();
        let config = BackendConfig {
            name: "archive".into(),
            every_s,
            cut: Cut::Whole,
            format: FormatOptions {
                format: Format::RemoteWrite,
                source: Source::Average,
                prefix: "tributary".into(),
                names: false,
                configured_labels: false,
                automatic_labels: false,
                node: true,
                undot_hostname: false,
            },
            hosts: SimplePattern::new("*"),
            charts: SimplePattern::new("*"),
            hostname: String::new(),
        };
        let backend = Backend::new(config, Guid::from_bytes([0; 16]), Some(begin_s), at(begin_s));
        let web = Web::new(WebConfig {
            urls: vec![format!("http://127.0.0.1:{port}/api/v1/write")],
            headers: vec![
                ("Content-Encoding".into(), "snappy".into()),
                ("X-Prometheus-Remote-Write-Version".into(), "0.1.0".into()),
            ],
            content_type: "application/x-protobuf",
            framing: Framing::Snappy,
            trust: web_client::Trust::default(),
            timeout: Duration::from_secs(20),
        });
        Self { store, feeds, backend, web, second: begin_s }
    }

    /// Lets time go on, and rows with it.
    fn until(&mut self, end_s: i64) {
        while self.second < end_s {
            self.second += 1;
            for (host, (feed, slot)) in self.feeds.iter_mut().enumerate() {
                let Some(value) = value(host, self.second) else { continue };
                let mut writer = feed.writer(at(self.second)).unwrap();
                writer.begin(*slot);
                writer.set_stored(0, None, Packed::pack(value, PointFlags::NORMAL));
                writer.end_stored(self.second, true);
            }
            let mut told = Vec::new();
            self.backend.turn(&self.store.hosts(), at(self.second), |_, records| told.push(records));
            for records in told {
                assert_eq!(self.web.send(&records, at(self.second)).0, Outcome::Delivered);
            }
        }
    }
}

fn feed(store: &Store, host: usize, begin_s: i64) -> (Feed, ChartSlot) {
    let info = HostInfo { hostname: name(host), ..HostInfo::unknown(guid(host).parse().unwrap()) };
    let known = store.add(&info, Keep::new(MemoryMode::Ram, 600));
    let mut feed = known.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(at(begin_s)).unwrap();
    let chart = ChartDefinition { id: CHART, context: CHART, units: "things", update_every_s: 1, ..Default::default() };
    let slot = writer.define_chart(&chart).unwrap();
    writer.define_dimension(slot, &DimensionDefinition { id: "a", ..Default::default() }).unwrap();
    drop(writer);
    (feed, slot)
}

fn master(urls: &[u16], every_s: i64) -> Settings {
    let urls: Vec<String> = urls.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
    node::master("rb-master")
        .set("collect.enabled", "false")
        .set("global.history", "300")
        .set("global.tiers", "[]")
        .set("archive.url", &urls.join(" "))
        .set("archive.update_every", &every_s.to_string())
        .set("archive.delay", "1s")
        .accepts(API_KEY)
}

/// Brings the newest rows of a host to a master, as a child that was connected only lately.
fn bring(master: &Node, host: usize, first: i64, last: i64) -> Scripted {
    let mut child = Scripted::connect_as(master.address(), API_KEY, &name(host), &guid(host), "&ver=15352").unwrap();
    assert!(child.answer().contains("with the version="), "{}", child.answer());
    let mut text = scripted::definition(CHART);
    writeln!(text, "CHART_DEFINITION_END {first} {last} {last}\nRBEGIN \"{CHART}\"").unwrap();
    for second in first..=last {
        if let Some(value) = value(host, second) {
            writeln!(text, "RBEGIN \"\" {} {second} {last}\nRSET \"a\" {value} \"\"", second - 1).unwrap();
        }
    }
    writeln!(text, "REND 1 {first} {last} true {first} {last} {last}").unwrap();
    child.send(&text).unwrap();
    let shown = master.api().host(&name(host));
    until(s(20), "the newest rows", || shown.last_entry(CHART).filter(|entry| *entry >= last - 30));
    child
}

fn ask(api: Api, host: &str, window: Window, more: &str) -> Answer {
    let Window { after, before } = window;
    let target = format!(
        "/host/{host}/api/v1/data?chart={CHART}&after={after}&before={before}&options=unaligned,jsonwrap&{more}"
    );
    let answer = api.get(&target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    answer
}

/// What the answer says of the archive.
fn archive(answer: &Answer) -> Option<&str> {
    let line = answer.head.lines().find(|line| line.to_ascii_lowercase().starts_with("x-archive:"));
    line.and_then(|line| line.split_once(": ")).map(|(_, word)| word.trim())
}

fn rows(answer: &Answer) -> BTreeMap<i64, Option<f64>> {
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_else(|err| panic!("{err}: {}", answer.body));
    let rows = json["result"]["data"].as_array().unwrap();
    rows.iter().map(|row| (row[0].as_i64().unwrap(), row[1].as_f64())).collect()
}

/// Asserts that rows of so many seconds have what `of` makes of their points, each the mean of `unit` seconds.
fn check_of(answer: &Answer, host: usize, window: Window, (step, unit): (i64, i64), of: fn(&[f64]) -> f64) {
    let rows = rows(answer);
    assert_eq!(rows.len() as i64, window.seconds() / step, "{}", &answer.body[..answer.body.len().min(1_000)]);
    for (end, found) in rows {
        let point = |from: i64| (from + 1..=from + unit).filter_map(|second| value(host, second)).collect::<Vec<_>>();
        let points = (end - step..end).step_by(unit as usize).map(point);
        let values: Vec<f64> = points.filter(|values| !values.is_empty()).map(|values| mean(&values)).collect();
        let expected = (!values.is_empty()).then(|| of(&values));
        let near = match (expected, found) {
            (Some(expected), Some(found)) => (expected - found).abs() <= 1e-5 * expected.abs().max(1.0),
            (expected, found) => expected == found,
        };
        assert!(near, "{end}: {found:?}, expected {expected:?}: {}", &answer.body[..answer.body.len().min(2_000)]);
    }
}

fn check(answer: &Answer, host: usize, window: Window, step: i64, of: fn(&[f64]) -> f64) {
    check_of(answer, host, window, (step, 1), of);
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Goal: a master that keeps five minutes answers for forty, from VictoriaMetrics and from Prometheus, second by
/// second and in longer rows, as if it had kept all.
#[test]
fn older_rows_come_from_the_archive() {
    let victoria = Victoria::start();
    let prometheus = archives::prometheus();
    let end = (now_s() - 5) / 60 * 60;
    let begin = end - 2_400;
    for (port, is_victoria) in [(victoria.http, true), (prometheus.ports[0], false)] {
        Past::new(1, 1, port, begin).until(end);
        if is_victoria {
            victoria.flush();
        }
        let master = master(&[port], 1).start();
        let _child = bring(&master, 0, end - 200, end);
        let api = master.api();
        let all = Window { after: begin + 1, before: end };
        let host = name(0);
        until(s(30), "the archive to show all", || {
            let answer = ask(api, &host, all, "points=0");
            let first = rows(&answer).range(begin + 30..).next().and_then(|(_, value)| *value);
            first.filter(|_| archive(&answer).is_none())
        });
        check(&ask(api, &host, all, "points=0"), 0, all, 1, mean);
        check(&ask(api, &host, all, "points=40"), 0, all, 60, mean);
        check(&ask(api, &host, all, "points=40&group=max"), 0, all, 60, |values| {
            values.iter().copied().fold(0.0, f64::max)
        });
        check(&ask(api, &host, all, "points=40&group=min"), 0, all, 60, |values| {
            values.iter().copied().fold(f64::INFINITY, f64::min)
        });
        check(&ask(api, &host, all, "points=40&group=sum"), 0, all, 60, |values| values.iter().sum());
        check(&ask(api, &host, all, "points=10&group=median"), 0, all, 240, |values| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
        });
        // The cut at any second of a row.
        for shift in [0, 1, 29, 59] {
            let window = Window { after: end - 1_199 - shift, before: end - shift };
            check(&ask(api, &host, window, "points=20"), 0, window, 60, mean);
        }
    }
}

/// Goal: a host that a master never received is found by name and by GUID, listed, and shown; once the archive is
/// away, answers say so, and soon.
#[test]
fn hosts_of_other_masters_are_shown() {
    let mut victoria = Victoria::start();
    let end = (now_s() - 5) / 60 * 60;
    let begin = end - 1_200;
    Past::new(2, 10, victoria.http, begin).until(end + AFTER_S);
    victoria.flush();
    let master = master(&[victoria.http], 10).start();
    let api = master.api();
    let listed = until(s(30), "the archive's hosts", || {
        victoria.flush();
        let hosts = api.try_json("/api/v1/hosts").ok()?;
        let is_it = |host: &&Value| host["hostname"] == name(1);
        hosts.as_array()?.iter().find(is_it).cloned()
    });
    assert_eq!((listed["guid"].as_str(), listed["reachable"].as_bool()), (Some(&*guid(1)), Some(false)));
    let fleet = api.try_json("/api/v1/fleet").unwrap();
    assert_eq!(fleet["totals"]["archived"], 2, "{fleet}");
    let window = Window { after: begin + 1, before: end };
    for called in [name(1), guid(1)] {
        let charts = api.host(&called).charts();
        assert_eq!(charts.keys().collect::<Vec<_>>(), [CHART]);
        assert_eq!((&charts[CHART].all["units"], charts[CHART].dimensions.len()), (&Value::from("things"), 1));
        check_of(&ask(api, &called, window, "points=20"), 1, window, (60, 10), mean);
    }
    let many = api.try_json(&format!(
        "/host/{}/api/v1/charts_data?chart={CHART}&after={}&before={}",
        name(1),
        window.after,
        window.before
    ));
    assert_eq!(many.unwrap()["charts"][0]["rows"], 1_200);
    assert_eq!(api.get("/host/rb-nobody/api/v1/charts").status, 404);
    assert_eq!(api.get(&format!("/host/{}", name(1))).status, 308);

    victoria.stop();
    // Long enough ago that nothing of it is kept.
    let window = Window { after: begin - 9_999, before: begin - 9_000 };
    let watch = Watch::start();
    for _ in 0..6 {
        let answer = ask(api, &name(1), window, "points=10");
        assert_eq!(archive(&answer), Some("unavailable"), "{}", answer.body);
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(json["archive"]["state"], "unavailable");
        assert_eq!(
            (json["archive"]["after"].as_i64(), json["archive"]["before"].as_i64()),
            (Some(window.after - 1), Some(window.before))
        );
    }
    assert!(watch.elapsed() < s(20), "{:?}", watch.elapsed());
    assert!(master.log().contains("left alone"), "{}", master.log());
}

/// Goal: a day of four hosts goes through vmagent to two VictoriaMetrics, one of which is stopped in between and
/// started again; a master that has the last minutes of one host and none of the others shows all of the day.
#[test]
fn a_day_of_two_databases_is_whole() {
    let first = Victoria::start();
    let mut second = Victoria::start();
    let vmagent = Vmagent::sharding(&[first.http, second.http]);
    let end = (now_s() - 5) / 600 * 600;
    let begin = end - 86_400;
    let mut past = Past::new(4, 10, vmagent.http, begin);
    past.until(begin + 30_000);
    second.stop();
    past.until(begin + 60_000);
    assert!(
        until(s(20), "vmagent to keep something", || Some(vmagent.waiting_bytes()).filter(|bytes| *bytes > 0.0)) > 0.0
    );
    second.run();
    past.until(end + AFTER_S);
    let has_some = |host: usize, end: i64| (end - 9..=end).any(|second| value(host, second).is_some());
    let windows = (begin + 10..=end).step_by(10);
    let expected: usize = (0..4).map(|host| windows.clone().filter(|&end| has_some(host, end)).count()).sum();
    let samples = |one: &Victoria| {
        one.flush();
        one.series("tributary_test").values().map(|series| series.range(..=end).count()).sum::<usize>()
    };
    until(s(60), "all samples to be there", || (samples(&first) + samples(&second) == expected).then_some(()));
    assert!(samples(&first) > 0 && samples(&second) > 0);
    let master = master(&[first.http, second.http], 10).start();
    let _child = bring(&master, 0, end - 200, end);
    let api = master.api();
    let day = Window { after: begin + 1, before: end };
    for host in 0..4 {
        let whole = until(s(30), "the last of the day to be visible", || {
            [&first, &second].iter().for_each(|one| one.flush());
            let answer = ask(api, &name(host), day, "points=1440");
            let last = rows(&answer).range(..end - 200).next_back().and_then(|(_, value)| *value);
            last.map(|_| answer)
        });
        assert_eq!(archive(&whole), None);
        // The master's own rows are seconds.
        let older = Window { after: begin + 1, before: end - 600 };
        check_of(&ask(api, &name(host), older, "points=1430"), host, older, (60, 10), mean);
        check_of(&ask(api, &name(host), older, "points=143&group=max"), host, older, (600, 10), |values| {
            values.iter().copied().fold(0.0, f64::max)
        });
        let tens = Window { after: begin + 29_001, before: begin + 62_000 };
        check_of(&ask(api, &name(host), tens, "points=3300"), host, tens, (10, 10), mean);
    }
    second.stop();
    let half = ask(api, &name(1), Window { after: begin - 6_000, before: begin - 3_001 }, "points=50");
    assert_eq!(archive(&half), Some("partial"));
}

/// Goal: what one master collects and archives another one shows, row by row as the first has it.
#[test]
fn one_master_shows_what_another_archives() {
    let victoria = Victoria::start();
    let first = node::master("rb-first")
        .set("backend.site.type", "prometheus-remote-write")
        .set("backend.site.destination", &format!("http://127.0.0.1:{}/api/v1/write", victoria.http))
        .set("backend.site.read_back", "true")
        .set("backend.site.update_every", "1")
        .start();
    let second = node::master("rb-second")
        .set("archive.url", &format!("http://127.0.0.1:{}", victoria.http))
        .set("archive.update_every", "1")
        .set("archive.delay", "1s")
        .start();
    let (own, chart) = (first.host(), "system.cpu");
    let newest = until(s(30), "rows", || own.last_entry(chart).filter(|entry| *entry > 0));
    let window = Window { after: newest + 2, before: newest + 9 };
    until(s(30), "some more rows", || own.last_entry(chart).filter(|entry| *entry > window.before + 1));
    let expected = own.data(chart, window);
    // Who a database knows is asked once a minute: it should know the host by then.
    until(s(30), "the database to know the host", || {
        let is_known = |prefix: &str| !victoria.series(prefix).is_empty();
        (is_known("netdata_info") && is_known("tributary_system_cpu")).then_some(())
    });
    let other = second.api().host("rb-first");
    let target = format!("/host/rb-first/api/v1/data?chart={chart}&after={}&before={}", window.after, window.before);
    until(s(50), "the other master to show them", || {
        victoria.flush();
        let answer = second.api().try_get(&target).ok().filter(|answer| answer.status == 200)?;
        let is_there = !answer.body.contains("null") && answer.body.contains(&window.before.to_string());
        is_there.then_some(())
    });
    let found = other.data(chart, window);
    assert!(expected.dimensions.len() >= 5, "{expected:?}");
    for (column, name) in expected.dimensions.iter().enumerate() {
        let place = found.dimensions.iter().position(|known| known == name);
        let place = place.unwrap_or_else(|| panic!("{name} is not among {:?}", found.dimensions));
        for (second, row) in &expected.rows {
            let (Some(here), Some(there)) = (row[column], found.rows[second][place]) else {
                panic!("{name} at {second}: {row:?}, {:?}", found.rows[second]);
            };
            assert!((here - there).abs() <= 1e-6 * here.abs().max(1.0), "{name} at {second}: {here}, {there}");
        }
    }
    let (here, there) = (own.charts()[chart].all.clone(), other.charts()[chart].all.clone());
    for key in ["units", "title", "context", "family", "chart_type", "priority"] {
        assert_eq!(here[key], there[key], "{key}");
    }
    for page in ["", "api/v1/info", "api/v1/alarms", "api/v1/contexts", "api/v1/alarm_log", "api/v1/functions"] {
        assert_eq!(second.api().get(&format!("/host/rb-first/{page}")).status, 200, "{page}");
    }
}

/// Goal: an archive that takes connections and never answers delays nobody but who asks for what it has.
#[test]
fn a_silent_archive_delays_nobody_else() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let master = master(&[port], 1).set("archive.timeout", "5s").start();
    let end = now_s() - 2;
    let _child = bring(&master, 0, end - 200, end);
    let (api, host) = (master.api(), name(0));
    let older = Window { after: end - 5_000, before: end };
    let askers: Vec<_> = (0..6)
        .map(|asker| {
            let host = host.clone();
            std::thread::spawn(move || {
                let window = Window { after: older.after - asker, ..older };
                archive(&ask(api, &host, window, "points=100")).map(str::to_owned)
            })
        })
        .collect();
    let watch = Watch::start();
    let recent = Window { after: end - 100, before: end - 1 };
    for _ in 0..20 {
        check(&ask(api, &host, recent, "points=100"), 0, recent, 1, mean);
        assert_eq!(api.get("/api/v1/info").status, 200);
    }
    let took = watch.elapsed();
    let is_waiting = askers.iter().any(|asker| !asker.is_finished());
    assert!(is_waiting && took < s(5), "{took:?}");
    for asker in askers {
        assert_eq!(asker.join().unwrap().as_deref(), Some("unavailable"));
    }
    assert!(watch.elapsed() < s(45), "{:?}", watch.elapsed());
}
