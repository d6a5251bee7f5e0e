//! `info`, `hosts`, `charts` and `chart`: what they list, and that nasty texts stay texts.

use std::sync::Arc;

use export::send::Heard;
use export::{Amount, Attempt, Delivered, Ledger, Ledgers, Lost, Queue, Queued, Records};
use row::{ChartDefinition, DimensionDefinition};
use serde_json::{Value, json};
use web::Config;

use crate::client::get;
use crate::fleet::{FIRST_S, LAST_S, NASTY, NOW_S, fleet, fleet_with, guid, now};

/// Every key that clients cannot do without, with its type.
#[tokio::test]
async fn info_tells_about_host_and_fleet() {
    let fleet = fleet();
    let info = get(&fleet.web, "/api/v1/info").await.json();
    assert_eq!(info["version"], "v1.37.1");
    assert_eq!(info["uid"], guid(1).to_string());
    assert_eq!(info["mirrored_hosts"], json!(["alpha", "beta", "gamma", "my box/1 <b>"]));
    let status = |number: u8, hostname: &str, reachable: bool, hops: u32| {
        json!({ "guid": guid(number).to_string(), "hostname": hostname, "reachable": reachable, "hops": hops,
                "claim_id": if number == 1 { json!(guid(200).to_string()) } else { json!(null) }, "node_id": null })
    };
    assert_eq!(info["mirrored_hosts_status"][0], status(1, "alpha", true, 0));
    assert_eq!(info["mirrored_hosts_status"][1], status(2, "beta", false, 1));
    assert_eq!(info["alarms"], json!({ "normal": 0, "warning": 0, "critical": 0 }));
    assert_eq!(info["host_labels"], json!({ "_os": NASTY }));
    assert_eq!(info["collectors"][1], json!({ "plugin": "proc.plugin", "module": "/proc/stat" }));
    assert_eq!(
        (&info["os_name"], &info["os_id"], &info["kernel_name"]),
        (&json!(NASTY), &json!("debian"), &json!("unknown"))
    );
    assert_eq!(
        (&info["cores_total"], &info["ram_total"], &info["total_disk_space"]),
        (&json!("8"), &json!("0"), &json!("0"))
    );
    assert_eq!((&info["memory-mode"], &info["hosts-available"]), (&json!("ram"), &json!(4)));
    assert_eq!((&info["charts-count"], &info["metrics-count"]), (&json!(4), &json!(6)));
    assert_eq!(info["cloud-enabled"], json!(false));
    let processes = json!({ "help": NASTY, "timeout": 10, "options": "GLOBAL" });
    assert_eq!(info["functions"], json!({ "processes": processes }));
}

/// The fleet list says how fresh each host is.
#[tokio::test]
async fn hosts_are_listed_with_their_age() {
    let fleet = fleet();
    let hosts = get(&fleet.web, "/host/beta/api/v1/hosts").await.json();
    let hosts = hosts.as_array().unwrap();
    assert_eq!(hosts.len(), 4);
    let told = |host: &Value| {
        ["hostname", "reachable", "newest_s", "age_s", "charts", "memory_mode"].map(|key| host[key].clone())
    };
    assert_eq!(told(&hosts[0]), [json!("alpha"), json!(true), json!(LAST_S), json!(2), json!(6), json!("ram")]);
    assert_eq!(hosts[0]["alarms"], json!({ "critical": 0, "warning": 0 }));
    assert_eq!(told(&hosts[1]), [json!("beta"), json!(false), json!(0), json!(null), json!(0), json!("ram")]);
    assert_eq!(told(&hosts[2])[5], json!("none"));
    assert_eq!((&hosts[0]["ahead_s"], &hosts[0]["rows_ahead"]), (&json!(0), &json!(0)));
    assert_eq!((&hosts[0]["program"], &hosts[0]["os"]), (&json!("netdata v1.37.1"), &json!("linux")));
    assert_eq!((&hosts[0]["rows"], &hosts[0]["samples"]), (&json!(1190), &json!(2960)));
    assert!(hosts[0]["bytes"].as_u64() > Some(0) && hosts[0]["dimensions"] == 8 && hosts[3]["hops"] == 2);
}

