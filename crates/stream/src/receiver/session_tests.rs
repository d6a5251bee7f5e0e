//! Tests of the session without sockets: real traffic, broken traffic, bad lines.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::Request;
use rrd_store::{FeedKind, Host, Keep, MemoryMode, Store};

use super::*;
use crate::codec::{Codec, Decoder, Plain};
use crate::testing::{START_S, info, let_go};

/// Some seconds after the captures began.
const NOW: Now = Now { wall_us: 1_795_390_400_000_000, mono_us: 5_000_000 };
const HISTORY_ROWS: u32 = 5_000;

/// A value for chart, second and dimension.
type Values = BTreeMap<(String, i64, String), f64>;

struct Parent {
    store: Store,
    host: Arc<Host>,
    feed: rrd_store::Feed,
    session: Session,
    out: Vec<u8>,
}

impl Parent {
    fn new(capabilities: Capabilities) -> Self {
        let info = info(1);
        let store = Store::new();
        let host = store.add(&info, Keep::new(MemoryMode::Ram, HISTORY_ROWS));
        let is_stored = capabilities.has(Capabilities::INTERPOLATED);
        let feed = host.claim(if is_stored { FeedKind::Stored } else { FeedKind::Collected }, info);
        Self { store, host, feed, session: Session::new(capabilities, 1, HISTORY_ROWS), out: Vec::new() }
    }

    fn take(&mut self, text: &[u8]) -> Result<(), SessionError> {
        let mut writer = self.feed.writer(NOW).unwrap();
        self.session.receive(text, NOW, &mut writer, &mut self.out)
    }

    /// What was asked for since the last time.
    fn asked(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out)).unwrap()
    }

    /// All rows that are stored.
    fn values(&self) -> Values {
        let mut values = Values::new();
        self.host.read(|view| {
            for chart in view.charts() {
                let dimensions: Vec<_> = chart.dimensions().map(|dimension| dimension.id.to_owned()).collect();
                chart.snapshot(0, i64::MAX / 2).rows(|second, row| {
                    for (dimension, value) in dimensions.iter().zip(row).filter(|(_, value)| !value.is_empty()) {
                        values.insert((chart.id().to_owned(), second, dimension.clone()), value.unpack());
                    }
                });
            }
        });
        values
    }

    /// All charts and dimensions as texts.
    fn definitions(&self) -> Vec<String> {
        self.host.read(|view| {
            let chart = |chart: rrd_store::ChartView<'_>| {
                let labels: Vec<_> = chart.labels().map(|label| format!("{label:?}")).collect();
                format!("{:?} {:?} {labels:?}", chart.definition(), chart.dimensions().collect::<Vec<_>>())
            };
            view.charts().map(chart).collect()
        })
    }
}

const V1: Capabilities = Capabilities::V1;
const CAPS_1_37: Capabilities = Capabilities(15_296);
const EXCERPTS: [(&str, Capabilities); 4] = [
    ("1.37.1-v1.txt", V1),
    ("1.37.1-caps.txt", CAPS_1_37),
    ("2.11.0-v1.txt", V1),
    ("2.11.0-caps.txt", Capabilities::PARENT),
];

fn excerpt(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/tests/captures");
    let bytes = std::fs::read(folder.join(name)).unwrap();
    bytes[Request::head_length(&bytes).unwrap_or(0)..].to_vec()
}

fn random(state: &mut u64, limit: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % limit.max(1)
}

fn feed(text: &[u8], capabilities: Capabilities, mut step: impl FnMut() -> usize) -> Parent {
    let mut parent = Parent::new(capabilities);
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(step().clamp(1, rest.len()));
        parent.take(piece).unwrap_or_else(|err| panic!("{err}"));
        rest = tail;
    }
    parent
}

/// The goal: however real traffic is cut, the same charts, dimensions, rows and requests come out.
#[test]
fn excerpts_give_the_same_however_cut() {
    for (name, capabilities) in EXCERPTS {
        let text = excerpt(name);
        let whole = feed(&text, capabilities, || usize::MAX);
        assert!(whole.definitions().len() >= 4, "{name}");
        assert!(whole.values().len() > 150, "{name}: {}", whole.values().len());
        assert_eq!(whole.session.untold, None, "{name}");
        let mut seed = 5;
        let mut cuts: [Box<dyn FnMut() -> usize>; 3] =
            [Box::new(|| 1), Box::new(|| 1 + random(&mut seed, 90)), Box::new(|| 1_000)];
        for cut in &mut cuts {
            let parent = feed(&text, capabilities, cut);
            assert_eq!(parent.definitions(), whole.definitions(), "{name}");
            assert!(parent.values() == whole.values(), "{name}");
            assert!(parent.out == whole.out, "{name}");
        }
    }
}

/// The goal: what is stored is what the text says, as a reader that shares no code with ours finds it.
#[test]
fn stored_rows_are_those_of_a_naive_reader() {
    for (name, capabilities) in [EXCERPTS[1], EXCERPTS[3]] {
        let text = excerpt(name);
        compare_with_naive_reader(name, &text, &feed(&text, capabilities, || usize::MAX));
    }
    let mut frames = Parent::new(Capabilities::PARENT);
    let (mut codec, mut plain) = (Decoder::new(Codec::Lz4), Plain::default());
    for piece in excerpt("2.11.0-caps.lz4frames").chunks(700) {
        codec.push(piece, &mut plain, |text| frames.take(text)).unwrap().unwrap();
    }
    compare_with_naive_reader("frames", &excerpt("2.11.0-caps.txt"), &frames);
}

