//! The registry: what dashboards are told, who a browser is, and what is kept.

use std::sync::Arc;

use rrd_store::{Disk, RealDisk};
use serde_json::{Value, json};
use web::{Config, RegistryConfig, Web};

use crate::client::{Reply, request, send, somebody};
use crate::fleet::{NOW_S, fleet, fleet_with, guid};

const REGISTRY: &str = "/api/v1/registry?action=";

fn kept_in(folder: &std::path::Path) -> Web {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    let registry = RegistryConfig { disk: Some(disk), ..RegistryConfig::default() };
    fleet_with(Config { registry, ..Config::default() }).web
}

async fn ask(web: &Web, cookie: &str, query: &str) -> Reply {
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: netdata_registry_id={cookie}\r\n") };
    request(web, "GET", &format!("{REGISTRY}{query}"), &cookie).await
}

/// How a dashboard at a URL begins its questions.
fn from(number: u8, url: &str) -> String {
    format!("machine={}&name=node+{number}&url={url}", guid(number))
}

/// A browser that is known, and who it is.
async fn person(web: &Web, number: u8, url: &str) -> String {
    let trial = ask(web, "", &format!("access&{}", from(number, url))).await;
    assert_eq!(trial.json(), json!({ "status": "redirect", "registry": "http://node:19999" }));
    let reply = ask(web, "give-me-back-this-cookie-now--please", &format!("access&{}", from(number, url))).await;
    let person = reply.json()["person_guid"].as_str().unwrap().to_owned();
    assert!(reply.header("set-cookie").starts_with(&format!("netdata_registry_id={person}; Expires=")), "{reply:?}");
    person
}

async fn urls(web: &Web, person: &str) -> Value {
    let reply = ask(web, person, &format!("access&{}", from(1, "http://a:1/"))).await.json();
    assert_eq!(reply["person_guid"], person);
    reply["urls"].clone()
}

/// Goal: a browser is told of all nodes it saw, newest first, and only while it wants to.
#[tokio::test]
async fn a_browser_goes_from_node_to_node() {
    let folder = tempfile::tempdir().unwrap();
    let web = kept_in(folder.path());
    let one = person(&web, 1, "http://a:1/").await;
    ask(&web, &one, &format!("access&{}", from(2, "http://b:1/"))).await;
    let (a, b, now_ms) = (guid(1).to_string(), guid(2).to_string(), NOW_S * 1_000);
    let both = json!([[b, "http://b:1/", now_ms, 1, "node 2"], [a, "http://a:1/", now_ms, 2, "node 1"]]);
    assert_eq!(urls(&web, &one).await, both);
    let found = ask(&web, &one, &format!("search&{}&for={b}", from(1, "http://a:1/"))).await;
    assert_eq!(found.json()["urls"], json!([[b, "http://b:1/", now_ms, 1]]));
    let switched = |to: String| format!("switch&{}&to={to}", from(1, "http://a:1/"));
    let two = person(&web, 1, "http://a:1/").await;
    assert_eq!(ask(&web, &one, &switched(two.clone())).await.json()["person_guid"], two);
    assert_eq!(ask(&web, &one, &switched(guid(9).to_string())).await.status, 431);
    assert_eq!(ask(&web, "", &switched(two)).await.status, 430);
    let delete = format!("delete&{}&delete_url=http://b:1/", from(1, "http://a:1/"));
    assert_eq!(ask(&web, &one, &delete).await.json()["status"], "ok");
    assert_eq!(ask(&web, &one, &delete).await.status, 412);
    assert_eq!(ask(&web, "", &delete).await.status, 412);
    assert_eq!(urls(&web, &one).await.as_array().unwrap().len(), 1);

    // Another run knows the same.
    let again = kept_in(folder.path());
    assert_eq!(urls(&again, &one).await, json!([[a, "http://a:1/", now_ms, 4, "node 1"]]));
}

/// Goal: what is torn or damaged on the disk costs no more than itself, and a file does not grow for ever.
#[tokio::test]
async fn what_is_kept_survives() {
    let folder = tempfile::tempdir().unwrap();
    let web = kept_in(folder.path());
    let one = person(&web, 1, "http://a:1/").await;
    for _ in 0..2_000 {
        ask(&web, &one, &format!("access&{}", from(2, "http://b:1/"))).await;
    }
    let files = || {
        std::fs::read_dir(folder.path().join("visits")).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    let file = files().remove(0);
    assert_eq!(files().len(), 1, "{:?}", files());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.len() < 300_000, "{} bytes", text.len());
    let damaged = format!("{text}0badc0de V nonsense\n{}", &text[..30]);
    std::fs::write(&file, damaged).unwrap();
    let unfinished = file.with_file_name("99");
    std::fs::write(&unfinished, "torn").unwrap();
    let again = kept_in(folder.path());
    assert_eq!(urls(&again, &one).await[0][3], json!(2_000));
    assert!(!unfinished.exists());
    ask(&again, &one, &format!("access&{}", from(3, "http://c:1/"))).await;
    assert_eq!(urls(&kept_in(folder.path()), &one).await.as_array().unwrap().len(), 3);
}

