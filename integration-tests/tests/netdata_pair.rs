//! Two real Netdatas compared with each other: proves the comparing code of the other tests, on
//! a pair of which nobody doubts that its two sides agree.

use integration_tests::api::Window;
use integration_tests::peer::netdata;
use integration_tests::traffic::Traffic;
use integration_tests::wait::{now_s, s, until};
use integration_tests::{API_KEY, compare};

/// Goal: a Netdata child and its Netdata parent are found equal in definitions and values, and
/// the same comparison one second off finds differences.
#[test]
fn child_and_parent_agree() {
    let _traffic = Traffic::start();
    let parent = netdata::named("pair-parent").plugins(&[]).accepts(API_KEY).start();
    let child = netdata::named("pair-child").sends_to(parent.address(), API_KEY).start();
    let (here, there) = (child.host(), parent.api().host("pair-child"));

    until(s(20), "the parent to list the child", || {
        parent.api().hosts().contains(&"pair-child".to_owned()).then_some(())
    });
    let start = until(s(20), "system.cpu to have rows on the parent", || there.last_entry("system.cpu")) + 1;
    let window = Window { after: start + 3, before: start + 22 };
    until(s(40), "the window to be 2 s old", || (now_s() >= window.before + 3).then_some(()));
    until(s(10), "every definition to be there", || compare::missing(&here, &there).is_empty().then_some(()));

    let charts = compare::covering(&here, &there, window);
    assert!(charts.len() >= 20, "only {charts:?}");
    compare::values(&here, &there, &charts, window).assert_equal(2000);

    let cpu = here.data("system.cpu", window);
    let shifted = here.data("system.cpu", Window { after: window.after + 1, before: window.before + 1 });
    assert_ne!(cpu.rows.values().collect::<Vec<_>>(), shifted.rows.values().collect::<Vec<_>>());
}
