//! Calls of functions: what goes to the agent, what comes back, and who may call.

use std::sync::Arc;
use std::time::Duration;

use rrd_store::{Call, Feed, Notice, PAYLOAD_BYTES_MAX, Reply};
use tokio::time::sleep;

use crate::client::{connect, read_one, request, somebody, write};
use crate::fleet::{Fleet, fleet, fleet_that_allows_calls, nobody};

const LINE: usize = 1 << 20;
const URL: &str = "/api/v1/function?function=processes%20by%3Dpid&timeout=20";

fn serving() -> Fleet {
    let fleet = fleet();
    fleet.feed.take_calls_with(Arc::new(|| ()));
    fleet
}

fn post(url: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("POST {url} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

/// Waits for the call on the way to the agent.
async fn taken(feed: &Feed) -> (u64, Call) {
    loop {
        if let Some(call) = feed.take_call() {
            return call;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// The goal: function, time and body reach the agent, and its answer the client, as text that no browser
/// takes for a page, with a code that says nothing of the connection.
#[tokio::test(start_paused = true)]
async fn a_call_is_passed_on_and_answered() {
    let fleet = serving();
    for (code, content_type, status, shown) in [
        (200, "application/json", 200, "application/json; charset=utf-8"),
        (412, "text/html", 412, "text/plain; charset=utf-8"),
        (101, "application/javascript", 502, "text/plain; charset=utf-8"),
        (302, "text/plain", 502, "text/plain; charset=utf-8"),
    ] {
        let asked = post(URL, "Content-Type: application/json\r\n", "{\"a\":1}");
        let (mut client, _server) = connect(&fleet.web, &asked, LINE, somebody());
        let (number, call) = taken(&fleet.feed).await;
        assert_eq!((&*call.function, call.timeout_s), ("processes by=pid", 20));
        assert_eq!((&*call.access, &*call.source), ("0x8", "method=api,ip=10.1.2.3:4567"));
        let payload = call.payload.unwrap();
        assert_eq!((&*payload.content_type, &*payload.body), ("application/json", &b"{\"a\":1}"[..]));
        let reply = Reply { code, content_type: content_type.into(), expires_s: 0, body: b"{}".to_vec() };
        fleet.feed.answer_call(number, reply);
        let reply = read_one(&mut client).await;
        assert_eq!((reply.status, reply.header("content-type"), &*reply.body), (status, shown, "{}"), "{code}");
        // The connection goes on.
        write(&mut client, &post("/api/v1/function?function=f", "", "")).await;
        let (number, call) = taken(&fleet.feed).await;
        assert_eq!((call.payload, call.timeout_s), (None, 10));
        fleet.feed.answer_call(number, Reply::error(200, "fine"));
        assert_eq!(read_one(&mut client).await.status, 200);
    }
}

/// The goal: a client that goes away cancels its call.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_cancels() {
    let fleet = serving();
    for body in ["", "text"] {
        let (client, server) = connect(&fleet.web, &post(URL, "", body), LINE, somebody());
        let (number, _) = taken(&fleet.feed).await;
        assert_eq!(fleet.feed.take_notice(), None);
        drop(client);
        server.await.unwrap();
        assert_eq!(fleet.feed.take_notice(), Some(Notice::Cancelled(number)));
    }
}

/// The goal: a call that cannot be made says why: nobody serves it, no function, a body that is too long, one
/// that does not come, an agent that does not answer.
#[tokio::test(start_paused = true)]
async fn calls_that_fail_say_why() {
    let fleet = fleet();
    let long = "x".repeat(PAYLOAD_BYTES_MAX + 1);
    let chunked = format!(
        "POST {URL} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    let short = format!("POST {URL} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    for (asked, status) in [
        (post(URL, "", ""), 503),
        (post("/api/v1/function", "", ""), 400),
        (post("/host/nobody/api/v1/function?function=f", "", ""), 404),
        (post(URL, "", &long), 413),
        (chunked.into_bytes(), 413),
        (short.into_bytes(), 408),
    ] {
        let (mut client, _server) = connect(&fleet.web, &asked, 4 * LINE, somebody());
        assert_eq!(read_one(&mut client).await.status, status);
    }
    fleet.feed.take_calls_with(Arc::new(|| ()));
    let (mut client, _server) = connect(&fleet.web, &post(URL, "", ""), LINE, somebody());
    taken(&fleet.feed).await;
    let mut late = crate::fleet::now();
    late.mono_us += 21_000_000;
    fleet.feed.give_up_calls(late);
    assert_eq!(read_one(&mut client).await.status, 504);
    let (mut client, _server) = connect(&nobody(), &post(URL, "", ""), LINE, somebody());
    assert_eq!(read_one(&mut client).await.status, 503);
}

/// The goal: only whom the setting lets in may call; nothing else is posted to.
#[tokio::test]
async fn callers_are_chosen() {
    let fleet = fleet_that_allows_calls("!10.1.2.3 *");
    assert_eq!(request(&fleet.web, "POST", URL, "").await.status, 403);
    assert_eq!(request(&fleet.web, "GET", "/api/v1/info", "").await.status, 200);
    let fleet = serving();
    for url in [URL, "/host/localhost/api/v1/function?function=f"] {
        for method in ["GET", "HEAD", "PUT"] {
            let reply = request(&fleet.web, method, url, "").await;
            assert_eq!((reply.status, reply.header("allow")), (405, "POST, OPTIONS"), "{method}");
        }
    }
    assert_eq!(request(&fleet.web, "POST", "/api/v1/info", "").await.status, 405);
    assert_eq!(fleet.feed.take_call(), None);
}

/// The goal: of the pages that a browser shows only those of this node may call.
#[tokio::test]
async fn pages_from_elsewhere_do_not_call() {
    let fleet = fleet();
    // Nobody serves the calls that get through.
    for (host, origin, status) in [
        ("alpha:19999", "http://alpha:19999", 503),
        ("alpha:19999", "https://ALPHA:19999", 503),
        ("localhost", "http://localhost", 503),
        ("127.0.0.1:19999", "http://127.0.0.1:19999", 503),
        ("[::1]:19999", "http://[::1]:19999", 503),
        // A name that somebody has moved to this node's address.
        ("elsewhere:19999", "http://elsewhere:19999", 403),
        ("alpha:19999", "http://alpha", 403),
        ("alpha:19999", "http://alpha:19998", 403),
        ("alpha:19999", "http://alpha:19999.elsewhere", 403),
        ("alpha:19999", "http://elsewhere/alpha:19999", 403),
        ("alpha:19999", "http://elsewhere@alpha:19999", 403),
        ("alpha:19999", "alpha:19999", 403),
        ("alpha:19999", "ftp://alpha:19999", 403),
        ("alpha:19999", "null", 403),
        ("alpha:19999", "", 403),
    ] {
        let request = format!("POST {URL} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nOrigin: {origin}\r\n\r\n");
        let reply = crate::client::send(&fleet.web, &request, somebody()).await;
        assert_eq!(reply.status, status, "{host} {origin}");
    }
    let nameless = format!("POST {URL} HTTP/1.0\r\nOrigin: http://\r\n\r\n");
    let (mut client, _server) = connect(&fleet.web, nameless.as_bytes(), LINE, somebody());
    assert_eq!(read_one(&mut client).await.status, 403);
}
