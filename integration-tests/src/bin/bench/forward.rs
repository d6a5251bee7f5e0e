//! One hop through a headless proxy, the same form on both sides: ours, Netdata where it takes the
//! form, and a relay that only copies bytes.

use integration_tests::peer::netdata;
use integration_tests::{API_KEY, node};

use crate::load::{Form, HOSTS, Line, SAMPLES, Writes};
use crate::plain::Plain;
use crate::report::{Measured, span_s, table};

pub(crate) fn row(form: Form) {
    let sink = Plain::sink(form.capabilities());
    let ours = node::proxy("bench-proxy").set("global.memory_mode", "none").set("collect.enabled", "false");
    let ours = ours.accepts(API_KEY).sends_to(sink.address, API_KEY).start();
    let theirs = form.is_old().then(|| {
        let proxy = netdata::named("bench-hop").plugins(&[]).memory_mode("none").replication(false);
        proxy.compression(form.is_compressed()).accepts(API_KEY).sends_to(sink.address, API_KEY).forwards().start()
    });
    let relay = Plain::relay(sink.address);
    let proxies = [Some(ours.address()), theirs.as_ref().map(|proxy| proxy.address()), Some(relay.address)];
    let proxies: Vec<_> = proxies.into_iter().flatten().collect();
    let mut line = Line::connect(form, Writes::PerSecond, &proxies);
    line.warm_up();
    let measured = [
        Some(Measured::begin("Tributary", ours.process())),
        theirs.as_ref().map(|proxy| Measured::begin("Netdata", proxy.process())),
        Some(Measured::begin("only copies", &relay.process)),
    ];
    let samples = line.play(span_s());
    let costs: Vec<_> = measured.iter().flatten().map(|measured| measured.end(samples)).collect();
    let title = format!("forward, {} on both sides, {HOSTS} hosts × {SAMPLES} dimensions, {} s", form.name, span_s());
    table(&title, &costs);
}
