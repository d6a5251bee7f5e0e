//! A real Netdata streams to our master beside its own host; `matrix.rs` has all ways to stream.

use integration_tests::agreement::Redefined;
use integration_tests::node;
use integration_tests::peer::netdata;
use integration_tests::traffic::Traffic;
use integration_tests::{API_KEY, agreement};

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
