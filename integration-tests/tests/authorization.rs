//! Who may stream: twins, circles, busy parents, and settings that change while streams run.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use integration_tests::api::Api;
use integration_tests::certificates::Certificates;
use integration_tests::node::{self, Node, Settings};
use integration_tests::peer::scripted::{Scripted, WELCOME, definition, row};
use integration_tests::wait::{pass, s, until};
use integration_tests::{API_KEY, agreement, port};

const OTHER_KEY: &str = "99999999-8888-7777-6666-555555555555";
const GUID: &str = "aaaaaaaa-1111-2222-3333-444444444444";
const OTHER_GUID: &str = "bbbbbbbb-1111-2222-3333-444444444444";
const TAKEN: &str = "This GUID is already streaming to this server";
const BUSY: &str = "The server is too busy now to accept this request. Try later.";
const NOT_PERMITTED: &str = "You are not permitted to access this. Check the logs for more info.";

fn master(hostname: &str) -> Settings {
    node::master(hostname).set("collect.enabled", "false").accepts(API_KEY)
}

/// The GUIDs of the hosts with this name.
fn guids(api: Api, hostname: &str) -> Vec<String> {
    let hosts: serde_json::Value = serde_json::from_str(&api.get("/api/v1/hosts").body).unwrap();
    let named = hosts.as_array().unwrap().iter().filter(|host| host["hostname"] == hostname);
    named.map(|host| host["guid"].as_str().unwrap().to_owned()).collect()
}

/// A child of the oldest form with these parameters more.
fn child(parent: SocketAddr, hostname: &str, guid: &str, more: &str) -> Scripted {
    Scripted::connect(parent, API_KEY, hostname, &format!("{guid}{more}")).unwrap()
}

/// Goal: a busy parent says so, to the child in the known sentence and to its log with the wait, and
/// lets nobody in meanwhile; no log shows a key.
#[test]
fn busy() {
    let master = master("busy-master").set("web.accept_a_streaming_request_every", "3").start();
    let first = child(master.address(), "busy-1", GUID, "");
    assert_eq!(first.answer(), WELCOME);
    assert_eq!(child(master.address(), "busy-2", OTHER_GUID, "").answer(), BUSY);
    let words =
        ["STREAM busy-2 [receive from ", "too busy to accept new streaming request. Will be allowed in ", " secs"];
    master.wait_for_log(0, &words, s(2));
    assert!(!master.api().hosts().contains(&"busy-2".to_owned()));
    until(s(10), "a place", || (child(master.address(), "busy-2", OTHER_GUID, "").answer() == WELCOME).then_some(()));
    Scripted::connect(master.address(), OTHER_KEY, "busy-3", OTHER_GUID).unwrap();
    master.wait_for_log(0, &["busy-3", "the API key 99999999... is not known here"], s(2));
    let log = master.log();
    assert!(!log.contains(API_KEY) && !log.contains(OTHER_KEY), "{log}");
}

/// A folder like `/`, of a machine that is a copy of another but for its boot or its id.
fn root(folder: &Path, machine_id: &str, boot_id: &str) {
    fs::create_dir_all(folder.join("proc/sys/kernel/random")).unwrap();
    fs::create_dir_all(folder.join("etc")).unwrap();
    fs::write(folder.join("etc/machine-id"), machine_id).unwrap();
    fs::write(folder.join("proc/sys/kernel/random/boot_id"), boot_id).unwrap();
    for name in ["stat", "loadavg", "meminfo", "vmstat", "uptime", "diskstats", "cpuinfo"] {
        symlink(Path::new("/proc").join(name), folder.join("proc").join(name)).unwrap();
    }
}

/// A collector on a machine that was copied together with its machine GUID.
fn cloned(folder: &Path, hostname: &str, machine_id: &str, parent: SocketAddr) -> Node {
    root(&folder.join("root"), machine_id, &format!("boot of {}", folder.display()));
    fs::create_dir_all(folder.join("lib/registry")).unwrap();
    fs::write(folder.join("lib/registry/public.unique.id"), GUID).unwrap();
    let collector = node::collector(hostname).sends_to(parent, API_KEY);
    let collector = collector.set("collect.root", &folder.join("root").display().to_string());
    collector.set("global.lib_dir", &folder.join("lib").display().to_string()).start()
}

