//! `data`: windows, dimensions, groups and options.

use row::{ChartDefinition, DimensionDefinition, Packed, PointFlags};
use serde_json::{Value, json};

use crate::client::get;
use crate::fleet::{FIRST_S, Fleet, LAST_S, NASTY, NOW_S, fleet, now};

async fn data(fleet: &Fleet, query: &str) -> Value {
    let reply = get(&fleet.web, &format!("/api/v1/data?chart=test.cpu&{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    reply.json()
}

fn times(answer: &Value) -> Vec<i64> {
    answer["data"].as_array().unwrap().iter().map(|row| row[0].as_i64().unwrap()).collect()
}

/// The rows of a question are those that a real agent gives.
#[tokio::test]
async fn windows_are_resolved_as_clients_expect() {
    let fleet = fleet();
    let answer = data(&fleet, "after=-10").await;
    assert_eq!(answer["labels"], json!(["time", "user", "the \"system\"", "steal"]));
    assert_eq!(times(&answer), (0..10).map(|back| LAST_S - back).collect::<Vec<_>>());
    assert_eq!(answer["data"][0], json!([LAST_S, LAST_S % 10, -0.5, 0]));

    let thirds = times(&data(&fleet, "after=-30&points=3").await);
    assert_eq!(thirds, [0, 10, 20].map(|back| LAST_S / 10 * 10 - back));
    let sevenths = times(&data(&fleet, "after=-60&points=7").await);
    assert_eq!((sevenths.len(), sevenths[0] - sevenths[1]), (7, 9));
    assert_eq!(times(&data(&fleet, "after=-5&points=1&before=0").await), [LAST_S / 5 * 5]);

    let end = NOW_S - 57;
    assert_eq!(end % 10, 3);
    let absolute = format!("after={}&before={end}&points=2", end - 19);
    assert_eq!(times(&data(&fleet, &absolute).await), [end + 7, end - 3]);
    assert_eq!(times(&data(&fleet, &format!("{absolute}&options=unaligned")).await), [end, end - 10]);

    assert_eq!(times(&data(&fleet, "after=5").await).len(), 5, "a positive small bound is relative, too");
    assert_eq!(times(&data(&fleet, "after=abc").await).len(), 600, "garbage is 0, the oldest row");
    assert_eq!(times(&data(&fleet, "").await).len(), 600, "ten minutes if nothing is asked");
    let early = data(&fleet, &format!("after={}&before={}", FIRST_S - 3, FIRST_S)).await;
    assert_eq!(early["data"][3], json!([FIRST_S - 3, null, null, null]), "rows before the first are empty");
}

/// Where there is nothing in the whole window, the answer says so.
#[tokio::test]
async fn windows_without_data_match_nothing() {
    let fleet = fleet();
    for query in [
        format!("chart=test.cpu&after={}&before={}", FIRST_S - 900, FIRST_S - 800),
        "chart=test.cpu&dimensions=nosuch".into(),
        "chart=test.cpu&dimensions=USER".into(),
        "chart=test.rowless".into(),
        "chart=test.bare".into(),
    ] {
        let reply = get(&fleet.web, &format!("/api/v1/data?{query}")).await;
        assert_eq!((reply.status, reply.body.as_str()), (404, "No metrics where matched to query."), "{query}");
    }
}

/// Dimensions are chosen by patterns over ids and names; hidden ones only when a pattern names them.
#[tokio::test]
async fn dimensions_are_chosen_by_patterns() {
    let fleet = fleet();
    for (query, labels) in [
        ("dimensions=user", json!(["time", "user"])),
        ("dims=steal%7Cuser", json!(["time", "user", "steal"])),
        ("dim=user&dimension=system", json!(["time", "user", "the \"system\""])),
        ("dimensions=the+%22system%22", json!(["time", "the \"system\""])),
        ("dimensions=!user,s*", json!(["time", "the \"system\"", "steal"])),
        ("dimensions=*", json!(["time", "user", "the \"system\"", "steal", "idle"])),
        ("dimensions=idle", json!(["time", "idle"])),
        ("dimensions=", json!(["time", "user", "the \"system\"", "steal"])),
        ("options=nonzero", json!(["time", "user", "the \"system\""])),
        ("options=nonzero&dimensions=steal,user", json!(["time", "user", "steal"])),
        ("options=nonzero&dimensions=*", json!(["time", "user", "the \"system\"", "idle"])),
        ("options=nonzero&dimensions=ste*", json!(["time", "steal"])),
    ] {
        assert_eq!(data(&fleet, &format!("after=-3&{query}")).await["labels"], labels, "{query}");
    }
    let dark = get(&fleet.web, "/api/v1/data?chart=test.dark").await.json();
    assert_eq!(dark, json!({ "labels": ["time", "no data"], "data": [] }));
}

/// Ten rows become one in the way that is asked for.
#[tokio::test]
async fn rows_are_grouped() {
    let fleet = fleet();
    for (group, value) in
        [("average", 4.5), ("mean", 4.5), ("nonsense", 4.5), ("sum", 45.0), ("min", 0.0), ("max", 9.0), ("", 4.5)]
    {
        let answer = data(&fleet, &format!("after=-10&points=1&group={group}&dimensions=user")).await;
        assert_eq!(answer["data"][0][1].as_f64(), Some(value), "{group}");
    }
}

/// Groups with and without arguments, and sums per a time of choice.
#[tokio::test]
async fn rows_are_grouped_in_many_ways() {
    let fleet = fleet();
    for (query, value, told) in [
        ("group=median", 4.5, "median"),
        ("group=percentile&group_options=50", 2.0, "percentile95"),
        ("group=percentile50", 2.0, "percentile50"),
        ("group=trimmed-mean10", 4.5, "trimmed-mean10"),
        ("group=rsd", 67.281_119, "cv"),
        ("group=stddev", 3.027_650_4, "stddev"),
        ("group=incremental-sum", 9.0, "incremental_sum"),
        ("group=countif&group_options=%3E%3D7", 30.0, "countif"),
        ("group=countif", 10.0, "countif"),
        // Ten seconds are nine from first to last: the window is stretched to whole spans, three of five.
        ("group=average&gtime=5", 26.666_666_7, "average"),
    ] {
        let end = LAST_S / 10 * 10 - 1;
        let query =
            format!("after={}&before={end}&points=1&dimensions=user&options=unaligned,jsonwrap&{query}", end - 9);
        let answer = data(&fleet, &query).await;
        assert_eq!(answer["view_latest_values"][0].as_f64(), Some(value), "{query}");
        assert_eq!((answer["group"].as_str(), &answer["update_every"]), (Some(told), &json!(1)), "{query}");
    }
}

/// Several charts stand side by side, each column with its chart.
#[tokio::test]
async fn charts_are_asked_together() {
    let fleet = fleet();
    for (query, charts) in [
        ("context=test.cpu", json!(["test.cpu", "test.cpu", "test.cpu"])),
        ("context=test.*&dimensions=*", json!(["test.dark", "test.cpu", "test.cpu", "test.cpu", "test.cpu"])),
        ("context=test.*&dimensions=idle", json!(["test.dark", "test.cpu"])),
        ("context=test.*&chart=*cpu&dimensions=idle", json!(["test.cpu"])),
        ("chart=*.cpu,*.dark&dimensions=i*", json!(["test.dark", "test.cpu"])),
        ("chart=test.*&dimensions=idle&chart_labels_filter=_collect_plugin:*", json!(["test.cpu"])),
        ("chart=test.*&dimensions=idle&options=match-ids", json!(["test.dark", "test.cpu"])),
        ("chart=*&dimensions=the%20*&options=match_names", json!(["test.cpu"])),
    ] {
        let url = format!("/api/v1/data?{query}&after=-2&options=jsonwrap");
        let reply = get(&fleet.web, &url).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
        let answer = reply.json();
        let mut found: Vec<_> = answer["chart_ids"].as_array().unwrap().iter().map(Value::to_string).collect();
        let mut expected: Vec<_> = charts.as_array().unwrap().iter().map(Value::to_string).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{query}");
        let columns = answer["result"]["data"][0].as_array().unwrap().len() - 1;
        assert_eq!(columns, expected.len(), "{query}");
    }
    for query in [
        "context=nosuch",
        "context=test.cpu&chart=nosuch",
        "context=test.cpu&dimensions=nosuch",
        "chart=nosuch*",
        "chart=test.*&chart_labels_filter=nosuch:*",
        "chart=test.*&dimensions=the%20*&options=match-ids",
    ] {
        let reply = get(&fleet.web, &format!("/api/v1/data?{query}")).await;
        assert_eq!((reply.status, reply.body.as_str()), (404, "No metrics where matched to query."), "{query}");
    }
    for url in ["/api/v1/data", "/api/v1/data?chart=&context="] {
        let reply = get(&fleet.web, url).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, "No chart or context is given."), "{url}");
    }
}

