//! `make bench`: what we cost, beside what Netdata costs, in the same run on the same machine.
//!
//! Each measurement is a function that can be run alone: `bench NAME...`; without names all are
//! run. Costs are CPU time of the processes and bytes resident, never wall time. The real peer is
//! measured in the same seconds, and beside both a program that only moves the bytes: what is
//! above it is ours to save. `BENCH_SPAN_S` sets how many seconds each row measures (default 20, of `beside` 300).
#![forbid(unsafe_code)]

mod archive;
mod away;
mod beside;
mod catch_up;
mod collect;
mod forward;
mod idle;
mod load;
mod plain;
mod receive;
mod report;
mod requests;
mod taker;

use load::{Form, Writes};

/// A measurement, and its name on the command line.
type Named = (&'static str, fn());

const ALL: [Named; 24] = [
    ("receive-v1-plain", || receive::row(Form::V1_PLAIN, Writes::PerSecond)),
    ("receive-v1-lz4", || receive::row(Form::V1_LZ4, Writes::PerSecond)),
    ("receive-v2-plain", || receive::row(Form::V2_PLAIN, Writes::PerSecond)),
    ("receive-v2-lz4", || receive::row(Form::V2_LZ4, Writes::PerSecond)),
    ("receive-v2-zstd", || receive::row(Form::V2_ZSTD, Writes::PerSecond)),
    ("receive-v1-plain-by-chart", || receive::row(Form::V1_PLAIN, Writes::PerChart)),
    ("receive-v1-lz4-by-chart", || receive::row(Form::V1_LZ4, Writes::PerChart)),
    ("receive-v2-plain-by-chart", || receive::row(Form::V2_PLAIN, Writes::PerChart)),
    ("receive-v2-lz4-by-chart", || receive::row(Form::V2_LZ4, Writes::PerChart)),
    ("receive-v2-zstd-by-chart", || receive::row(Form::V2_ZSTD, Writes::PerChart)),
    ("forward-v1-plain", || forward::row(Form::V1_PLAIN)),
    ("forward-v2-plain", || forward::row(Form::V2_PLAIN)),
    ("forward-v2-lz4", || forward::row(Form::V2_LZ4)),
    ("catch-up", catch_up::all),
    ("collect", collect::costs),
    ("beside", beside::five_minutes),
    ("wire", collect::wire),
    ("idle", idle::children),
    ("idle-codecs", idle::codecs),
    ("requests", requests::costs),
    ("requests-while-streaming", requests::latency),
    ("archive-averages", || archive::rows("average")),
    ("archive-away", away::rows),
    ("archive-collected", || archive::rows("as collected")),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sink", capabilities] => plain::sink(capabilities.parse().expect("a number of capabilities")),
        ["relay", parent] => plain::relay(parent.parse().expect("an address")),
        _ => run(&arguments),
    }
}

fn run(names: &[String]) {
    if let Some(name) = names.iter().find(|name| ALL.iter().all(|(known, _)| known != name)) {
        eprintln!("there is no {name}; there are: {}", ALL.map(|(known, _)| known).join(" "));
        std::process::exit(2);
    }
    for (name, measure) in ALL.iter().filter(|(known, _)| names.is_empty() || names.iter().any(|name| name == known)) {
        println!("\n{name}, load average {}", report::load_average());
        measure();
    }
}
