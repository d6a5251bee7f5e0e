//! Tests of the codecs: both ends against each other, against other implementations, against
//! frames of real agents, and against what no agent sends.

use protocol::frame::{HEAD_BYTES, PLAIN_BYTES_MAX, SENT_PLAIN_BYTES_MAX};

use super::*;
use crate::link_tests::random::Random;

const WINDOW_BYTES: u32 = 128 << 10;

fn encoder(codec: Codec) -> Encoder {
    Encoder::new(codec, WINDOW_BYTES, true)
}

/// Rows as senders write them: most of a line is known, some numbers are new.
fn rows(random: &mut Random, bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let charts = 1 + random.below(40);
    for second in 0.. {
        for chart in 0..charts {
            text.extend_from_slice(format!("BEGIN2 'chart.{chart}' 1 {} #\n", 1_795_387_000 + second).as_bytes());
            for dimension in 0..1 + chart % 5 {
                let value = if random.permille(700) { 0 } else { random.below(100_000) };
                text.extend_from_slice(format!("SET2 'dimension {dimension}' {value} # A\n").as_bytes());
            }
            text.extend_from_slice(b"END2\n");
            if text.len() >= bytes {
                return text;
            }
        }
    }
    unreachable!("it returns")
}

/// Puts a text into frames of random lengths.
fn frames(encoder: &mut Encoder, text: &[u8], mut longest: impl FnMut() -> usize) -> Vec<u8> {
    let (mut wire, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let end = (at + longest()).min(text.len());
        at += encoder.frame(&text[at..end], &mut wire).unwrap();
    }
    wire
}

/// Reads frames that come in random pieces.
fn read(codec: Codec, wire: &[u8], mut step: impl FnMut() -> usize) -> Result<Vec<u8>, FrameError> {
    let (mut decoder, mut plain, mut text, mut at) = (Decoder::new(codec), Plain::default(), Vec::new(), 0);
    while at < wire.len() {
        let end = (at + step()).min(wire.len());
        let taken = decoder.push(&wire[at..end], &mut plain, |piece| {
            text.extend_from_slice(piece);
            Ok::<_, ()>(())
        });
        assert!(decoder.state_bytes() < 3 << 20);
        assert_eq!(taken?, Ok(()));
        at = end;
    }
    Ok(text)
}

fn read_whole(codec: Codec, wire: &[u8]) -> Result<Vec<u8>, FrameError> {
    read(codec, wire, || usize::MAX >> 1)
}

fn framed(payload: &[u8]) -> Vec<u8> {
    [&protocol::frame::encode(payload.len()).unwrap()[..], payload].concat()
}

/// The payloads of whole frames.
fn payloads(mut wire: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let Some((head, rest)) = wire.split_first_chunk() {
        let (payload, rest) = rest.split_at(protocol::frame::parse(head).unwrap());
        payloads.push(payload);
        wire = rest;
    }
    payloads
}

/// What lz4_flex makes of our frames.
fn read_by_rival(wire: &[u8]) -> Vec<u8> {
    let (mut text, mut plain) = (Vec::new(), vec![0; PLAIN_BYTES_MAX]);
    for payload in payloads(wire) {
        let before = &text[text.len().saturating_sub(65_536)..];
        let length = lz4_flex::block::decompress_into_with_dict(payload, &mut plain, before).unwrap();
        text.extend_from_slice(&plain[..length]);
    }
    text
}

/// Frames that lz4_flex makes.
fn frames_of_rival(text: &[u8], mut longest: impl FnMut() -> usize) -> Vec<u8> {
    let (mut wire, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let end = (at + longest()).min(text.len());
        let before = &text[at.saturating_sub(65_535)..at];
        wire.extend_from_slice(&framed(&lz4_flex::block::compress_with_dict(&text[at..end], before)));
        at = end;
    }
    wire
}

/// The goal: 10,000 times random rows in frames of random lengths, which come in random pieces, are
/// the same at the other end; with LZ4 also at another implementation's.
#[test]
fn random_rows_round_trip() {
    for &codec in Codec::BUILT {
        for seed in 0..10_000 {
            let mut random = Random(seed);
            let bytes = if seed % 100 == 0 { 200_000 } else { 1 + random.below(1_500) };
            let text = rows(&mut random, bytes);
            let (longest, step) = (1 + random.below(SENT_PLAIN_BYTES_MAX), 1 + random.below(5_000));
            let wire = frames(&mut encoder(codec), &text, || 1 + random.below(longest));
            let back = read(codec, &wire, || 1 + random.below(step)).unwrap();
            assert!(back == text, "{codec}, seed {seed}");
            if codec == Codec::Lz4 {
                assert!(read_by_rival(&wire) == text, "seed {seed}");
            }
        }
    }
}

