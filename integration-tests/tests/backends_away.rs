//! Backends that are away, refuse, hang or are not to be trusted: nothing is lost that settings promise to keep, nothing
//! is told twice where it can be known, and nobody else waits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use integration_tests::backend::{backend, called, told};
use integration_tests::certificates::Certificates;
use integration_tests::listener::{Asked, Listener};
use integration_tests::node::{self, Node};
use integration_tests::peer::archives::{self, Archive, Series};
use integration_tests::peer::victoria::Victoria;
use integration_tests::wait::{Deadline, Watch, now_s, s, until};
use integration_tests::{API_KEY, agreement};
use serde_json::Value;

/// A listener that takes connections and never reads from them.
fn hole() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of this machine");
    let address = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        let taken: Vec<_> = listener.incoming().collect();
        drop(taken);
    });
    address
}

/// A listener whose queue of connections is full: the kernel drops whoever knocks. With those who fill it.
fn deaf() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of this machine");
    rustix::net::listen(&listener, 0).expect("it listens already");
    let address = listener.local_addr().expect("it listens");
    let knock = |_| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let inside = (0..100).map_while(knock).collect();
    (address, listener, inside)
}

/// The seconds of values of `dimension` in bodies of JSON, in the order in which they came.
fn seconds(asked: &[Asked], dimension: &str) -> Vec<i64> {
    let of = |asked: &Asked| {
        let values = asked.json().as_array().cloned().unwrap_or_default();
        let of_it = values.into_iter().filter(|value| value["id"] == dimension);
        of_it.filter_map(|value| value["timestamp"].as_i64()).collect::<Vec<_>>()
    };
    asked.iter().flat_map(of).collect()
}

fn missing(series: &BTreeSet<i64>, from: i64, to: i64) -> Vec<i64> {
    (from..=to).filter(|second| !series.contains(second)).collect()
}

fn user(all: BTreeMap<BTreeMap<String, String>, Series>, chart: &str, dimension: &str) -> Option<Series> {
    let is_it = |key: &BTreeMap<String, String>| {
        key.get("dimension").is_some_and(|name| name == dimension) && key.get("chart").is_some_and(|name| name == chart)
    };
    all.into_iter().find(|(key, _)| is_it(key)).map(|(_, series)| series)
}

/// Goal: a database that is killed and comes back has the windows of meanwhile, from memory alone.
#[test]
fn a_database_is_killed() {
    let mut prometheus = archives::prometheus();
    let at = format!("127.0.0.1:{}", prometheus.ports[0]);
    let settings = backend(node::master("patient"), "prometheus-remote-write", "rw", &at, 1)
        .set("backend.prometheus-remote-write.send_charts_matching", "system.cpu")
        .set("backend.prometheus-remote-write.buffer_on_failures", "30");
    let master = settings.start();
    let series = |prometheus: &Archive| user(prometheus.prometheus("rw_"), "system.cpu", "user");
    let first = until(s(20), "the first values", || series(&prometheus)?.keys().next().copied());
    until(s(20), "some values", || series(&prometheus).filter(|all| all.len() > 3));
    prometheus.kill();
    until(s(20), "windows that wait", || {
        (told(&master, "prometheus-remote-write")["backlog"]["windows"].as_i64() >= Some(4)).then_some(())
    });
    prometheus.run_again();
    let end = now_s();
    let all = until(s(40), "values of after the kill", || series(&prometheus).filter(|all| all.contains_key(&end)));
    assert_eq!(missing(&all.keys().copied().collect(), first, end), [0; 0], "{}", master.log());
    let told = told(&master, "prometheus-remote-write");
    assert_eq!((&told["dropped"]["values"], &told["connected"]), (&Value::from(0), &Value::from(true)), "{told}");
}

