//! What nobody collects any more leaves a node: hosts with their files, and charts.

use integration_tests::node::{self, Node};
use integration_tests::peer::scripted::{Scripted, WELCOME, definition, row};
use integration_tests::wait::{pass, s, until};
use integration_tests::{API_KEY, agreement};

const GUID: &str = "aaaaaaaa-1111-2222-3333-555555555555";
const CHART: &str = "system.cpu";

fn short(settings: node::Settings) -> node::Settings {
    settings
        .set("collect.enabled", "false")
        .set("global.cleanup_orphan_hosts_after", "2s")
        .set("global.cleanup_obsolete_charts_after", "2s")
        .accepts(API_KEY)
}

/// Whether a node lists a host, as a name of `info` and in the fleet list.
fn lists(node: &Node, name: &str) -> bool {
    let fleet = node.api().get("/api/v1/hosts").body;
    node.api().hosts().contains(&name.to_owned()) || fleet.contains(name)
}

fn has_files(node: &Node, guid: &str) -> bool {
    node.cache().join(guid).exists()
}

/// Goal: an ephemeral host that goes leaves nothing: not in the lists of proxy and master, not on the
/// disk, also after a restart; one that is not ephemeral stays. When it comes back all is as before.
#[test]
fn an_ephemeral_host_leaves_nothing() {
    let mut master = short(node::master("life-master")).set("global.memory_mode", "map").start();
    let proxy = short(node::proxy("life-proxy")).set("global.memory_mode", "none");
    let proxy = proxy.sends_to(master.address(), API_KEY).start();
    let box_of = |name: &str| node::collector(name).sends_to(proxy.address(), API_KEY);
    let mut passing = box_of("life-passing").set("global.ephemeral", "true").start();
    let mut staying = box_of("life-staying").start();
    for name in ["life-passing", "life-staying"] {
        agreement::goes_on(&master.api().host(name), CHART, 2);
    }
    let (passing_guid, staying_guid) = (passing.guid(), staying.guid());
    until(s(10), "files of both", || {
        (has_files(&master, &passing_guid) && has_files(&master, &staying_guid)).then_some(())
    });
    passing.kill();
    staying.kill();
    proxy.wait_for_log(0, &["life-passing", "left memory"], s(15));
    master.wait_for_log(0, &["life-passing", "left memory"], s(15));
    until(s(5), "the files of the ephemeral host to go", || (!has_files(&master, &passing_guid)).then_some(()));
    assert!(!lists(&proxy, "life-passing") && !lists(&master, "life-passing"));
    assert!(lists(&master, "life-staying") && has_files(&master, &staying_guid));
    passing.start_again();
    agreement::goes_on(&master.api().host("life-passing"), CHART, 3);
    assert!(has_files(&master, &passing_guid));
    passing.kill();
    let mark = master.log_end();
    master.wait_for_log(mark, &["life-passing", "left memory"], s(15));
    until(s(5), "its files to go again", || (!has_files(&master, &passing_guid)).then_some(()));
    master.start_again();
    assert!(lists(&master, "life-staying") && !lists(&master, "life-passing"));
}

/// Goal: a chart that a child marks obsolete leaves two seconds after its last row, others go on, and
/// when it comes back it is new.
#[test]
fn an_obsolete_chart_leaves() {
    let master = short(node::master("life-charts")).start();
    let mut child = Scripted::connect(master.address(), API_KEY, "life-child", GUID).unwrap();
    assert_eq!(child.answer(), WELCOME);
    let host = master.api().host("life-child");
    let mut value = 0;
    let mut rows = |child: &mut Scripted, charts: &[&str]| {
        value += 1;
        charts.iter().for_each(|chart| child.send(&row(chart, value)).unwrap());
        pass(s(1));
    };
    let both = ["some.ended", "some.kept"];
    both.iter().for_each(|chart| child.send(&definition(chart)).unwrap());
    let first = until(s(20), "rows of both charts", || {
        rows(&mut child, &both);
        both.map(|chart| host.last_entry(chart)).into_iter().collect::<Option<Vec<_>>>()
    });
    let obsolete = definition("some.ended").replacen("1000 1 \"\"", "1000 1 \"obsolete\"", 1);
    assert_ne!(obsolete, definition("some.ended"));
    child.send(&obsolete).unwrap();
    until(s(20), "the obsolete chart to leave", || {
        rows(&mut child, &["some.kept"]);
        host.last_entry("some.ended").is_none().then_some(())
    });
    let charts: Vec<_> = host.charts().into_keys().collect();
    assert_eq!(charts, ["some.kept"]);
    master.wait_for_log(0, &["1 charts", "left memory"], s(5));
    child.send(&definition("some.ended")).unwrap();
    until(s(20), "the chart to come back", || {
        rows(&mut child, &both);
        host.last_entry("some.ended")
    });
    let charts = host.charts();
    assert!(charts["some.ended"].first_entry > first[0], "nothing of what was before");
    assert!(charts["some.kept"].first_entry <= first[1], "the other went on");
}