/// Shares of the total over all dimensions, hidden ones included; and what rows are made of.
#[tokio::test]
async fn options_change_the_values() {
    let fleet = fleet();
    let end = LAST_S / 10 * 10 - 8;
    let query = format!("after={end}&before={end}&dimensions=system,steal&options=percentage,absolute");
    let answer = data(&fleet, &query).await;
    let user = (end % 10) as f64;
    let share = answer["data"][0][1].as_f64().unwrap();
    assert!((share - 0.5 * 100.0 / (user + 0.5 + 100.0)).abs() < 1e-6, "{answer}");
    assert_eq!(answer["data"][0][2], json!(0));
    for (options, told) in [
        ("", "jsonwrap,virtual-points"),
        (",natural-points,min2max", "jsonwrap,min2max,natural-points"),
        (",natural-points,virtual-points,match-ids", "jsonwrap,match_ids,virtual-points"),
    ] {
        let query = format!("after={}&before={end}&points=3&options=jsonwrap{options}", end - 2);
        assert_eq!(data(&fleet, &query).await["options"].as_str(), Some(told), "{options}");
    }
}

/// Options change order, times, signs and the form of rows.
#[tokio::test]
async fn options_change_the_answer() {
    let fleet = fleet();
    let query = "after=-2&dimensions=user,system";
    let (newest, before) = ((LAST_S % 10) as f64, (LAST_S % 10 - 1) as f64);
    for (options, rows) in [
        ("", json!([[LAST_S, newest as i64, -0.5], [LAST_S - 1, before as i64, -0.5]])),
        ("flip", json!([[LAST_S - 1, before as i64, -0.5], [LAST_S, newest as i64, -0.5]])),
        ("reversed|ms", json!([[(LAST_S - 1) * 1000, before as i64, -0.5], [LAST_S * 1000, newest as i64, -0.5]])),
        ("abs,nonsense", json!([[LAST_S, newest as i64, 0.5], [LAST_S - 1, before as i64, 0.5]])),
        (
            "objectrows",
            json!([
                { "time": LAST_S, "user": newest as i64, "the \"system\"": -0.5 },
                { "time": LAST_S - 1, "user": before as i64, "the \"system\"": -0.5 }
            ]),
        ),
    ] {
        assert_eq!(data(&fleet, &format!("{query}&options={options}")).await["data"], rows, "{options}");
    }
    let gap = format!("after={0}&before={0}&dimensions=user", LAST_S - 105);
    assert_eq!(data(&fleet, &gap).await["data"], json!([[LAST_S - 105, null]]));
    assert_eq!(data(&fleet, &format!("{gap}&options=null2zero")).await["data"], json!([[LAST_S - 105, 0]]));
}

