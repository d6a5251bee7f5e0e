use row::{Algorithm, ChartDefinition, Now};
use rrd_store::{Feed, Store};

use super::*;
use crate::format::Format;
use crate::testing::{LAST_S, chart, fill, host, host_kept};

/// Full ten seconds, less one: the end of a window.
const T: i64 = LAST_S - 1;

fn at(wall_s: i64) -> Now {
    Now { wall_us: wall_s * 1_000_000 + 200_000, mono_us: 1 }
}

fn config(source: Source) -> BackendConfig {
    BackendConfig {
        name: "site".into(),
        every_s: 10,
        cut: Cut::AsTold,
        format: FormatOptions {
            format: Format::Graphite,
            source,
            prefix: "nd".into(),
            names: true,
            configured_labels: false,
            automatic_labels: false,
            node: false,
            undot_hostname: false,
        },
        hosts: SimplePattern::new("*"),
        charts: SimplePattern::new("*"),
        hostname: String::new(),
    }
}

fn load(feed: &mut Feed) -> row::ChartSlot {
    let definition = ChartDefinition { id: "system.load", update_every_s: 1, ..Default::default() };
    chart(feed, &definition, &[("load1", Algorithm::Absolute, 1, 1)])
}

/// The value of a second is that second, counted from one.
fn rows(feed: &mut Feed, slot: row::ChartSlot, seconds: std::ops::RangeInclusive<i64>) {
    fill(feed, slot, seconds, |time_s, dimension| (dimension == 0).then_some((time_s - T) as f64));
}