/// The goal: the same with whole captures, where they are at hand.
#[test]
fn whole_captures_are_stored() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    for (name, capabilities, charts) in [
        ("netdata-1.37.1-plain-v1.bin", V1, 293),
        ("netdata-1.37.1-caps.bin", CAPS_1_37, 295),
        ("netdata-1.37.1-lz4.bin", CAPS_1_37, 294),
        ("netdata-2.11.0-v1.bin.gz", V1, 214),
        ("netdata-2.11.0-caps.bin.gz", Capabilities::PARENT, 215),
        ("netdata-2.11.0-lz4.bin.gz", Capabilities::PARENT, 215),
        #[cfg(feature = "zstd")]
        ("netdata-2.11.0-zstd.bin.gz", Capabilities::PARENT, 215),
    ] {
        let Some(bytes) = load(&folder.join(name)) else {
            println!("{name} is not at hand: only the excerpts were tested");
            continue;
        };
        let body = &bytes[Request::head_length(&bytes).unwrap()..];
        let mut text = Vec::new();
        match codec_of(name) {
            None => text.extend_from_slice(body),
            Some(codec) => {
                let pushed = Decoder::new(codec).push(body, &mut Plain::default(), |plain| {
                    text.extend_from_slice(plain);
                    Ok::<_, ()>(())
                });
                pushed.unwrap().unwrap();
            }
        }
        let whole = feed(&text, capabilities, || usize::MAX);
        assert_eq!(whole.definitions().len(), charts, "{name}");
        assert_eq!(whole.session.untold, None, "{name}");
        let mut seed = 9;
        let cut = feed(&text, capabilities, || 1 + random(&mut seed, 20_000));
        assert!(cut.values() == whole.values(), "{name}");
        if capabilities != V1 {
            compare_with_naive_reader(name, &text, &whole);
        }
    }
}

fn codec_of(capture: &str) -> Option<Codec> {
    let is_of = |codec: &&Codec| capture.contains(&codec.to_string().to_lowercase());
    Codec::BUILT.iter().find(is_of).copied()
}

fn load(path: &PathBuf) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    if path.extension().is_none_or(|extension| extension != "gz") {
        return Some(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
    Some(plain)
}

fn compare_with_naive_reader(name: &str, text: &[u8], parent: &Parent) {
    let (expected, last_s) = read_naively(std::str::from_utf8(text).unwrap());
    let stored = parent.values();
    assert!(expected.len() > 100, "{name}: {}", expected.len());
    for (place, &value) in &expected {
        let found = stored.get(place).copied().unwrap_or(f64::NAN);
        assert!((found - value).abs() <= value.abs() * 1e-6 + 5e-8, "{name}: {place:?}: {found}, but {value} was sent");
    }
    for place @ (chart, second, _) in stored.keys() {
        // Rows of collected values, which follow, are dated by their durations.
        let is_live = !parent.session.is_stored && last_s.get(chart).is_none_or(|last_s| second > last_s);
        assert!(is_live || expected.contains_key(place), "{name}: {place:?} was never sent");
    }
}

/// Reads stored values off the text by splitting it, and the last second of the past of each chart.
fn read_naively(text: &str) -> (Values, BTreeMap<String, i64>) {
    let (mut values, mut last) = (Values::new(), BTreeMap::new());
    let (mut chart, mut second) = (String::new(), 0);
    for line in text[..text.rfind('\n').unwrap()].lines() {
        let words = split_naively(line);
        let words: Vec<_> = words.iter().map(String::as_str).filter(|word| !word.starts_with("SLOT:")).collect();
        match words[..] {
            ["RBEGIN", "", begin, end, ..] => {
                // A chart of 5 seconds that was asked for from second 3 on counts 8, 13, and so on.
                let every_s = (number_naively(end) - number_naively(begin)) as i64;
                second = number_naively(end) as i64 / every_s * every_s;
            }
            ["RBEGIN", id] => chart = id.into(),
            ["BEGIN2", id, _, end, _] => (chart, second) = (id.into(), number_naively(end) as i64),
            ["RSET", dimension, value, flags] if flags != "E" => {
                last.insert(chart.clone(), second);
                let place = (chart.clone(), second, dimension.to_owned());
                values.entry(place).or_insert(number_naively(value));
            }
            ["SET2", dimension, collected, value, _] => {
                let value = if value == "#" { collected } else { value };
                values.entry((chart.clone(), second, dimension.to_owned())).or_insert(number_naively(value));
            }
            _ => {}
        }
    }
    values.retain(|_, value| !value.is_nan());
    (values, last)
}

fn split_naively(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, tail) = match first {
            '"' | '\'' => rest[1..].split_once(first).unwrap(),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = tail.trim_start();
    }
    words
}