/// Goal: each direction of each host has its figures, hosts that never streamed have none, and the
/// totals are their sums.
#[tokio::test]
async fn streams_are_listed() {
    let fleet = fleet();
    let host = fleet.store.find("beta").unwrap();
    let figures = host.figures();
    (0..3).for_each(|_| figures.accept_stream());
    figures.receiving.add(1);
    figures.received_bytes.add(1_000);
    figures.received_text_bytes.add(4_000);
    figures.rows_lost.add(7);
    figures.establish_stream();
    fleet.store.hosts()[2].figures().accept_stream();
    figures.sent_rows.add(5);
    figures.sent_newest_s.set(NOW_S - 9);
    let streams = get(&fleet.web, "/api/v1/streams").await.json();
    assert_eq!((&streams["hosts"][0]["in"], &streams["hosts"][0]["out"]), (&Value::Null, &Value::Null));
    let beta = &streams["hosts"][1];
    let told = ["connected", "streams", "reconnects", "rows_lost", "bytes", "text_bytes"].map(|key| &beta["in"][key]);
    assert_eq!(told, [1, 3, 2, 7, 1_000, 4_000].map(|value| json!(value)).each_ref());
    assert_eq!(beta["in"]["compression_ratio"].as_f64(), Some(4.0));
    let told = ["connected", "reconnects", "rows", "lag_s"].map(|key| &beta["out"][key]);
    assert_eq!(told, [0, 0, 5, 9].map(|value| json!(value)).each_ref());
    assert_eq!(beta["out"]["compression_ratio"], Value::Null, "nothing was sent");
    let totals = &streams["totals"];
    assert_eq!((&totals["in"]["rows_lost"], &totals["out"]["rows"]), (&json!(7), &json!(5)));
    let told = ["streams", "reconnects"].map(|key| &totals["in"][key]);
    assert_eq!(told, [&json!(4), &json!(2)], "a first stream is no reconnect, of whichever host");
}