/// The wrapper tells what dashboards read.
#[tokio::test]
async fn answers_may_tell_about_themselves() {
    let fleet = fleet();
    let wrapped = data(&fleet, "after=-20&points=2&options=jsonwrap%7Cnonzero&format=json&_=17").await;
    for (key, value) in [
        ("api", json!(1)),
        ("view_update_every", json!(10)),
        ("update_every", json!(1)),
        ("first_entry", json!(FIRST_S)),
        ("last_entry", json!(LAST_S)),
        ("before", json!(LAST_S / 10 * 10)),
        ("after", json!(LAST_S / 10 * 10 - 19)),
        ("group", json!("average")),
        ("options", json!("nonzero,jsonwrap,natural-points")),
        ("dimension_names", json!(["user", "the \"system\""])),
        ("dimension_ids", json!(["user", "system"])),
        ("latest_values", json!([LAST_S % 10, -0.5])),
        ("view_latest_values", json!([4.5, -0.5])),
        ("dimensions", json!(2)),
        ("points", json!(2)),
        ("format", json!("json")),
        ("min", json!(-0.5)),
        ("max", json!(4.5)),
    ] {
        assert_eq!(wrapped[key], value, "{key}");
    }
    assert_eq!(wrapped.get("chart_ids"), None, "one chart was named");
    let plain = data(&fleet, "after=-20&points=2&options=nonzero").await;
    assert_eq!(wrapped["result"], plain);
    let nothing = get(&fleet.web, "/api/v1/data?chart=test.dark&options=jsonwrap").await.json();
    assert_eq!((&nothing["dimension_names"], &nothing["dimensions"]), (&json!(["no data"]), &json!(0)));
}