fn number_naively(word: &str) -> f64 {
    let digits = |text: &str| {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        text.chars().fold(0_u64, |sum, digit| sum * 64 + alphabet.find(digit).unwrap() as u64)
    };
    match word.split_at(1) {
        ("-", rest) => -number_naively(rest),
        ("#", rest) => digits(rest) as f64,
        ("@", rest) => f64::from_bits(digits(rest)),
        _ => word.to_ascii_lowercase().parse().unwrap(),
    }
}

/// The goal: whatever becomes of the bytes, there is an error or there is none, and never a panic.
#[test]
fn mutated_captures_do_no_harm() {
    let mut seed = 11;
    let texts = EXCERPTS.map(|(name, capabilities)| (excerpt(name), capabilities));
    let mut errors = 0;
    for turn in 0..5_000 {
        let (text, capabilities) = &texts[turn % texts.len()];
        let length = (500 + random(&mut seed, 9_000)).min(text.len());
        let mut text = text[..length].to_vec();
        for _ in 0..=random(&mut seed, 4) {
            mutate(&mut text, &mut seed);
        }
        let mut parent = Parent::new(*capabilities);
        let middle = random(&mut seed, text.len());
        let result = parent.take(&text[..middle]).and_then(|()| parent.take(&text[middle..]));
        errors += usize::from(result.is_err());
        let status = parent.host.status();
        assert!(status.charts <= 100 && status.dimensions <= 500);
    }
    assert!((500..4_900).contains(&errors), "{errors}");
}

fn mutate(text: &mut Vec<u8>, seed: &mut u64) {
    let (place, length) = (random(seed, text.len() - 100), 1 + random(seed, 90));
    let slice = text[place..place + length].to_vec();
    match random(seed, 5) {
        0 => text[place] ^= 1 << random(seed, 8),
        1 => drop(text.drain(place..place + length)),
        2 => text.splice(place..place, slice).for_each(drop),
        3 => text[place] = b" \n\"'#-9"[random(seed, 7)],
        _ => {
            // Digits become other digits: far times, huge values.
            for byte in text[place..].iter_mut().filter(|byte| byte.is_ascii_digit()).take(1 + length / 9) {
                *byte = b'0' + random(seed, 10) as u8;
            }
        }
    }
}

const CHART: &str = "CHART \"a.b\" \"\" \"t\" \"u\" \"f\" \"c\" line 1 1\nDIMENSION \"d\" \"d\" incremental 1 1\n";

/// The goal: each way in which a line can be wrong is told by name and by line.
#[test]
fn bad_lines_are_named() {
    let long = "x".repeat(1_300);
    let long_title = format!("CHART \"a.{long}\" \"\" \"t\"\n");
    let long_dimension = format!("{CHART}DIMENSION \"{long}\"\n");
    let unended = "y".repeat(16_000);
    let cases: [(&str, &str); 27] = [
        ("BEGIN\n", "line 1 (byte 0): BEGIN without chart"),
        ("\n\nSET \"d\" = x\n", "line 3 (byte 2): SET: collected value: expected a number"),
        ("CHART \"nodot\"\n", "line 1 (byte 0): CHART: id: expected type.id"),
        (&unended, "line 1 (byte 0): line is longer than 15487 bytes"),
        ("\nBEGIN \"a.b\" 1\n", "line 2: BEGIN of the unknown chart \"a.b\""),
        ("BEGIN2 'x.y' #B #B #\n", "line 1: BEGIN2 of the unknown chart \"x.y\""),
        ("RBEGIN \"x.y\"\n", "line 1: RBEGIN of the unknown chart \"x.y\""),
        ("RBEGIN \"x.y\" 1 2 3\n", "line 1: RBEGIN of the unknown chart \"x.y\""),
        ("{CHART}BEGIN \"a.b\" 1\n\nSET \"e\" = 1\n", "line 5: SET of the unknown dimension \"e\""),
        ("{CHART}BEGIN2 'a.b' 1 9 #\nSET2 'e' 1 1 A\n", "line 4: SET2 of the unknown dimension \"e\""),
        ("{CHART}RBEGIN 'a.b'\nRBEGIN '' 8 9 9\nRSET \"e\" 1 A\n", "line 5: RSET of the unknown dimension \"e\""),
        ("{CHART}SET \"d\" = 1\n", "line 3: SET without a row"),
        ("{CHART}SET2 \"d\" 1 1 A\n", "line 3: SET2 without a row"),
        ("{CHART}END\n", "line 3: END without BEGIN"),
        ("{CHART}BEGIN \"a.b\" 1\nEND\nEND2\n", "line 5: END2 without BEGIN"),
        ("{CHART}BEGIN \"a.b\" 1\nRBEGIN 'a.b'\nEND\n", "line 5: END without BEGIN"),
        ("JSON STREAM_PATH\n{\n}\nJSON_PAYLOAD_END\nEND\n", "line 5: END without BEGIN"),
        ("DIMENSION \"d\"\n", "line 1: DIMENSION without a chart"),
        ("CLABEL_COMMIT\n", "line 1: CLABEL_COMMIT without a chart"),
        ("VARIABLE CHART x = 1\n", "line 1: VARIABLE CHART without a chart"),
        ("CHART_DEFINITION_END 0 0 0\n", "line 1: CHART_DEFINITION_END without a chart"),
        ("RBEGIN '' 8 9 9\n", "line 1: RBEGIN without a chart"),
        ("RSET \"d\" 1 A\n", "line 1: RSET without RBEGIN"),
        ("RDSTATE \"d\" 1 1 1 1\n", "line 1: RDSTATE without RBEGIN"),
        ("RSSTATE 1 1\n", "line 1: RSSTATE without RBEGIN"),
        (&long_title, "line 1: a text of the definition is empty or longer than 1200 bytes"),
        (&long_dimension, "line 3: a text of the definition is empty or longer than 1200 bytes"),
    ];
    for (text, expected) in cases {
        let text = text.replace("{CHART}", CHART);
        for step in [usize::MAX, 1] {
            let mut parent = Parent::new(CAPS_1_37);
            let mut pieces = text.as_bytes().chunks(step.min(text.len()));
            let error = pieces.find_map(|piece| parent.take(piece).err()).expect(expected);
            assert_eq!(error.to_string(), expected, "{text:.200}");
        }
    }
    let mut parent = Parent::new(CAPS_1_37);
    parent.take(format!("{CHART}REND 1 0 0 true 0 0\n").as_bytes()).expect_err("REND needs RBEGIN");
}