/// Goal: machines copied from one image are all shown, each under an identity that it keeps when it
/// or the master comes back; the log tells of each once.
#[test]
fn clones_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut master = master("clone-master").set(&format!("api_keys.{API_KEY}.default_memory_mode"), "save").start();
    let start = |place: &str, hostname: &str, machine_id: &str| {
        cloned(&folder.path().join(place), hostname, machine_id, master.address())
    };
    let _first = start("1", "clone", "machine 1");
    agreement::goes_on(&master.api().host(GUID), "system.cpu", 1);
    let mut second = start("2", "clone", "machine 2");
    // A full copy, machine id included, that was only given another name.
    let _third = start("3", "clone-3", "machine 1");
    let twins = until(s(10), "three hosts", || {
        let all = [guids(master.api(), "clone"), guids(master.api(), "clone-3")].concat();
        (all.len() == 3).then_some(all)
    });
    assert_eq!(twins[0], GUID);
    for guid in &twins {
        agreement::goes_on(&master.api().host(guid), "system.cpu", 2);
    }
    second.start_again();
    agreement::goes_on(&master.api().host(&twins[1]), "system.cpu", 3);
    let told = master.log().matches("another machine has the machine_guid").count();
    assert_eq!(told, 2, "{}", master.log());
    master.terminate();
    master.start_again();
    for guid in &twins {
        agreement::goes_on(&master.api().host(guid), "system.cpu", 2);
    }
    assert_eq!([guids(master.api(), "clone"), guids(master.api(), "clone-3")].concat().len(), 3);
}

/// Goal: where twins are refused, the second gets the sentence that makes it wait; an agent that
/// tells nothing of itself replaces its own connection.
#[test]
fn twins_may_be_refused() {
    let master = master("twin-master").set(&format!("api_keys.{API_KEY}.duplicate_guid"), "refuse").start();
    let first = child(master.address(), "twin", GUID, "&tributary_fingerprint=a&tributary_boot_id=1");
    assert_eq!(first.answer(), WELCOME);
    let folder = tempfile::tempdir().unwrap();
    let collector = cloned(folder.path(), "twin", "machine 2", master.address());
    collector.wait_for_log(0, &["STREAM twin [send to ", "not established", TAKEN], s(10));
    master.wait_for_log(0, &["STREAM twin [receive from ", "refused: twin already streams"], s(2));
    pass(s(3));
    let refusals = master.log().matches("already streams for").count();
    assert!(refusals <= 2, "a hot loop: {}", master.log());

    let mut old = child(master.address(), "agent", OTHER_GUID, "");
    let new = child(master.address(), "agent", OTHER_GUID, "");
    assert_eq!(new.answer(), WELCOME);
    assert!(old.is_cut(s(5)));
    assert_eq!(child(master.address(), "renamed", OTHER_GUID, "").answer(), TAKEN);
}

/// A proxy at this address that streams to that one, and itself accepts.
fn ring(hostname: &str, at: SocketAddr, to: SocketAddr) -> Node {
    let proxy = node::proxy(hostname).set("web.bind_to", &at.to_string()).accepts(API_KEY);
    proxy.set("global.memory_mode", "ram").sends_to(to, API_KEY).start()
}

/// Goal: proxies that stream to one another, or to themselves, say so in words at both ends, pass on
/// what is not theirs, and do not try again and again.
#[test]
fn circles_are_refused() {
    let addresses = [0; 3].map(|_| SocketAddr::from(([127, 0, 0, 1], port::free())));
    let [a, b, own] = addresses;
    let (first, second) = (ring("ring-a", a, b), ring("ring-b", b, a));
    let selfish = ring("ring-self", own, own);
    let _collector = node::collector("ring-box").sends_to(a, API_KEY).start();
    for (node, host) in [(&first, "ring-box"), (&second, "ring-box"), (&second, "ring-a"), (&first, "ring-b")] {
        agreement::goes_on(&node.api().host(host), "system.cpu", 2);
    }
    let words = "trying to stream my localhost back (it is the parent's own host, or would come back";
    first.wait_for_log(0, &["STREAM ring-box [receive from ", "it passed this node already"], s(5));
    second.wait_for_log(0, &["STREAM ring-box [send to ", words], s(5));
    second.wait_for_log(0, &["STREAM ring-b [receive from ", "it is this node's own host"], s(5));
    first.wait_for_log(0, &["STREAM ring-b [send to ", words], s(5));
    selfish.wait_for_log(0, &["STREAM ring-self [receive from ", "it is this node's own host"], s(5));
    for node in [&first, &second, &selfish] {
        let refusals = node.log().matches(": refused: ").count();
        assert!((1..=4).contains(&refusals), "a hot loop: {}", node.log());
    }
}