/// Goal: what is wrong with a question is said as dashboards know it.
#[tokio::test]
async fn bad_questions() {
    let fleet = fleet();
    let good = from(1, "http://a:1/");
    for (query, status, body) in [
        ("", 400, "Invalid registry request - you need to set an action: hello, access, delete, search"),
        ("nosuch", 400, "Invalid registry request - you need to set an action: hello, access, delete, search"),
        ("access", 400, "Invalid registry Access request."),
        ("access&machine=a&url=b", 400, "Invalid registry Access request."),
        (&*format!("delete&{good}"), 400, "Invalid registry Delete request."),
        (&*format!("search&{good}"), 400, "Invalid registry Search request."),
        (&*format!("switch&{good}"), 400, "Invalid registry Switch request."),
    ] {
        let reply = ask(&fleet.web, "x", query).await;
        assert_eq!(
            (reply.status, reply.header("content-type"), &*reply.body),
            (status, "text/plain; charset=utf-8", body)
        );
    }
    for query in ["access&machine=bad&name=a&url=http://a/", &format!("access&{}", from(1, "javascript:alert(1)"))] {
        let reply = ask(&fleet.web, "x", query).await;
        assert_eq!((reply.status, &reply.json()["status"]), (412, &json!("failed")), "{query}");
    }
}

/// Goal: links, pictures and frames that any page may have speak for nobody.
#[tokio::test]
async fn other_sites_cannot_speak_for_a_visitor() {
    let fleet = fleet();
    let url = format!("{REGISTRY}delete&{}&delete_url=http://b:1/", from(1, "http://a:1/"));
    let person = person(&fleet.web, 1, "http://a:1/").await;
    ask(&fleet.web, &person, &format!("access&{}", from(2, "http://b:1/"))).await;
    for (header, status) in [
        ("Sec-Fetch-Mode: navigate", 412),
        ("Sec-Fetch-Mode: no-cors", 412),
        ("Origin: null\r\nSec-Fetch-Mode: cors", 412),
        ("Origin: http://a:1\r\nSec-Fetch-Mode: cors", 200),
    ] {
        let headers = format!("Cookie: netdata_registry_id={person}\r\n{header}\r\n");
        assert_eq!(request(&fleet.web, "GET", &url, &headers).await.status, status, "{header}");
        assert_eq!(urls(&fleet.web, &person).await.as_array().unwrap().len(), if status == 200 { 1 } else { 2 });
    }
}

/// Goal: a page speaks for itself alone, and long or odd texts are cut and cleaned.
#[tokio::test]
async fn pages_speak_for_themselves() {
    let fleet = fleet();
    let url = format!("{REGISTRY}access&{}", from(1, "http://a:1/x"));
    let with_origin = |origin: &str| format!("Cookie: netdata_registry_id=x\r\nOrigin: {origin}\r\n");
    for (origin, status) in [("http://a:1", 200), ("null", 412), ("http://evil", 412), ("https://a:1", 412)] {
        let reply = request(&fleet.web, "GET", &url, &with_origin(origin)).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, origin));
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
    }
    let long =
        format!("access&machine={}&name=%01{}&url=http://a/%20%09{}", guid(1), "n".repeat(200), "u".repeat(2_000));
    let urls = ask(&fleet.web, "x", &long).await.json()["urls"].clone();
    assert_eq!((urls[0][1].as_str().unwrap().len(), urls[0][4].as_str().unwrap().len()), (1_024 + 4, 100));
}

/// Goal: dashboards are sent to the registry that is announced; a node that is none says so.
#[tokio::test]
async fn where_the_registry_is() {
    let hello = json!({ "action": "hello", "status": "ok", "hostname": "alpha", "machine_guid": guid(1).to_string(),
                        "registry": "http://node:19999", "cloud_base_url": "about:blank#", "anonymous_statistics": false });
    assert_eq!(ask(&fleet().web, "", "hello").await.json(), hello);
    let registry = RegistryConfig { announce: "https://other:1".into(), enabled: false, ..RegistryConfig::default() };
    let web = fleet_with(Config { registry, ..Config::default() }).web;
    assert_eq!(ask(&web, "", "hello").await.json()["registry"], "https://other:1");
    let access = ask(&web, "", "access").await.json();
    assert_eq!((&access["status"], &access["registry"]), (&json!("disabled"), &json!("https://other:1")));
    let policy = request(&web, "GET", "/", "").await.header("content-security-policy").to_owned();
    assert!(policy.ends_with("connect-src 'self' https://other:1"), "{policy}");
    let secure = "GET /api/v1/registry?action=hello HTTP/1.0\r\nHost: x:1\r\nX-Forwarded-Proto: https\r\n\r\n";
    assert_eq!(send(&fleet().web, secure, somebody()).await.json()["registry"], "https://x:1");
}
