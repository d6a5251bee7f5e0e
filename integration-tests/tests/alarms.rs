//! Alarms: what our master makes of them, beside a real Netdata, through kills, and with the real
//! script that sends notifications.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use integration_tests::API_KEY;
use integration_tests::api::Api;
use integration_tests::node::{self, Node, Role};
use integration_tests::peer::netdata;
use integration_tests::peer::scripted::{self, Scripted};
use integration_tests::wait::{self, s};
use tempfile::TempDir;

/// A folder with alarm files, a file that a master collects, and a program that notes what it is told.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(alarms: &str) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["health.d", "root/proc/sys/kernel/random"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        fs::write(desk.path("health.d/test.conf"), alarms).unwrap();
        desk.set(3_000);
        let told = desk.path("told").display().to_string();
        desk.program(
            "notify",
            &format!("#!/bin/sh\nfor word; do printf '[%s]' \"$word\"; done >> {told}\necho >> {told}\n"),
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the chart `system.entropy` shows from now on.
    fn set(&self, entropy: i64) {
        fs::write(self.path("root/proc/sys/kernel/random/entropy_avail"), format!("{entropy}\n")).unwrap();
    }

    /// The argument lists that the program was called with.
    fn told(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path("told")).unwrap_or_default();
        let inner = |line: &str| line[1..line.len() - 1].to_owned();
        let words = |line: &str| inner(line).split("][").map(str::to_owned).collect();
        text.lines().map(words).collect()
    }

    fn master(&self, program: &Path) -> node::Settings {
        self.of_role(node::master("alarm-master"), program)
    }

    fn of_role(&self, node: node::Settings, program: &Path) -> node::Settings {
        let folder = format!("[\"{}\"]", self.path("health.d").display());
        node.set("health.stock_alarms", "false")
            .set("collect.root", &self.path("root").display().to_string())
            .set("health.config_dir", &folder)
            .set("health.notify_exec", &program.display().to_string())
    }
}

/// The status of an alarm, once it has this one.
fn wait_for_status(master: &Node, chart: &str, alarm: &str, status: &str) {
    wait::until(s(40), &format!("{alarm} to be {status}"), || {
        let alarms = master.api().try_json("/api/v1/alarms?all").ok()?;
        (alarms["alarms"][&format!("{chart}.{alarm}")]["status"] == status).then_some(())
    });
}

const LOW: &str = "
alarm: low_entropy
on: system.entropy
calc: $entropy
every: 1s
units: entropy
warn: $this < (($status >= $WARNING) ? (1500) : (1000))
to: sysadmin
info: randomness runs out
";

