//! Real traffic: excerpts that lie beside this file, and whole captures where they are at hand.
//!
//! A second, naive reader counts first words of lines and is the judge of the decoder.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use protocol::{Capabilities, Command, Decoder, Form, Limits, Request, Step, encode, frame};

mod random;
use random::Random;

const EXCERPTS: [&str; 4] = ["1.37.1-v1.txt", "1.37.1-caps.txt", "2.11.0-v1.txt", "2.11.0-caps.txt"];

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name)).unwrap()
}

/// Request and text of a capture.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(Request::head_length(bytes).unwrap())
}

/// Feeds pieces of the given sizes; `seen` gets every command.
fn feed(text: &[u8], mut size: impl FnMut() -> usize, mut seen: impl FnMut(&Command<'_>)) {
    let mut decoder = Decoder::new(Limits::default()).with_capabilities(Capabilities::PARENT);
    let mut pending = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(size().clamp(1, rest.len()));
        rest = tail;
        pending.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let mut consumed = 0;
            let step = decoder.step(&pending[at..], &mut consumed).expect("real traffic is without faults");
            at += consumed;
            match step {
                Step::Command(command) => seen(&command),
                Step::NeedMore => break,
            }
        }
        pending.drain(..at);
    }
}

fn commands(text: &[u8], size: impl FnMut() -> usize) -> Vec<String> {
    let mut commands = Vec::new();
    feed(text, size, |command| commands.push(format!("{command:?}")));
    commands
}

fn keyword(command: &Command<'_>) -> &'static str {
    match command {
        Command::Chart { .. } => "CHART",
        Command::Dimension { .. } => "DIMENSION",
        Command::ChartLabel(_) => "CLABEL",
        Command::ChartLabelsCommit => "CLABEL_COMMIT",
        Command::HostLabel(_) => "LABEL",
        Command::HostLabelsOverwrite => "OVERWRITE",
        Command::Variable { .. } => "VARIABLE",
        Command::ClaimedId { .. } => "CLAIMED_ID",
        Command::Function { .. } => "FUNCTION",
        Command::ChartDefinitionEnd { .. } => "CHART_DEFINITION_END",
        Command::Begin { .. } => "BEGIN",
        Command::Set { .. } => "SET",
        Command::End => "END",
        Command::Begin2 { .. } => "BEGIN2",
        Command::Set2 { .. } => "SET2",
        Command::End2 => "END2",
        Command::ReplayBegin { .. } => "RBEGIN",
        Command::ReplayPoint { .. } => "RBEGIN ''",
        Command::ReplaySet { .. } => "RSET",
        Command::ReplayDimensionState { .. } => "RDSTATE",
        Command::ReplayChartState { .. } => "RSSTATE",
        Command::ReplayEnd { .. } => "REND",
        Command::ReplayChart { .. } => "REPLAY_CHART",
        Command::FunctionCall { .. } => "FUNCTION call",
        Command::FunctionDelete { .. } => "FUNCTION_DEL",
        Command::FunctionResult { .. } => "FUNCTION_RESULT_BEGIN",
        Command::ResultText { .. } => "a result's text",
        Command::ResultEnd => "FUNCTION_RESULT_END",
        Command::FunctionProgress { .. } => "FUNCTION_PROGRESS",
        Command::FunctionAwaited { .. } => "FUNCTION_PROGRESS of a parent",
        Command::FunctionCancel { .. } => "FUNCTION_CANCEL",
        Command::PayloadText { .. } => "a payload's text",
        Command::PayloadEnd => "FUNCTION_PAYLOAD_END",
        Command::Alarm(_) => "TRIBUTARY_ALARMS",
        Command::Ignored { .. } => "ignored",
        Command::Unknown { .. } => "unknown",
    }
}

fn counts(text: &[u8], size: impl FnMut() -> usize) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    feed(text, size, |command| *counts.entry(keyword(command)).or_insert(0) += 1);
    counts
}

/// The same by splitting at newlines and blanks.
fn naive_counts(text: &[u8]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    let text = std::str::from_utf8(text).unwrap();
    let complete = &text[..text.rfind('\n').unwrap_or(0)];
    for line in complete.split('\n') {
        let word = line.split(' ').next().unwrap();
        let word = if word == "RBEGIN" && line.contains("''") { "RBEGIN ''" } else { word };
        *counts.entry(word).or_insert(0) += 1;
    }
    counts
}