/// Goal: after SIGHUP new keys let children in and old ones do not, streams that are still allowed go
/// on without a cut, and a mistake in the file changes nothing.
#[test]
fn settings_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.toml");
    let certificates = Certificates::new();
    let (old, new) = (certificates.by_openssl("old", "IP:127.0.0.1"), certificates.by_openssl("new", "IP:127.0.0.1"));
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let show = |pair: &integration_tests::certificates::Pair| {
        fs::copy(pair.certificate(), &certificate).unwrap();
        fs::copy(pair.key(), &key).unwrap();
    };
    show(&old);
    let write = |keys: &str| {
        let tls = format!("tls_certificate = \"{}\"\ntls_key = \"{}\"", certificate.display(), key.display());
        fs::write(&file, format!("[web]\n{tls}\n{keys}")).unwrap();
    };
    let both = format!("[api_keys.{API_KEY}]\n[api_keys.{OTHER_KEY}]\n");
    write(&both);
    let mut master = node::master("hup-master").set("collect.enabled", "false").file(&file).start();
    let mut good = child(master.address(), "hup-good", GUID, "");
    let mut bad = Scripted::connect(master.address(), OTHER_KEY, "hup-bad", OTHER_GUID).unwrap();
    assert_eq!((good.answer(), bad.answer()), (WELCOME, WELCOME));
    let mut reload = |words: &[&str]| {
        let from = master.log_end();
        master.reload();
        master.wait_for_log(from, words, s(5))
    };

    write(&format!("[api_keys.{API_KEY}]\nallow_from = 7\n"));
    let line = reload(&["master.toml:5: api_keys.11111111….allow_from = 7"]);
    assert!(line.contains("ERROR"), "{line}");
    write(&both);
    fs::write(&certificate, "no certificate").unwrap();
    reload(&["settings: TLS of the port"]);
    reload(&["settings stay as they were"]);
    assert!(!bad.is_cut(std::time::Duration::from_millis(300)));

    show(&new);
    write(&format!("[api_keys.{API_KEY}]\n[global]\nhistory = 77\n"));
    let line = reload(&["global.history cannot change while the node runs"]);
    assert!(!line.contains("11111111-"), "{line}");
    assert!(bad.is_cut(s(5)));
    master.wait_for_log(0, &["STREAM hup-bad", "no longer allowed: the API key 99999999... is not known here"], s(2));
    let refused = Scripted::connect(master.address(), OTHER_KEY, "hup-bad", OTHER_GUID).unwrap();
    assert_eq!(refused.answer(), NOT_PERMITTED);
    good.send(&definition("test.a")).unwrap();
    until(s(10), "rows", || {
        good.send(&row("test.a", 1)).unwrap();
        pass(s(1));
        master.api().host("hup-good").last_entry("test.a")
    });
    assert!(!master.log().lines().any(|line| line.contains("hup-good") && line.contains("closed after")));
    for (pair, is_good) in [(&new, true), (&old, false)] {
        let output = std::process::Command::new("curl")
            .args(["-sS", "--max-time", "5", "--cacert", pair.certificate()])
            .arg(format!("https://{}/api/v1/info", master.address()))
            .output()
            .unwrap();
        assert_eq!(output.status.success(), is_good, "{output:?}");
    }
    assert!(!master.log().contains(API_KEY) && !master.log().contains(OTHER_KEY));
}

/// Goal: a child of Netdata 2.1 or later is told what this node knows of it before it streams.
#[test]
fn stream_info() {
    let master = master("info-master").set("web.allow_dashboard_from", "!*").start();
    let ask = |guid: &str| {
        let answer = master.api().get(&format!("/api/v3/stream_info?machine_guid={guid}"));
        // Children look for the length in just these letters.
        assert!(answer.head.contains("Content-Length: "), "{}", answer.head);
        (answer.status, serde_json::from_str::<serde_json::Value>(&answer.body).unwrap())
    };
    let (status, unknown) = ask(GUID);
    assert_eq!((status, unknown["status"].as_i64()), (404, Some(404)));
    assert_eq!(unknown["host_id"], master.guid());
    assert_eq!(unknown["nodes"], 1);
    let mut streaming = child(master.address(), "info-box", GUID, "");
    streaming.send(&definition("test.a")).unwrap();
    let known = until(s(5), "the host", || Some(ask(GUID)).filter(|(status, _)| *status == 200)).1;
    assert_eq!((known["ingest_type"].as_str(), known["ingest_status"].as_str()), (Some("child"), Some("online")));
    assert_eq!(known["receivers"], 1);
    drop(streaming);
    until(s(5), "the end", || Some(()).filter(|()| ask(GUID).1["ingest_status"] == "offline"));
    assert_eq!(ask(&master.guid()).1["ingest_type"], "localhost");
    assert_eq!(master.api().get("/api/v1/info").status, 403);
}
