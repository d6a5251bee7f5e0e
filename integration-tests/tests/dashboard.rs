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
    let page = drawn(&first);
    let hosts = attributes(&page, "data-host");
    assert!(hosts.contains(&"page-master") && hosts.contains(&"page-box"), "{hosts:?}");
    assert!(points(&page, "system.cpu") > 0, "{:?}", tag_with(&page, "data-chart", "system.cpu"));

    let chosen = drawn(&format!("{first}host/page-box/"));
    assert!(points(&chosen, "system.cpu") > 0, "{:?}", tag_with(&chosen, "data-chart", "system.cpu"));
}

/// The DOM once the page says that it has drawn; a busy machine may need a second look.
fn drawn(url: &str) -> String {
    let mut last = String::new();
    let page = until_or(s(40), || {
        last = dom(url, s(5));
        attributes(&last, "data-ready").contains(&"1").then(|| last.clone())
    });
    page.unwrap_or_else(|| panic!("{url} never was ready:\n{last}"))
}

fn points(page: &str, chart: &str) -> u64 {
    let tag = tag_with(page, "data-chart", chart).unwrap_or_else(|| panic!("no chart {chart}"));
    attributes(tag, "data-points").first().and_then(|text| text.parse().ok()).unwrap_or(0)
}
