//! Two real Netdatas compared with each other: proves the comparing code of the other tests, on
//! a pair of which nobody doubts that its two sides agree.

use integration_tests::agreement::Redefined;
use integration_tests::peer::netdata;
use integration_tests::peer::scripted::{Scripted, WELCOME, definition, row};
use integration_tests::traffic::Traffic;
use integration_tests::wait::{pass, s, until};
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

/// Goal: the child that tests play by hand speaks what a real parent understands.
#[test]
fn scripted_child_is_understood() {
    let parent = netdata::named("script-parent").plugins(&[]).accepts(API_KEY).start();
    let guid = "dddddddd-1111-2222-3333-444444444444";
    let mut child = Scripted::connect(parent.address(), API_KEY, "script-child", guid).unwrap();
    assert_eq!(child.answer(), WELCOME);
    child.send(&definition("some.chart")).unwrap();
    let host = parent.api().host("script-child");
    let mut value = 0;
    until(s(20), "a row of the child", || {
        value += 1;
        child.send(&row("some.chart", value)).unwrap();
        pass(s(1));
        host.last_entry("some.chart")
    });
    assert_eq!(host.charts()["some.chart"].dimensions["a"], "a");

    let mut refused = Scripted::connect(parent.address(), "99999999-2222-3333-4444-555555555555", "x", guid).unwrap();
    assert!(refused.answer().starts_with("You are not permitted"), "{}", refused.answer());
    assert!(refused.is_cut(s(5)));
    child.send("FROBNICATE 1 2\n").unwrap();
    assert!(child.is_cut(s(10)));
}