/// The goal: what another implementation packs is read, with matches as far back as LZ4 allows.
#[test]
fn blocks_of_another_encoder_are_read() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let bytes = if seed % 10 == 0 { 200_000 } else { 4_000 };
        let text = rows(&mut random, bytes);
        let wire = frames_of_rival(&text, || 1 + random.below(SENT_PLAIN_BYTES_MAX));
        assert!(read(Codec::Lz4, &wire, || 1 + random.below(9_000)).unwrap() == text, "seed {seed}");
    }
}

/// The goal: text that repeats at the edge of the window is packed as far as the window goes, and
/// noise and runs come back too.
#[test]
fn the_edges_of_the_window_hold() {
    let mut random = Random(5);
    for period in [1, 2, 3, 4, 5, 15, 16, 17, 1_000, 16_000, 49_152, 65_530, 65_534, 65_535, 65_536, 65_537, 70_000] {
        let unit: Vec<u8> = (0..period).map(|_| random.below(256) as u8).collect();
        let text: Vec<u8> = unit.iter().copied().cycle().take(300_000).collect();
        for longest in [SENT_PLAIN_BYTES_MAX, 777] {
            let wire = frames(&mut encoder(Codec::Lz4), &text, || longest);
            assert!(read_whole(Codec::Lz4, &wire).unwrap() == text, "{period}");
            assert!(read_by_rival(&wire) == text, "{period}");
            let is_small = wire.len() < text.len() / 2;
            assert_eq!(is_small, period < 65_536, "{period} in frames of {longest}: {} bytes", wire.len());
        }
    }
}

/// The goal: frames take up to 16,000 bytes of text, even such as grows when it is packed.
#[test]
fn noise_fits_into_frames() {
    let mut random = Random(6);
    let noise: Vec<u8> = (0..100_000).map(|_| random.below(256) as u8).collect();
    for &codec in Codec::BUILT {
        let wire = frames(&mut encoder(codec), &noise, || usize::MAX >> 1);
        assert_eq!(payloads(&wire).len(), noise.len().div_ceil(SENT_PLAIN_BYTES_MAX));
        assert!(read_whole(codec, &wire).unwrap() == noise);
    }
}

/// The goal: parents that want whole lines get them, unless a line is longer than a frame.
#[test]
fn frames_end_with_lines_where_they_must() {
    let text = rows(&mut Random(7), 60_000);
    let long = [&vec![b'x'; 20_000][..], b"\nshort\n"].concat();
    for &codec in Codec::BUILT {
        let mut encoder = Encoder::new(codec, WINDOW_BYTES, false);
        let mut at = 0;
        while at < text.len() {
            at += encoder.frame(&text[at..], &mut Vec::new()).unwrap();
            assert_eq!(text[at - 1], b'\n');
        }
        assert_eq!(encoder.frame(&long, &mut Vec::new()), Ok(SENT_PLAIN_BYTES_MAX));
    }
}

/// The goal: rows become small, and the state stays within what the module's table says.
#[test]
fn rows_become_small_and_state_is_bounded() {
    let text = rows(&mut Random(8), 1_000_000);
    for (codec, ratio, out, inn) in [(Codec::Lz4, 4, 80 << 10, 64 << 10), (Codec::Zstd, 8, 280 << 10, 700 << 10)] {
        if !Codec::BUILT.contains(&codec) {
            continue;
        }
        let mut encoder = encoder(codec);
        let wire = frames(&mut encoder, &text, || SENT_PLAIN_BYTES_MAX);
        assert!(wire.len() * ratio < text.len(), "{codec}: {} of {}", wire.len(), text.len());
        assert!(encoder.state_bytes() <= out, "{codec}: {}", encoder.state_bytes());
        let mut decoder = Decoder::new(codec);
        decoder.push(&wire, &mut Plain::default(), |_| Ok::<_, ()>(())).unwrap().unwrap();
        assert!(decoder.state_bytes() <= inn, "{codec}: {}", decoder.state_bytes());
    }
}

/// The goal: who has sent no whole frame has no state.
#[test]
fn strangers_get_no_state() {
    for &codec in Codec::BUILT {
        let (mut decoder, mut plain) = (Decoder::new(codec), Plain::default());
        assert_eq!((encoder(codec).state_bytes(), decoder.state_bytes()), (0, 0));
        let wire = frames(&mut encoder(codec), b"BEGIN a.b\n", || 100);
        decoder.push(&wire[..wire.len() - 1], &mut plain, |_| Ok::<_, ()>(())).unwrap().unwrap();
        assert!(decoder.state_bytes() < 100);
        decoder.push(&wire[wire.len() - 1..], &mut plain, |_| Ok::<_, ()>(())).unwrap().unwrap();
        assert!(decoder.state_bytes() > 50_000);
    }
}