/// Goal: labels by name choose charts, and the wrapper tells their values column by column.
#[tokio::test]
async fn labels_are_told() {
    let fleet = fleet();
    let wrapped = data(&fleet, "after=-5&options=jsonwrap&chart_label_key=nosuch|_collect_*").await;
    assert_eq!(wrapped["chart_labels"], json!({ "_collect_plugin": [NASTY, NASTY, NASTY] }));
    assert_eq!(data(&fleet, "after=-5&options=jsonwrap").await.get("chart_labels"), None);
    assert_eq!(get(&fleet.web, "/api/v1/data?chart=test.cpu&chart_label_key=nosuch").await.status, 404);
}

/// All that existing clients send is taken.
#[tokio::test]
async fn questions_of_real_clients_are_answered() {
    let fleet = fleet();
    for url in [
        "/api/v1/data?chart=test.cpu&format=json&points=270&group=average&gtime=0&options=ms%7Cflip%7Cjsonwrap%7Cnonzero&after=-360&dimensions=user&_=1",
        "/api/v1/data%3Fchart=test.cpu&before=0&after=-1&options=seconds",
        "/host/alpha//api/v1/data?chart=test.processor&&after=-60&points=&group=",
    ] {
        let reply = get(&fleet.web, url).await;
        assert_eq!(reply.status, 200, "{url}: {}", reply.body);
        reply.json();
    }
}

/// An absurd question gets a bounded answer.
#[tokio::test]
async fn answers_are_bounded() {
    let fleet = fleet();
    for query in
        ["after=-94608000&points=999999999999", "after=1&before=99999999999999999999", "after=-9e99&before=-9e99"]
    {
        let reply = get(&fleet.web, &format!("/api/v1/data?chart=test.cpu&{query}")).await;
        assert!(reply.status == 404 || reply.json()["data"].as_array().unwrap().len() <= 86_401, "{query}");
        assert!(reply.body.len() < 12_000_000, "{query}");
    }
}

/// Goal: a query that reads much is answered all the same, elsewhere; one of too many charts is refused.
#[tokio::test]
async fn long_queries_are_answered_and_absurd_ones_refused() {
    let mut fleet = fleet();
    let mut writer = fleet.feed.writer(now()).unwrap();
    let wide =
        writer.define_chart(&ChartDefinition { id: "big.wide", update_every_s: 1, ..Default::default() }).unwrap();
    for number in 0..400 {
        let id = format!("d{number}");
        writer.define_dimension(wide, &DimensionDefinition { id: &id, ..Default::default() }).unwrap();
    }
    for time_s in FIRST_S..=LAST_S {
        writer.begin(wide);
        (0..400).for_each(|index| writer.set_stored(index, None, Packed::pack(2.5, PointFlags::NORMAL)));
        writer.end_stored(time_s, true);
    }
    for number in 0..10_001 {
        let (id, context) = (format!("many.c{number}"), "many");
        let chart = ChartDefinition { id: &id, context, update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&chart).unwrap();
        writer.define_dimension(slot, &DimensionDefinition { id: "a", ..Default::default() }).unwrap();
        writer.begin(slot);
        writer.set_stored(0, None, Packed::ZERO);
        writer.end_stored(LAST_S, true);
    }
    drop(writer);
    for patience in ["", "&timeout=20000"] {
        let url = format!("/api/v1/data?chart=big.wide&after=-600&points=2&group=median{patience}");
        let reply = get(&fleet.web, &url).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let rows = reply.json();
        assert_eq!((rows["labels"].as_array().unwrap().len(), &rows["data"][1][400]), (401, &json!(2.5)));
    }
    let reply = get(&fleet.web, "/api/v1/data?context=many").await;
    let text = "10001 charts match, 10000 are the most that can be asked at once.";
    assert_eq!((reply.status, reply.body.as_str()), (400, text));
}
