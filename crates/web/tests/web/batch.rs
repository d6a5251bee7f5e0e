//! `charts_data`: many charts of a host in one answer.

use serde_json::{Value, json};

use crate::client::get;
use crate::fleet::{FIRST_S, LAST_S, fleet};

async fn charts(query: &str) -> Value {
    let reply = get(&fleet().web, &format!("/api/v1/charts_data?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    reply.json()["charts"].clone()
}

/// The goal: each chart stands at its place, in columns, with all that it takes to draw it; what is not
/// there leaves its place empty.
#[tokio::test]
async fn charts_stand_where_they_were_asked() {
    let charts = charts("chart=test.dark&chart=no,such&chart=test.cpu&after=-3").await;
    assert_eq!((&charts[0]["rows"], &charts[0]["columns"]), (&json!(3), &json!([])), "it has no dimension to show");
    assert_eq!(charts[1], Value::Null);
    let unit = |back: i64| json!((LAST_S - back) % 10);
    let expected = json!({
        "id": "test.cpu", "update_every": 1, "oldest_s": FIRST_S, "newest_s": LAST_S,
        "start_s": LAST_S - 2, "step_s": 1, "rows": 3, "dimensions": ["user", "system", "steal"],
        "latest": [LAST_S % 10, -0.5, 0],
        "columns": [[unit(2), unit(1), unit(0)], [-0.5, -0.5, -0.5], [0, 0, 0]],
    });
    assert_eq!(charts[2], expected);
    assert_eq!(charts.as_array().unwrap().len(), 3);
}

/// The goal: a column holds what `data` answers to the same question, whatever becomes of the values.
#[tokio::test]
async fn columns_are_those_of_single_calls() {
    for query in [
        "after=-200",
        "after=-200&points=20",
        "after=-600&points=7&group=max",
        "after=-100&options=percentage",
        "after=-60&options=absolute,null2zero&points=60",
        &format!("after={}&before={}", FIRST_S - 5, FIRST_S + 5),
    ] {
        let columns = &charts(&format!("chart=test.cpu&{query}")).await[0];
        let url = format!("/api/v1/data?chart=test.cpu&options=flip&options=natural-points&{query}");
        let rows = get(&fleet().web, &url).await.json()["data"].clone();
        let rows = rows.as_array().unwrap();
        assert_eq!(columns["rows"], rows.len(), "{query}");
        let (start_s, step_s) = (columns["start_s"].as_i64().unwrap(), columns["step_s"].as_i64().unwrap());
        for (place, row) in rows.iter().enumerate() {
            assert_eq!(row[0], start_s + place as i64 * step_s, "{query}");
            (0..3).for_each(|column| assert_eq!(row[column + 1], columns["columns"][column][place], "{query}"));
        }
    }
}

/// The goal: what cannot be answered is refused with the reason.
#[tokio::test]
async fn questions_are_bounded() {
    let fleet = fleet();
    let many = vec!["chart=a"; 201].join("&");
    for (url, status, reason) in [
        ("/api/v1/charts_data".to_owned(), 400, "No chart is given"),
        (format!("/api/v1/charts_data?{many}"), 400, "201 charts are given, 200 are the most."),
        ("/host/gamma/api/v1/charts_data?chart=a".into(), 404, "does not maintain a database"),
    ] {
        let reply = get(&fleet.web, &url).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        assert!(reply.body.contains(reason), "{}", reply.body);
    }
}
