//! The description against the code: what it says is there, and what is there it says.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::IntoResponse;
use http::{HeaderMap, Request};
use row::{ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};
use serde_json::Value;

use super::super::{MANAGEMENT, of_host, of_many, of_node};
use super::answer;
use crate::page::Page;
use crate::params::{Params, READ};
use crate::{Allowed, Config, Peer, Tokens, Web};

const NOW_S: i64 = 1_795_387_680;
/// What has the code read all parameters, where a question without any does not.
const QUESTIONS: [&str; 21] = [
    "/api/v1/chart?chart=test.one",
    "/api/v1/data?chart=test.one",
    "/api/v1/data?chart=test.one&format=jsonp",
    "/api/v1/charts_data?chart=test.one",
    "/api/v1/context?context=test.one",
    "/api/v1/badge.svg?chart=test.one",
    "/api/v1/badge.svg?chart=test.one&precision=2",
    "/api/v1/badge.svg?chart=test.one&refresh=9",
    "/api/v1/function?function=nosuch",
    "/api/v1/allmetrics?format=json",
    "/api/v1/allmetrics?format=prometheus",
    "/api/v1/alarm_variables?chart=test.one",
    "/api/v1/registry?action=hello",
    "/api/v1/registry?action=access&machine=m&name=n&url=http://n",
    "/api/v1/registry?action=delete&machine=m&name=n&url=http://n&delete_url=u",
    "/api/v1/registry?action=search&machine=m&name=n&url=http://n&for=f",
    "/api/v1/registry?action=switch&machine=m&name=n&url=http://n&to=t",
    "/api/v2/alerts?options=instances",
    "/api/v2/data?group_by=label",
    "/api/v3/data?group_by=label",
    "/api/v3/stream_info?machine_guid=x",
];

fn description() -> Value {
    serde_json::from_str(include_str!("../../../api/openapi.json")).unwrap()
}

/// What a reference leads to, if it is one.
fn followed<'a>(all: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(to) => {
            let place = to.strip_prefix('#').unwrap();
            all.pointer(place).unwrap_or_else(|| panic!("nothing is at {to}"))
        }
    }
}

fn routes() -> Vec<&'static str> {
    of_host().into_iter().chain(of_node()).chain(of_many()).map(|(path, _)| path).collect()
}

/// Goal: who asks for the description gets the one that people read.
#[tokio::test]
async fn it_is_told_as_it_is_written() {
    let told = to_bytes(answer(&HeaderMap::new()).into_response().into_body(), usize::MAX).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&told).unwrap(), description());
    assert!(super::PACKED.len() < 16_000, "{} bytes", super::PACKED.len());
}

/// Goal: no reference leads nowhere, and nothing is described that nobody refers to.
#[test]
fn references_lead_to_what_is_there() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let all = description();
    let mut wanted = BTreeSet::new();
    collect(&all, &mut wanted);
    let groups = ["parameters", "pathItems", "responses", "schemas"];
    let places = groups.iter().flat_map(|group| {
        let keys = all["components"][group].as_object().unwrap().keys();
        keys.map(move |key| format!("#/components/{group}/{key}"))
    });
    assert_eq!(wanted, places.collect());
}

/// Goal: each route is described with its methods, and nothing else is.
#[test]
fn routes_are_described() {
    let all = description();
    let paths = all["paths"].as_object().unwrap();
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(described, routes().into_iter().collect());
    for (path, item) in paths {
        let methods = Page::of(path, &Params::default()).methods(path);
        let answered = methods.split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method));
        let told = followed(&all, item).as_object().unwrap().keys().map(|method| method.to_uppercase());
        assert_eq!(told.collect::<BTreeSet<_>>(), answered.map(str::to_owned).collect(), "{path}");
    }
}

/// Goal: each parameter that is read is described, and each that is described is read.
#[tokio::test]
async fn parameters_are_described() {
    let web = web();
    for question in routes().into_iter().chain(QUESTIONS) {
        let path = question.split('?').next().unwrap();
        let method = if path.ends_with("/function") { "POST" } else { "GET" };
        let request = Request::builder().method(method).uri(question).header("cookie", "netdata_registry_id=x");
        web.answer(request.body(Body::empty()).unwrap(), Peer::Unix).await;
    }
    let mut read = READ.lock().unwrap().clone();
    // All pairs of these are handed on.
    let silencing = ["cmd"].into_iter().chain(health::silencers::KEYS);
    read.extend(silencing.map(|name| (MANAGEMENT.into(), name.into())));
    let all = description();
    let mut described = BTreeSet::new();
    for (path, item) in all["paths"].as_object().unwrap() {
        for operation in followed(&all, item).as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.map(|parameter| followed(&all, parameter)).filter(|it| it["in"] == "query");
            described.extend(parameters.map(|it| (path.clone(), it["name"].as_str().unwrap().to_owned())));
        }
    }
    let (more, less): (Vec<_>, Vec<_>) = (read.difference(&described).collect(), described.difference(&read).collect());
    assert!(more.is_empty() && less.is_empty(), "read, not described: {more:?}; described, not read: {less:?}");
}

/// Goal: where tokens are wanted, each call wants one but those that are described as open.
#[tokio::test]
async fn open_calls_are_described() {
    let web = web();
    web.exchange(Allowed { tokens: Tokens::new(&["token".into()]), ..Allowed::default() });
    let all = description();
    for (path, item) in all["paths"].as_object().unwrap() {
        for (method, operation) in followed(&all, item).as_object().unwrap() {
            for prefix in ["", "/host/one", "/host/nosuch"] {
                let url = format!("{prefix}{path}");
                let request = Request::builder().method(method.to_uppercase().as_str()).uri(&url);
                let answer = web.answer(request.body(Body::empty()).unwrap(), Peer::Unix).await;
                // Its page says so, too.
                let is_open = answer.status() != 401 || path == "/sign-in";
                let wants =
                    operation["security"].as_array().is_none_or(|ways| ways.iter().any(|way| way["token"].is_array()));
                assert_eq!(is_open, !wants, "{method} {url}");
            }
        }
    }
}

/// A server with a host and a chart.
fn web() -> Web {
    let now = || Now { wall_us: NOW_S * 1_000_000, mono_us: 1_000_000 };
    let store = Arc::new(Store::new());
    let info = HostInfo { hostname: "one".into(), ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
    let mut feed = store.claim(&info, Keep::new(MemoryMode::Ram, 60), FeedKind::Local);
    let mut writer = feed.writer(now()).unwrap();
    let definition = ChartDefinition { id: "test.one", context: "test.one", update_every_s: 1, ..Default::default() };
    let chart = writer.define_chart(&definition).unwrap();
    writer.define_dimension(chart, &DimensionDefinition { id: "a", ..Default::default() }).unwrap();
    writer.begin(chart);
    writer.set_stored(0, None, Packed::pack(1.0, PointFlags::NORMAL));
    assert!(writer.end_stored(NOW_S - 1, true));
    drop(writer);
    Web::new(store, Config::default(), Arc::new(now))
}
