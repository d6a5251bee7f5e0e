//! The dashboard in a real browser, used as people use it, with real hosts behind a proxy.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use integration_tests::node::{self, Node};
use integration_tests::tour::tour;
use integration_tests::{API_KEY, agreement};
use tempfile::TempDir;

/// Once a second: a chart whose names are code, one that an alarm watches, and a host of its own with a label.
const STRANGER: &str = "#!/bin/bash
code='<script>window.pwned=1</script><img src=x onerror=window.pwned=1><b>x</b>'
echo \"CHART evil.chart '' '$code' '$code' '$code' evil.context line 150\"
echo \"DIMENSION one '$code'\"
echo \"CHART desk.queue '' 'Letters that wait' letters queue desk.queue line 160\"
echo \"DIMENSION waiting\"
echo \"HOST_DEFINE 6d1a7f7e-0d0c-4c53-9d2f-2f6f0c1e7b11 NAME-probe\"
echo \"HOST_LABEL room cellar\"
echo \"HOST_DEFINE_END\"
echo \"CHART probe.heat '' 'Warmth' Celsius heat probe.heat line 170\"
echo \"DIMENSION cellar\"
while sleep 1; do echo \"HOST localhost
BEGIN evil.chart
SET one = 42
END
BEGIN desk.queue
SET waiting = 42
END
HOST 6d1a7f7e-0d0c-4c53-9d2f-2f6f0c1e7b11
BEGIN probe.heat
SET cellar = 17
END\"; done
";

/// It is raised as soon as anybody looks.
const ALARM: &str = "
alarm: long_queue
on: desk.queue
lookup: average -5s unaligned of waiting
every: 1s
units: letters
warn: $this > 20
crit: $this > 35
info: letters wait for somebody to read them
to: sysadmin
";

/// A password that no page may show.
const PASSWORD: &str = "a-word-that-nobody-sees";

/// A master, a proxy, and a collector behind it that runs a plugin with evil names.
struct Fleet {
    master: Node,
    proxy: Node,
    collector: Node,
    _files: TempDir,
}

fn fleet(name: &str) -> Fleet {
    let files = tempfile::tempdir().unwrap();
    let [plugins, alarms] = ["plugins.d", "health.d"].map(|folder| files.path().join(folder));
    for (folder, file, text) in
        [(&plugins, "stranger.plugin", STRANGER.replace("NAME", name)), (&alarms, "desk.conf", ALARM.to_owned())]
    {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let master = node::master(&format!("{name}-master"))
        .accepts(API_KEY)
        .set(&format!("api_keys.{API_KEY}.postpone_alarms_on_connect"), "1s")
        .set("health.config_dir", &format!("[{:?}]", alarms.display().to_string()))
        .set("backend.archive.type", "influx")
        .set("backend.archive.destination", "127.0.0.1:1")
        .set("backend.archive.password", PASSWORD)
        .start();
    let proxy = node::proxy(&format!("{name}-proxy")).accepts(API_KEY).sends_to(master.address(), API_KEY).start();
    let collector = node::collector(name)
        .sends_to(proxy.address(), API_KEY)
        .set("collect.plugins", "*")
        .set("collect.plugins_dir", &format!("[{:?}]", plugins.display().to_string()))
        .start();
    agreement::goes_on(&master.api().host(name), "system.cpu", 4);
    Fleet { master, proxy, collector, _files: files }
}

impl Fleet {
    fn tour(&self, stage: &str, host: &str) {
        self.tour_of(&self.master, stage, host);
    }

    fn tour_of(&self, node: &Node, stage: &str, host: &str) {
        let secrets = [API_KEY, PASSWORD].join(" ");
        let variables = [("MANAGEMENT_KEY", self.master.management_key()), ("SECRETS", secrets)];
        let root = format!("http://{}/", node.address());
        print!("{}", tour(Path::new(env!("CARGO_TARGET_TMPDIR")), stage, &root, host, &variables));
    }
}

/// Goal: every page shows itself at two sizes in both themes, without a complaint of the browser, without a call
/// to anybody else, and with a name for all that can be used.
#[test]
fn every_page_shows_itself() {
    fleet("tour-pages").tour("everyPage", "tour-pages");
}

/// Goal: the charts of a host are live in one call per tick; pausing, dragging and zooming move all of them, and
/// an address shows the same again.
#[test]
fn charts_follow_the_hand_and_the_address() {
    fleet("tour-charts").tour("charts", "tour-charts");
}

/// Goal: keys, search, themes and the menu of hosts do what they say, and a node that is away is told. A node that
/// wants a token is given one, and what its registry knows is in the menu.
#[test]
fn keys_and_menus_work() {
    let fleet = fleet("tour-hands");
    fleet.tour("hands", "tour-hands");
    fleet.tour("doors", "tour-hands");
}

/// Goal: the list of hosts is searched, sorted and grouped by a label, and its address shows the same again; a badge is
/// what was chosen.
#[test]
fn the_fleet_is_found_and_told() {
    let fleet = fleet("tour-fleet");
    fleet.tour("fleet", "tour-fleet");
    fleet.tour("badges", "tour-fleet");
}

/// Goal: what is raised is told on every page and leads to its alarm, with value, rule and levels; who has the node's
/// key silences it, and nobody else.
#[test]
fn alarms_are_told_and_silenced() {
    let fleet = fleet("tour-alarms");
    fleet.tour("alarms", "tour-alarms");
    fleet.tour("silence", "tour-alarms");
}

/// Goal: the page of a node tells its streams in and out, what it keeps, where it archives, and its settings, but no
/// secret.
#[test]
fn a_node_tells_of_itself() {
    let fleet = fleet("tour-node");
    fleet.tour("thisNode", "tour-node");
    fleet.tour_of(&fleet.proxy, "sender", "tour-node");
}

/// Goal: a title, a unit or a dimension that is a script does nothing; a host that went is not drawn as if it were
/// there.
#[test]
fn strangers_are_harmless_and_the_gone_are_told() {
    let mut fleet = fleet("tour-gone");
    fleet.tour("strangers", "tour-gone");
    fleet.collector.terminate();
    fleet.tour("gone", "tour-gone");
}

/// Goal: what the page costs the machine of the one who looks, for people to read.
#[test]
#[ignore = "a measurement, not a test"]
fn what_sixty_charts_cost() {
    fleet("tour-cost").tour("cost", "tour-cost");
}
