//! Alarms: what clients are told of them, before, while and after they are raised.

use std::sync::Arc;

use health::engine::{Patience, Rules};
use health::{files, fleet};
use row::{ChartDefinition, ChartSlot, DimensionDefinition, Label, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, RealDisk, Store};
use serde_json::{Value, json};
use web::{Config, Web};

use crate::badges;
use crate::client::get;
use crate::fleet::{NOW_S, guid, now};

const FILE: &str = "
alarm: hot
on: test.cpu
calc: $busy
every: 1s
units: %
warn: $this > 80
crit: $this > 95 && 1
info: <b> is $label:core
to: sysadmin
class: Utilization

template: mean
on: cpu.cpu
lookup: average -5s unaligned of busy
every: 1s
";

struct Watched {
    web: Web,
    feed: Feed,
    alarms: Arc<fleet::Fleet>,
    second: i64,
    _disk: tempfile::TempDir,
}

fn watched() -> Watched {
    watched_with(Config::default())
}

fn watched_with(config: Config) -> Watched {
    let (store, disk) = (Arc::new(Store::new()), tempfile::tempdir().unwrap());
    let (definitions, problems) = files::read("my.conf", FILE);
    assert_eq!(problems, []);
    let log = Arc::new(RealDisk::new(disk.path()));
    let alarms = Arc::new(fleet::Fleet::new(Arc::clone(&store), log, Rules::new(definitions), Patience::default()));
    let info = HostInfo { hostname: "alpha".into(), ..HostInfo::unknown(guid(1)) };
    let mut feed = store.add(&info, Keep::new(MemoryMode::Ram, 600)).claim(FeedKind::Stored, info);
    let mut writer = feed.writer(now()).unwrap();
    let chart = ChartDefinition {
        id: "test.cpu",
        name: "test.processor",
        context: "cpu.cpu",
        update_every_s: 1,
        ..Default::default()
    };
    let slot = writer.define_chart(&chart).unwrap();
    writer.define_dimension(slot, &DimensionDefinition { id: "busy", ..Default::default() }).unwrap();
    writer.set_chart_labels(slot, &[Label { name: "core", value: "5 < 6", source: 1 }]);
    drop(writer);
    let config = Config { alarms: Some(Arc::clone(&alarms)), ..config };
    Watched { web: Web::new(store, config, Arc::new(now)), feed, alarms, second: NOW_S - 100, _disk: disk }
}

impl Watched {
    fn seconds(&mut self, count: i64, busy: f64) {
        for _ in 0..count {
            self.second += 1;
            let now = Now { wall_us: self.second * 1_000_000, mono_us: self.second as u64 * 1_000_000 };
            let mut writer = self.feed.writer(now).unwrap();
            writer.begin(ChartSlot(0));
            writer.set_stored(0, None, Packed::pack(busy, PointFlags::default()));
            writer.end_stored(self.second, true);
            drop(writer);
            self.alarms.step(now);
        }
    }

    async fn json(&self, url: &str) -> Value {
        get(&self.web, url).await.json()
    }
}

