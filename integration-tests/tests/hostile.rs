//! Whatever a peer sends: an error that names it, a log line, and nothing else disturbed.
//!
//! In every test a good collector streams to the same master; its rows have to go on.

use std::io::{Read, Write};

use integration_tests::api::Host;
use integration_tests::node::{self, Node};
use integration_tests::peer::scripted::{self, Scripted, WELCOME, definition, is_closed, raw, row};
use integration_tests::wait::{pass, s, until};
use integration_tests::{API_KEY, agreement};

const WRONG_KEY: &str = "99999999-8888-7777-6666-555555555555";
const GOOD_GUID: &str = "aaaaaaaa-1111-2222-3333-444444444444";
const BAD_GUID: &str = "bbbbbbbb-1111-2222-3333-444444444444";
const CHART: &str = "system.cpu";

/// A master and a collector that streams to it.
struct Scene {
    master: Node,
    _collector: Node,
    host: Host,
}

impl Scene {
    fn start(prefix: &str) -> Self {
        let master = node::master(&format!("{prefix}-master")).set("collect.enabled", "false").accepts(API_KEY).start();
        let name = format!("{prefix}-good");
        let collector = node::collector(&name).sends_to(master.address(), API_KEY).start();
        let host = master.api().host(&name);
        agreement::goes_on(&host, CHART, 1);
        Self { master, _collector: collector, host }
    }

    /// The master answers and the good collector's rows go on.
    fn is_undisturbed(&mut self) {
        assert!(self.master.is_running());
        agreement::goes_on(&self.host, CHART, 2);
        assert_eq!(self.master.api().get("/api/v1/info").status, 200);
    }
}

/// Goal: a wrong API key is refused; both logs name it without showing it whole.
#[test]
fn wrong_api_key() {
    let mut scene = Scene::start("key");
    let mark = scene.master.log_end();
    let wrong = node::collector("key-wrong").sends_to(scene.master.address(), WRONG_KEY).start();
    wrong.wait_for_log(0, &["STREAM", "key-wrong", "[send to ", &WRONG_KEY[..8]], s(10));
    scene.master.wait_for_log(mark, &["STREAM", "key-wrong", "[receive from ", &WRONG_KEY[..8]], s(10));
    for log in [wrong.log(), scene.master.log()] {
        assert!(!log.contains(WRONG_KEY) && !log.contains(API_KEY), "a log shows an API key:\n{log}");
    }
    scene.is_undisturbed();
    assert!(!scene.master.api().hosts().contains(&"key-wrong".to_owned()));
}

/// Goal: every request that may not stream gets the one sentence that tells nothing.
#[test]
fn refused_handshakes() {
    let mut scene = Scene::start("shake");
    let refusal = "You are not permitted to access this. Check the logs for more info.";
    let cases = [
        (WRONG_KEY, "x", BAD_GUID),
        ("", "x", BAD_GUID),
        ("no-guid", "x", BAD_GUID),
        (API_KEY, "", BAD_GUID),
        (API_KEY, "x", ""),
        (API_KEY, "x", "no-guid"),
        (API_KEY, "x", "../../etc/passwd"),
    ];
    for (key, hostname, guid) in cases {
        let mut child = Scripted::connect(scene.master.address(), key, hostname, guid).unwrap();
        assert_eq!(child.answer(), refusal, "{key} {hostname} {guid}");
        assert!(child.is_cut(s(5)), "{key} {hostname} {guid}");
    }
    scene.is_undisturbed();
}

/// Goal: unknown hosts, charts and commands get the answers that clients know.
#[test]
fn unknown_things_over_http() {
    let mut scene = Scene::start("http");
    let answers = [
        ("/host/nobody/api/v1/charts", 404, "This netdata does not maintain a database for host: nobody"),
        ("/host/a%3Cb/api/v1/info", 404, "This netdata does not maintain a database for host: a&lt;b"),
        ("/api/v1/chart?chart=no.such", 404, "Chart is not found: no.such"),
        ("/api/v1/chart", 400, "No chart id is given at the request."),
        ("/api/v1/data?chart=no.such", 404, "No metrics where matched to query."),
        ("/api/v1/data", 400, "No chart or context is given."),
        ("/api/v1/nosuch", 404, "Unsupported v1 API command: nosuch"),
        ("/api/v9/info", 404, "Unsupported API version: v9"),
        ("/api/v1", 400, "Which API v1 command?"),
        ("/api", 400, "Which API version?"),
        ("/host/http-good/host/http-good/api/v1/info", 400, "Nesting of hosts is not allowed."),
    ];
    for (target, status, body) in answers {
        let answer = scene.master.api().get(target);
        assert_eq!((answer.status, answer.body.trim_end()), (status, body), "{target}");
    }
    scene.master.wait_for_log(0, &["127.0.0.1", "/host/nobody/api/v1/charts", "404"], s(5));
    scene.master.wait_for_log(0, &["127.0.0.1", "chart=no.such", "404"], s(5));
    assert_eq!(scene.master.api().get("/no/such/file").status, 404);
    assert_eq!(scene.master.api().get("/../../etc/passwd").status, 400);
    scene.is_undisturbed();
}

