//! Collecting this machine and streaming it: our collector and a Netdata child without a database
//! read the same files, each into a master of ours.

use integration_tests::api::Host;
use integration_tests::node::{self, Node};
use integration_tests::peer::netdata::{self, Netdata};
use integration_tests::wait::{pass, s};
use integration_tests::{API_KEY, agreement, beside};

use crate::report::{Measured, span_s, table};

/// Netdata has then written its metadata.
const WARM_UP_S: i64 = 20;

fn child(master: &Node) -> Netdata {
    let child = netdata::named("bench-child").memory_mode("none").plugins(beside::PLUGINS).compression(true);
    child.sends_to(master.address(), API_KEY).start()
}

pub(crate) fn costs() {
    let master = node::master("bench-ours").set("collect.enabled", "false").accepts(API_KEY).start();
    let collector = node::collector("bench-collector").sends_to(master.address(), API_KEY).start();
    let child = child(&master);
    let hosts = ["bench-collector", "bench-child"].map(|name| master.api().host(name));
    hosts.iter().for_each(|host| agreement::goes_on(host, "system.cpu", WARM_UP_S));
    let ours = Measured::begin("Tributary", collector.process());
    let theirs = Measured::begin("Netdata", child.process());
    pass(s(u64::from(span_s())));
    let samples = |host: &Host| samples_per_minute(host) * u64::from(span_s()) / 60;
    let costs = [ours.end(samples(&hosts[0])), theirs.end(samples(&hosts[1]))];
    table(&format!("collect and stream this machine, LZ4, {} s", span_s()), &costs);
}

fn samples_per_minute(host: &Host) -> u64 {
    let charts = host.charts();
    charts.values().map(|chart| 60 * chart.dimensions.len() as u64 / chart.update_every.unsigned_abs().max(1)).sum()
}

/// Bytes on the wire for a sample, of each codec.
pub(crate) fn wire() {
    println!("{:32}{:>16}{:>10}{:>10}", "wire, this machine", "bytes per sample", "of text", "samples");
    for codec in ["none", "lz4", "zstd"] {
        let master = node::master("bench-wire").set("collect.enabled", "false").accepts(API_KEY);
        let master = master.set(&format!("api_keys.{API_KEY}.compression"), codec).start();
        let _collector = node::collector("bench-collector").sends_to(master.address(), API_KEY).start();
        let _child = (codec != "zstd").then(|| child(&master));
        let names = if codec == "zstd" { &["bench-collector"][..] } else { &["bench-collector", "bench-child"] };
        names.iter().for_each(|name| agreement::goes_on(&master.api().host(name), "system.cpu", WARM_UP_S));
        let before: Vec<_> = names.iter().map(|name| received(&master, name)).collect();
        pass(s(u64::from(span_s())));
        for (name, before) in names.iter().zip(before) {
            let now = received(&master, name);
            let [samples, wire, text] = [0, 1, 2].map(|place| (now[place] - before[place]) as f64);
            let who = if *name == "bench-child" { "Netdata child" } else { "our collector" };
            println!("{:32}{:>16.2}{:>10.2}{samples:>10}", format!("{who}, {codec}"), wire / samples, text / samples);
        }
    }
}

/// Samples, bytes on the wire and bytes of text that a master received of a host.
fn received(master: &Node, name: &str) -> [i64; 3] {
    let streams = master.api().try_json("/api/v1/streams").expect("our master tells its streams");
    let hosts = streams["hosts"].as_array().expect("hosts are a list");
    let host = hosts.iter().find(|host| host["hostname"] == name).expect("the host is known");
    ["samples", "bytes", "text_bytes"].map(|key| host["in"][key].as_i64().expect("a number"))
}