/// Goal: a node that is killed while its backend says that it cannot goes on with the same batch; all in all each value
/// is taken once, and in order.
#[test]
fn the_node_is_killed() {
    let listener = Listener::start();
    let settings = backend(node::master("keeper").accepts(API_KEY), "json-http", "x", &listener.url("/"), 1)
        .set("backend.json-http.queue_on_disk", "16MiB")
        .set("backend.json-http.send_charts_matching", "system.cpu")
        .set("backend.json-http.send_hosts_matching", "!localhost *");
    let mut master = settings.start();
    let _collector = node::collector("leaf").sends_to(master.address(), API_KEY).start();
    let taken = || seconds(&listener.taken(), "user");
    until(s(30), "the first values", || (taken().len() >= 3).then_some(()));
    listener.answer("503 Service Unavailable\r\nRetry-After: 1");
    let refused = |from: usize| {
        let asked = listener.asked().into_iter().skip(from);
        asked.filter(|asked| asked.status.starts_with("503")).collect::<Vec<_>>()
    };
    let tried = until(s(20), "two tries", || Some(refused(0)).filter(|tried| tried.len() >= 2));
    master.kill();
    let asked = listener.asked().len();
    master.start_again();
    let tried_again = until(s(20), "a try after the kill", || refused(asked).into_iter().next());
    assert_eq!(tried_again.body, tried[0].body, "the same batch, whatever happened meanwhile");
    listener.answer("200 OK");
    let end = now_s();
    let all = until(s(40), "values of after the kill", || Some(taken()).filter(|all| all.last() >= Some(&end)));
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "once each, in order: {all:?}");
    assert_eq!(missing(&all.iter().copied().collect(), all[0], end), [0; 0], "{}", master.log());
}

/// Goal: backends that never read, never answer, and never even connect delay neither streams, nor alarms, nor another
/// backend, nor the end of the node.
#[test]
fn backends_that_hang_delay_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let beat = "template: beat\n on: system.load\n calc: $load1\n every: 1s\n warn: $this < 0\n";
    fs::write(folder.path().join("beat.conf"), beat).expect("a file");
    let fine = Listener::start();
    let (hole, (deaf, _listening, _inside)) = (hole(), deaf());
    let settings = node::master("calm").accepts(API_KEY).set("health.config_dir", &folder.path().display().to_string());
    let settings = called(settings, "hole", "graphite", "a", &hole.to_string(), 1);
    let settings = called(settings, "deaf", "opentsdb", "b", &deaf.to_string(), 1);
    let settings = called(settings, "mute", "influx", "c", &format!("http://{hole}/write"), 1);
    let mut master = called(settings, "fine", "json-http", "d", &fine.url("/"), 1)
        .set("backend.fine.send_charts_matching", "system.cpu")
        .start();
    let _collector = node::collector("leaf").sends_to(master.address(), API_KEY).start();
    agreement::goes_on(&master.api().host("leaf"), "system.cpu", 3);
    let newest = || seconds(&fine.taken(), "user").last().copied();
    until(s(20), "the first window", newest);
    let evaluated = || {
        let alarms = master.api().try_json("/api/v1/alarms?all").expect("an answer");
        let alarms = alarms["alarms"].as_object().cloned().unwrap_or_default();
        alarms.values().find(|alarm| alarm["name"] == "beat").and_then(|alarm| alarm["last_updated"].as_i64())
    };
    until(s(20), "the alarm", || evaluated().filter(|second| *second > 0));
    let mut latest = [0; 3];
    let watch = Watch::start();
    while watch.elapsed() < s(12) {
        let moments = [master.api().host("leaf").last_entry("system.cpu"), evaluated(), newest()];
        let now_s = now_s();
        for (latest, moment) in latest.iter_mut().zip(moments) {
            *latest = (now_s - moment.unwrap_or(0)).max(*latest);
        }
        Deadline::after(Duration::from_millis(200)).wait();
    }
    println!("rows, alarms and another backend's windows are at most {latest:?} s old");
    // Whoever waited for a backend would be twenty seconds late.
    let [rows, alarms, windows] = latest;
    assert!(rows <= 6 && alarms <= 12 && windows <= 12, "{latest:?}");
    for name in ["hole", "deaf", "mute"] {
        let told = told(&master, name);
        // The kernel of one that does not read takes some.
        assert!(told["sent"]["values"] == 0 || name == "hole", "{told}");
        assert!(told["backlog"]["windows"].as_i64() >= Some(5), "{told}");
    }
    master.terminate();
}

