//! The dashboard's pages of the fleet, of alarms and of the node, in a real browser.

use integration_tests::browser::{attributes, dom};
use integration_tests::wait::{s, until_or};
use integration_tests::{API_KEY, agreement, node};

/// Goal: with one child, the fleet page lists both hosts with what they do, the alarms page the alarms of both, and the
/// node page the stream; a name that is HTML is text on all of them.
#[test]
fn pages_show_the_fleet() {
    const NASTY: &str = "<b id=nasty>box";
    let master = node::master("fleet-master").accepts(API_KEY).start();
    let _collector = node::collector(NASTY).sends_to(master.address(), API_KEY).start();
    agreement::goes_on(&master.host(), "system.cpu", 1);

    let first = format!("http://{}/", master.address());
    let box_name = "&lt;b id=nasty&gt;box";
    let pages = [
        (first.clone(), vec![box_name, "fleet-master", "class=\"spark\"", "live"]),
        (format!("{first}alarms#tab=all"), vec![box_name, "fleet-master", "data-alarm="]),
        (format!("{first}node"), vec!["Streams in", box_name, "data-stream="]),
    ];
    for (url, expected) in pages {
        let mut page = String::new();
        let is_drawn = until_or(s(50), || {
            page = dom(&url, s(6));
            let is_ready = !attributes(&page, "data-ready").is_empty();
            (is_ready && expected.iter().all(|text| page.contains(text))).then_some(())
        });
        assert!(is_drawn.is_some(), "{url} never showed {expected:?}:\n{page}");
        assert!(!page.contains("id=\"nasty\""), "{url} took a name for a part of the page");
    }
}