/// The goal: an unknown command is told once, with its line, and does not end the stream.
#[test]
fn unknown_commands_are_told_once() {
    let mut parent = Parent::new(CAPS_1_37);
    parent.take(format!("{CHART}\nNOVELTY 1\nMORE\n").as_bytes()).unwrap();
    assert_eq!(parent.session.take_unknown(), Some((4, "NOVELTY".into())));
    parent.take(b"MORE\n").unwrap();
    assert_eq!(parent.session.take_unknown(), None);
}

/// The goal: a chart is asked for once per definition, a step at a time, until live rows follow.
#[test]
fn replication_goes_step_by_step() {
    let now_s = NOW.wall_s();
    let mut parent = Parent::new(CAPS_1_37);
    let begin = now_s - 1_500;
    let end = format!("CHART_DEFINITION_END {begin} {now_s} {now_s}\n");
    parent.take(format!("{CHART}{end}").as_bytes()).unwrap();
    let step = begin + 600;
    assert_eq!(parent.asked(), format!("REPLAY_CHART \"a.b\" \"false\" {begin} {step}\n"));
    parent.take(format!("{CHART}{end}").as_bytes()).unwrap();
    assert_eq!(parent.asked(), "", "an answer is under way");
    let answer = |parent: &mut Parent, live: bool, after: i64, before: i64| {
        let rend = format!("RBEGIN \"a.b\"\nREND 1 {begin} {now_s} {live} {after} {before} {now_s}\n");
        parent.take(rend.as_bytes()).unwrap();
        parent.asked()
    };
    let next = format!("REPLAY_CHART \"a.b\" \"false\" {step} {}\n", step + 600);
    assert_eq!(answer(&mut parent, false, begin, step), next);
    let last = format!("REPLAY_CHART \"a.b\" \"true\" {} {now_s}\n", step + 600);
    assert_eq!(answer(&mut parent, false, step, step + 600), last);
    // `false` although `true` was asked: the parent asks again.
    let again = format!("REPLAY_CHART \"a.b\" \"true\" {now_s} {now_s}\n");
    assert_eq!(answer(&mut parent, false, step + 600, now_s), again);
    // An answer that brings nothing further is not asked for again.
    assert_eq!(answer(&mut parent, false, now_s, now_s), "REPLAY_CHART \"a.b\" \"true\" 0 0\n");
    assert_eq!(answer(&mut parent, true, 0, 0), "");
    parent.take(format!("{CHART}{end}").as_bytes()).unwrap();
    assert_eq!(parent.asked(), format!("REPLAY_CHART \"a.b\" \"false\" {begin} {step}\n"), "a new series begins");
}

/// The goal: a counter that was never collected at the child makes no jump from zero.
#[test]
fn a_dimension_without_a_state_makes_only_a_base() {
    let mut parent = Parent::new(CAPS_1_37);
    let second = 1_795_390_000_i64;
    let text = format!(
        "{CHART}DIMENSION \"e\" \"e\" incremental 1 1\nCHART_DEFINITION_END 0 0 {second}\nRBEGIN \"a.b\"\n\
         RDSTATE \"d\" {second}500000 1000 0 0\nRDSTATE \"e\" 0 0 0 0\nRSSTATE {second}500000 {second}000000\n\
         REND 1 0 0 true 0 0 {second}\n\
         BEGIN \"a.b\" 1000000\nSET \"d\" = 1100\nSET \"e\" = 5000000000\nEND\n\
         BEGIN \"a.b\" 1000000\nSET \"d\" = 1200\nSET \"e\" = 5000000100\nEND\n"
    );
    parent.take(text.as_bytes()).unwrap();
    let values = parent.values();
    let at = |second: i64, dimension: &str| values.get(&("a.b".into(), second, dimension.into())).copied();
    assert_eq!((at(second + 1, "d"), at(second + 2, "d")), (Some(50.0), Some(100.0)));
    assert_eq!((at(second + 1, "e"), at(second + 2, "e")), (None, Some(50.0)));
}