/// However an excerpt is cut, the same commands come out, as many as the naive reader counts.
#[test]
fn excerpts_decode_the_same_however_cut() {
    for name in EXCERPTS {
        let bytes = read(name);
        let (_, text) = split(&bytes);
        assert_eq!(counts(text, || text.len()), naive_counts(text), "{name}");
        let whole = commands(text, || text.len());
        assert!(whole.len() > 1_000, "{name}");
        assert_eq!(commands(text, || 1), whole, "{name} byte by byte");
        for seed in 0..5 {
            let mut random = Random(seed);
            assert_eq!(commands(text, || 1 + random.below(100)), whole, "{name} seed {seed}");
        }
    }
}

/// The requests of real children are understood.
#[test]
fn requests_of_real_children() {
    for (name, hostname, version, offer, os_version) in [
        ("1.37.1-v1.txt", "node-plain", "v1.37.1", 15_352, "12 (bookworm)"),
        ("1.37.1-caps.txt", "node-caps", "v1.37.1", 15_352, "12 (bookworm)"),
        ("2.11.0-v1.txt", "node-v1", "v2.11.0", 465_894_392, "12 (bookworm)"),
        ("2.11.0-caps.txt", "node-caps", "v2.11.0", 465_894_392, "12 (bookworm)"),
    ] {
        let bytes = read(name);
        let (head, _) = split(&bytes);
        let request = Request::parse(head).unwrap();
        assert_eq!(request.hostname, hostname);
        assert_eq!(request.timezone, "Etc/UTC");
        assert_eq!((request.program_name.as_str(), request.program_version.as_str()), ("netdata", version));
        assert_eq!(request.capabilities, Capabilities::from_version(offer));
        assert_eq!(request.system_text("NETDATA_CONTAINER_OS_VERSION"), Some(os_version));
        assert_eq!((request.system.len(), request.unknown_parameters), (27, 0));
        let mut ours = Vec::new();
        request.write(&mut ours);
        assert_eq!(Request::parse(&ours).unwrap().system.len(), request.system.len());
    }
}

/// What we encode from decoded commands is byte for byte what the real child wrote, apart from
/// numbers that we write shorter.
#[test]
fn our_lines_are_those_of_real_children() {
    for (name, form, least) in [
        ("1.37.1-v1.txt", Form::PLAIN, 2_500),
        ("1.37.1-caps.txt", Form::PLAIN, 900),
        ("2.11.0-v1.txt", Form::PLAIN, 2_200),
        ("2.11.0-caps.txt", Form::of(Capabilities::PARENT), 800),
    ] {
        let bytes = read(name);
        let (_, text) = split(&bytes);
        let mut lines = text.split_inclusive(|&byte| byte == b'\n');
        let mut compared = 0;
        feed(
            text,
            || text.len(),
            |command| {
                let line = lines.next().unwrap();
                let mut ours = Vec::new();
                encode_row_line(&mut ours, form, command);
                if name.starts_with('1') {
                    encode_definition(&mut ours, form, command);
                }
                if !ours.is_empty() {
                    assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(line), "{name}");
                    compared += 1;
                }
            },
        );
        assert!(compared > least, "{name}: {compared}");
    }
}

fn text(id: &[u8]) -> &str {
    std::str::from_utf8(id).unwrap()
}

fn encode_row_line(out: &mut Vec<u8>, form: Form, command: &Command<'_>) {
    let slot = |slot: Option<u32>| slot.unwrap_or(0);
    match *command {
        Command::Begin { id, elapsed_us, .. } => encode::write_begin(out, text(id), elapsed_us),
        Command::Set { id, value, .. } => encode::write_set(out, text(id), value),
        Command::End => encode::write_end(out),
        Command::Begin2 { slot: number, id, update_every_s, time_s, wall_s } => {
            encode::write_begin2(out, form, slot(number), text(id), update_every_s, time_s, wall_s);
        }
        Command::Set2 { slot: number, id, collected, value, flags } if value == collected as f64 => {
            let value = row::Packed::pack(value, flags);
            if value.unpack() == collected as f64 {
                encode::write_set2(out, form, slot(number), text(id), collected, value);
            }
        }
        Command::End2 => encode::write_end2(out),
        Command::ReplayBegin { slot: number, id } => encode::write_rbegin(out, form, slot(number), text(id)),
        Command::ReplayPoint { slot: number, start_s, end_s, wall_s, .. } => {
            encode::write_rpoint(out, form, slot(number), start_s, end_s, wall_s.unwrap());
        }
        Command::ReplayChartState { collected_us, updated_us } => {
            encode::write_rsstate(out, form, collected_us, updated_us);
        }
        Command::ChartDefinitionEnd { first_s, last_s, now_s } => {
            encode::write_chart_definition_end(out, first_s, last_s, now_s.unwrap());
        }
        Command::ChartLabelsCommit => encode::write_chart_labels_commit(out),
        Command::HostLabelsOverwrite => encode::write_host_labels_overwrite(out),
        _ => {}
    }
}

