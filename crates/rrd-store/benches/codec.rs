//! What a sealed block costs, on the values of real children: bytes per stored sample beside other
//! codecs, time per value, allocations.
//!
//! `cargo bench -p rrd-store --bench codec`. Blocks are of 60 full rows. "varying" counts only the
//! dimensions that are not constant within a block. Captures that are not at hand are passed over.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rrd_store::block::{self, Column, ROWS};

#[allow(dead_code, reason = "not every bench needs the texts")]
mod captures;
mod rivals;

use captures::Block;

/// Only the best of some runs tells what the code costs; the rest is the machine.
const RUNS: usize = 25;
const EMPTY: u32 = row::Packed::EMPTY.to_bits();

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

fn main() {
    println!(
        "{:<28} {:>7} {:>6} {:>6} | {:>6} {:>6} {:>6} {:>6} {:>6} | {:>6} {:>6} | {:>5}",
        "bytes per stored sample",
        "samples",
        "block",
        "vary",
        "lz4",
        "gorill",
        "vary",
        "delta",
        "vary",
        "encode",
        "decode",
        "alloc"
    );
    let mut all = Report::default();
    for file in captures::FILES {
        let Some(charts) = captures::charts(file) else {
            println!("{file} is not at hand");
            continue;
        };
        let blocks: Vec<Block> = charts.into_iter().flat_map(|chart| chart.blocks).collect();
        let report = Report::of(&blocks);
        report.print(file);
        all.add(&report);
    }
    if all.samples > 0 {
        all.print("all");
    }
}

/// Sums over some blocks.
#[derive(Default)]
struct Report {
    /// Places with a value.
    samples: usize,
    /// The same, of dimensions that vary within their block.
    varying: usize,
    /// All places.
    places: usize,
    /// Bytes: the block, the dimensions that vary, and what other codecs take.
    bytes: [usize; 7],
    encode_ns: f64,
    decode_ns: f64,
    allocations: u64,
}

impl Report {
    fn of(blocks: &[Block]) -> Self {
        let mut report = Self::default();
        for block in blocks {
            report.measure(block);
        }
        let mut out = vec![0; 1 << 20];
        let mut runs = || {
            let (mut encoded, mut decoded) = (Duration::ZERO, Duration::ZERO);
            for block in blocks {
                let start = Instant::now();
                out.clear();
                block::encode(&mut out, black_box(&block.rows), block.stride);
                encoded += start.elapsed();
                let start = Instant::now();
                black_box(decode(black_box(&out)));
                decoded += start.elapsed();
            }
            (encoded, decoded)
        };
        let before = cost::allocations();
        let mut best = (Duration::MAX, Duration::MAX);
        for _ in 0..RUNS {
            let (encode, decode) = runs();
            best = (best.0.min(encode), best.1.min(decode));
        }
        report.allocations = cost::allocations() - before;
        // Reading the clock is not the codec's work.
        let clock_ns = clock_ns() * blocks.len() as f64;
        report.encode_ns = best.0.as_secs_f64() * 1e9 - clock_ns;
        report.decode_ns = best.1.as_secs_f64() * 1e9 - clock_ns;
        report
    }

    fn measure(&mut self, block: &Block) {
        let mut bytes = Vec::new();
        block::encode(&mut bytes, &block.rows, block.stride);
        self.bytes[0] += bytes.len();
        for dimension in 0..block.stride {
            let column: Column = std::array::from_fn(|row| block.rows[row * block.stride + dimension]);
            let samples = column.iter().filter(|&&value| value != EMPTY).count();
            let rivals = [rivals::lz4(&column), rivals::gorilla(&column), rivals::delta(&column)];
            self.samples += samples;
            self.places += ROWS;
            self.bytes[2] += rivals[0];
            self.bytes[3] += rivals[1];
            self.bytes[5] += rivals[2];
            if column.iter().any(|&value| value != column[0]) {
                let mut bytes = Vec::new();
                block::encode(&mut bytes, &column, 1);
                self.varying += samples;
                self.bytes[1] += bytes.len() - 1;
                self.bytes[4] += rivals[1];
                self.bytes[6] += rivals[2];
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.varying += other.varying;
        self.places += other.places;
        self.bytes.iter_mut().zip(other.bytes).for_each(|(sum, bytes)| *sum += bytes);
        self.encode_ns += other.encode_ns;
        self.decode_ns += other.decode_ns;
        self.allocations += other.allocations;
    }

    fn print(&self, name: &str) {
        let per = |bytes: usize| bytes as f64 / self.samples as f64;
        let varying = |bytes: usize| bytes as f64 / self.varying as f64;
        let [block, block_varying, lz4, gorilla, gorilla_varying, delta, delta_varying] = self.bytes;
        println!(
            "{name:<28} {:>7} {:>6.3} {:>6.3} | {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>6.3} | {:>3.1} ns {:>3.1} ns | {:>5}",
            self.samples,
            per(block),
            varying(block_varying),
            per(lz4),
            per(gorilla),
            varying(gorilla_varying),
            per(delta),
            varying(delta_varying),
            self.encode_ns / self.places as f64,
            self.decode_ns / self.places as f64,
            self.allocations
        );
    }
}

fn decode(bytes: &[u8]) -> u32 {
    let mut reader = block::Reader::new(bytes).expect("the block is our own");
    let mut column = [0; ROWS];
    let mut last = 0;
    while reader.next(Some(&mut column)).expect("the block is our own") {
        last ^= black_box(&column)[ROWS - 1];
    }
    last
}

/// What a pair of clock readings takes.
fn clock_ns() -> f64 {
    const PAIRS: u32 = 100_000;
    let mut sum = Duration::ZERO;
    for _ in 0..PAIRS {
        sum += Instant::now().elapsed();
    }
    sum.as_secs_f64() * 1e9 / f64::from(PAIRS)
}
