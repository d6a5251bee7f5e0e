//! External plugins and statsd: programs of every kind under a real collector, and what its master has of them.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration_tests::api::{Host, escape};
use integration_tests::node::{self, Node, Settings};
use integration_tests::peer::netdata;
use integration_tests::wait::{pass, s, until};
use integration_tests::{API_KEY, agreement, compare, port, process};
use tempfile::TempDir;

/// Where Debian's packages put plugins, and their configuration.
const DEBIAN_PLUGINS: &str = "/usr/lib/netdata/plugins.d";
const DEBIAN_CONFIG: &str = "/usr/lib/netdata/conf.d";
const BOX: &str = "11111111-2222-3333-4444-666666666666";

/// A folder of plugins: names and what their shell is told.
fn plugins(scripts: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        let file = folder.path().join(format!("{name}.plugin"));
        fs::write(&file, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn list(folders: &[&Path]) -> String {
    let quoted: Vec<_> = folders.iter().map(|folder| format!("{:?}", folder.display().to_string())).collect();
    format!("[{}]", quoted.join(", "))
}

/// A master, and a collector that runs all plugins of a folder.
fn pair(name: &str, folder: &Path, adjust: impl FnOnce(Settings) -> Settings) -> (Node, Node) {
    let master = node::master(&format!("{name}-master")).set("collect.enabled", "false").accepts(API_KEY).start();
    let collector = node::collector(name).sends_to(master.address(), API_KEY).set("collect.plugins", "*");
    let collector = adjust(collector.set("collect.plugins_dir", &list(&[folder])));
    (master, collector.start())
}

/// Prints a row of one chart in each second.
const GOOD: &str = "\
echo \"CHART shell.good '' 'A good one' units\"; echo 'DIMENSION value'
while sleep 1; do echo \"BEGIN shell.good
SET value = 42
END\"; done";

fn is_alive(pid: &str) -> bool {
    // A zombie that nobody waits for is dead, too.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Goal: one good plugin is collected second by second beside others that flood, hang, print garbage, complain
/// without end, do not want to run, or die; the log tells of each, and the collector stays what it is.
#[test]
fn good_and_bad_ones() {
    let folder = plugins(&[
        ("good", GOOD),
        ("flood", "echo 'CHART shell.flood'; echo 'DIMENSION x'; exec yes $'BEGIN shell.flood\\nSET x = 1\\nEND'"),
        ("hang", "echo 'CHART shell.hang'; exec sleep 1000"),
        ("garbage", "echo 'CHART shell.garbage'; echo 'Segmentation fault'; exec sleep 1000"),
        ("broken", "echo 'BEGIN no.such'; exec sleep 1000"),
        ("loud", "while true; do echo complaint >&2; done"),
        ("unwilling", "echo DISABLE"),
        ("dead", "exit 3"),
        ("killed", "kill -9 $$"),
        ("endless", "exec tr '\\0' x </dev/zero"),
        ("once", "echo 'CHART shell.once'; echo 'DIMENSION x'; echo 'BEGIN shell.once'; echo 'SET x = 1'; echo END"),
    ]);
    let file = folder.path().join("unfit.plugin");
    fs::write(file, "no program at all").unwrap();
    let (master, mut collector) = pair("plugins-box", folder.path(), |settings| settings);
    let host = master.api().host("plugins-box");
    for words in [
        ["garbage.plugin", "line 2, \"Segmentation fault\": no command that is known"],
        ["broken.plugin", "no such chart; it is not run again"],
        ["unwilling.plugin", "it asked not to be run; it is not run again"],
        ["dead.plugin", "it ended with status 3 after 0 rows; the next run is in 60 s"],
        ["killed.plugin", "it was killed by signal 9"],
        ["endless.plugin", "line 1 is longer than"],
        ["unfit.plugin", "it cannot be started"],
        ["once.plugin", "it ended with status 0 after 1 rows; the next run is in 1 s"],
        ["loud.plugin says", "complaint"],
    ] {
        collector.wait_for_log(0, &[&["PLUGIN "], &words[..]].concat(), s(20));
    }
    // Each second has its row, whatever the others do.
    agreement::goes_on(&host, "shell.good", 10);
    agreement::goes_on(&host, "system.cpu", 3);
    let charts = host.charts();
    assert!(charts.contains_key("shell.flood") && charts.contains_key("shell.once"));
    let complaints = collector.log().matches("loud.plugin says").count();
    assert_eq!(complaints, 200, "complaints in the log");
    let cpu = collector.process().cpu_time_of_threads();
    pass(s(5));
    let spent = collector.process().cpu_time_of_threads().saturating_sub(cpu);
    println!("beside a flood: {} ms of CPU in 5 s", spent.as_millis());
    assert!(spent < s(1), "{spent:?} of CPU in 5 s");
    let resident = collector.process().resident_bytes();
    println!("{resident} bytes resident with twelve plugins");
    collector.terminate();
}

/// Goal: a plugin is started with its update every and its arguments and no shell in between, is told what
/// Netdata's plugins are told, and no secret of ours; its standard input stays open.
#[test]
fn how_plugins_are_started() {
    let out = tempfile::tempdir().unwrap();
    let out_path = out.path().join("told");
    let script = "printf '%s\\n' \"$@\" > $OUT.new; env >> $OUT.new; [[ $(ps -o sid= $$) ]]; \
                  read -t 2; echo \"read: $?\" >> $OUT.new; mv $OUT.new $OUT; exec sleep 1000";
    let folder = plugins(&[("shy.d", script)]);
    let (_master, mut collector) = pair("env-box", folder.path(), |settings| {
        let settings = settings.variable("OUT", &out_path.display().to_string());
        let settings = settings.variable("TRIBUTARY_STREAM__API_KEY", "99999999-2222-3333-4444-555555555555");
        let settings = settings.set("plugin.shy.d.update_every", "3");
        settings.set("plugin.shy.d.arguments", r#"["a b", "$(touch /tmp/x)", ""]"#)
    });
    let told = until(s(15), "the plugin to tell what it was told", || fs::read_to_string(&out_path).ok());
    assert!(told.starts_with("3\na b\n$(touch /tmp/x)\n\n"), "{told}");
    for line in ["NETDATA_UPDATE_EVERY=1", "NETDATA_HOSTNAME=env-box", "NETDATA_HOST_PREFIX=", "LC_ALL=C"] {
        assert!(told.lines().any(|told| told == line), "{line}: {told}");
    }
    let dir = format!("NETDATA_PLUGINS_DIR={}", folder.path().display());
    assert!(told.contains(&dir) && told.contains(&collector.guid()), "{told}");
    assert!(!told.contains("TRIBUTARY_") && !told.contains("99999999"), "{told}");
    assert!(told.contains("read: 142"), "standard input is closed: {told}");
    collector.terminate();
}

/// Goal: what a plugin started ends with the node, even if it and the plugin want no SIGTERM, and within the
/// time that a stop may take.
#[test]
fn nothing_stays_behind() {
    let out = tempfile::tempdir().unwrap();
    let pids = out.path().join("pids");
    let script = "trap '' TERM; sleep 1000 & echo $$ $! > $OUT; while true; do sleep 1; done";
    let folder = plugins(&[("stubborn", script)]);
    let (_master, mut collector) =
        pair("fork-box", folder.path(), |settings| settings.variable("OUT", &pids.display().to_string()));
    let pids = until(s(15), "the plugin to run", || fs::read_to_string(&pids).ok().filter(|pids| pids.ends_with('\n')));
    let pids: Vec<&str> = pids.split_whitespace().collect();
    assert!(pids.iter().all(|pid| is_alive(pid)), "{pids:?}");
    collector.terminate();
    until(s(2), "all of the plugin to be gone", || pids.iter().all(|pid| !is_alive(pid)).then_some(()));
}

/// Goal: a plugin that is put into the folder of a node that runs is found; one whose file went is not run.
#[test]
#[ignore = "takes more than a minute: make soak"]
fn new_plugins_are_found() {
    let folder = plugins(&[]);
    let (master, mut collector) = pair("new-box", folder.path(), |settings| settings);
    pass(s(5));
    let late = plugins(&[("good", GOOD)]);
    fs::rename(late.path().join("good.plugin"), folder.path().join("good.plugin")).unwrap();
    until(s(70), "the chart of the new plugin", || {
        master.api().host("new-box").try_charts().ok()?.contains_key("shell.good").then_some(())
    });
    collector.terminate();
}

/// Goal: a host that a plugin defines is streamed to the master under its own name, row by row, beside
/// the collector's own, with its labels; it goes on after the master was away.
#[test]
fn virtual_hosts_are_streamed() {
    let script = format!(
        "echo 'HOST_DEFINE {BOX} virtual-box
HOST_LABEL _os_name Other
HOST_DEFINE_END
CHART remote.load
DIMENSION one'
while sleep 1; do echo 'HOST {BOX}
BEGIN remote.load
SET one = 7
END
HOST localhost'; done"
    );
    let folder = plugins(&[("remote", &script)]);
    let (mut master, mut collector) = pair("nodes-box", folder.path(), |settings| settings);
    let virtual_box = master.api().host("virtual-box");
    agreement::goes_on(&virtual_box, "remote.load", 5);
    agreement::goes_on(&master.api().host("nodes-box"), "system.cpu", 2);
    assert!(!master.api().host("nodes-box").charts().contains_key("remote.load"));
    assert!(master.api().hosts().contains(&"virtual-box".to_owned()));
    let here = collector.log_end();
    master.start_again();
    collector.wait_for_log(here, &["STREAM virtual-box", "established communication"], s(30));
    agreement::goes_on(&master.api().host("virtual-box"), "remote.load", 5);
    collector.terminate();
}

/// Goal: a function of a plugin is called through the master, with its arguments, and answers.
#[test]
fn functions_are_called() {
    let script = "echo 'FUNCTION GLOBAL \"tell\" 10 \"tells what it is told\"'
echo 'CHART shell.functions'; echo 'DIMENSION x'; echo 'BEGIN shell.functions'; echo 'SET x = 1'; echo 'END'
while read -r word id timeout name; do
  echo \"FUNCTION_RESULT_BEGIN $id 200 text/plain 0
told: $name
FUNCTION_RESULT_END\"
done";
    let folder = plugins(&[("functions", script)]);
    let (master, mut collector) = pair("call-box", folder.path(), |settings| settings);
    until(s(20), "the function at the master", || {
        let info = master.api().try_json("/host/call-box/api/v1/info").ok()?;
        info.to_string().contains("\"tell\"").then_some(())
    });
    let call = |function: &str| -> String {
        let url = format!(
            "http://{}/host/call-box/api/v1/function?timeout=5&function={}",
            master.address(),
            escape(function)
        );
        let curl = process::program("curl", "curl");
        let output = Command::new(curl).args(["-s", "-X", "POST", "--max-time", "10", &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(call("tell me"), "told: \"tell me\"");
    assert!(call("no such").contains("\"status\":404"), "{}", call("no such"));
    collector.terminate();
}

/// Writes files of a plugin's configuration.
fn configured(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn grows(host: &Host, chart: &str) {
    let first = until(s(45), &format!("rows of {chart}"), || host.last_entry(chart).filter(|last| *last > 0));
    until(s(15), &format!("more rows of {chart}"), || host.last_entry(chart).filter(|last| *last > first + 2));
}

/// Goal: apps.plugin, charts.d.plugin and python.d.plugin of Debian's packages run under our collector, and
/// their charts are at the master, with values, and the function of apps.plugin answers.
#[test]
fn plugins_of_debian() {
    let folder = PathBuf::from(DEBIAN_PLUGINS);
    for (file, package) in [
        ("apps.plugin", "netdata-core"),
        ("charts.d.plugin", "netdata-plugins-bash"),
        ("python.d.plugin", "netdata-plugins-python"),
    ] {
        assert!(folder.join(file).is_file(), "{file} of {package} is not installed: run `make peers`");
    }
    let config = configured(&[
        ("charts.d.conf", "enable_all_charts=no\nexample=force\n"),
        ("charts.d/example.conf", "example_magic_number=12345\n"),
        ("python.d.conf", "default_run: no\nexample: yes\n"),
        ("python.d/example.conf", "four:\n  name: four\n  update_every: 1\n"),
    ]);
    let (master, mut collector) = pair("debian-box", &folder, |settings| {
        let folders = list(&[config.path(), Path::new(DEBIAN_CONFIG)]);
        settings.set("collect.plugins", "apps charts.d python.d").set("collect.plugins_config_dir", &folders)
    });
    let host = master.api().host("debian-box");
    for chart in ["apps.cpu", "users.mem", "example_four.random", "example.random"] {
        grows(&host, chart);
    }
    let charts = host.charts();
    let plugin = |chart: &str| charts[chart].all["plugin"].as_str().unwrap_or_default().to_owned();
    assert_eq!(plugin("apps.cpu"), "apps.plugin");
    assert_eq!(plugin("example_four.random"), "python.d.plugin");
    assert!(charts["apps.processes"].dimensions.len() > 2, "{:?}", charts["apps.processes"].dimensions);
    let log = collector.log();
    assert!(!log.contains("it is not run again") && !log.contains("the next run is in"), "{log}");
    let threads = collector.process().threads();
    println!("{} bytes resident with three plugins, {threads} threads", collector.process().resident_bytes());
    // One collects and streams, one is for plugins; a third asks file systems where one may hang.
    assert!((2..=3).contains(&threads), "{threads}");
    let url = format!("http://{}/host/debian-box/api/v1/function?timeout=10&function=processes", master.address());
    let curl = Command::new(process::program("curl", "curl")).args(["-s", "-X", "POST", &url]).output().unwrap();
    let table = String::from_utf8_lossy(&curl.stdout).into_owned();
    assert!(table.contains("\"columns\"") && table.contains("\"data\""), "{}", &table[..table.len().min(500)]);
    collector.terminate();
}

/// Goal: metrics that programs send by UDP and TCP are charts at the master, and an open port is no weakness:
/// what is too much or no metric at all is left out.
#[test]
fn statsd() {
    use std::io::Write;
    let port = port::free();
    let master = node::master("statsd-master").set("collect.enabled", "false").accepts(API_KEY).start();
    let collector = node::collector("statsd-box").sends_to(master.address(), API_KEY);
    let collector = collector.set("collect.statsd.enabled", "true").set("collect.statsd.port", &port.to_string());
    let mut collector = collector.set("collect.statsd.metrics_max", "20").start();
    collector.wait_for_log(0, &["statsd: listening on 127.0.0.1", "UDP and TCP"], s(10));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let host = master.api().host("statsd-box");
    until(s(30), "metrics of both protocols", || {
        socket.send_to(b"app.requests:3|c\napp.level:12.5|g", ("127.0.0.1", port)).unwrap();
        stream.write_all(b"tcp.time:20|ms\ntcp.ti").unwrap();
        stream.write_all(b"me:40|ms\n").unwrap();
        pass(s(1));
        let charts = host.try_charts().ok()?;
        let all = ["statsd_app.requests_counter", "statsd_app.level_gauge", "statsd_tcp.time_timer"];
        all.iter().all(|chart| charts.get(*chart).is_some_and(|chart| chart.last_entry > 0)).then_some(())
    });
    agreement::goes_on(&host, "statsd_app.level_gauge", 5);
    for number in 0..2_000 {
        socket.send_to(format!("flood{number}:1|c").as_bytes(), ("127.0.0.1", port)).unwrap();
        socket.send_to(b"\xff\xfe:|#@", ("127.0.0.1", port)).unwrap();
    }
    stream.write_all(&[b'x'; 20_000]).unwrap();
    collector.wait_for_log(0, &["statsd: metrics beyond 20 are left out"], s(10));
    agreement::goes_on(&host, "statsd_app.level_gauge", 5);
    assert_eq!(host.charts().keys().filter(|chart| chart.starts_with("statsd_")).count(), 20);
    let threads = collector.process().threads();
    assert!((2..=3).contains(&threads), "{threads}");
    println!("{} bytes resident with statsd", collector.process().resident_bytes());
    collector.terminate();
}

/// Goal: the same metrics make the same charts at Netdata 1.37.1 and at ours, and gauges and rates the same values.
#[test]
fn statsd_beside_netdata() {
    const LINES: &str = "app.g:12.5|g\napp.g:+1|g\napp.c:3|c\napp.c2:4|c|@0.5\nmy_app.m:2|m\nbare\nsolo:5\napp.t:10|ms\n\
        app.t:20|ms\napp.t:30|ms\napp.h:1.5|h\napp.s:a|s\napp.s:b|s\napp.d:x|d\napp.d:y|d\nwe ird/na-me.x y:7|g\n\
        tagged.g:1|g|#units:apples,family:trees,name:fruit\nzz.top:zinit|g\nUpper.Case:1|c\na.b.c.d:1|g\nno_dot:1|c\n\
        .lead:1|g\nwith-dash.x_y-z:1|g\nno.type:9|";
    let (here, there) = (port::free(), port::free());
    let peer = netdata::named("statsd-peer").plugins(&["statsd"]).statsd(there).start();
    let master = node::master("statsd-ours").set("collect.statsd.enabled", "true");
    let master = master.set("collect.statsd.port", &here.to_string()).start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..10 {
        for port in [here, there] {
            socket.send_to(LINES.as_bytes(), ("127.0.0.1", port)).unwrap();
        }
        pass(s(1));
    }
    let charts = |host: &Host| {
        let mut charts = host.charts();
        charts.retain(|chart, _| chart.starts_with("statsd_"));
        charts
    };
    let (ours, theirs) = (charts(&master.host()), charts(&peer.host()));
    assert_eq!(theirs.len(), 19, "{:?}", theirs.keys());
    assert_eq!(compare::missing_of(&theirs, &ours), [""; 0]);
    assert_eq!(ours.len(), theirs.len());
    let newest = |host: &Host, chart: &str, dimension: &str| {
        let last = host.last_entry(chart).unwrap();
        let data = host.data(chart, integration_tests::api::Window { after: last - 3, before: last - 2 });
        data.column(dimension).unwrap().iter().filter_map(|(_, value)| *value).next_back().unwrap()
    };
    for (chart, dimension) in [
        ("statsd_app.g_gauge", "gauge"),
        ("statsd_app.c_counter", "counter"),
        ("statsd_app.c2_counter", "counter"),
        ("statsd_my.app.m_meter", "meter"),
        ("statsd_bare.meter", "meter"),
        ("statsd_app.s_set", "unique"),
        ("statsd_app.t_timer", "average"),
        ("statsd_app.t_timer", "95.0%"),
        ("statsd_app.d_dictionary", "x"),
        ("statsd_tagged.g_gauge", "fruit"),
    ] {
        let (a, b) = (newest(&master.host(), chart, dimension), newest(&peer.host(), chart, dimension));
        // A second's packets may be counted in the next one.
        assert!((a - b).abs() <= 0.05 * b.abs() + 0.01, "{chart} {dimension}: {a} against {b}");
    }
}
