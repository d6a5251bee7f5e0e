//! `contexts`, `context` and `functions`.

use row::{ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, Label, Packed, PointFlags};
use serde_json::json;

use crate::client::get;
use crate::fleet::{Fleet, LAST_S, NASTY, fleet, now};

/// alpha with two disks: the second is gone, and has a row less far back.
fn disks() -> Fleet {
    let mut fleet = fleet();
    let mut writer = fleet.feed.writer(now()).unwrap();
    for (id, family, options, priority, first_s) in [
        ("disk.sda", "sda /", ChartOptions::default(), 200, LAST_S - 9),
        ("disk.sdb", "sdb /", ChartOptions::OBSOLETE, 199, LAST_S - 4),
    ] {
        let definition = ChartDefinition {
            id,
            context: "disk.io",
            title: "Disk",
            units: "KiB/s",
            family,
            options,
            priority,
            update_every_s: 1,
            chart_type: ChartType::Area,
            ..Default::default()
        };
        let slot = writer.define_chart(&definition).unwrap();
        for (id, options) in [("in", DimensionOptions::default()), ("out", DimensionOptions::OBSOLETE)] {
            writer.define_dimension(slot, &DimensionDefinition { id, options, ..Default::default() }).unwrap();
        }
        writer.set_chart_labels(slot, &[Label { name: "device", value: &id[5..], source: 1 }]);
        for time_s in first_s..=LAST_S {
            writer.begin(slot);
            writer.set_stored(0, None, Packed::pack(1.0, PointFlags::NORMAL));
            assert!(writer.end_stored(time_s, true));
        }
    }
    drop(writer);
    fleet
}

/// Goal: charts of a kind are told of together, by what they share.
#[tokio::test]
async fn kinds_of_charts() {
    let fleet = disks();
    let io = json!({
        "title": "Disk", "units": "KiB/s", "family": "sd[x] /", "chart_type": "area", "priority": 199,
        "first_time_t": LAST_S - 9, "last_time_t": LAST_S, "collected": true,
    });
    assert_eq!(get(&fleet.web, "/api/v1/context?context=disk.io").await.json(), io);
    let all = get(&fleet.web, "/api/v1/contexts").await.json();
    assert_eq!((&all["hostname"], &all["node_id"]), (&json!("alpha"), &json!("")));
    assert_eq!(all["contexts"]["disk.io"], io);
    assert_eq!(all["host_labels"], json!(null));
    assert_eq!(all["contexts"]["test.hidden"], json!(null));
}

/// Goal: charts, dimensions and labels are told where that is asked for, and only those that match.
#[tokio::test]
async fn parts_of_kinds() {
    let fleet = disks();
    let full = get(&fleet.web, "/host/alpha/api/v1/context?context=disk.io&options=full").await.json();
    let chart = &full["charts"]["disk.sdb"];
    assert_eq!(
        (&chart["family"], &chart["update_every"], &chart["collected"]),
        (&json!("sdb /"), &json!(1), &json!(false))
    );
    assert_eq!((&chart["labels"], &chart["first_time_t"]), (&json!({ "device": "sdb" }), &json!(LAST_S - 4)));
    let dimensions = &full["charts"]["disk.sda"]["dimensions"];
    assert_eq!((&dimensions["in"]["collected"], &dimensions["out"]["collected"]), (&json!(true), &json!(false)));
    for (query, charts) in [
        ("options=charts", vec!["disk.sda", "disk.sdb"]),
        ("chart_labels_filter=device:*b", vec!["disk.sdb"]),
        ("chart_label_key=device", vec!["disk.sda", "disk.sdb"]),
        ("dimensions=in&options=charts&before=-7", vec!["disk.sda"]),
    ] {
        let context = get(&fleet.web, &format!("/api/v1/context?context=disk.io&{query}")).await.json();
        let told: Vec<_> = context["charts"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(told, charts, "{query}");
    }
    for query in ["chart_label_key=nosuch", "dimensions=nosuch", "before=-3600"] {
        let reply = get(&fleet.web, &format!("/api/v1/context?context=disk.io&{query}")).await;
        assert_eq!((reply.status, &*reply.body), (404, ""), "{query}");
    }
    let labelled = get(&fleet.web, "/api/v1/contexts?options=labels").await.json();
    assert_eq!(labelled["host_labels"], json!({ "_os": NASTY }));
}

/// Goal: questions without an answer are told so.
#[tokio::test]
async fn unknown_kinds() {
    let fleet = fleet();
    for (url, status, content_type, body) in [
        ("/api/v1/context", 400, "text/plain; charset=utf-8", "No context is given at the request."),
        ("/api/v1/context?context=nosuch", 404, "application/json; charset=utf-8", ""),
    ] {
        let reply = get(&fleet.web, url).await;
        assert_eq!((reply.status, reply.header("content-type"), &*reply.body), (status, content_type, body), "{url}");
    }
    assert_eq!(get(&fleet.web, "/host/gamma/api/v1/contexts").await.status, 404);
}

/// Goal: what an agent offers is listed; a host without an agent's functions lists none.
#[tokio::test]
async fn functions_are_listed() {
    let fleet = fleet();
    let functions = get(&fleet.web, "/api/v1/functions").await.json();
    let processes = &functions["functions"]["processes"];
    assert_eq!((&processes["help"], &processes["timeout"]), (&json!(NASTY), &json!(10)));
    assert_eq!(get(&fleet.web, "/host/beta/api/v1/functions").await.json(), json!({ "functions": {} }));
}
