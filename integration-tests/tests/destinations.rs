//! Where a stream goes: unix sockets, interfaces, and from one parent to the next and back.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use integration_tests::api::{Host, Window};
use integration_tests::node::{self, Settings};
use integration_tests::wait::{now_s, pass, s, until};
use integration_tests::{API_KEY, agreement};

fn master(hostname: &str) -> Settings {
    node::master(hostname).set("collect.enabled", "false").accepts(API_KEY)
}

fn to(hostname: &str, destination: &str) -> Settings {
    node::collector(hostname).sends_to(([127, 0, 0, 1], 9).into(), API_KEY).set("stream.destination", destination)
}

fn over(socket: &Path, path: &str) -> String {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "10", "--unix-socket"])
        .arg(socket)
        .arg(format!("http://node{path}"))
        .output()
        .expect("curl of the package curl");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Goal: streams and the API go over a unix socket as over a port; a stop removes its file, and a
/// kill that leaves it does not keep the next start from listening.
#[test]
fn unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("node.sock");
    let address = format!("unix:{}", socket.display());
    let settings = master("unix-master").set("web.bind_to", &format!("127.0.0.1:0 {address}"));
    let mut master = settings.set("web.allow_connections_from", "localhost").start();
    let meta = fs::metadata(&socket).unwrap();
    assert!(meta.file_type().is_socket() && meta.permissions().mode() & 0o777 == 0o660);
    let collector = to("unix-box", &address).start();
    agreement::goes_on(&master.api().host("unix-box"), "system.cpu", 3);
    collector.wait_for_log(0, &["STREAM unix-box [send to unix:", "established"], s(1));
    master.wait_for_log(0, &["STREAM unix-box [receive from localhost]"], s(1));
    assert!(over(&socket, "/api/v1/info").contains("unix-box"));
    master.kill();
    assert!(socket.exists());
    // `start_again` keeps the port only; the socket is what counts here.
    master.start_again();
    master.terminate();
    let settings = self::master("unix-second").set("web.bind_to", &format!("127.0.0.1:0 {address}"));
    let mut second = settings.start();
    agreement::goes_on(&second.api().host("unix-box"), "system.cpu", 3);
    second.terminate();
    assert!(!socket.exists(), "the file is left behind");
}

/// Goal: a stream leaves through the interface that is named; one that is not there is named in the log.
#[test]
fn interface() {
    let master = master("if-master").start();
    let port = master.address().port();
    let _good = to("if-box", &format!("127.0.0.1%lo:{port}")).start();
    let wrong = to("if-wrong", &format!("127.0.0.1%nosuch0:{port}")).start();
    wrong.wait_for_log(0, &["STREAM if-wrong [send to 127.0.0.1%nosuch0:", "interface nosuch0"], s(10));
    agreement::goes_on(&master.api().host("if-box"), "system.cpu", 2);
}

/// Goal: when the first parent is killed the second gets the rows at once; when the first is back
/// the stream returns, and both gaps are filled: the first parent has every row, the second all of
/// its time.
#[test]
fn over_and_back() {
    let mut first = master("fo-first").set("global.memory_mode", "map").start();
    let second = master("fo-second").start();
    let destination = format!("{} {}", first.address(), second.address());
    let collector = to("fo-box", &destination).set("stream.return_after", "3s").start();
    let (at_first, at_second) = (first.api().host("fo-box"), second.api().host("fo-box"));
    agreement::goes_on(&at_first, "system.cpu", 4);
    let start = now_s();
    first.kill();
    until(s(5), "the second parent to be asked", || second.api().hosts().contains(&"fo-box".to_owned()).then_some(()));
    agreement::goes_on(&at_second, "system.cpu", 5);
    let log = collector.log_end();
    let back = now_s();
    first.start_again();
    collector.wait_for_log(log, &["STREAM fo-box [send to ", "closed", "an earlier destination answers again"], s(10));
    second.wait_for_log(0, &["STREAM fo-box [receive from ", "closed", "the child closed the connection"], s(3));
    let left = now_s();
    agreement::goes_on(&at_first, "system.cpu", left - back + 3);
    pass(s(2));
    assert_complete(&at_first, start - 2, now_s() - 3);
    assert_complete(&at_second, start - 2, left - 2);
}

/// Asserts that no second of the window is missing.
fn assert_complete(host: &Host, after: i64, before: i64) {
    let data = host.data("system.cpu", Window { after, before });
    let missing: Vec<i64> = (after..=before)
        .filter(|second| !data.rows.get(second).is_some_and(|row| row.iter().all(Option::is_some)))
        .collect();
    assert!(missing.is_empty(), "{host:?} misses {missing:?} of {after}..{before}");
}

/// Goal: an orderly stop delivers the last row, to a parent of ours.
#[test]
fn the_last_row_arrives() {
    let master = master("last-master").start();
    let mut collector = to("last-box", &master.address().to_string()).start();
    let host = master.api().host("last-box");
    agreement::goes_on(&host, "system.uptime", 2);
    collector.terminate();
    let stopped = now_s();
    master.wait_for_log(0, &["STREAM last-box", "the child closed the connection"], s(3));
    let last = host.last_entry("system.uptime").unwrap();
    assert!(stopped - last <= 2, "the newest row is {} s old", stopped - last);
}