/// The goal: what a session remembers of a chart that left is never taken for the chart that has its
/// slot next: neither lines of its definition, nor numbers, nor its unanswered request.
#[test]
fn charts_that_left_are_forgotten() {
    let mut parent = Parent::new(Capabilities::PARENT);
    let definition = |slot: &str, id: &str| {
        format!(
            "CHART SLOT:{slot} \"{id}\" \"\" \"t\" \"u\" \"f\" \"c\" line 1 1 \"\" \"p\" \"m\"\nDIMENSION SLOT:1 \"d\" \"\" absolute 1 1 \"\"\nCHART_DEFINITION_END 0 0 0\n"
        )
    };
    parent.take(definition("1", "a.stays").as_bytes()).unwrap();
    parent.take(definition("2", "a.left").as_bytes()).unwrap();
    assert!(parent.asked().contains("a.left"), "and the answer never comes");
    parent.take(b"RBEGIN SLOT:2 \"a.left\"\n").unwrap();
    let slot = parent.host.read(|view| view.find_chart("a.left").unwrap().slot());
    let_go(&parent.store, &mut parent.feed, slot, START_S);
    parent.take(b"CLABEL_COMMIT\n").unwrap_err();
    parent.take(b"RSET SLOT:1 \"d\" 1 \"\"\n").unwrap_err();
    parent.take(b"BEGIN2 SLOT:2 \"a.left\" 1 1795390000 #\n").unwrap_err();
    parent.take(definition("3", "a.next").as_bytes()).unwrap();
    assert_eq!(parent.host.read(|view| view.find_chart("a.next").unwrap().slot()), slot, "the slot is used again");
    assert!(parent.asked().contains("a.next"), "the request of the chart that left is not in its way");
    assert!(parent.session.slots[2].is_none() && parent.session.slots[1].is_some());
    parent.take(definition("2", "a.left").as_bytes()).unwrap();
    assert!(parent.asked().contains("a.left"), "what comes back is new");
}

fn only(parent: &Parent, dimension: &str) -> Vec<(i64, f64)> {
    let values = parent.values();
    values.iter().filter(|((_, _, id), _)| id == dimension).map(|((_, second, _), value)| (*second, *value)).collect()
}

/// The goal: a child that uses every option of the v2 form is stored as it says, whatever the slots,
/// the form of its numbers and the order of its lines.
#[test]
fn every_option_of_stored_rows() {
    let mut parent = Parent::new(OWN_WITH_FLOATS);
    let second = NOW.wall_s() / 60 * 60 - 600;
    let text = format!(
        "CHART SLOT:#/ \"a.b\" \"\" \"t\" \"u\" \"f\" \"c\" \"line\" 1 1 \"\" \"p\" \"m\"\n\
         DIMENSION SLOT:#J \"first\" \"\" \"absolute\" 1 1000 \"type=int\"\n\
         DIMENSION SLOT:#C \"float\" \"\" \"absolute\" 1 1 \" hidden  type=float\"\n\
         BEGIN2 SLOT:#/ 'a.b' #B {second} #\nSET2 SLOT:#J 'first' #u @D/dcKPXCj1x A\nSET2 SLOT:#C 'float' @D/4AAAAAAAA # AR\nEND2\n\
         BEGIN2 SLOT:0x3F 'a.b' 0x1 {:#X} {:#X}\nSET2 'float' 1.5 2.25 ''\nSET2 SLOT:#B 'first' -0x10 -1.5e+2 R\nEND2\n\
         BEGIN2 'a.b' 1 {} #\nSET2 SLOT:#J 'first' 1 %3FF0000000000000 E\nSET2 'float' 7 nan A\nEND2\n\
         BEGIN2 SLOT:#j 'a.b' #B {} #\nVARIABLE CHART limit = 5\nSET2 SLOT:#J 'first' -#K # A\nEND2\n",
        second + 1,
        second + 3,
        second + 2,
        second + 4,
    )
    .replace("0X", "0x");
    parent.take(text.as_bytes()).unwrap();
    // The last row's slot is unknown: the id decides; the row before it says that there is nothing.
    assert_eq!(only(&parent, "first"), [(second, 0.46), (second + 1, -150.0), (second + 4, -10.0)]);
    assert_eq!(only(&parent, "float"), [(second, 1.5), (second + 1, 2.25)]);
    parent.host.read(|view| {
        let chart = view.find_chart("a.b").unwrap();
        let mut flags = Vec::new();
        chart.snapshot(0, i64::MAX / 2).rows(|_, row| {
            flags.push(row.iter().map(|value| (value.is_reset(), value.is_anomalous())).collect::<Vec<_>>());
        });
        assert_eq!(flags[0], [(false, false), (true, false)]);
        assert_eq!(flags[1], [(true, true), (false, true)]);
        assert_eq!(chart.variables().collect::<Vec<_>>(), [("limit", 5.0)]);
    });
    // A changed interval begins anew; a slot goes to the chart that names it last.
    let text = format!(
        "CHART SLOT:#/ \"a.c\"\nDIMENSION SLOT:#B \"other\"\n\
         BEGIN2 SLOT:#/ 'a.b' #F {} #\nSET2 SLOT:#J 'first' #A # A\nEND2\n\
         BEGIN2 SLOT:#/ 'a.c' #B {second} #\nSET2 SLOT:#J 'other' #B # A\nEND2\n",
        second + 5,
    );
    parent.take(text.as_bytes()).unwrap();
    assert_eq!(only(&parent, "first"), [(second + 5, 0.0)]);
    assert_eq!(only(&parent, "other"), [(second, 1.0)]);
}