/// Goal: a server that asks for time is given it, and what it took meanwhile from nobody is all sent afterwards.
#[test]
fn a_server_that_asks_for_time_is_given_it() {
    let listener = Listener::start();
    listener.answer("429 Too Many Requests\r\nRetry-After: 4");
    let master = backend(node::master("polite"), "json-http", "x", &listener.url("/"), 1)
        .set("backend.json-http.send_charts_matching", "system.cpu")
        .start();
    let count = || listener.asked().len();
    until(s(20), "the first try", || (count() >= 1).then_some(()));
    let watch = Watch::start();
    until(s(20), "the second", || (count() >= 2).then_some(()));
    assert!(watch.elapsed() > s(3), "{:?}", watch.elapsed());
    listener.answer("200 OK");
    let end = now_s();
    let taken = || seconds(&listener.taken(), "user");
    let all = until(s(30), "all windows", || Some(taken()).filter(|all| all.last() >= Some(&end)));
    assert_eq!(missing(&all.iter().copied().collect(), all[0], end), [0; 0], "{}", master.log());
}

/// Goal: of a request that Prometheus refuses for some of its samples all others arrive, and the others are counted.
#[test]
fn samples_that_are_refused_take_no_others_with_them() {
    let prometheus = archives::prometheus();
    let at = format!("127.0.0.1:{}", prometheus.ports[0]);
    // Two backends that write one series: where both tell of one second, the one that comes later is refused.
    let settings = called(node::master("double"), "quick", "prometheus-remote-write", "rw", &at, 1)
        .set("backend.quick.send_charts_matching", "system.cpu system.ctxt");
    let master = called(settings, "slow", "prometheus-remote-write", "rw", &at, 5)
        .set("backend.slow.send_charts_matching", "system.cpu system.ram")
        .start();
    let complete = |chart: &str, dimension: &str, every_s: i64, count: usize| {
        let series = || user(prometheus.prometheus("rw_"), chart, dimension);
        let all = until(s(50), chart, || series().filter(|all| all.len() >= count));
        let steps: Vec<i64> = all.keys().zip(all.keys().skip(1)).map(|(before, after)| after - before).collect();
        assert!(steps.iter().all(|step| *step == every_s), "{chart}: {all:?}");
    };
    complete("system.ram", "free", 5, 4);
    complete("system.ctxt", "switches", 1, 16);
    let (quick, slow) = (told(&master, "quick"), told(&master, "slow"));
    let dropped: i64 = [&quick, &slow].iter().filter_map(|told| told["dropped"]["values"].as_i64()).sum();
    assert!(dropped > 0 && quick["connected"] == true && slow["connected"] == true, "{quick} {slow}");
    let errors = format!("{quick} {slow}");
    assert!(errors.contains("out of order sample") || errors.contains("duplicate sample"), "{errors}");
}

