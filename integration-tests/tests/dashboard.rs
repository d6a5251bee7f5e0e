//! The dashboard in a real browser: it draws, and shows the hosts that stream.

use integration_tests::browser::{attributes, dom, tag_with};
use integration_tests::wait::{s, until_or};
use integration_tests::{API_KEY, agreement, node};

/// Goal: the first page shows this node and its child, and charts of the chosen host with data.
#[test]
fn shows_hosts_and_charts() {
    let master = node::master("page-master").accepts(API_KEY).start();
    let _collector = node::collector("page-box").sends_to(master.address(), API_KEY).start();
    agreement::goes_on(&master.api().host("page-box"), "system.cpu", 4);
    agreement::goes_on(&master.host(), "system.cpu", 1);

    let first = format!("http://{}/", master.address());
    let names =
        |page: &str| ["page-master", "page-box"].iter().all(|name| attributes(page, "data-host").contains(name));
    drawn(&first, names);
    drawn(&format!("{first}host/page-box/"), |page| points(page, "system.cpu") > 0);
}

/// Waits until the page shows that; a busy machine may need a second look.
fn drawn(url: &str, shows: impl Fn(&str) -> bool) {
    let mut last = String::new();
    let seen = until_or(s(40), || {
        last = dom(url, s(5));
        shows(&last).then_some(())
    });
    seen.unwrap_or_else(|| panic!("{url} never showed that:\n{last}"));
}

/// How many values of a chart are drawn.
fn points(page: &str, chart: &str) -> u64 {
    let tag = tag_with(page, "data-chart", chart).unwrap_or_default();
    attributes(tag, "data-points").first().and_then(|text| text.parse().ok()).unwrap_or(0)
}
