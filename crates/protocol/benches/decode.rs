//! How long decoding and encoding a sample takes, for text of both forms.
//!
//! `cargo bench -p protocol`. One hot host; what cold caches cost is measured with the store.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use protocol::{Capabilities, Command, Decoder, Form, Limits, Step, encode};
use row::{Packed, PointFlags};

const CHARTS: usize = 250;
const DIMENSIONS: usize = 4;
const SAMPLES: usize = CHARTS * DIMENSIONS;
const ROUNDS: u32 = 2_000;
/// Only the best of some runs tells what the code costs; the rest is the machine.
const RUNS: u32 = 5;

fn main() {
    let form = Form::of(Capabilities::PARENT);
    report("decode v1 text", &v1(), decode);
    report("decode v2 text, our decimals", &v2(form, false), decode);
    report("decode v2 text, as 2.11 writes it", &v2(form, true), decode);
    report("decode replication, decimal", &replay(form), decode);
    let prefixes = prefixes(form);
    let mut out = Vec::new();
    let text = v2(form, false);
    report("encode v2 with prefixes", &text, |_| encode_v2(&mut out, form, &prefixes));
}

fn report(what: &str, text: &[u8], mut run: impl FnMut(&[u8]) -> usize) {
    assert_eq!(run(text), SAMPLES);
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(run(black_box(text)));
        }
        best = best.min(start.elapsed());
    }
    let ns = best.as_secs_f64() * 1e9 / f64::from(ROUNDS);
    let bytes = text.len() as f64;
    println!(
        "{what:<36} {:6.1} ns per sample, {:5.1} bytes per sample, {:6.0} MB/s",
        ns / SAMPLES as f64,
        bytes / SAMPLES as f64,
        bytes / ns * 1e3
    );
}

/// Decodes all and counts samples.
fn decode(text: &[u8]) -> usize {
    let mut decoder = Decoder::new(Limits::default()).with_capabilities(Capabilities::PARENT);
    let (mut at, mut samples, mut sum) = (0, 0, 0.0);
    loop {
        let mut consumed = 0;
        let step = decoder.step(&text[at..], &mut consumed).expect("the text is our own");
        at += consumed;
        match step {
            Step::Command(Command::Set { id, value, .. }) => {
                samples += 1;
                sum += value as f64 + id.len() as f64;
            }
            Step::Command(Command::Set2 { id, value, .. } | Command::ReplaySet { id, value, .. }) => {
                samples += 1;
                sum += value + id.len() as f64;
            }
            Step::Command(command) => {
                black_box(command);
            }
            Step::NeedMore => break,
        }
    }
    black_box(sum);
    samples
}

/// Three of four dimensions do not change, and more than half of the values are zero.
fn sample(chart: usize, dimension: usize) -> (i64, f64) {
    match dimension {
        0 => (185_157 + chart as i64 * 977, 34.266_638_7 + chart as f64 * 0.37),
        1 => (505, 505.0),
        _ => (0, 0.0),
    }
}

fn chart_id(chart: usize) -> String {
    format!("disk_ops.device{chart}")
}

fn dimension_id(dimension: usize) -> &'static str {
    ["reads", "writes", "merged", "in_flight"][dimension]
}

fn v1() -> Vec<u8> {
    let mut out = Vec::new();
    for chart in 0..CHARTS {
        encode::write_begin(&mut out, &chart_id(chart), 999_886);
        for dimension in 0..DIMENSIONS {
            encode::write_set(&mut out, dimension_id(dimension), sample(chart, dimension).0);
        }
        encode::write_end(&mut out);
    }
    out
}

fn v2(form: Form, bits: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for chart in 0..CHARTS {
        let time_s = 1_795_390_284;
        encode::write_begin2(&mut out, form, chart as u32 + 1, &chart_id(chart), 1, time_s, time_s);
        for dimension in 0..DIMENSIONS {
            let (collected, value) = sample(chart, dimension);
            let (slot, id) = (dimension as u32 + 1, dimension_id(dimension));
            if bits && dimension == 0 {
                encode::write_set2_prefix(&mut out, form, slot, id);
                protocol::number::write_base64_int(&mut out, collected);
                out.push(b' ');
                protocol::number::write_base64_double(&mut out, value);
                out.extend_from_slice(b" A\n");
            } else {
                encode::write_set2(&mut out, form, slot, id, collected, Packed::pack(value, PointFlags::NORMAL));
            }
        }
        encode::write_end2(&mut out);
    }
    out
}

fn replay(form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    for chart in 0..CHARTS {
        encode::write_rbegin(&mut out, form, 1, &chart_id(chart));
        encode::write_rpoint(&mut out, form, 1, 1_795_390_283, 1_795_390_284, 1_795_390_285);
        for dimension in 0..DIMENSIONS {
            let value = Packed::pack(sample(chart, dimension).1, PointFlags::NORMAL);
            encode::write_rset(&mut out, form, 1, dimension_id(dimension), value);
        }
    }
    out
}

struct Prefixes {
    begin: Vec<u8>,
    set: Vec<Vec<u8>>,
}

fn prefixes(form: Form) -> Vec<Prefixes> {
    let set = |dimension| {
        let mut out = Vec::new();
        encode::write_set2_prefix(&mut out, form, dimension as u32 + 1, dimension_id(dimension));
        out
    };
    let chart = |chart| {
        let mut begin = Vec::new();
        encode::write_begin2_prefix(&mut begin, form, chart as u32 + 1, &chart_id(chart));
        Prefixes { begin, set: (0..DIMENSIONS).map(set).collect() }
    };
    (0..CHARTS).map(chart).collect()
}

fn encode_v2(out: &mut Vec<u8>, form: Form, prefixes: &[Prefixes]) -> usize {
    out.clear();
    for (chart, prefix) in prefixes.iter().enumerate() {
        out.extend_from_slice(&prefix.begin);
        encode::write_begin2_values(out, form, 1, 1_795_390_284, 1_795_390_284);
        for (dimension, prefix) in prefix.set.iter().enumerate() {
            let (collected, value) = sample(chart, dimension);
            out.extend_from_slice(prefix);
            encode::write_set2_values(out, form, collected, Packed::pack(value, PointFlags::NORMAL));
        }
        encode::write_end2(out);
    }
    SAMPLES
}