fn told(backend: &mut Backend, store: &Store, wall_s: i64) -> Vec<String> {
    let mut text = Vec::new();
    backend.turn(&store.hosts(), at(wall_s), |_, records| text.extend_from_slice(records.bytes()));
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

const NOBODY: Guid = Guid::from_bytes([0; 16]);

/// Goal: each window is told once, at its time, with the average of its seconds.
#[test]
fn windows_are_told_in_time() {
    let store = Store::new();
    let (_, mut feed) = host(&store, "box");
    let slot = load(&mut feed);
    let mut backend = Backend::new(config(Source::Average), NOBODY, None, at(T));
    assert_eq!(backend.due_s(), T + 10);
    rows(&mut feed, slot, T - 50..=T + 9);
    assert_eq!(told(&mut backend, &store, T + 9), [""; 0]);
    // Seconds -2 to 7.
    assert_eq!(told(&mut backend, &store, T + 10), [format!("nd.box.system.load.load1 2.5000000 {}", T + 7)]);
    rows(&mut feed, slot, T + 10..=T + 31);
    assert_eq!(
        told(&mut backend, &store, T + 31),
        [
            format!("nd.box.system.load.load1 12.5000000 {}", T + 17),
            format!("nd.box.system.load.load1 22.5000000 {}", T + 27)
        ]
    );
    assert_eq!(told(&mut backend, &store, T + 32), [""; 0]);
    assert_eq!(backend.due_s(), T + 40);
}

/// Goal: a node that starts again goes on where it was told; a clock that is set back tells nothing twice.
#[test]
fn it_goes_on_after_a_restart() {
    let store = Store::new();
    let (_, mut feed) = host(&store, "box");
    let slot = load(&mut feed);
    rows(&mut feed, slot, T - 50..=T + 31);
    let mut backend = Backend::new(config(Source::Sum), NOBODY, Some(T + 10), at(T + 25));
    assert_eq!(
        told(&mut backend, &store, T + 30),
        [
            format!("nd.box.system.load.load1 125.0000000 {}", T + 17),
            format!("nd.box.system.load.load1 225.0000000 {}", T + 27)
        ]
    );
    assert_eq!(told(&mut backend, &store, T + 5), [""; 0]);
    assert_eq!(told(&mut backend, &store, T + 30), [""; 0]);
}

/// Goal: rows that a machine sent late are told window by window once they are there.
#[test]
fn late_rows_are_not_lost() {
    let store = Store::new();
    let (_, mut feed) = host(&store, "box");
    let slot = load(&mut feed);
    let mut backend = Backend::new(config(Source::Average), NOBODY, None, at(T));
    rows(&mut feed, slot, T - 50..=T + 4);
    for wall_s in (T + 10..T + 300).step_by(10) {
        assert_eq!(told(&mut backend, &store, wall_s), [""; 0]);
    }
    rows(&mut feed, slot, T + 5..=T + 300);
    let lines = told(&mut backend, &store, T + 300);
    assert_eq!(lines.len(), 30);
    for (index, line) in lines.iter().enumerate() {
        let index = index as i64;
        let (average, end) = (index * 10 + 2, T + 7 + index * 10);
        assert_eq!(*line, format!("nd.box.system.load.load1 {average}.5000000 {end}"));
    }
}

/// Goal: as collected, the newest value is told with its own second, and not again when nothing came.
#[test]
fn as_collected() {
    let store = Store::new();
    let (_, mut feed) = host(&store, "box");
    let slot = load(&mut feed);
    rows(&mut feed, slot, T..=T + 9);
    let mut backend = Backend::new(config(Source::AsCollected), NOBODY, None, at(T));
    assert_eq!(told(&mut backend, &store, T + 10), [format!("nd.box.system.load.load1 9000 {}", T + 9)]);
    assert_eq!(told(&mut backend, &store, T + 20), [""; 0]);
}

/// Goal: patterns choose hosts and charts; the node's own host is `localhost`, whatever its name, and may be
/// called otherwise.
#[test]
fn patterns_choose() {
    let store = Store::new();
    let (own, mut feed) = host(&store, "kid.own");
    let (_, mut other) = host(&store, "kid.other");
    for feed in [&mut feed, &mut other] {
        let slot = load(feed);
        rows(feed, slot, T - 9..=T + 9);
        let definition = ChartDefinition { id: "app.x", name: "app.nice", update_every_s: 1, ..Default::default() };
        let slot = chart(feed, &definition, &[("a b", Algorithm::Absolute, 1, 1)]);
        rows(feed, slot, T - 9..=T + 9);
    }
    let heads = |hosts: &str, charts: &str, hostname: &str| {
        let (hosts, charts) = (SimplePattern::new(hosts), SimplePattern::new(charts));
        let config = BackendConfig { hosts, charts, hostname: hostname.into(), ..config(Source::Average) };
        let mut backend = Backend::new(config, own.guid(), None, at(T));
        let lines = told(&mut backend, &store, T + 10);
        lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(heads("!localhost kid*", "system.*", "me"), ["nd.kid.other.system.load.load1"]);
    assert_eq!(heads("localhost", "app.nice", ""), ["nd.kid.own.app.nice.a_b"]);
    assert_eq!(heads("localhost", "app.x", "me"), ["nd.me.app.nice.a_b"]);
    assert_eq!(heads("*", "!app.* *", "me").len(), 2);
}

/// Goal: a host without a database is left out of averages, and said once.
#[test]
fn hosts_without_rows_are_left_out() {
    let store = Store::new();
    let (_, mut feed) = host_kept(&store, "box", MemoryMode::None);
    let slot = load(&mut feed);
    rows(&mut feed, slot, T..=T + 30);
    let mut backend = Backend::new(config(Source::Average), NOBODY, None, at(T));
    let mut turn = |wall_s| backend.turn(&store.hosts(), at(wall_s), |_, _| panic!("nothing is told")).unwrap();
    assert_eq!(turn(T + 10).left_out, ["box"]);
    assert_eq!(turn(T + 20), Turn { told_s: T + 20, left_out: Vec::new() });
    let mut backend = Backend::new(config(Source::AsCollected), NOBODY, None, at(T));
    assert_eq!(told(&mut backend, &store, T + 30).len(), 1);
}

/// Goal: what is handed over is never more than a request may hold.
#[test]
fn parts_are_bounded() {
    let mut out = Records::default();
    (0..35_000).for_each(|number| out.push(|bytes| bytes.extend_from_slice(format!("{number:0100}\n").as_bytes())));
    let mut parts = Vec::new();
    cut(&mut out, &mut |part| parts.push(part));
    parts.push(out);
    assert!(parts.iter().all(|part| part.len() <= RECORDS_MAX && part.bytes().len() <= BYTES_MAX));
    let numbers: Vec<u32> = parts
        .iter()
        .flat_map(Records::iter)
        .map(|line| std::str::from_utf8(line).unwrap().trim().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..35_000).collect::<Vec<_>>());
}

/// Goal: windows for an archive that is read back begin and end with full multiples, have all their rows, and go on
/// where they were left.
#[test]
fn whole_windows_end_with_multiples() {
    let store = Store::new();
    let (_, mut feed) = host(&store, "box");
    let slot = load(&mut feed);
    let whole = || BackendConfig { cut: Cut::Whole, ..config(Source::Average) };
    let begin_s = T - T % 10;
    let mut backend = Backend::new(whole(), NOBODY, None, at(begin_s + 3));
    assert_eq!(backend.due_s(), begin_s + 13);
    rows(&mut feed, slot, begin_s - 5..=begin_s + 12);
    assert_eq!(told(&mut backend, &store, begin_s + 12), [""; 0]);
    let average = (begin_s + 1..=begin_s + 10).map(|s| s - T).sum::<i64>() as f64 / 10.0;
    let line = told(&mut backend, &store, begin_s + 13);
    assert_eq!(line, [format!("nd.box.system.load.load1 {average:.7} {}", begin_s + 10)]);
    rows(&mut feed, slot, begin_s + 13..=begin_s + 23);
    let mut again = Backend::new(whole(), NOBODY, Some(begin_s + 10), at(begin_s + 23));
    let lines = told(&mut again, &store, begin_s + 23);
    assert!(lines.len() == 1 && lines[0].ends_with(&format!(" {}", begin_s + 20)), "{lines:?}");
}
