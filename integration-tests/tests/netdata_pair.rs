//! Two real Netdatas compared with each other: proves the comparing code of the other tests, on
//! a pair of which nobody doubts that its two sides agree.

use integration_tests::agreement::Redefined;
use integration_tests::peer::netdata;
use integration_tests::traffic::Traffic;
use integration_tests::{API_KEY, agreement};

/// Goal: a Netdata child and its Netdata parent are found equal, in definitions and in values.
#[test]
fn child_and_parent_agree() {
    let _traffic = Traffic::start();
    let parent = netdata::named("pair-parent").plugins(&[]).accepts(API_KEY).start();
    let child = netdata::named("pair-child").sends_to(parent.address(), API_KEY).start();
    agreement::whole(&child.host(), &parent.api().host("pair-child"), Redefined::LeftOut);
}

/// Goal: the same with LZ4, and through a Netdata that forwards.
#[test]
fn child_and_parent_behind_a_proxy_agree() {
    let _traffic = Traffic::start();
    let parent = netdata::named("pair-far").plugins(&[]).compression(true).accepts(API_KEY).start();
    let proxy = netdata::named("pair-proxy").plugins(&[]).compression(true).accepts(API_KEY).forwards();
    let proxy = proxy.sends_to(parent.address(), API_KEY).start();
    let child = netdata::named("pair-lz4").compression(true).sends_to(proxy.address(), API_KEY).start();
    agreement::whole(&child.host(), &parent.api().host("pair-lz4"), Redefined::LeftOut);
}

/// Goal: two hosts with different values are never found equal.
#[test]
#[should_panic(expected = "differences")]
fn different_hosts_differ() {
    let _traffic = Traffic::start();
    let one = netdata::named("pair-one").start();
    let other = netdata::named("pair-other").start();
    agreement::values(&one.host(), &other.host(), Redefined::LeftOut);
}
