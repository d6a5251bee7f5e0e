//! Receiving and storing: our master, a Netdata parent where it takes the form, and a loop that
//! only reads the sockets.

use integration_tests::peer::netdata;
use integration_tests::{API_KEY, node};

use crate::load::{Form, HOSTS, Line, SAMPLES, Writes};
use crate::plain::Plain;
use crate::report::{Measured, span_s, table};

pub(crate) fn row(form: Form, writes: Writes) {
    let master = node::master("bench-master").set("collect.enabled", "false").accepts(API_KEY);
    let master = master.set(&format!("api_keys.{API_KEY}.compression"), "zstd lz4").start();
    let parent = form.is_old().then(|| {
        let parent = netdata::named("bench-parent").plugins(&[]).replication(false);
        parent.compression(form.is_compressed()).accepts(API_KEY).start()
    });
    let sink = Plain::sink(form.capabilities());
    let parents = [Some(master.address()), parent.as_ref().map(|parent| parent.address()), Some(sink.address)];
    let mut line = Line::connect(form, writes, &parents.into_iter().flatten().collect::<Vec<_>>());
    line.warm_up();
    // It wakes for each write, where ours gathers them: chart by chart it is no floor.
    let reads = if writes == Writes::PerSecond { "only reads" } else { "reads at once" };
    let measured = [
        Some(Measured::begin("Tributary", master.process())),
        parent.as_ref().map(|parent| Measured::begin("Netdata", parent.process())),
        Some(Measured::begin(reads, &sink.process)),
    ];
    let samples = line.play(span_s());
    let costs: Vec<_> = measured.iter().flatten().map(|measured| measured.end(samples)).collect();
    let how = match writes {
        Writes::PerSecond => "one write per host and second",
        Writes::PerChart => "one write per chart",
    };
    let title = format!(
        "receive and store, {}, {how}, {HOSTS} hosts × {SAMPLES} dimensions, {} s, {:.1} bytes per sample",
        form.name,
        span_s(),
        line.wire_bytes() as f64 / samples as f64
    );
    table(&title, &costs);
}