/// The goal: an alarm is listed with all that clients read, as active only while it is raised, and its
/// log goes on from the number that a client has.
#[tokio::test]
async fn an_alarm_comes_and_goes() {
    let mut watched = watched();
    watched.seconds(10, 10.0);
    let all = watched.json("/api/v1/alarms?all").await;
    assert_eq!((&all["hostname"], &all["status"], &all["now"]), (&json!("alpha"), &json!(true), &json!(NOW_S)));
    let hot = &all["alarms"]["test.processor.hot"];
    assert_eq!((&hot["status"], &hot["value"], &hot["value_string"]), (&json!("CLEAR"), &json!(10), &json!("10%")));
    assert_eq!(
        (&hot["recipient"], &hot["class"], &hot["type"]),
        (&json!("sysadmin"), &json!("Utilization"), &json!("Unknown"))
    );
    assert_eq!((&hot["chart"], &hot["source"]), (&json!("test.cpu"), &json!("2@my.conf")));
    assert_eq!(hot["crit"], "$this &gt; 95 &amp;&amp; 1");
    assert_eq!(hot["crit_parsed"], "((${this} &gt; 95) &amp;&amp; 1)");
    assert_eq!(
        (&hot["warn_repeat_every"], &hot["last_repeat"], &hot["green"]),
        (&json!("0"), &json!("0"), &json!(null))
    );
    let mean = &all["alarms"]["test.processor.mean"];
    assert_eq!((&mean["status"], &mean["lookup_method"]), (&json!("UNDEFINED"), &json!("average")));
    assert_eq!((&mean["lookup_after"], &mean["lookup_dimensions"]), (&json!(-5), &json!("busy")));
    assert_eq!(watched.json("/api/v1/alarms").await["alarms"], json!({}));
    assert_eq!(watched.json("/api/v1/info").await["alarms"], json!({ "normal": 2, "warning": 0, "critical": 0 }));

    let chart = watched.json("/api/v1/chart?chart=test.cpu").await;
    assert_eq!((&chart["alarms"]["hot"]["status"], &chart["alarms"]["hot"]["units"]), (&json!("CLEAR"), &json!("%")));
    assert_eq!(chart["alarms"]["hot"]["id"], hot["id"]);
    assert_eq!(chart["alarms"].as_object().unwrap().len(), 2);
    assert_eq!(watched.json("/api/v1/charts").await["charts"]["test.cpu"]["alarms"], chart["alarms"]);
    let variables = watched.json("/host/alpha/api/v1/alarm_variables?chart=test.processor").await;
    assert_eq!((&variables["chart"], &variables["host"]), (&json!("test.cpu"), &json!("alpha")));
    assert_eq!(variables["chart_variables"]["busy"], json!(10.0));
    assert_eq!(variables["chart_variables"]["green"], json!(null));
    assert_eq!(variables["family_variables"]["cpu.cpu.busy"], json!(10.0));
    assert_eq!(variables["host_variables"]["test.processor.hot"], json!(10.0));
    assert_eq!(get(&watched.web, "/api/v1/alarm_variables").await.status, 400);
    assert_eq!(get(&watched.web, "/api/v1/alarm_variables?chart=no.such").await.status, 404);

    watched.seconds(3, 99.0);
    let active = watched.json("/host/alpha/api/v1/alarms?active").await;
    assert_eq!(active["alarms"]["test.processor.hot"]["status"], "CRITICAL");
    assert_eq!(active["alarms"].as_object().unwrap().len(), 1);
    for (query, count) in
        [("", 1), ("?status=critical", 1), ("?status=CLEAR", 0), ("?context=cpu.cpu|x", 1), ("?ctx=x", 0)]
    {
        assert_eq!(watched.json(&format!("/api/v1/alarm_count{query}")).await, json!([count]), "{query}");
    }
    let values = watched.json("/api/v1/alarms_values?all=yes").await;
    assert_eq!(values["alarms"]["test.processor.hot"]["value"], json!(99));
    let known = active["latest_alarm_log_unique_id"].as_i64().unwrap();

    watched.seconds(3, 10.0);
    let log = watched.json(&format!("/api/v1/alarm_log?after={known}")).await;
    assert_eq!(log.as_array().unwrap().len(), 1, "{log}");
    let cleared = &log[0];
    assert_eq!((&cleared["status"], &cleared["old_status"]), (&json!("CLEAR"), &json!("CRITICAL")));
    assert_eq!((&cleared["duration"], &cleared["value"], &cleared["old_value"]), (&json!(3), &json!(10), &json!(99)));
    assert_eq!((&cleared["silenced"], &cleared["info"]), (&json!("false"), &json!("&lt;b&gt; is 5 &lt; 6")));
    let whole = watched.json("/api/v1/alarm_log?chart=test.cpu").await;
    let ids: Vec<_> = whole.as_array().unwrap().iter().map(|entry| entry["unique_id"].as_i64().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]) && ids.len() >= 5, "newest first: {ids:?}");
    assert_eq!(whole[0]["updates_id"], whole[1]["unique_id"]);
    assert_eq!(watched.json("/api/v1/alarm_log?chart=nobody").await, json!([]));
}

