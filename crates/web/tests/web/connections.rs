//! Connections: keep-alive, pieces, limits, and patience under a paused clock.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};
use web::Peer;

use crate::client::{connect, get, read_one, request, send, somebody, write};
use crate::fleet::{fleet, fleet_that_allows};

const ASK: &[u8] = b"GET /api/v1/info HTTP/1.1\r\nHost: x\r\n\r\n";
const LINE: usize = 1 << 20;

/// A connection answers one request after the other, the first of them read by somebody else.
#[tokio::test(start_paused = true)]
async fn a_connection_serves_many_requests() {
    let fleet = fleet();
    let (mut client, _server) = connect(&fleet.web, ASK, LINE, somebody());
    assert_eq!(read_one(&mut client).await.status, 200);
    sleep(Duration::from_secs(50)).await;
    write(&mut client, ASK).await;
    assert_eq!(read_one(&mut client).await.status, 200);
    write(&mut client, b"GET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(read_one(&mut client).await.status, 404);
}

/// The head may come in any pieces, partly with what the accept loop read.
#[tokio::test(start_paused = true)]
async fn a_request_may_come_in_pieces() {
    let fleet = fleet();
    for cut in [0, 1, 3, 20, ASK.len() - 1] {
        let (mut client, _server) = connect(&fleet.web, &ASK[..cut], LINE, somebody());
        for byte in &ASK[cut..] {
            write(&mut client, &[*byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(read_one(&mut client).await.status, 200, "cut at {cut}");
    }
}

/// Who says nothing, or stops in the middle, is cut after a minute; likewise who lies idle.
#[tokio::test(start_paused = true)]
async fn slow_and_silent_clients_are_cut() {
    let fleet = fleet();
    for (head, answers) in [(&b""[..], 0), (b"GET /api", 0), (ASK, 1)] {
        let (mut client, server) = connect(&fleet.web, head, LINE, somebody());
        for _ in 0..answers {
            read_one(&mut client).await;
        }
        assert!(timeout(Duration::from_secs(59), client.read_u8()).await.is_err(), "cut too early");
        assert!(timeout(Duration::from_secs(3), client.read_to_end(&mut Vec::new())).await.is_ok(), "not cut");
        server.await.unwrap();
    }
}

/// Goal: who comes to thousands of idle connections is cut sooner, and so many cannot keep others out.
#[tokio::test(start_paused = true)]
async fn a_crowd_is_given_less_patience() {
    let fleet = fleet();
    let crowd: Vec<_> = (0..4_096).map(|_| connect(&fleet.web, b"GET /", 64, somebody())).collect();
    tokio::task::yield_now().await;
    let (mut late, _server) = connect(&fleet.web, ASK, LINE, somebody());
    assert_eq!(late.read_to_end(&mut Vec::new()).await.unwrap(), 0, "all places are taken");
    sleep(Duration::from_secs(6)).await;
    let (mut client, _server) = connect(&fleet.web, ASK, LINE, somebody());
    assert_eq!(read_one(&mut client).await.status, 200);
    drop(crowd);
}

/// Who does not read an answer does not hold it for ever; who reads slowly gets all of it.
#[tokio::test(start_paused = true)]
async fn readers_may_be_slow_but_not_too_slow() {
    let fleet = fleet();
    let ask = b"GET /api/v1/data?chart=test.cpu HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (_client, server) = connect(&fleet.web, ask, 512, somebody());
    assert!(timeout(Duration::from_secs(61), server).await.is_ok(), "still waits for a reader");

    let (mut client, _server) = connect(&fleet.web, ask, 512, somebody());
    let (mut bytes, mut some) = (Vec::new(), [0; 2_048]);
    loop {
        sleep(Duration::from_secs(1)).await;
        match client.read(&mut some).await.unwrap() {
            0 => break,
            count => bytes.extend_from_slice(&some[..count]),
        }
    }
    assert!(bytes.ends_with(b"]]}"), "{} bytes", bytes.len());
}

/// A head beyond 16 KiB, a URL beyond 8 KiB, and what is no HTTP.
#[tokio::test(start_paused = true)]
async fn requests_are_limited() {
    let web = &fleet().web;
    assert_eq!(request(web, "GET", "/", &format!("X-Long: {}\r\n", "x".repeat(20_000))).await.status, 431);
    assert_eq!(get(web, &format!("/?{}", "x".repeat(9_000))).await.status, 400);
    assert_eq!(get(web, &format!("/?{}", "x".repeat(7_000))).await.status, 200);
    assert_eq!(send(web, "\u{16}\u{3}\u{1} nonsense\r\n\r\n", somebody()).await.status, 400);
    assert_eq!(send(web, "get / HTTP/1.1\r\nConnection: close\r\n\r\n", somebody()).await.status, 405);
    assert_eq!(send(web, "GET /api/v1/info HTTP/1.0\r\n\r\n", somebody()).await.status, 200);
}

/// Addresses outside the list get a refusal, whatever they ask; preflights do not matter.
#[tokio::test]
async fn strangers_are_refused() {
    let fleet = fleet_that_allows("localhost 192.168.*");
    let ask = "GET /api/v1/info HTTP/1.1\r\nConnection: close\r\n\r\n";
    for (address, status) in [
        ("127.0.0.1:1", 200),
        ("[::1]:1", 200),
        ("192.168.7.7:1", 200),
        ("[::ffff:192.168.7.7]:1", 200),
        ("10.0.0.1:1", 403),
    ] {
        let reply = send(&fleet.web, ask, address.parse::<std::net::SocketAddr>().unwrap()).await;
        assert_eq!(reply.status, status, "{address}");
        if status == 403 {
            assert_eq!(reply.body, "You are not allowed to access this resource.");
            assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        }
    }
    assert_eq!(send(&fleet.web, ask, Peer::Unix).await.status, 200);
}