/// A chart is described in full; what is hidden, obsolete or without dimensions is not listed.
#[tokio::test]
async fn charts_are_described() {
    let fleet = fleet();
    let charts = get(&fleet.web, "/host/alpha/api/v1/charts").await.json();
    let ids: Vec<_> = charts["charts"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(ids, ["test.cpu", "test.dark", "test.rowless"]);
    let expected = json!({
        "id": "test.cpu", "name": "test.processor", "type": "test", "family": "test", "context": "test.cpu",
        "title": format!("{NASTY} (test.processor)"), "priority": 100, "plugin": "proc.plugin", "module": "/proc/stat",
        "units": "%", "data_url": "/api/v1/data?chart=test.processor", "chart_type": "stacked",
        "duration": LAST_S - FIRST_S + 1, "first_entry": FIRST_S, "last_entry": LAST_S, "update_every": 1,
        "enabled": true,
        "dimensions": { "user": { "name": "user" }, "system": { "name": "the \"system\"" }, "steal": { "name": "steal" } },
        "chart_variables": { "limit": 2.5 }, "green": null, "red": null, "alarms": {},
        "chart_labels": { "_collect_plugin": NASTY }, "functions": {}
    });
    assert_eq!(charts["charts"]["test.cpu"], expected);
    assert_eq!(charts["charts"]["test.dark"]["dimensions"], json!({}));
    assert_eq!(charts["charts"]["test.rowless"]["duration"], 0);
    for (key, value) in [
        ("hostname", json!("alpha")),
        ("version", json!("v1.37.1")),
        ("os", json!("linux")),
        ("timezone", json!("Etc/UTC")),
        ("memory_mode", json!("ram")),
        ("update_every", json!(1)),
        ("history", json!(3600)),
        ("charts_count", json!(3)),
        ("dimensions_count", json!(4)),
        ("alarms_count", json!(0)),
        ("hosts_count", json!(4)),
    ] {
        assert_eq!(charts[key], value, "{key}");
    }
    assert_eq!(charts["hosts"][0], json!({ "hostname": "alpha" }));
    for url in [
        "/api/v1/chart?chart=test.cpu",
        "/api/v1/chart%3Fchart=test.processor",
        "/host/localhost/api/v1/chart?chart=test.cpu",
    ] {
        assert_eq!(get(&fleet.web, url).await.json(), expected, "{url}");
    }
    let body = get(&fleet.web, "/api/v1/chart?chart=test.cpu").await.body;
    assert!(body.find("\"user\":{").unwrap() < body.find("\"system\":{").unwrap(), "dimensions keep their order");
}

/// A host without charts lists none; more charts than are copied at once are all there.
#[tokio::test]
async fn charts_are_listed_whole() {
    let fleet = fleet();
    assert_eq!(get(&fleet.web, "/host/beta/api/v1/charts").await.json()["charts"], json!({}));
    let beta = fleet.store.host(guid(2)).unwrap();
    let mut feed = beta.claim(rrd_store::FeedKind::Local, (*beta.info()).clone());
    let mut writer = feed.writer(row::Now { wall_us: 1, mono_us: 1 }).unwrap();
    for number in 0..200 {
        let id = format!("many.c{number}");
        let slot =
            writer.define_chart(&row::ChartDefinition { id: &id, update_every_s: 1, ..Default::default() }).unwrap();
        writer.define_dimension(slot, &row::DimensionDefinition { id: "a", ..Default::default() }).unwrap();
    }
    drop(writer);
    let charts = get(&fleet.web, "/host/beta/api/v1/charts").await.json();
    assert_eq!((charts["charts"].as_object().unwrap().len(), &charts["charts_count"]), (200, &json!(200)));
}

/// Goal: a listing that is longer than a piece comes in pieces, and is the same document.
#[tokio::test]
async fn long_listings_come_in_pieces() {
    let mut fleet = fleet();
    let mut writer = fleet.feed.writer(now()).unwrap();
    for number in 0..1_000 {
        let id = format!("many.chart{number}");
        let slot = writer.define_chart(&ChartDefinition { id: &id, update_every_s: 1, ..Default::default() }).unwrap();
        writer.define_dimension(slot, &DimensionDefinition { id: "one", ..Default::default() }).unwrap();
    }
    drop(writer);
    let reply = get(&fleet.web, "/api/v1/charts").await;
    assert_eq!((reply.header("transfer-encoding"), reply.header("content-length")), ("chunked", ""));
    assert!(reply.bytes.len() > 100_000);
    let listing = reply.json();
    assert_eq!((&listing["charts_count"], &listing["dimensions_count"]), (&json!(1_003), &json!(1_004)));
    assert_eq!(listing["charts"]["many.chart999"]["dimensions"], json!({ "one": { "name": "one" } }));
    assert_eq!(listing["hosts"][0]["hostname"], "alpha");
}

/// The goal: a node tells what it is and what it keeps.
#[tokio::test]
async fn a_node_tells_of_itself() {
    let fleet = fleet();
    let answer = get(&fleet.web, "/api/v1/node").await.json();
    assert_eq!((&answer["hostname"], &answer["guid"]), (&json!("alpha"), &json!(guid(1).to_string())));
    assert_eq!((&answer["memory_mode"], &answer["history_rows"]), (&json!("ram"), &json!(3_600)));
    assert_eq!((&answer["store"]["hosts"], &answer["store"]["asleep"]), (&json!(4), &json!(0)));
    assert!(answer["store"]["bytes"].as_u64().unwrap() > 1_000 && answer["store"]["charts"].as_u64().unwrap() > 6);
    assert_eq!(answer["backends"], json!([]));
}

/// The goal: a node tells what became of the windows of each backend, and what is wrong with it.
#[tokio::test]
async fn a_node_tells_of_its_backends() {
    let backends = Ledgers::default();
    let web = fleet_with(Config { backends: backends.clone(), ..Config::default() }).web;
    let ledger = Arc::new(Ledger::new("site", "influx", "http://db:8086/write", 10));
    backends.set(vec![Arc::clone(&ledger)]);
    let mut queue = Queue::new(10, None).unwrap();
    let mut records = Records::default();
    (0..3).for_each(|_| records.push(|out| out.extend_from_slice(b"a 1 2\n")));
    queue.push(NOW_S, records).unwrap();
    let held = Amount { records: 3, bytes: 18 };
    ledger.window(held, queue.take_lost(), Queued::of(&queue));
    let backend = |answer: Value| answer["backends"][0].clone();
    let before = backend(get(&web, "/api/v1/node").await.json());
    assert_eq!(
        (&before["name"], &before["type"], &before["connected"]),
        (&json!("site"), &json!("influx"), &json!(null))
    );
    assert_eq!((&before["destination"], &before["update_every_s"]), (&json!("http://db:8086/write"), &json!(10)));
    assert_eq!((&before["told"], &before["sent_s"]), (&json!({ "values": 3, "bytes": 18 }), &json!(null)));
    let attempt = Attempt {
        end_s: NOW_S,
        took_us: 2_500,
        is_reached: false,
        why: "the server answers 500: \"no\"",
        heard: Heard::default(),
    };
    let failed = Delivered { attempts: 1, failures: 1, ..Delivered::default() };
    ledger.attempt(attempt, failed, Lost::default(), Queued::of(&queue));
    let failed = backend(get(&web, "/api/v1/node").await.json());
    let backlog = json!({ "windows": 1, "values": 3, "memory_bytes": 18, "disk_bytes": 0, "oldest_s": NOW_S });
    assert_eq!((&failed["connected"], &failed["backlog"]), (&json!(false), &backlog));
    assert_eq!((&failed["failed"], &failed["latency_ms"]), (&json!(1), &json!(2.5)));
    assert_eq!((&failed["last_error"], &failed["failed_s"]), (&json!("the server answers 500: \"no\""), &json!(NOW_S)));
    queue.delivered(queue.front_number().unwrap());
    let sent = Delivered { attempts: 1, records: 3, bytes: 18, ..Delivered::default() };
    ledger.attempt(Attempt { is_reached: true, why: "", ..attempt }, sent, Lost::default(), Queued::of(&queue));
    let sent = backend(get(&web, "/api/v1/node").await.json());
    assert_eq!(
        (&sent["connected"], &sent["sent"]["values"], &sent["sent_s"]),
        (&json!(true), &json!(3), &json!(NOW_S))
    );
    assert_eq!((&sent["backlog"]["windows"], &sent["backlog"]["oldest_s"]), (&json!(0), &json!(null)));
}