/// Goal: certificates are checked, with an authority of settings; a name and a password, or a token, are shown; who shows
/// the wrong one is refused, and told so.
#[test]
fn servers_are_not_trusted_blindly() {
    let certificates = Certificates::new();
    let authority = certificates.authority("ours");
    let pair = certificates.of(&authority, "gate", &["localhost"]);
    let victoria = Victoria::start();
    let users = ["username: \"me\", password: \"open sesame\"", "bearer_token: \"abc123\""];
    let (_gate, port) = victoria.gate(&users, &pair);
    let url = format!("https://localhost:{port}/write");
    let mut settings = node::master("careful");
    for (name, ca_file, login) in [
        ("named", authority.certificate(), &[("username", "me"), ("password", "open sesame")][..]),
        ("bearer", authority.certificate(), &[("token", "abc123")]),
        ("wrong", authority.certificate(), &[("username", "me"), ("password", "guess")]),
        ("doubtful", "", &[("token", "abc123")]),
    ] {
        settings = called(settings, name, "influx", name, &url, 1)
            .set(&format!("backend.{name}.send_charts_matching"), "system.cpu")
            .set(&format!("backend.{name}.ca_file"), ca_file);
        for (key, value) in login {
            settings = settings.set(&format!("backend.{name}.{key}"), value);
        }
    }
    let master = settings.start();
    for name in ["named", "bearer"] {
        until(s(30), name, || user(victoria.series(name), "system.cpu", "user").filter(|all| all.len() >= 2));
    }
    let wrong = until(s(20), "a refusal", || {
        Some(told(&master, "wrong")).filter(|wrong| wrong["dropped"]["values"].as_i64() > Some(0))
    });
    assert!(wrong["last_error"].as_str().is_some_and(|error| error.contains("the server answers 40")), "{wrong}");
    let doubtful = until(s(20), "a doubt", || {
        Some(told(&master, "doubtful")).filter(|doubtful| doubtful["failed"].as_i64() > Some(0))
    });
    assert!(doubtful["last_error"].as_str().is_some_and(|error| error.contains("certificate")), "{doubtful}");
    assert_eq!(doubtful["sent"]["values"], 0);
    for name in ["wrong", "doubtful"] {
        assert!(victoria.series(name).is_empty(), "{name}");
    }
    let log = master.log();
    assert!(!log.contains("sesame") && !log.contains("guess") && !log.contains("abc123"), "{log}");
    // A server may repeat what it was shown.
    assert!(!log.contains("bWU6Z3Vlc3M=") && !wrong.to_string().contains("bWU6Z3Vlc3M="), "{wrong} {log}");
}

/// The files of a queue.
fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let folder = folder.join("export");
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.sort();
    files
}

/// Goal: damage in a queue's file costs what it hits and the rest of that file, is told, and nothing else.
#[test]
fn files_of_a_queue_are_damaged() {
    let listener = Listener::start();
    listener.answer("503 Service Unavailable");
    let mut master = backend(node::master("hurt"), "json-http", "x", &listener.url("/"), 1)
        .set("backend.json-http.queue_on_disk", "16MiB")
        .set("backend.json-http.send_charts_matching", "system.cpu")
        .start();
    let backlog = |master: &Node| told(master, "json-http")["backlog"].clone();
    until(s(30), "windows on the disk", || (backlog(&master)["windows"].as_i64() >= Some(6)).then_some(()));
    assert_eq!(backlog(&master)["memory_bytes"], 0);
    master.kill();
    let [file] = &files(&master.lib())[..] else { panic!("one file") };
    let mut bytes = fs::read(file).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(file, bytes).expect("a file");
    listener.answer("200 OK");
    let from = master.log_end();
    master.start_again();
    master.wait_for_log(from, &["json-http", "bytes of windows on the disk are damaged"], s(10));
    let end = now_s();
    let taken = || seconds(&listener.taken(), "user");
    let all = until(s(30), "new windows", || Some(taken()).filter(|all| all.last() >= Some(&end)));
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    assert!(all[0] < end - 3, "what was before the damage arrives: {all:?} {end}");
}