/// Goal: a raised alarm is told once, whatever happens to the master; its end is told, too; and the
/// log goes on with the same numbers.
#[test]
fn a_kill_in_the_middle_of_an_alarm() {
    let desk = Desk::new(LOW);
    let mut master = desk.master(&desk.path("notify")).start();
    wait_for_status(&master, "system.entropy", "low_entropy", "CLEAR");
    desk.set(100);
    wait_for_status(&master, "system.entropy", "low_entropy", "WARNING");
    wait::until(s(10), "the program to be called", || (desk.told().len() == 1).then_some(()));
    wait::until(s(10), "its end to be noted", || {
        let log = master.api().try_json("/api/v1/alarm_log").ok()?;
        (log[0]["exec_run"].as_i64()? > 0).then_some(())
    });
    master.kill();
    master.start_again();
    wait_for_status(&master, "system.entropy", "low_entropy", "WARNING");
    desk.set(3_000);
    wait_for_status(&master, "system.entropy", "low_entropy", "CLEAR");
    wait::until(s(10), "the program to be called again", || (desk.told().len() == 2).then_some(()));
    let told = desk.told();
    assert_eq!((told[0].len(), &*told[0][9], &*told[0][10]), (29, "WARNING", "CLEAR"), "{told:?}");
    assert_eq!((&*told[1][9], &*told[1][10]), ("CLEAR", "WARNING"));
    assert_eq!(
        (&*told[0][0], &*told[0][6], &*told[0][11], &*told[0][17]),
        ("sysadmin", "low_entropy", "100", "randomness runs out")
    );
    assert_eq!(told[0][3], told[1][3], "the same alarm");
    let log = master.api().try_json("/api/v1/alarm_log").unwrap();
    let ids: Vec<i64> = log.as_array().unwrap().iter().map(|entry| entry["unique_id"].as_i64().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
}

/// Goal: files are read again without losing what is raised, and mistakes are told with file and line.
#[test]
fn files_are_read_again() {
    let desk = Desk::new(LOW);
    let mut master = desk.master(&desk.path("notify")).start();
    desk.set(100);
    wait_for_status(&master, "system.entropy", "low_entropy", "WARNING");
    let more = format!("{LOW}\nalarm: more\non: system.entropy\ncalc: $entropy * 2\nevery: 1s\nwarn: $this >\n");
    fs::write(desk.path("health.d/test.conf"), &more).unwrap();
    let end = master.log_end();
    master.reload();
    master.wait_for_log(end, &["test.conf:15", "warn", "column 8"], s(10));
    fs::write(desk.path("health.d/test.conf"), more.replace("$this >\n", "$this > 0\n")).unwrap();
    master.reload();
    wait_for_status(&master, "system.entropy", "more", "WARNING");
    let log = master.api().try_json("/api/v1/alarm_log").unwrap();
    let of_low = log.as_array().unwrap().iter().filter(|entry| entry["name"] == "low_entropy");
    let statuses: Vec<_> = of_low.map(|entry| entry["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["WARNING", "UNINITIALIZED"], "it stayed as it was: {log}");

    let folder = format!("health.config_dir=[\"{}\"]", desk.path("health.d").display());
    fs::write(desk.path("health.d/test.conf"), more).unwrap();
    let check = Role::Master.run(&["check", "--set", &folder]);
    let told = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(check.status.code() == Some(2) && told.contains("test.conf:15: warn: column 8"), "{told}");
}

/// Goal: the script of Debian's package sends what our master tells it.
#[test]
fn the_real_script() {
    let script = Path::new("/usr/lib/netdata/plugins.d/alarm-notify.sh");
    assert!(script.is_file(), "{} is missing: install netdata-core, or run `make peers`", script.display());
    let desk = Desk::new(LOW);
    let sent = desk.path("sent").display().to_string();
    let config = format!(
        "SEND_EMAIL=NO\nSEND_CUSTOM=YES\nDEFAULT_RECIPIENT_CUSTOM=everybody\nrole_recipients_custom[sysadmin]=everybody\n\
         custom_sender() {{\n    echo \"$host|$chart|$name|$status|$value_string|$1\" >> {sent}\n    sent=YES\n}}\n"
    );
    fs::write(desk.path("health_alarm_notify.conf"), config).unwrap();
    let folder = desk.folder.path().display().to_string();
    let master = desk.master(script).variable("NETDATA_USER_CONFIG_DIR", &folder).start();
    wait_for_status(&master, "system.entropy", "low_entropy", "CLEAR");
    desk.set(100);
    let line = wait::until(s(30), "the script to send", || fs::read_to_string(desk.path("sent")).ok());
    assert_eq!(line.trim(), "alarm-master|system.entropy|low_entropy|WARNING|100 entropy|everybody");
    wait::until(s(10), "its end to be noted", || {
        let log = master.api().try_json("/api/v1/alarm_log").ok()?;
        (log[0]["exec_run"].as_i64()? > 0 && log[0]["exec_failed"] == false).then_some(())
    });
}

/// Goal: the built-in alarms watch what this machine has, and find all that they calculate with.
#[test]
fn built_in_alarms() {
    let master = node::master("stock-master").start();
    let expected = [
        "system.cpu.10min_cpu_usage",
        "system.load.load_average_15",
        "system.ram.ram_in_use",
        "mem.available.ram_available",
        "system.active_processes.active_processes",
    ];
    wait::until(s(40), "values of the built-in alarms", || {
        let alarms = master.api().try_json("/api/v1/alarms?all").ok()?;
        let has_value = |name: &str| alarms["alarms"][name]["value"].is_number();
        // The mean of ten minutes is not there so soon.
        expected[2..].iter().all(|name| has_value(name)).then_some(())
    });
    let alarms = master.api().try_json("/api/v1/alarms?all").unwrap();
    let alarms = alarms["alarms"].as_object().unwrap();
    for name in expected {
        assert!(alarms.contains_key(name), "{name} is not among {:?}", alarms.keys().collect::<Vec<_>>());
    }
    assert_eq!(alarms["system.ram.ram_in_use"]["recipient"], "sysadmin");
}

/// Goal: the master tells of a host that stopped streaming, by its name, and when it is back.
#[test]
fn a_host_that_stops_is_told_of() {
    let desk = Desk::new(&HOSTS.replace("SECONDS", "8"));
    let program = desk.path("notify");
    let master = desk.master(&program).accepts(API_KEY).start();
    let mut collector = node::collector("silent-box").sends_to(master.address(), API_KEY).start();
    let alarm = "host_silent.silent-box";
    wait_for_status(&master, alarm, "stopped", "CLEAR");
    collector.kill();
    wait::until(s(50), "the program to be called", || (desk.told().len() == 1).then_some(()));
    let told = &desk.told()[0];
    assert_eq!((&*told[6], &*told[8], &*told[9]), ("stopped", "silent-box", "CRITICAL"), "{told:?}");
    collector.start_again();
    wait_for_status(&master, alarm, "stopped", "CLEAR");
}

const HOSTS: &str = "
template: stopped
on: tributary.host_silent
calc: $silent
every: 10s
crit: $this > SECONDS
to: sysadmin
";

const SIDE_BY_SIDE: &str = "
template: plain
on: side.chart
calc: $a
every: 1s
warn: $this > 50
crit: $this > 90
to: silent

template: hysteresis
on: side.chart
calc: $a
every: 1s
warn: $this > (($status >= $WARNING) ? (40) : (50))
crit: $this > (($status == $CRITICAL) ? (80) : (90))
delay: up 2s down 4s multiplier 1.5 max 10s
to: silent

template: mean
on: side.chart
lookup: average -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: most
on: side.chart
lookup: max -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: least
on: side.chart
lookup: min -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: total
on: side.chart
lookup: sum -5s unaligned of a
every: 1s
warn: $this > 250
to: silent

template: middle
on: side.chart
lookup: median -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: gain
on: side.chart
lookup: incremental-sum -5s unaligned of a
every: 1s
warn: $this > 20
to: silent

template: spread
on: side.chart
lookup: stddev -5s unaligned of a
every: 1s
warn: $this > 20
to: silent

alarm: of_alarm
on: side.chart
calc: ($plain > 50) ? ($mean) : (0)
every: 1s
warn: $this > 55
to: silent

template: each
on: side.chart
lookup: average -3s unaligned foreach a
every: 1s
crit: $this > 90
to: silent

template: slow
on: side.chart
calc: $a
every: 5s
warn: $this > 50
to: silent

template: of_cv
on: side.chart
lookup: cv -5s unaligned of a
every: 1s
warn: $this > 30
to: silent

template: of_ses
on: side.chart
lookup: ses -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: of_des
on: side.chart
lookup: des -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: of_countif
on: side.chart
lookup: countif -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: of_trimmed_mean10
on: side.chart
lookup: trimmed-mean10 -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: of_trimmed_median
on: side.chart
lookup: trimmed-median -5s unaligned of a
every: 1s
warn: $this > 50
to: silent

template: of_percentile95
on: side.chart
lookup: percentile95 -5s unaligned of a
every: 1s
warn: $this > 65
to: silent

template: before
on: side.chart
lookup: average -3s at -4s unaligned absolute percentage of a
every: 1s
warn: $this > 50
to: silent

template: long
on: side.chart
calc: $a
every: 1s
warn: $this > 50
crit: $this > 90
delay: up 3s down 1h multiplier 2 max 2h
to: silent

template: again
on: side.chart
calc: $a
every: 1s
warn: $this > 50
repeat: warning 3s critical 1h
to: sysadmin
";

/// The statuses that alarms of a host went to, and when; of each alarm from its first clear on, since
/// how soon that comes depends on when it was bound.
fn transitions(api: Api) -> BTreeMap<String, Vec<(i64, String)>> {
    let log = api.try_json("/host/side-box/api/v1/alarm_log").unwrap();
    let mut entries: Vec<_> = log.as_array().unwrap().iter().collect();
    entries.sort_by_key(|entry| entry["unique_id"].as_i64());
    let mut all: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for entry in entries {
        let status = entry["status"].as_str().unwrap().to_owned();
        let of_alarm = all.entry(entry["name"].as_str().unwrap().to_owned()).or_default();
        if status != "UNINITIALIZED" && status != "REMOVED" {
            of_alarm.push((
                entry["when"].as_i64().unwrap(),
                format!("{status} after {}, told after {}", entry["old_status"], entry["delay"]),
            ));
        }
    }
    all.values_mut().for_each(|of_alarm| drop(of_alarm.drain(..1.min(of_alarm.len()))));
    all
}

/// What expressions can name on the chart, and what the chart says of its alarms, is the same in both.
fn same_of_the_chart(theirs: &Api, ours: &Api) {
    let both = |path: &str| [theirs, ours].map(|api| api.try_json(&format!("/host/side-box/api/v1/{path}")).unwrap());
    let [their, our] = both("alarm_variables?chart=side.chart");
    for key in ["chart", "chart_name", "chart_context", "family", "host"] {
        assert_eq!(their[key], our[key], "{key}");
    }
    for key in ["chart_variables", "family_variables", "host_variables"] {
        let names = |of: &serde_json::Value| of[key].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        assert_eq!(sorted(names(&their)), sorted(names(&our)), "{key}");
    }
    assert_eq!(their["chart_variables"]["a_raw"], our["chart_variables"]["a_raw"]);
    let [their, our] = both("chart?chart=side.chart").map(|chart| chart["alarms"].as_object().unwrap().clone());
    for (name, alarm) in &their {
        for key in ["status", "units", "update_every"] {
            assert_eq!(alarm[key], our[name][key], "{name}: {key}");
        }
    }
    assert_eq!(their.len(), our.len());
    let [their, our] = both("info").map(|info| info["alarms"].clone());
    assert_eq!(their, our);
}

/// Where two lists of transitions differ: another status or delay, or more than a few seconds apart. Both programs
/// look once a second, each at its own moment, and on a busy machine one of them may skip one.
fn differences(
    theirs: &BTreeMap<String, Vec<(i64, String)>>,
    ours: &BTreeMap<String, Vec<(i64, String)>>,
) -> Vec<String> {
    let mut found = Vec::new();
    for name in theirs.keys().chain(ours.keys().filter(|&name| !theirs.contains_key(name))) {
        let [their, our] = [theirs, ours].map(|of| of.get(name).map_or(&[][..], Vec::as_slice));
        let limit_s = if name == "slow" { 6 } else { 2 };
        let alike =
            |(their, our): (&(i64, String), &(i64, String))| their.1 == our.1 && their.0.abs_diff(our.0) <= limit_s;
        if their.len() != our.len() || !their.iter().zip(our).all(alike) {
            found.push(format!("{name}: there {their:?}, here {our:?}"));
        }
    }
    found
}

/// Goal: two dozen alarms on one child go through the same statuses at the same seconds, within two, with the
/// same delays, here and in a real Netdata 1.37.1; and what is told again is told as often.
#[test]
fn beside_a_real_netdata() {
    let desk = Desk::new(SIDE_BY_SIDE);
    let real =
        netdata::named("side-real").plugins(&[]).accepts(API_KEY).alarms(SIDE_BY_SIDE, &desk.path("notify")).start();
    let ours = desk
        .master(&desk.path("notify"))
        .accepts(API_KEY)
        .set(&format!("api_keys.{API_KEY}.postpone_alarms_on_connect"), "1s")
        .start();
    let guid = "5d0c2b9e-0000-4000-8000-00000000a1a2";
    let mut children: Vec<_> = [real.address(), ours.address()]
        .map(|address| Scripted::connect(address, API_KEY, "side-box", guid).unwrap())
        .into();
    for child in &mut children {
        child.send(&scripted::definition("side.chart")).unwrap();
    }
    // Netdata looks for charts of a new child every ten seconds: until then nothing is to happen.
    let value = |second: i64| match second {
        0..22 => 10,
        22..31 => 70,
        31..38 => 95,
        38..40 => 60,
        _ => 10,
    };
    for second in 0..50 {
        for child in &mut children {
            child.send(&scripted::row("side.chart", value(second))).unwrap();
        }
        let now_s = wait::now_s();
        wait::until(s(3), "the next second", || (wait::middle_of_a_second() > now_s).then_some(()));
    }
    same_of_the_chart(&real.api(), &ours.api());
    let (theirs, ours) = (transitions(real.api()), transitions(ours.api()));
    assert_eq!(theirs.len(), 22, "{theirs:?}");
    let differ = differences(&theirs, &ours);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let by_theirs = |words: &Vec<String>| words[27].starts_with("sudo ");
    let again: Vec<_> = desk.told().into_iter().filter(|words| words[6] == "again").collect();
    let count = |theirs: bool| again.iter().filter(|words| by_theirs(words) == theirs).count();
    let (by_theirs, by_ours) = (count(true), count(false));
    assert!(
        by_theirs >= 4 && by_theirs.abs_diff(by_ours) <= 2,
        "told {by_theirs} times there, {by_ours} here: {again:?}"
    );
}

/// A proxy that watches the same file as its master, and a program of its own.
struct Levels {
    above: Desk,
    below: Desk,
    master: Node,
    proxy: Node,
}

impl Levels {
    fn start(below: &str, notify: &str) -> Self {
        let (above, below) = (Desk::new(LOW), Desk::new(below));
        let at_once = format!("api_keys.{API_KEY}.postpone_alarms_on_connect");
        let master = above.master(&above.path("notify")).accepts(API_KEY).set(&at_once, "1s").start();
        let proxy = below
            .of_role(node::proxy("levels-proxy"), &below.path("notify"))
            .set("health.notify", notify)
            .sends_to(master.address(), API_KEY)
            .start();
        let levels = Self { above, below, master, proxy };
        wait_for_status(&levels.proxy, "system.entropy", "low_entropy", "CLEAR");
        wait::until(s(40), "the master to watch the proxy", || {
            let alarms = levels.master.api().try_json("/host/levels-proxy/api/v1/alarms?all").ok()?;
            (alarms["alarms"]["system.entropy.low_entropy"]["status"] == "CLEAR").then_some(())
        });
        levels
    }

    /// What was told above and below, once there are so many of both.
    fn told(&self, count: usize) -> [Vec<String>; 2] {
        let statuses = |desk: &Desk| desk.told().iter().map(|words| words[9].clone()).collect::<Vec<_>>();
        wait::until(s(60), "the programs to be called", || {
            let told = [statuses(&self.above), statuses(&self.below)];
            (told[0].len() + told[1].len() >= count).then_some(told)
        })
    }
}

/// Goal: of an alarm that proxy and master hold, the master tells; while it is away the proxy does, and the
/// master does not tell it again.
#[test]
fn one_alarm_is_told_once() {
    let mut levels = Levels::start(LOW, "auto");
    levels.below.set(100);
    assert_eq!(levels.told(1), [vec!["WARNING".to_owned()], Vec::new()]);
    levels.master.kill();
    levels.below.set(3_000);
    assert_eq!(levels.told(2)[1], ["CLEAR"], "the master is away");
    levels.master.start_again();
    wait::until(s(60), "the master to watch again", || {
        let alarms = levels.master.api().try_json("/host/levels-proxy/api/v1/alarms?all").ok()?;
        (alarms["alarms"]["system.entropy.low_entropy"]["status"] == "CLEAR").then_some(())
    });
    levels.below.set(100);
    let once = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    assert_eq!(levels.told(3), [once(&["WARNING", "WARNING"]), once(&["CLEAR"])]);
}

/// Goal: what is not the same alarm is told by both, and so is all where a proxy always tells.
#[test]
fn two_alarms_are_told_twice() {
    for (below, notify) in [(LOW.replace("1000", "1001"), "auto"), (LOW.to_owned(), "always")] {
        let levels = Levels::start(&below, notify);
        levels.below.set(100);
        let warning = || vec!["WARNING".to_owned()];
        assert_eq!(levels.told(2), [warning(), warning()], "{notify}");
    }
}