const OWN_WITH_FLOATS: Capabilities = Capabilities::PARENT.with(Capabilities::FUNCTIONS);

/// The goal: labels, variables, claim and functions are the host's or the chart's that they are said
/// of, replace what was said before, and have limits.
#[test]
fn definitions_beside_charts_are_kept() {
    let mut parent = Parent::new(OWN_WITH_FLOATS);
    let (guid, claim) = (parent.host.guid(), Guid::from_bytes([7; 16]));
    let long = "v".repeat(5_000);
    let text = format!(
        "VARIABLE HOST early = 1\nCLAIMED_ID '{guid}' '{claim}'\nLABEL \"_os\" = 2147483649 \"linux\"\n\
         LABEL \"_os\" = 2147483650 \"other\"\nLABEL long = 1 {long}\nOVERWRITE labels\n\
         LABEL \"pending\" = 1 \"no\"\nFUNCTION GLOBAL \"mounts\" 10 \"Shows\" \"top\" 0x8 100 0\n\
         {CHART}CLABEL \"one\" \"1\" 1\nCLABEL_COMMIT\n\
         FUNCTION \"processes\" 20 \"Lists\"\nFUNCTION \"gone\" 20 \"x\"\nFUNCTION_DEL GLOBAL \"gone\"\n\
         {}CLABEL \"two\" \"2\" 1\nCLABEL_COMMIT\nCLABEL \"three\" \"3\" 1\n\
         BEGIN \"a.b\" 1\nVARIABLE CHART max = 4\nEND\nVARIABLE LOCAL size = 6\nVARIABLE GLOBAL late = nan\n",
        CHART.replace("a.b", "a.c"),
    );
    parent.take(text.as_bytes()).unwrap();
    parent.host.read(|view| {
        let labels: Vec<_> = view.labels().map(|label| (label.name, label.value.len(), label.source)).collect();
        assert_eq!(labels, [("_os", 5, 2), ("long", rrd_store::TEXT_BYTES_MAX, 1)]);
        assert_eq!(view.variables().collect::<Vec<_>>(), [("early", 1.0)]);
        assert_eq!(view.claimed_id(), Some(claim));
        let functions: Vec<_> = view.functions().map(|known| (known.name, known.timeout_s, known.access)).collect();
        assert_eq!(functions, [("mounts", 10, "0x8"), ("processes", 20, "")]);
        let of = |id| {
            let chart = view.find_chart(id).unwrap();
            (chart.labels().map(|label| label.name).collect::<Vec<_>>(), chart.variables().collect::<Vec<_>>())
        };
        assert_eq!(of("a.b"), (vec!["one"], vec![("max", 4.0)]));
        assert_eq!(of("a.c"), (vec!["two"], vec![("size", 6.0)]));
    });
    let other = Guid::from_bytes([9; 16]);
    parent.take(format!("CLAIMED_ID {other} NULL\n").as_bytes()).unwrap();
    assert_eq!(parent.host.claimed_id(), Some(claim), "a claim of another host means nothing");
    parent.take(format!("CLAIMED_ID {guid} NULL\n").as_bytes()).unwrap();
    assert_eq!(parent.host.claimed_id(), None);
    for number in 0..300 {
        parent.take(format!("FUNCTION GLOBAL \"f{number}\" 1 \"\"\nLABEL l{number} = 1 x\n").as_bytes()).unwrap();
    }
    parent.take(b"OVERWRITE labels\n").unwrap();
    let counts = parent.host.read(|view| (view.functions().count(), view.labels().count()));
    assert_eq!(counts, (rrd_store::FUNCTIONS_MAX, LABELS_MAX));
}

/// The goal: what is inside a block is never a command, and does not touch the row that is open
/// around it; an answer that nobody waits for is read and dropped.
#[test]
fn blocks_leave_rows_alone() {
    let mut parent = Parent::new(OWN_WITH_FLOATS);
    let second = NOW.wall_s() - 100;
    let blocks = "JSON STREAM_PATH\nEND2\nJSON_PAYLOAD_ENDS\nJSON_PAYLOAD_END\nJSON ML_MODEL\n{}\nJSON_PAYLOAD_END\n\
                  FUNCTION_RESULT_BEGIN \"nobody\" 200 text/plain 0\nSET2 'd' 9 9 A\nEND2\nFUNCTION_RESULT_END\n\
                  FUNCTION_PAYLOAD_BEGIN t 1 f\nEND2\nFUNCTION_PAYLOAD_END\nFUNCTION_PROGRESS 't' 1 2\nNODE_ID a b c\n";
    let text = format!("{CHART}BEGIN2 'a.b' 1 {second} #\n{blocks}SET2 'd' 5 # A\n{blocks}END2\n");
    for step in [1, 50, text.len()] {
        text.as_bytes().chunks(step).for_each(|piece| parent.take(piece).unwrap());
        assert_eq!(only(&parent, "d"), [(second, 5.0)], "{step}");
        assert!(!parent.session.functions.has_news());
    }
    let flood = "x\n".repeat(6_000_000);
    parent.take(b"FUNCTION_RESULT_BEGIN t 200 text/plain 0\n").unwrap();
    let error = parent.take(flood.as_bytes()).unwrap_err();
    assert!(error.to_string().ends_with("block is longer than 10485760 bytes"), "{error}");
}