/// Goal: a disk that is full takes nothing down: windows wait in memory, which is told once, and arrive.
#[test]
fn the_disk_is_full() {
    let listener = Listener::start();
    listener.answer("503 Service Unavailable");
    let folder = tempfile::tempdir().expect("a folder");
    let lib = folder.path().join("lib");
    fs::create_dir(&lib).expect("a folder");
    let small = SmallDisk::mount(&lib);
    let mut master = backend(node::master("full"), "json-http", "x", &listener.url("/"), 1)
        .set("backend.json-http.queue_on_disk", "16MiB")
        .set("backend.json-http.buffer_on_failures", "40")
        .set("global.lib_dir", &lib.display().to_string())
        .set("backend.json-http.send_charts_matching", "system.cpu system.ram system.load")
        .start();
    let told = || told(&master, "json-http");
    until(s(40), "windows in memory", || (told()["backlog"]["memory_bytes"].as_i64() > Some(0)).then_some(()));
    let windows = told()["backlog"]["windows"].as_i64();
    until(s(20), "more of them", || (told()["backlog"]["windows"].as_i64() > windows.map(|it| it + 3)).then_some(()));
    assert!(files(&lib).len() <= 2, "{:?}", files(&lib));
    listener.answer("200 OK");
    let end = now_s();
    let taken = || seconds(&listener.taken(), "user");
    let all = until(s(40), "all windows", || Some(taken()).filter(|all| all.last() >= Some(&end)));
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    assert_eq!(missing(&all.iter().copied().collect(), all[0], end), [0; 0], "{}", master.log());
    let log = master.log();
    assert_eq!(log.matches("cannot be written to the disk").count(), 1, "{log}");
    master.wait_for_log(0, &["are written to the disk again"], s(20));
    master.terminate();
    drop(small);
}

/// A disk of few bytes, mounted until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &std::path::Path) -> Self {
        let run =
            std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder).status();
        assert!(run.is_ok_and(|status| status.success()), "mount of util-linux, as root");
        Self(folder.to_path_buf())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// Goal: backends come, move and go while the node runs: what waited for one that moves arrives where it is by then, one
/// that stays notices nothing, and a mistake changes nothing.
#[test]
fn settings_are_read_again() {
    let (stays, old, new) = (Listener::start(), Listener::start(), Listener::start());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("master.toml");
    let table = |name: &str, url: &str, more: &str| {
        format!(
            "[backend.{name}]\ntype = \"json-http\"\ndestination = \"{url}\"\nupdate_every = 1\nbuffer_on_failures = 60\n\
             send_charts_matching = \"system.cpu\"\n{more}\n"
        )
    };
    let write = |tables: &[String]| fs::write(&file, tables.concat()).expect("a file");
    write(&[]);
    let mut master = node::master("mover").file(&file).start();
    let mut reload = |words: &[&str]| {
        let from = master.log_end();
        master.reload();
        master.wait_for_log(from, words, s(10));
    };
    let taken = |listener: &Listener| seconds(&listener.taken(), "user");

    let staying = table("stays", &stays.url("/"), "");
    write(&[staying.clone(), table("moves", &old.url("/"), "")]);
    reload(&["settings are read again"]);
    until(s(20), "first values", || [&stays, &old].iter().all(|listener| taken(listener).len() >= 2).then_some(()));
    old.answer("503 Service Unavailable");
    let last = *taken(&old).last().expect("a value");
    until(s(20), "windows that wait", || (taken(&stays).last() >= Some(&(last + 4))).then_some(()));

    write(&[staying.clone(), table("moves", "ftp://nowhere", "")]);
    reload(&["settings stay as they were"]);
    write(&[staying.clone(), table("moves", &new.url("/"), "timeout = 5")]);
    reload(&["moves is told every 1 s"]);
    let arrived = until(s(20), "all that waited", || {
        let mut all = taken(&old);
        all.extend(taken(&new));
        (all.last() >= Some(&(last + 8))).then_some(all)
    });
    assert!(arrived.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{arrived:?}");

    write(&[staying]);
    reload(&["moves is told nothing more"]);
    let (told_to_it, end) = (taken(&new).len(), now_s());
    let all = until(s(20), "more values", || Some(taken(&stays)).filter(|all| all.last() >= Some(&(end + 3))));
    assert!(all.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{all:?}");
    assert_eq!(taken(&new).len(), told_to_it, "nothing comes after its end");
    assert!(told(&master, "moves").is_null() && !told(&master, "stays").is_null());
}
