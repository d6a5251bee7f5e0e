//! Our headless proxy in the middle: what goes in on one side comes out on the other.

use integration_tests::node::{self, Node};
use integration_tests::{API_KEY, agreement};

const UPSTREAM_KEY: &str = "22222222-3333-4444-5555-666666666666";

fn headless_proxy(hostname: &str, parent: std::net::SocketAddr) -> Node {
    let proxy = node::proxy(hostname).set("global.memory_mode", "none").set("collect.enabled", "false");
    proxy.accepts(API_KEY).sends_to(parent, UPSTREAM_KEY).start()
}

fn quiet_master(hostname: &str) -> Node {
    node::master(hostname).set("collect.enabled", "false").accepts(UPSTREAM_KEY).start()
}

/// Goal: two collectors behind one proxy arrive at our master as two hosts under their own
/// identities, without a gap.
#[test]
fn our_collectors_to_our_master() {
    let master = quiet_master("chain-master");
    let proxy = headless_proxy("chain-proxy", master.address());
    let names = ["chain-alpha", "chain-beta"];
    let collectors = names.map(|name| node::collector(name).sends_to(proxy.address(), API_KEY).start());
    for name in names {
        let host = master.api().host(name);
        let start = agreement::first_row(&host, "system.cpu") + 2;
        agreement::goes_on(&host, "system.cpu", 10);
        let window = integration_tests::api::Window { after: start, before: start + 7 };
        let data = host.data("system.cpu", window);
        assert_eq!(data.rows.len(), 8);
        assert!(data.rows.values().flatten().all(Option::is_some), "a gap in {data:?}");
    }
    let info = master.api().try_json("/api/v1/info").unwrap();
    let status = info["mirrored_hosts_status"].as_array().unwrap();
    for (collector, name) in collectors.iter().zip(names) {
        let entry = status.iter().find(|entry| entry["hostname"] == name).unwrap();
        assert_eq!(entry["guid"], collector.guid());
        assert_eq!(entry["reachable"], true);
        assert_eq!(entry["hops"], 2);
    }
    assert_ne!(collectors[0].guid(), collectors[1].guid());
}