/// The goal: an answer reaches whoever asked as it was written, and one that is too long says so.
#[test]
fn answers_to_calls_are_gathered() {
    let mut parent = Parent::new(OWN_WITH_FLOATS);
    let call = rrd_store::Call {
        function: "processes by pid".into(),
        timeout_s: 20,
        access: "0x8".into(),
        source: "user".into(),
        payload: None,
    };
    for number in [7, 8] {
        parent.session.functions.call(number, &call, &mut parent.out);
    }
    assert_eq!(
        parent.asked().lines().next(),
        Some("FUNCTION '00000000000000000000000000000007' 20 \"processes by pid\" \"0x8\" \"user\"")
    );
    let text = "FUNCTION_RESULT_BEGIN 00000000000000000000000000000007 404 \"text/plain\" 5\nnot\n\nhere\nFUNCTION_RESULT_END\n";
    text.as_bytes().chunks(3).for_each(|piece| parent.take(piece).unwrap());
    let (number, reply) = parent.session.functions.take_answer().unwrap();
    assert_eq!((number, reply.code, reply.expires_s, &*reply.content_type), (7, 404, 5, "text/plain"));
    assert_eq!(reply.body, b"not\n\nhere");
    parent.take(text.as_bytes()).unwrap();
    assert!(parent.session.functions.take_answer().is_none(), "each call is answered once");
    let long = text.replace("0007", "0008").replace("here", &"here\n".repeat(1_000_000));
    parent.take(long.as_bytes()).unwrap();
    assert_eq!(parent.session.functions.take_answer().unwrap().1.code, 502);
}

/// The goal: a child whose clock is ahead is stored as it dates its rows, is noted once, and does not
/// run away when it connects anew or when it knows no durations.
#[test]
fn rows_ahead_of_our_clock_are_kept_as_they_are_dated() {
    let mut parent = Parent::new(CAPS_1_37);
    let second = NOW.wall_s() / 60 * 60 + 3_600;
    let last = second - 1;
    let text = format!(
        "{CHART}CHART_DEFINITION_END {} {second} {second}\nRBEGIN \"a.b\"\nRBEGIN '' {last} {second} {second}\n\
         RSET \"d\" 5 \"\"\nRDSTATE \"d\" {second}500000 1000 0 5\nRSSTATE {second}500000 {second}000000\n\
         REND 1 {last} {second} true {last} {second} {second}\nBEGIN \"a.b\" 1000000\nSET \"d\" = 1100\nEND\n",
        second - 60
    );
    parent.take(text.as_bytes()).unwrap();
    let seconds = |parent: &Parent| only(parent, "d").into_iter().map(|(found, _)| found - second).collect::<Vec<_>>();
    assert_eq!(seconds(&parent), [0, 1]);
    let ahead_s = second + 1 - NOW.wall_s();
    assert_eq!((parent.session.take_ahead(), parent.session.take_ahead()), (Some(ahead_s), None));
    assert_eq!(parent.host.figures().rows_ahead.get(), 2);
    // A new connection: the first duration is believed, since our clock cannot say how long it was.
    let info = info(1);
    parent.feed = parent.host.claim(FeedKind::Collected, info);
    parent.session = Session::new(CAPS_1_37, 1, HISTORY_ROWS);
    let row = |us: u64, value: u64| format!("BEGIN \"a.b\" {us}\nSET \"d\" = {value}\nEND\n");
    parent.take(format!("{CHART}{}{}", row(1_000_000, 1_200), row(1_000_000, 1_300)).as_bytes()).unwrap();
    assert_eq!(seconds(&parent), [0, 1, 2, 3]);
    // Without durations it goes on a row at a time.
    parent.take((14..18).map(|value| row(0, value * 100)).collect::<String>().as_bytes()).unwrap();
    assert_eq!(seconds(&parent), [0, 1, 2, 3, 4, 5, 6, 7]);
}

