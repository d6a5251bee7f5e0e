//! What the codecs cost: nanoseconds of CPU and bytes per sample, both ways, and what they remember.
//!
//! The text is what a real child (2.11.0) sent once it was settled, cut into frames of 4 and 16 KB.
//! A hundred streams take turns, frame by frame, so that each finds its state out of the caches,
//! as in a proxy or a master; each begins elsewhere in the text.

use std::io::Read;
use std::path::Path;

use protocol::{Request, frame};
use stream::codec::{Codec, Decoder, Encoder, Plain};

const STREAMS: usize = 100;
const WINDOW_BYTES: u32 = 128 << 10;

fn main() {
    let Some(text) = settled_rows() else {
        println!("the captures are not at hand: nothing to measure the codecs with");
        return;
    };
    let samples = count(&text, b"SET2 ");
    println!("{} samples, {:.1} bytes each; {STREAMS} streams in turn", samples, text.len() as f64 / samples as f64);
    println!("codec  frame   bytes/sample   encode ns   decode ns");
    for codec in [Codec::Lz4, Codec::Zstd] {
        for frame_bytes in [4_000, frame::SENT_PLAIN_BYTES_MAX] {
            measure(codec, frame_bytes, &text);
        }
    }
    rivals(&text);
    for codec in [Codec::Lz4, Codec::Zstd] {
        state(codec, &text);
    }
}

/// One line of the table.
fn measure(codec: Codec, frame_bytes: usize, text: &[u8]) {
    let pieces: Vec<&[u8]> = text.chunks(frame_bytes).collect();
    let mut encoders: Vec<Encoder> = (0..STREAMS).map(|_| Encoder::new(codec, WINDOW_BYTES, true)).collect();
    let mut decoders: Vec<Decoder> = (0..STREAMS).map(|_| Decoder::new(codec)).collect();
    let mut wires = vec![Vec::new(); STREAMS];
    let mut plain = Plain::default();
    let (mut spent, mut samples, mut bytes) = ([0; 2], 0, 0);
    // The first rounds fill the windows.
    let warm = 200_000 / frame_bytes;
    for round in 0..pieces.len().min(warm + 100) {
        let piece = |stream: usize| pieces[(round + stream * 7) % pieces.len()];
        let start = cost::cpu_ns();
        for (stream, encoder) in encoders.iter_mut().enumerate() {
            wires[stream].clear();
            encoder.frame(piece(stream), &mut wires[stream]).expect("the codec works");
        }
        let middle = cost::cpu_ns();
        for (stream, decoder) in decoders.iter_mut().enumerate() {
            let check = |text: &[u8]| if text == piece(stream) { Ok(()) } else { Err(()) };
            decoder.push(&wires[stream], &mut plain, check).expect("it is read").expect("it is the same");
        }
        if round >= warm {
            spent[0] += middle - start;
            spent[1] += cost::cpu_ns() - middle;
            for (stream, wire) in wires.iter().enumerate() {
                samples += count(piece(stream), b"SET2 ");
                bytes += wire.len();
            }
        }
    }
    let per_sample = |time_ns: i64| time_ns as f64 / samples as f64;
    println!(
        "{codec:<6} {frame_bytes:>5} {:>14.2} {:>11.0} {:>11.0}",
        bytes as f64 / samples as f64,
        per_sample(spent[0]),
        per_sample(spent[1]),
    );
}

/// What a connection keeps once it has seen a few windows of text: as asked for, and as the kernel
/// counts it, where what is never touched takes nothing.
fn state(codec: Codec, text: &[u8]) {
    let pieces = || text.chunks(frame::SENT_PLAIN_BYTES_MAX).take(30);
    let mut wire = Vec::with_capacity(1 << 20);
    let start = resident_bytes();
    let mut encoders: Vec<Encoder> = (0..STREAMS).map(|_| Encoder::new(codec, WINDOW_BYTES, true)).collect();
    for encoder in &mut encoders {
        wire.clear();
        for piece in pieces() {
            encoder.frame(piece, &mut wire).expect("the codec works");
        }
    }
    let middle = resident_bytes();
    let mut plain = Plain::default();
    let mut decoders: Vec<Decoder> = (0..STREAMS).map(|_| Decoder::new(codec)).collect();
    for decoder in &mut decoders {
        decoder.push(&wire, &mut plain, |_| Ok::<_, ()>(())).expect("it is read").expect("nothing fails");
    }
    let each = |bytes: usize| bytes.div_ceil(STREAMS * 1_024);
    println!(
        "{codec} keeps: sending {} KiB ({} resident), receiving {} KiB ({} resident)",
        encoders[0].state_bytes().div_ceil(1_024),
        each(middle - start),
        decoders[0].state_bytes().div_ceil(1_024),
        each(resident_bytes() - middle),
    );
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line with it");
    1_024 * line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number")
}

/// The crate at hand for LZ4, with the same window and frames.
fn rivals(text: &[u8]) {
    for frame_bytes in [4_000, frame::SENT_PLAIN_BYTES_MAX] {
        let (mut spent, mut bytes, mut samples) = ([0; 2], 0, 0);
        let mut plain = vec![0; frame::PLAIN_BYTES_MAX];
        for at in (65_536..text.len() - frame_bytes).step_by(frame_bytes).take(500) {
            let (before, piece) = (&text[at - 65_536..at], &text[at..at + frame_bytes]);
            let start = cost::cpu_ns();
            let payload = lz4_flex::block::compress_with_dict(piece, before);
            let middle = cost::cpu_ns();
            lz4_flex::block::decompress_into_with_dict(&payload, &mut plain, before).expect("it is whole");
            spent[0] += middle - start;
            spent[1] += cost::cpu_ns() - middle;
            bytes += payload.len() + frame::HEAD_BYTES;
            samples += count(piece, b"SET2 ");
        }
        println!(
            "(lz4_flex, one stream, {frame_bytes}: {:.2} bytes, {} and {} ns)",
            bytes as f64 / samples as f64,
            spent[0] / samples as i64,
            spent[1] / samples as i64
        );
    }
}

/// The rows of a recorded child after its first 20 s; `None` where there is no recording.
fn settled_rows() -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let bytes = std::fs::read(folder.join("netdata-2.11.0-caps.bin.gz")).ok()?;
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text).expect("the capture is whole");
    text.drain(..Request::head_length(&text).expect("it begins with a request"));
    let last = text.windows(6).rposition(|window| window == b"\nREND ").expect("it was replicated");
    Some(text.split_off(last + 1))
}

fn count(text: &[u8], word: &[u8]) -> usize {
    text.windows(word.len()).filter(|window| window == &word).count()
}
