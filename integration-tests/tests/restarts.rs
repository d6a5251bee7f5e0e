//! Any node may be killed and started again: streams come back by themselves, and both ends say
//! what happened.

use integration_tests::node::{self, Node};
use integration_tests::wait::s;
use integration_tests::{API_KEY, agreement};

/// A collector, a proxy without a database and a master, streaming.
struct Chain {
    collector: Node,
    proxy: Node,
    master: Node,
}

const CHART: &str = "system.cpu";

impl Chain {
    /// Starts all three; `prefix` tells apart what tests at the same time have.
    fn start(prefix: &str) -> Self {
        let quiet = |settings: node::Settings| settings.set("collect.enabled", "false").accepts(API_KEY);
        let master = quiet(node::master(&format!("{prefix}-master"))).start();
        let proxy = quiet(node::proxy(&format!("{prefix}-proxy"))).set("global.memory_mode", "none");
        let proxy = proxy.sends_to(master.address(), API_KEY).start();
        let collector = node::collector(&format!("{prefix}-box")).sends_to(proxy.address(), API_KEY).start();
        let chain = Self { collector, proxy, master };
        agreement::goes_on(&chain.host(prefix), CHART, 2);
        chain
    }

    fn host(&self, prefix: &str) -> integration_tests::api::Host {
        self.master.api().host(&format!("{prefix}-box"))
    }
}

/// Goal: a killed collector comes back under its identity and its charts go on.
#[test]
fn collector() {
    let mut chain = Chain::start("rc");
    let guid = chain.collector.guid();
    let (before, mark) = (chain.collector.log_end(), chain.proxy.log_end());
    chain.collector.kill();
    chain.proxy.wait_for_log(mark, &["STREAM", "rc-box", "[receive from "], s(10));
    let mark = chain.proxy.log_end();
    chain.collector.start_again();
    chain.collector.wait_for_log(before, &["STREAM", "rc-box", "[send to "], s(15));
    chain.proxy.wait_for_log(mark, &["STREAM", "rc-box", "[receive from "], s(15));
    agreement::goes_on(&chain.host("rc"), CHART, 3);
    assert_eq!(chain.collector.guid(), guid);
    assert_eq!(chain.master.api().hosts().iter().filter(|name| *name == "rc-box").count(), 1);
}

/// Goal: a killed proxy comes back between collector and master and the charts go on.
#[test]
fn proxy() {
    let mut chain = Chain::start("rp");
    let (below, above) = (chain.collector.log_end(), chain.master.log_end());
    chain.proxy.kill();
    chain.collector.wait_for_log(below, &["STREAM", "rp-box", "[send to "], s(10));
    chain.master.wait_for_log(above, &["STREAM", "rp-box", "[receive from "], s(10));
    let (below, above) = (chain.collector.log_end(), chain.master.log_end());
    chain.proxy.start_again();
    chain.collector.wait_for_log(below, &["STREAM", "rp-box", "[send to "], s(15));
    chain.master.wait_for_log(above, &["STREAM", "rp-box", "[receive from "], s(15));
    agreement::goes_on(&chain.host("rp"), CHART, 3);
}

/// Goal: a killed master comes back and is streamed to again.
#[test]
fn master() {
    let mut chain = Chain::start("rm");
    let below = chain.proxy.log_end();
    chain.master.kill();
    chain.proxy.wait_for_log(below, &["STREAM", "rm-box", "[send to "], s(10));
    let (below, above) = (chain.proxy.log_end(), chain.master.log_end());
    chain.master.start_again();
    chain.proxy.wait_for_log(below, &["STREAM", "rm-box", "[send to "], s(15));
    chain.master.wait_for_log(above, &["STREAM", "rm-box", "[receive from "], s(15));
    agreement::goes_on(&chain.host("rm"), CHART, 3);
}

/// Goal: an orderly stop of any node ends with status 0 within 5 s, with streams open.
#[test]
fn orderly_stop() {
    let mut chain = Chain::start("rs");
    chain.proxy.terminate();
    chain.collector.terminate();
    chain.master.terminate();
}