/// The goal: each kind of bad frame is refused with words that say which frame, where, and why.
#[test]
fn bad_frames_are_named() {
    let good = frames(&mut encoder(Codec::Lz4), b"BEGIN a.b 0\nSET c = 1\nEND\n", || 100);
    let bomb = lz4_flex::block::compress(&[b'x'; PLAIN_BYTES_MAX + 1]);
    for (payload, expected) in [
        (&bomb[..], "expected at most 16384 bytes of text in it"),
        (&[0xf0, 0xff], "expected more bytes in its payload"),
        (&[0x50, b'a'], "expected more bytes in its payload"),
        (&[0x10, b'a', 0x01], "expected more bytes in its payload"),
        (&[0x1f, b'a', 0x01, 0x00, 0xff], "expected more bytes in its payload"),
        (&[0x10, b'a', 0x00, 0x00, 0x00], "it refers to text before the beginning"),
        (&[0x10, b'a', 0xff, 0x00, 0x00], "it refers to text before the beginning"),
    ] {
        let err = read_whole(Codec::Lz4, &[&good[..], &framed(payload)].concat()).unwrap_err().to_string();
        assert_eq!(err, format!("LZ4 frame 2, {} bytes after the prompt: {expected}", good.len()));
    }
    let err = read_whole(Codec::Lz4, b"CHART \"a.b\"\n").unwrap_err().to_string();
    assert_eq!(err, "LZ4 frame 1, 0 bytes after the prompt: expected the head of a frame, found CHAR");
    let whole = lz4_flex::block::compress(&[b'x'; PLAIN_BYTES_MAX]);
    assert_eq!(read_whole(Codec::Lz4, &framed(&whole)).unwrap().len(), PLAIN_BYTES_MAX, "the most there may be");
}

/// The goal: the same with ZSTD: bombs, garbage, and windows above 2 MiB.
#[cfg(feature = "zstd")]
#[test]
fn bad_zstd_frames_are_named() {
    for (bytes, window_log, expected) in [
        (PLAIN_BYTES_MAX, 17, None),
        (PLAIN_BYTES_MAX + 1, 17, Some("expected at most 16384 bytes of text in it")),
        (10_000_000, 17, Some("expected at most 16384 bytes of text in it")),
        (100, 21, None),
        (100, 22, Some("Frame requires too much memory for decoding")),
    ] {
        let found = read_whole(Codec::Zstd, &framed(&flushed(&vec![b'x'; bytes], window_log)));
        match expected {
            None => assert_eq!(found.unwrap().len(), bytes),
            Some(reason) => {
                let expected = format!("ZSTD frame 1, 0 bytes after the prompt: {reason}");
                assert_eq!(found.unwrap_err().to_string(), expected);
            }
        }
    }
    let err = read_whole(Codec::Zstd, &framed(b"CHART \"a.b\"\n")).unwrap_err().to_string();
    assert_eq!(err, "ZSTD frame 1, 0 bytes after the prompt: Unknown frame descriptor");
}

/// What a peer with another window flushes after a text.
#[cfg(feature = "zstd")]
fn flushed(text: &[u8], window_log: u32) -> Vec<u8> {
    use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, zstd_sys::ZSTD_EndDirective::ZSTD_e_flush};
    let mut context = CCtx::create();
    context.set_parameter(CParameter::WindowLog(window_log)).unwrap();
    let mut out = Vec::with_capacity(100_000);
    let left = context.compress_stream2(&mut OutBuffer::around(&mut out), &mut InBuffer::around(text), ZSTD_e_flush);
    assert_eq!(left, Ok(0));
    out
}

/// The goal: whatever is changed in a stream, it ends with an error or some text of bounded length.
#[test]
fn damaged_streams_do_no_harm() {
    for &codec in Codec::BUILT {
        let text = rows(&mut Random(9), 60_000);
        let good = frames(&mut encoder(codec), &text, || 4_000);
        let (mut refused, mut random) = (0, Random(10));
        for _ in 0..3_000 {
            let mut broken = good.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(broken.len());
                match random.below(3) {
                    0 => broken[at] = random.below(256) as u8,
                    1 => drop(broken.remove(at)),
                    _ => broken.truncate(at.max(1)),
                }
            }
            match read(codec, &broken, || 1 + random.below(8_000)) {
                Ok(text) => assert!(text.len() <= broken.len() / HEAD_BYTES * PLAIN_BYTES_MAX),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 500, "{codec}: {refused}");
    }
}

/// The goal: the first frames of real agents are read, byte for byte.
#[test]
fn frames_of_real_agents_are_read() {
    for (name, codec, known) in [
        ("1.37.1-lz4.frames", Codec::Lz4, (154_672, 0xb09f_8e98_d872_d00c)),
        ("2.11.0-lz4.frames", Codec::Lz4, (104_847, 0xef48_165e_e85c_a03c)),
        ("2.11.0-zstd.frames", Codec::Zstd, (125_019, 0x34b9_3785_7efb_49c0)),
    ] {
        if !Codec::BUILT.contains(&codec) {
            continue;
        }
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name);
        let wire = std::fs::read(path).unwrap();
        let text = read_whole(codec, &wire).unwrap();
        assert_eq!((text.len(), checksum(&text)), known, "{name}");
        let mut random = Random(11);
        assert!(read(codec, &wire, || 1 + random.below(300)).unwrap() == text, "{name}");
    }
}

/// FNV-1a.
fn checksum(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
