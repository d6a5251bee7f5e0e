//! The dashboard in a real browser, used as people use it, with real hosts behind a proxy.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use integration_tests::node::{self, Node};
use integration_tests::tour::tour;
use integration_tests::{API_KEY, agreement};
use tempfile::TempDir;

/// A chart whose names are code, once a second.
const STRANGER: &str = "#!/bin/bash
code='<script>window.pwned=1</script><img src=x onerror=window.pwned=1><b>x</b>'
echo \"CHART evil.chart '' '$code' '$code' '$code' evil.context line 150\"
echo \"DIMENSION one '$code'\"
while sleep 1; do echo \"BEGIN evil.chart
SET one = 42
END\"; done
";

/// A master, a proxy, and a collector behind it that runs a plugin with evil names.
struct Fleet {
    master: Node,
    _proxy: Node,
    collector: Node,
    _plugins: TempDir,
}

fn fleet(name: &str) -> Fleet {
    let plugins = tempfile::tempdir().unwrap();
    let file = plugins.path().join("stranger.plugin");
    fs::write(&file, STRANGER).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let master = node::master(&format!("{name}-master")).accepts(API_KEY).start();
    let proxy = node::proxy(&format!("{name}-proxy")).accepts(API_KEY).sends_to(master.address(), API_KEY).start();
    let collector = node::collector(name)
        .sends_to(proxy.address(), API_KEY)
        .set("collect.plugins", "*")
        .set("collect.plugins_dir", &format!("[{:?}]", plugins.path().display().to_string()))
        .start();
    agreement::goes_on(&master.api().host(name), "system.cpu", 4);
    Fleet { master, _proxy: proxy, collector, _plugins: plugins }
}

impl Fleet {
    fn tour(&self, stage: &str, host: &str) {
        let said =
            tour(Path::new(env!("CARGO_TARGET_TMPDIR")), stage, &format!("http://{}/", self.master.address()), host);
        print!("{said}");
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