/// The goal: agents of 1.9 and 1.10, which tell durations for a minute and none ever after, get a row
/// for each second, whether their collections are early or late within it.
#[test]
fn durations_that_end_after_a_minute_lose_no_row() {
    let mut parent = Parent::new(V1);
    let mut seed = 3;
    let start_us = (START_S / 60 * 60) * row::US_PER_S + 500_000;
    let mut before_us = start_us;
    for turn in 0..400 {
        let late_us = random(&mut seed, 200_000) as i64;
        let now_us = start_us + turn * row::US_PER_S + late_us;
        let elapsed_us = if turn < 60 { now_us - before_us } else { 0 };
        before_us = now_us;
        let now = Now { wall_us: now_us + 1_000, mono_us: (now_us - start_us) as u64 + 1_000_000 };
        let definition = if turn == 0 { CHART } else { "" };
        let text = format!("{definition}BEGIN \"a.b\" {elapsed_us}\nSET \"d\" = {}\nEND\n", turn * 10);
        parent.session.receive(text.as_bytes(), now, &mut parent.feed.writer(now).unwrap(), &mut parent.out).unwrap();
    }
    let rows = only(&parent, "d");
    let (first, last) = (rows[0].0, rows[rows.len() - 1].0);
    assert_eq!(last, start_us / row::US_PER_S + 399);
    assert_eq!(rows.len() as i64, last - first + 1, "no second lacks");
    assert!(rows.len() >= 398 && rows[3..].iter().all(|(_, rate)| (6.0..14.0).contains(rate)));
    assert_eq!(parent.session.take_ahead(), None);
}

/// The goal: a child that begins later than we end has lost what is between, which is told once.
#[test]
fn what_a_child_does_not_have_any_more_is_told_once() {
    let mut parent = Parent::new(Capabilities::PARENT.without(Capabilities::IEEE754.with(Capabilities::SLOTS)));
    let now_s = NOW.wall_s();
    let definition = |first_s: i64| {
        format!(
            "CHART \"a.b\" \"\" \"t\" \"u\" \"f\" \"a.b\" line 1 1 \"\" \"\" \"\"\nDIMENSION \"d0\" \"\" absolute 1 1 \"\"\n\
             CHART_DEFINITION_END {first_s} {now_s} {now_s}\n"
        )
    };
    parent.take(definition(now_s - 900).as_bytes()).unwrap();
    assert_eq!(parent.session.take_gap(NOW, true), None, "a chart that is new here");
    let row = |second: i64| format!("BEGIN2 'a.b' 1 {second} #\nSET2 'd0' 1 # A\nEND2\n");
    parent.take(row(now_s - 700).as_bytes()).unwrap();
    let end = format!("RBEGIN 'a.b'\nREND 1 {} {now_s} true {} {now_s} {now_s}\n", now_s - 900, now_s - 900);
    parent.take(end.as_bytes()).unwrap();
    assert!(parent.asked().contains("REPLAY_CHART"));
    parent.take(definition(now_s - 600).as_bytes()).unwrap();
    let expected = Gap { rows: 100, from_s: now_s - 700, to_s: now_s - 600 };
    assert_eq!(parent.session.take_gap(NOW, true), Some(expected));
    assert_eq!(parent.session.take_gap(NOW, true), None);
    assert!(parent.asked().contains("REPLAY_CHART"));
}

/// The goal: a child is sent only what it knows, and no text that would end before its end; what it says of
/// calls that it was not asked is dropped.
#[test]
fn calls_are_sent_in_words_that_the_child_knows() {
    let call = |body: Option<&str>| rrd_store::Call {
        function: "config".into(),
        timeout_s: 20,
        access: String::new(),
        source: String::new(),
        payload: body.map(|body| rrd_store::Payload { content_type: "text/plain".into(), body: body.into() }),
    };
    let code = |body, knows| {
        let agreed = if knows { OWN_WITH_FLOATS.with(Capabilities::PROGRESS) } else { OWN_WITH_FLOATS };
        let mut parent = Parent::new(agreed);
        parent.session.functions.call(7, &call(body), &mut parent.out);
        parent.session.functions.notice(rrd_store::Notice::Awaited(7), &mut parent.out);
        parent.session.functions.notice(rrd_store::Notice::Awaited(8), &mut parent.out);
        parent.session.functions.notice(rrd_store::Notice::Cancelled(7), &mut parent.out);
        parent.session.functions.notice(rrd_store::Notice::Cancelled(7), &mut parent.out);
        parent.take(b"FUNCTION_PROGRESS 00000000000000000000000000000007 1 2\nFUNCTION_PROGRESS x 1 2\n").unwrap();
        assert_eq!(parent.session.functions.take_progress(), None);
        let words: Vec<_> = parent.asked().lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        (parent.session.functions.take_answer().map(|(_, reply)| reply.code), words.join(" "))
    };
    assert_eq!(code(None, true), (None, "FUNCTION FUNCTION_PROGRESS FUNCTION_CANCEL".into()));
    assert_eq!(code(None, false), (None, "FUNCTION".into()));
    let text = "FUNCTION_PAYLOAD text FUNCTION_PAYLOAD_END FUNCTION_PROGRESS FUNCTION_CANCEL";
    assert_eq!(code(Some("text"), true), (None, text.into()));
    assert_eq!(code(Some("text"), false), (Some(501), String::new()));
    let mut parent = Parent::new(OWN_WITH_FLOATS);
    let long = rrd_store::Call { function: "f".repeat(encode::TEXT_BYTES_MAX + 1), ..call(None) };
    parent.session.functions.call(7, &long, &mut parent.out);
    assert_eq!((parent.session.functions.take_answer().unwrap().1.code, &*parent.asked()), (400, ""));
    assert_eq!(code(Some("a\nFUNCTION_PAYLOAD_END\nFUNCTION t 1 f"), true), (Some(400), String::new()));
}