fn encode_definition(out: &mut Vec<u8>, form: Form, command: &Command<'_>) {
    match command {
        Command::Chart { definition, .. } => encode::write_chart(out, form, 0, definition),
        Command::Dimension { definition, .. } => encode::write_dimension(out, form, 0, definition),
        Command::HostLabel(label) => encode::write_host_label(out, label),
        _ => {}
    }
}

/// Takes frames apart; the text of each is what `codec` makes of payload and text so far.
fn unframe(mut bytes: &[u8], mut codec: impl FnMut(&[u8], &mut Vec<u8>)) -> (Vec<u8>, usize) {
    let mut text = Vec::new();
    let mut frames = 0;
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let length = frame::parse(head).expect("a frame's head");
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        let before = text.len();
        codec(payload, &mut text);
        assert!(text.len() - before <= frame::PLAIN_BYTES_MAX);
        bytes = rest;
        frames += 1;
    }
    (text, frames)
}

/// A block that refers to the 64 KiB of text before it.
fn lz4(payload: &[u8], text: &mut Vec<u8>) {
    let mut plain = vec![0; frame::PLAIN_BYTES_MAX];
    let history = &text[text.len().saturating_sub(65_536)..];
    let length = lz4_flex::block::decompress_into_with_dict(payload, &mut plain, history).unwrap();
    text.extend_from_slice(&plain[..length]);
}

/// Frames of linked LZ4 blocks, as the C library makes them, hold the text that was put in.
#[test]
fn linked_lz4_frames_are_taken_apart() {
    let bytes = read("2.11.0-caps.txt");
    let (text, frames) = unframe(&read("2.11.0-caps.lz4frames"), lz4);
    assert_eq!(frames, 16);
    assert!(text == split(&bytes).1);
}

/// Whole captures, if they are at hand: all counts are those of the children.
#[test]
fn whole_captures_have_the_known_counts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    for known in KNOWN {
        let Some((head, text, frames)) = load(&folder.join(known.file)) else {
            println!("{} is not at hand: only the excerpts were tested", known.file);
            continue;
        };
        assert_eq!((head, text.len(), frames), (known.head, known.text, known.frames), "{}", known.file);
        let expected: BTreeMap<&str, usize> = known.counts.iter().copied().collect();
        assert_eq!(counts(&text, || text.len()), expected, "{}", known.file);
        let mut random = Random(42);
        assert_eq!(counts(&text, || 1 + random.below(5_000)), expected, "{} cut", known.file);
        let mut equal = 0;
        feed(
            &text,
            || text.len(),
            |command| {
                if let Command::Set2 { collected, value, .. } = command {
                    equal += usize::from(*value == *collected as f64);
                }
            },
        );
        assert!(equal >= known.same, "{}: {equal}", known.file);
        assert_eq!(count_lone(&text), known.same, "{}", known.file);
    }
}

/// Values that are written as a lone `#`.
fn count_lone(text: &[u8]) -> usize {
    let is_lone = |line: &&[u8]| line.starts_with(b"SET2 ") && line.windows(3).any(|window| window == b" # ");
    text.split(|&byte| byte == b'\n').filter(is_lone).count()
}

/// Length of the request, text, number of frames.
fn load(path: &PathBuf) -> Option<(usize, Vec<u8>, usize)> {
    let mut bytes = std::fs::read(path).ok()?;
    let name = path.to_str().unwrap();
    if name.ends_with(".gz") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
        bytes = plain;
    }
    let (head, body) = split(&bytes);
    let (text, frames) = if name.contains("lz4") {
        unframe(body, lz4)
    } else if name.contains("zstd") {
        let mut decoder = zstd::stream::raw::Decoder::new().unwrap();
        unframe(body, |payload, text| zstd_block(&mut decoder, payload, text))
    } else {
        (body.to_vec(), 0)
    };
    Some((head.len(), text, frames))
}

fn zstd_block(decoder: &mut zstd::stream::raw::Decoder<'_>, payload: &[u8], text: &mut Vec<u8>) {
    use zstd::stream::raw::Operation;
    let mut plain = vec![0; frame::PLAIN_BYTES_MAX];
    let status = decoder.run_on_buffers(payload, &mut plain).unwrap();
    assert_eq!(status.bytes_read, payload.len());
    text.extend_from_slice(&plain[..status.bytes_written]);
}