/// Goal: a line that cannot be understood cuts that child, the log names line and command, and a
/// second child played by hand goes on.
#[test]
fn malformed_lines() {
    let mut scene = Scene::start("line");
    let address = scene.master.address();
    let mut good = Scripted::connect(address, API_KEY, "line-second", GOOD_GUID).unwrap();
    assert_eq!(good.answer(), WELCOME);
    good.send(&definition("good.chart")).unwrap();

    let lines = [
        ("BEGIN \"never.defined\" 1000000\n", "BEGIN"),
        ("SET \"a\" = 1\n", "SET"),
        ("CHART\n", "CHART"),
        ("DIMENSION\n", "DIMENSION"),
    ];
    for (line, command) in lines {
        let mark = scene.master.log_end();
        let mut bad = Scripted::connect(address, API_KEY, "line-bad", BAD_GUID).unwrap();
        assert_eq!(bad.answer(), WELCOME, "{line}");
        bad.send(line).unwrap();
        assert!(bad.is_cut(s(5)), "{line:?} did not cut the stream");
        scene.master.wait_for_log(mark, &["STREAM", "line-bad", "[receive from ", "line 1", command], s(5));
        for value in 0..3 {
            good.send(&row("good.chart", value)).unwrap();
        }
    }
    assert!(!good.is_cut(s(1)));
    scene.is_undisturbed();
}

/// Goal: a command of a later version is skipped and named in the log once; the stream goes on.
#[test]
fn unknown_commands() {
    let mut scene = Scene::start("word");
    let mut child = Scripted::connect(scene.master.address(), API_KEY, "word-child", GOOD_GUID).unwrap();
    assert_eq!(child.answer(), WELCOME);
    child.send(&definition("some.chart")).unwrap();
    child.send("FROBNICATE 1 2 3\nFROBNICATE \"4\"\n").unwrap();
    scene.master.wait_for_log(0, &["STREAM", "word-child", "[receive from ", "line 3", "FROBNICATE"], s(5));
    let host = scene.master.api().host("word-child");
    let mut value = 0;
    until(s(20), "a row of the child", || {
        value += 1;
        child.send(&row("some.chart", value)).unwrap();
        pass(s(1));
        host.last_entry("some.chart")
    });
    scene.is_undisturbed();
}

/// Goal: a line without end is cut long before it costs memory.
#[test]
fn line_without_end() {
    let mut scene = Scene::start("long");
    let before = scene.master.process().resident_bytes();
    let mut bad = Scripted::connect(scene.master.address(), API_KEY, "long-bad", BAD_GUID).unwrap();
    let piece = "x".repeat(64 * 1024);
    let mut sent = 0;
    while sent < 1024 && bad.send(&piece).is_ok() {
        sent += 1;
    }
    assert!(sent < 1024, "64 MiB without a line end were taken");
    let more = scene.master.process().resident_bytes().saturating_sub(before);
    assert!(more < 8 * 1024 * 1024, "{more} bytes more resident");
    scene.is_undisturbed();
}

/// Goal: half a handshake, in several halves, then silence or the end: nobody else notices.
#[test]
fn half_a_handshake() {
    let mut scene = Scene::start("half");
    let request = scripted::request(API_KEY, "half-bad", BAD_GUID);
    let mut waiting = Vec::new();
    for end in [1, 6, 7, 20, request.len() / 2, request.len() - 1] {
        let mut stream = raw(scene.master.address()).unwrap();
        stream.write_all(&request.as_bytes()[..end]).unwrap();
        waiting.push(stream);
        let mut closed = raw(scene.master.address()).unwrap();
        closed.write_all(&request.as_bytes()[..end]).unwrap();
    }
    scene.is_undisturbed();
    assert!(!scene.master.api().hosts().contains(&"half-bad".to_owned()));

    let mut last = waiting.pop().unwrap();
    last.write_all(&request.as_bytes()[request.len() - 1..]).unwrap();
    let mut answer = [0; 512];
    let length = last.read(&mut answer).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer[..length]), WELCOME, "a request in two pieces is a request");
}

/// Goal: connections that only connect, say nothing or say nonsense leave no trace in the service.
#[test]
fn port_scan() {
    let mut scene = Scene::start("scan");
    let address = scene.master.address();
    for _ in 0..200 {
        drop(raw(address).unwrap());
    }
    let silent: Vec<_> = (0..50).map(|_| raw(address).unwrap()).collect();
    let nonsense: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\xff\xfe\xfd\xfc\r\n\r\n",
        b"GET\r\n\r\n",
        b"STREAM \r\n\r\n",
    ];
    for bytes in nonsense {
        let mut stream = raw(address).unwrap();
        stream.write_all(bytes).unwrap();
        let ends = bytes.ends_with(b"\r\n\r\n");
        assert!(!ends || is_closed(&mut stream, s(5)), "{:?} keeps its connection", String::from_utf8_lossy(bytes));
    }
    scene.is_undisturbed();
    drop(silent);
}

/// Goal: a request without end is refused or closed at its limit.
#[test]
fn over_long_requests() {
    let mut scene = Scene::start("over");
    for start in ["GET /", "STREAM key="] {
        let mut stream = raw(scene.master.address()).unwrap();
        let mut refused = stream.write_all(start.as_bytes()).is_err();
        for _ in 0..64 {
            refused = refused || stream.write_all(&[b'a'; 4096]).is_err();
        }
        assert!(refused || is_closed(&mut stream, s(5)), "{start}… of 256 KiB keeps its connection");
    }
    scene.is_undisturbed();
}
