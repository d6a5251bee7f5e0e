//! A real Netdata streams to our master: what the child keeps and what we keep is the same.

use integration_tests::agreement::Redefined;
use integration_tests::node::{self, Node};
use integration_tests::peer::netdata;
use integration_tests::traffic::Traffic;
use integration_tests::{API_KEY, agreement};

fn quiet_master(hostname: &str) -> Node {
    node::master(hostname).set("collect.enabled", "false").accepts(API_KEY).start()
}

/// Goal: every chart, dimension and value of a Netdata child is on our master, plain.
#[test]
fn plain() {
    let _traffic = Traffic::start();
    let master = quiet_master("plain-master");
    let child = netdata::named("plain-child").sends_to(master.address(), API_KEY).start();
    agreement::whole(&child.host(), &master.api().host("plain-child"), Redefined::Compared);
    master.wait_for_log(0, &["STREAM", "plain-child", "[receive from "], integration_tests::wait::s(1));
}

/// Goal: the same with LZ4 between the two.
#[test]
fn lz4() {
    let _traffic = Traffic::start();
    let master = quiet_master("lz4-master");
    let child = netdata::named("lz4-child").compression(true).sends_to(master.address(), API_KEY).start();
    agreement::whole(&child.host(), &master.api().host("lz4-child"), Redefined::Compared);
    assert!(child.log().contains("COMPRESSION"), "the child does not say that it compresses:\n{}", child.log());
}

/// Goal: a master that collects its own host at the same time keeps the two apart.
#[test]
fn beside_its_own_host() {
    let _traffic = Traffic::start();
    let master = node::master("both-master").accepts(API_KEY).start();
    let child = netdata::named("both-child").sends_to(master.address(), API_KEY).start();
    agreement::whole(&child.host(), &master.api().host("both-child"), Redefined::Compared);
    agreement::goes_on(&master.host(), "system.cpu", 2);
    assert_eq!(master.api().hosts(), ["both-master", "both-child"]);
}