struct Known {
    file: &'static str,
    head: usize,
    text: usize,
    frames: usize,
    same: usize,
    counts: &'static [(&'static str, usize)],
}

const KNOWN: [Known; 7] = [
    Known {
        file: "netdata-1.37.1-plain-v1.bin",
        head: 1400,
        text: 2_840_537,
        frames: 0,
        same: 0,
        counts: &[
            ("BEGIN", 21_834),
            ("CHART", 329),
            ("DIMENSION", 1668),
            ("END", 21_834),
            ("SET", 92_613),
            ("VARIABLE", 16),
        ],
    },
    Known {
        file: "netdata-1.37.1-caps.bin",
        head: 1398,
        text: 4_359_330,
        frames: 0,
        same: 0,
        counts: &[
            ("BEGIN", 17_319),
            ("CHART", 313),
            ("CHART_DEFINITION_END", 313),
            ("CLABEL", 718),
            ("CLABEL_COMMIT", 313),
            ("CLAIMED_ID", 1),
            ("DIMENSION", 1516),
            ("END", 17_319),
            ("FUNCTION", 72),
            ("LABEL", 21),
            ("OVERWRITE", 1),
            ("RBEGIN", 622),
            ("RBEGIN ''", 8684 - 622),
            ("RDSTATE", 1516),
            ("REND", 622),
            ("RSET", 48_634),
            ("RSSTATE", 313),
            ("SET", 73_821),
            ("VARIABLE", 4),
        ],
    },
    Known {
        file: "netdata-1.37.1-lz4.bin",
        head: 1396,
        text: 3_086_986,
        frames: 18_114,
        same: 0,
        counts: &[
            ("BEGIN", 17_233),
            ("CHART", 294),
            ("CHART_DEFINITION_END", 294),
            ("CLABEL", 680),
            ("CLABEL_COMMIT", 294),
            ("CLAIMED_ID", 1),
            ("DIMENSION", 1260),
            ("END", 17_233),
            ("FUNCTION", 54),
            ("LABEL", 21),
            ("OVERWRITE", 1),
            ("RBEGIN", 585),
            ("RBEGIN ''", 3836 - 585),
            ("RDSTATE", 1260),
            ("REND", 585),
            ("RSET", 14_113),
            ("RSSTATE", 294),
            ("SET", 73_513),
            ("VARIABLE", 3),
        ],
    },
    Known {
        file: "netdata-2.11.0-caps.bin.gz",
        head: 1409,
        text: 3_786_346,
        frames: 0,
        same: 27_407,
        counts: &v2_counts(13_028, 38_865, 11_644, 34_808),
    },
    Known {
        file: "netdata-2.11.0-zstd.bin.gz",
        head: 1409,
        text: 3_003_831,
        frames: 13_239,
        same: 26_928,
        counts: &v2_counts(12_872, 38_439, 6035, 18_114),
    },
    Known {
        file: "netdata-2.11.0-lz4.bin.gz",
        head: 1407,
        text: 2_558_872,
        frames: 13_000,
        same: 26_331,
        counts: &v2_counts(12_638, 37_796, 3027, 9106),
    },
    Known {
        file: "netdata-2.11.0-v1.bin.gz",
        head: 1405,
        text: 1_560_391,
        frames: 0,
        same: 0,
        counts: &[
            ("BEGIN", 15_772),
            ("CHART", 214),
            ("DIMENSION", 626),
            ("END", 15_772),
            ("FUNCTION", 10),
            ("SET", 46_959),
            ("VARIABLE", 15),
        ],
    },
];

const fn v2_counts(begin2: usize, set2: usize, points: usize, rset: usize) -> [(&'static str, usize); 19] {
    [
        ("BEGIN2", begin2),
        ("CHART", 215),
        ("CHART_DEFINITION_END", 215),
        ("CLABEL", 701),
        ("CLABEL_COMMIT", 215),
        ("CLAIMED_ID", 1),
        ("DIMENSION", 632),
        ("END2", begin2),
        ("FUNCTION", 10),
        ("LABEL", 35),
        ("OVERWRITE", 1),
        ("RBEGIN", 215),
        ("RBEGIN ''", points),
        ("RDSTATE", 632),
        ("REND", 215),
        ("RSET", rset),
        ("RSSTATE", 215),
        ("SET2", set2),
        ("VARIABLE", 13),
    ]
}