/// Who knows the key silences alarms; others cannot, wherever they are.
#[tokio::test]
async fn alarms_are_silenced_with_the_key() {
    let kept = Arc::new(std::sync::Mutex::new(String::new()));
    let keep = Arc::clone(&kept);
    let management = web::Management {
        key: "secret".into(),
        keep: Arc::new(move |silencers| {
            *keep.lock().unwrap() = silencers.to_json();
            Ok(())
        }),
    };
    let mut watched = watched_with(Config { management: Some(management), ..Config::default() });
    watched.seconds(5, 10.0);
    let url = "/api/v1/manage/health?cmd=SILENCE&alarm=ho*";
    for headers in ["", "X-Auth-Token: wrong!\r\n", "X-Auth-Token: \r\n"] {
        let reply = crate::client::request(&watched.web, "GET", url, headers).await;
        assert_eq!((reply.status, &*reply.body), (403, "Auth Error\n"), "{headers}");
    }
    assert_eq!(*kept.lock().unwrap(), "");
    let key = "X-Auth-Token: secret\r\n";
    let reply = crate::client::request(&watched.web, "GET", url, key).await;
    assert_eq!(reply.body, "Alarm notifications silenced for alarms matching the selectors\nAlarm selector added\n");
    assert!(kept.lock().unwrap().contains("\"ho*\""));
    watched.seconds(3, 99.0);
    let alarms = watched.json("/api/v1/alarms?all").await;
    assert_eq!(alarms["alarms"]["test.processor.hot"]["silenced"], json!(true));
    assert_eq!(alarms["alarms"]["test.processor.mean"]["silenced"], json!(false));
    let list =
        crate::client::request(&watched.web, "GET", "/host/alpha/api/v1/manage/health?cmd=LIST", key).await.json();
    assert_eq!(list, json!({ "all": false, "type": "SILENCE", "silencers": [{ "alarm": "ho*" }] }));
}

/// A host that is not watched has no alarms, and says that nobody looks.
#[tokio::test]
async fn nobody_watches() {
    let fleet = crate::fleet::fleet();
    let alarms = get(&fleet.web, "/api/v1/alarms?all").await.json();
    assert_eq!((&alarms["status"], &alarms["alarms"]), (&json!(false), &json!({})));
    assert_eq!(get(&fleet.web, "/api/v1/alarm_log").await.json(), json!([]));
    assert_eq!(get(&fleet.web, "/api/v1/alarm_count").await.json(), json!([0]));
}

/// Goal: a badge of an alarm shows its value in the colour of its status, and may be kept until it is due.
#[tokio::test]
async fn badges_of_alarms() {
    let mut watched = watched();
    for (busy, color) in [(10.0, "44cc11"), (85.0, "fe7d37"), (99.0, "e05d44")] {
        watched.seconds(3, busy);
        for chart in ["test.cpu", "test.processor"] {
            let reply = get(&watched.web, &format!("/api/v1/badge.svg?chart={chart}&alarm=hot&refresh=auto")).await;
            assert_eq!(badges::texts(&reply), ("hot".into(), format!("{busy}%")));
            assert_eq!(badges::colors(&reply), ("555555".into(), color.into()));
            assert_eq!((reply.header("refresh"), reply.header("cache-control")), ("1", "public"));
        }
    }
}

/// The goal: alarms of all hosts are told by name, and each by itself where that is asked for.
#[tokio::test]
async fn alarms_of_all_hosts_are_told_together() {
    let mut watched = watched();
    watched.seconds(10, 90.0);
    let answer = get(&watched.web, "/api/v2/alerts?options=instances").await.json();
    let hot = &answer["alerts"][0];
    assert_eq!((&hot["nm"], &hot["wr"], &hot["cr"], &hot["cl"]), (&json!("hot"), &json!(1), &json!(0), &json!(0)));
    assert_eq!((&hot["ni"], &hot["ctx"], &hot["nd"]), (&json!([0]), &json!(["cpu.cpu"]), &json!(1)));
    let instances = answer["alert_instances"].as_array().unwrap();
    assert_eq!((instances.len(), &answer["left_off"]), (2, &json!(0)));
    let hot = &instances[0];
    assert_eq!(
        (&hot["nm"], &hot["st"], &hot["v"]),
        (&json!("hot"), &json!("WARNING"), &json!(90)),
        "what is raised comes first"
    );
    assert_eq!(
        (&hot["ch"], &hot["ch_n"], &hot["value_string"]),
        (&json!("test.cpu"), &json!("test.processor"), &json!("90%"))
    );
    assert_eq!((&hot["ni"], &hot["info"]), (&json!(0), &json!("<b> is 5 < 6")));
    let first = get(&watched.web, "/api/v2/alerts?options=instances&limit=1").await.json();
    assert_eq!((first["alert_instances"].as_array().unwrap().len(), &first["left_off"]), (1, &json!(1)));
    for (query, names) in [
        ("status=raised", vec!["hot"]),
        ("status=critical", vec![]),
        ("alert=m*", vec!["mean"]),
        ("contexts=nosuch", vec![]),
        ("nodes=nosuch", vec![]),
    ] {
        let answer = get(&watched.web, &format!("/api/v3/alerts?{query}")).await.json();
        let found: Vec<&str> =
            answer["alerts"].as_array().unwrap().iter().map(|it| it["nm"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{query}");
        assert_eq!(answer["alert_instances"], Value::Null);
    }
}
