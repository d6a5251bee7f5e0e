//! Compressed streams between our nodes, and beside real Netdatas: whatever was agreed on, values
//! arrive as they are.

use integration_tests::agreement::Redefined;
use integration_tests::node::{self, Node};
use integration_tests::peer::netdata;
use integration_tests::traffic::Traffic;
use integration_tests::wait::s;
use integration_tests::{API_KEY, agreement};

const UPSTREAM_KEY: &str = "22222222-3333-4444-5555-666666666666";

/// A master whose children are asked for these codecs.
fn master(hostname: &str, codecs: &str) -> Node {
    let key = format!("api_keys.{UPSTREAM_KEY}.compression");
    node::master(hostname).set("collect.enabled", "false").accepts(UPSTREAM_KEY).set(&key, codecs).start()
}

/// Both ends say what was agreed on.
fn agreed(child: &Node, parent: &Node, name: &str, words: &str) {
    child.wait_for_log(0, &["STREAM", name, "[send to ", "sending metrics", words], s(10));
    parent.wait_for_log(0, &["STREAM", name, "[receive from ", "receiving metrics", words], s(10));
}

/// What a node keeps of its own host is what the master keeps of it.
fn compare(codecs: &str, words: &str) {
    let _traffic = Traffic::start();
    let name = format!("own-{}", codecs.replace(' ', "-"));
    let master = master(&format!("{name}-master"), codecs);
    let proxy = node::proxy(&name).set("global.memory_mode", "ram").sends_to(master.address(), UPSTREAM_KEY).start();
    agreement::whole(&proxy.host(), &master.api().host(&name), Redefined::Compared);
    agreed(&proxy, &master, &name, words);
}

/// Goal: our rows arrive at our master with ZSTD.
#[test]
fn zstd_between_our_nodes() {
    compare("zstd lz4", "compressed with ZSTD");
}

/// Goal: they arrive with LZ4.
#[test]
fn lz4_between_our_nodes() {
    compare("lz4", "compressed with LZ4");
}

/// Goal: they arrive as plain text where the key asks for that.
#[test]
fn none_between_our_nodes() {
    compare("none", "as plain text");
}

/// Goal: a collector's stream takes little of the wire, and the master's log tells how little.
#[test]
fn a_collector_with_zstd() {
    let master = master("small-master", "zstd");
    let mut collector = node::collector("small-box").sends_to(master.address(), UPSTREAM_KEY).start();
    agreed(&collector, &master, "small-box", "compressed with ZSTD");
    agreement::goes_on(&master.api().host("small-box"), "system.cpu", 10);
    collector.terminate();
    let line = master.wait_for_log(0, &["STREAM", "small-box", "[receive from ", "closed after", " of text"], s(5));
    let number = |before: &str| {
        let head = line.split(before).next().unwrap_or_default();
        head.rsplit(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    let (bytes, text) = (number(" bytes for "), number(" of text"));
    assert!(bytes > 0 && text > 5 * bytes, "{line}");
}

/// Goal: our headless proxy takes LZ4 from a real child and sends ZSTD on; values are the child's.
#[test]
fn different_codecs_on_both_sides_of_a_proxy() {
    let _traffic = Traffic::start();
    let master = master("turn-master", "zstd");
    let proxy = node::proxy("turn-proxy").set("global.memory_mode", "none").set("collect.enabled", "false");
    let proxy = proxy.accepts(API_KEY).sends_to(master.address(), UPSTREAM_KEY).start();
    let child = netdata::named("turn-child").compression(true).sends_to(proxy.address(), API_KEY).start();
    agreement::whole(&child.host(), &master.api().host("turn-child"), Redefined::Compared);
    proxy.wait_for_log(0, &["turn-child", "[receive from ", "compressed with LZ4"], s(1));
    agreed(&proxy, &master, "turn-child", "compressed with ZSTD");
}
