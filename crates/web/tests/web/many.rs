//! Versions 2 and 3: questions to many hosts.

use serde_json::{Value, json};

use crate::client::get;
use crate::fleet::{LAST_S, NASTY, NOW_S, fleet, guid};

const SYSTEM: &str = "the \"system\"";

async fn ask(url: &str) -> Value {
    let reply = get(&fleet().web, url).await;
    assert_eq!(reply.status, 200, "{url}: {}", reply.body);
    reply.json()
}

/// The values of a row's columns.
fn values(row: &Value) -> Vec<f64> {
    row.as_array().unwrap()[1..].iter().map(|point| point[0].as_f64().unwrap_or(f64::NAN)).collect()
}

/// The goal: hosts are listed with what they say of themselves, and chosen by name or GUID.
#[tokio::test]
async fn nodes_are_listed_and_chosen() {
    let answer = ask("/api/v3/nodes").await;
    assert_eq!((&answer["api"], answer["nodes"].as_array().unwrap().len()), (&json!(2), 4));
    let alpha = &answer["nodes"][0];
    assert_eq!((&alpha["mg"], &alpha["nm"], &alpha["ni"]), (&json!(guid(1).to_string()), &json!("alpha"), &json!(0)));
    assert_eq!(
        (&alpha["state"], &alpha["v"], &alpha["labels"]["_os"]),
        (&json!("reachable"), &json!("v1.37.1"), &json!(NASTY))
    );
    assert_eq!((&alpha["hw"]["cpus"], &alpha["os"]["id"]), (&json!("8"), &json!("debian")));
    assert_eq!(answer["nodes"][1]["state"], "stale");
    assert_eq!((&answer["agents"][0]["nm"], &answer["agents"][0]["now"]), (&json!("alpha"), &json!(NOW_S)));
    for (query, names) in [
        ("nodes=alpha|beta", vec!["alpha", "beta"]),
        ("nodes=!alpha,*&scope_nodes=a*,b*", vec!["beta"]),
        (&format!("scope_nodes={}", guid(4)), vec!["my box/1 <b>"]),
        ("nodes=nosuch", vec![]),
    ] {
        let answer = ask(&format!("/api/v2/nodes?{query}")).await;
        let found: Vec<&str> =
            answer["nodes"].as_array().unwrap().iter().map(|node| node["nm"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{query}");
    }
}

/// The goal: a context is told once, whichever hosts have it.
#[tokio::test]
async fn contexts_are_those_of_all_hosts() {
    let answer = ask("/api/v2/contexts").await;
    let contexts = answer["contexts"].as_object().unwrap();
    assert!(contexts.contains_key("test.cpu") && !contexts.contains_key("test.rowless"), "{contexts:?}");
    let cpu = &contexts["test.cpu"];
    assert_eq!(
        (&cpu["units"], &cpu["pri"], &cpu["last_entry"], &cpu["live"]),
        (&json!("%"), &json!(100), &json!(LAST_S), &json!(true))
    );
    let chosen = ask("/api/v2/contexts?scope_contexts=test.*&contexts=*.dark").await;
    assert_eq!(chosen["contexts"].as_object().unwrap().keys().collect::<Vec<_>>(), ["test.dark"]);
}

/// The goal: values of many hosts become the columns that are asked for. Two hosts have the same rows: user is the last digit of the second, system is -0.5, steal 0.
#[tokio::test]
async fn values_are_grouped() {
    let end = LAST_S;
    assert_eq!(end % 10, 8);
    let base = format!("contexts=test.cpu&nodes=alpha,my*&after={}&before={end}&points=1&options=unaligned", end - 9);
    for (query, labels, row) in [
        ("", vec!["user", SYSTEM, "steal"], vec![4.5, -0.5, 0.0]),
        ("&aggregation=sum", vec!["user", SYSTEM, "steal"], vec![9.0, -1.0, 0.0]),
        ("&group_by=node&aggregation=sum", vec!["alpha", "my box/1 <b>"], vec![4.0, 4.0]),
        ("&group_by=selected&aggregation=max", vec!["selected"], vec![4.5]),
        ("&group_by=selected&aggregation=min&time_group=max", vec!["selected"], vec![-0.5]),
        ("&group_by=context,units&aggregation=avg", vec!["test.cpu,%"], vec![4.0 / 3.0]),
        ("&group_by=node,dimension&dimensions=user", vec!["user,alpha", "user,my box/1 <b>"], vec![4.5, 4.5]),
        (
            "&group_by=instance&dimensions=user",
            vec!["test.processor@alpha", "test.processor@my box/1 <b>"],
            vec![4.5, 4.5],
        ),
        ("&group_by=label&group_by_label=_collect_plugin&dimensions=user", vec![NASTY], vec![4.5]),
        ("&group_by=label&group_by_label=nosuch&dimensions=user", vec!["[unset]"], vec![4.5]),
        ("&aggregation=percentage", vec!["user", SYSTEM, "steal"], vec![90.0, -10.0, 0.0]),
        ("&aggregation=extremes&group_by=selected&dimensions=system,steal", vec!["selected"], vec![-0.5]),
        ("&options=nonzero,abs", vec!["user", SYSTEM], vec![4.5, 0.5]),
        ("&time_group=sum&dimensions=user", vec!["user"], vec![45.0]),
    ] {
        let answer = ask(&format!("/api/v3/data?{base}{query}")).await;
        let names: Vec<&str> = answer["view"]["dimensions"]["names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        assert_eq!(names, labels, "{query}");
        assert_eq!(answer["result"]["data"].as_array().unwrap().len(), 1, "{query}");
        let found = values(&answer["result"]["data"][0]);
        assert!(found.iter().zip(&row).all(|(found, row)| (found - row).abs() < 1e-6), "{query}: {found:?}");
        assert_eq!(answer["result"]["data"][0][0], end, "{query}");
    }
}

/// The goal: an answer tells what took part and what its rows are; gaps and what is only there in part are marked.
#[tokio::test]
async fn answers_tell_about_themselves() {
    let query = format!("contexts=test.cpu&after={}&before={}&points=3", LAST_S - 118, LAST_S - 98);
    let answer = ask(&format!("/api/v2/data?{query}&options=flip,ms&dimensions=user")).await;
    let view = &answer["view"];
    assert_eq!((&view["points"], &view["update_every"], &view["units"]), (&json!(3), &json!(7), &json!("%")));
    assert_eq!((&view["chart_type"], &view["dimensions"]["grouped_by"]), (&json!("stacked"), &json!(["dimension"])));
    let rows = answer["result"]["data"].as_array().unwrap();
    let ends: Vec<i64> = rows.iter().map(|row| row[0].as_i64().unwrap() / 1_000).collect();
    assert!(ends.windows(2).all(|pair| pair[1] == pair[0] + 7) && ends[2] % 7 == 0, "{ends:?}");
    // The ten seconds from LAST_S - 109 on are missing.
    let marks: Vec<&Value> = rows.iter().map(|row| &row[1][2]).collect();
    assert_eq!(
        marks.iter().filter(|mark| ***mark == json!(1)).count(),
        usize::from(rows.iter().any(|row| row[1][0].is_null()))
    );
    let summary = &answer["summary"];
    let nodes: Vec<&str> =
        summary["nodes"].as_array().unwrap().iter().map(|node| node["nm"].as_str().unwrap()).collect();
    assert_eq!(nodes, ["alpha", "my box/1 <b>"], "beta has no rows, and gamma keeps none");
    assert_eq!((&summary["contexts"][0]["id"], &summary["dimensions"][0]["id"]), (&json!("test.cpu"), &json!("user")));
    assert_eq!((&summary["instances"][1]["nm"], &summary["instances"][1]["ni"]), (&json!("test.processor"), &json!(3)));
    assert_eq!(summary["labels"][0]["vl"][0]["id"], NASTY);
    assert_eq!((&answer["totals"]["nodes"]["qr"], &answer["totals"]["dimensions"]["qr"]), (&json!(2), &json!(2)));
    assert_eq!(summary["nodes"][0]["sts"]["con"], 50);
    assert_eq!((&answer["db"]["update_every"], &answer["db"]["last_entry"]), (&json!(1), &json!(LAST_S)));

    let nothing = ask("/api/v2/data?contexts=nosuch&points=2&after=-2").await;
    assert_eq!((&nothing["result"]["labels"], &nothing["view"]["max"]), (&json!(["time"]), &json!(0)));
}

/// The goal: what is not understood is refused by name, and no more than text in the refusal.
#[tokio::test]
async fn what_is_not_supported_is_said() {
    for (url, status, says) in [
        ("/api/v2/data?group_by=percentage-of-instance", 400, "group_by=percentage-of-instance is not supported"),
        ("/api/v2/data?format=csv", 400, "format=csv is not supported"),
        ("/api/v2/data?aggregation=%3Cb%3E", 400, "aggregation=&lt;b&gt; is not supported"),
        ("/api/v2/data?options=long-json-keys", 400, "options=long-json-keys is not supported"),
        ("/api/v2/alerts?status=nosuch", 400, "There is no status nosuch."),
        ("/api/v2/weights", 404, "Unsupported v2 API command: weights"),
        ("/api/v3/nosuch", 404, "Unsupported v3 API command: nosuch"),
    ] {
        let reply = get(&fleet().web, url).await;
        assert_eq!(reply.status, status, "{url}: {}", reply.body);
        assert!(reply.body.contains(says), "{url}: {}", reply.body);
    }
    let info = ask("/api/v3/info").await;
    assert_eq!((&info["application"]["name"], &info["nodes"]["total"]), (&json!("tributary"), &json!(4)));
}
