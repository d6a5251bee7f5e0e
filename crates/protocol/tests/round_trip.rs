//! Whatever is encoded is decoded again as the same command, in every form.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use protocol::replication::ReplayRequest;
use protocol::{Capabilities, Command, Decoder, Form, Limits, Step, VariableScope, encode};
use row::{
    AlarmWord, Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions,
    FunctionDefinition, Guid, Label, Packed, PointFlags, Told,
};

mod random;
use random::Random;

const IDS: [&str; 8] = ["a", "END", "SLOT:#B", "some 10", "sda/1", "ü.µ", "#", "x=y"];
const TEXTS: [&str; 6] = ["", "cpu", "with blanks in it", "100% = all", "größer", "-"];
const INTS: [i64; 9] = [0, 1, -1, 63, 64, 1_795_390_283, i64::MAX, i64::MIN, 185_157];
const VALUES: [f64; 9] = [0.0, 1.0, -1.0, 34.26664, 0.1, -273.15, 1e14, 1e-7, 185_157.0];

/// Encodes with `write`, decodes, and compares as text, since not-a-number equals nothing.
fn assert_round_trip(form: Form, expected: Command<'_>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut line = Vec::new();
    write(&mut line);
    let mut capabilities = Capabilities::NONE;
    if form.interpolated {
        capabilities = Capabilities::INTERPOLATED;
    }
    let mut decoder = Decoder::new(Limits::default()).with_capabilities(capabilities);
    let mut consumed = 0;
    let step = decoder.step(&line, &mut consumed).unwrap();
    let expected = Step::Command(expected);
    assert_eq!(format!("{step:?}"), format!("{expected:?}"), "{}", String::from_utf8_lossy(&line));
    assert_eq!(consumed, line.len());
}

fn form(random: &mut Random) -> Form {
    let bits = random.next();
    Form { slots: bits & 1 != 0, base64: bits & 2 != 0, interpolated: bits & 4 != 0 }
}

fn value(random: &mut Random) -> (Packed, PointFlags) {
    let flags = PointFlags { reset: random.below(2) == 0, anomalous: random.below(2) == 0 };
    (Packed::pack(random.pick(&VALUES), flags), flags)
}

/// Live rows of both forms.
#[test]
fn rows() {
    let random = &mut Random(1);
    for _ in 0..3_000 {
        let form = form(random);
        let number = 1 + random.below(65_535) as u32;
        let slot = form.slots.then_some(number);
        let text = random.pick(&IDS);
        let id = text.as_bytes();
        let (time_s, collected) = (random.pick(&INTS), random.pick(&INTS));
        let wall_s = if random.below(2) == 0 { time_s } else { random.pick(&INTS) };
        let elapsed_us = random.next() >> random.below(64) >> 1;
        assert_round_trip(form, Command::Begin { slot: None, id, elapsed_us }, |out| {
            encode::write_begin(out, text, elapsed_us);
        });
        assert_round_trip(form, Command::Set { slot: None, id, value: collected }, |out| {
            encode::write_set(out, text, collected);
        });
        assert_round_trip(form, Command::Begin2 { slot, id, update_every_s: 5, time_s, wall_s }, |out| {
            encode::write_begin2(out, form, number, text, 5, time_s, wall_s);
        });
        let (packed, flags) = value(random);
        let value = packed.unpack();
        assert_round_trip(form, Command::Set2 { slot, id, collected, value, flags }, |out| {
            encode::write_set2(out, form, number, text, collected, packed);
        });
        assert_round_trip(form, Command::End, encode::write_end);
        assert_round_trip(form, Command::End2, encode::write_end2);
    }
}

/// An empty value stays empty.
#[test]
fn empty_values() {
    let flags = PointFlags { reset: false, anomalous: true };
    for form in [Form::PLAIN, Form::of(Capabilities::PARENT)] {
        let (slot, id) = (form.slots.then_some(1), &b"a"[..]);
        assert_round_trip(form, Command::Set2 { slot, id, collected: 7, value: f64::NAN, flags }, |out| {
            encode::write_set2(out, form, 1, "a", 7, Packed::EMPTY);
        });
        let flags = PointFlags { anomalous: form.interpolated, ..flags };
        assert_round_trip(form, Command::ReplaySet { slot, id, value: f64::NAN, flags }, |out| {
            encode::write_rset(out, form, 1, "a", Packed::EMPTY);
        });
    }
}

/// Lines of replication, both ways.
#[test]
fn replication() {
    let random = &mut Random(2);
    for _ in 0..3_000 {
        let form = form(random);
        let number = 1 + random.below(65_535) as u32;
        let slot = form.slots.then_some(number);
        let text = random.pick(&IDS);
        let id = text.as_bytes();
        let times = [(); 6].map(|()| random.pick(&INTS));
        let [start_s, end_s, wall_s, first_s, after_s, before_s] = times;
        assert_round_trip(form, Command::ReplayBegin { slot, id }, |out| encode::write_rbegin(out, form, number, text));
        let point = Command::ReplayPoint { slot, id: b"", start_s, end_s, wall_s: Some(wall_s) };
        assert_round_trip(form, point, |out| encode::write_rpoint(out, form, number, start_s, end_s, wall_s));
        let (packed, flags) = value(random);
        let value = packed.unpack();
        let flags = PointFlags { anomalous: flags.anomalous && form.interpolated, ..flags };
        assert_round_trip(form, Command::ReplaySet { slot, id, value, flags }, |out| {
            encode::write_rset(out, form, number, text, packed);
        });
        let state = Command::ReplayDimensionState {
            slot,
            id,
            collected_us: start_s,
            collected: end_s,
            calculated: value,
            stored: f64::NAN,
        };
        assert_round_trip(form, state, |out| {
            encode::write_rdstate(out, form, number, text, start_s, end_s, value, f64::NAN);
        });
        let state = Command::ReplayChartState { collected_us: start_s, updated_us: end_s };
        assert_round_trip(form, state, |out| encode::write_rsstate(out, form, start_s, end_s));
        let start_streaming = random.below(2) == 0;
        let request = ReplayRequest { start_streaming, after_s, before_s };
        let (last_s, wall_s) = (end_s, Some(wall_s));
        let end =
            Command::ReplayEnd { update_every_s: 10, first_s, last_s, start_streaming, after_s, before_s, wall_s };
        assert_round_trip(form, end, |out| {
            encode::write_rend(out, form, 10, (first_s, last_s), &request, times[2]);
        });
        assert_round_trip(form, Command::ReplayChart { id: text, start_streaming, after_s, before_s }, |out| {
            encode::write_replay_chart(out, text, &request);
        });
        assert_round_trip(form, Command::ChartDefinitionEnd { first_s, last_s, now_s: wall_s }, |out| {
            encode::write_chart_definition_end(out, first_s, last_s, times[2]);
        });
    }
}

/// Definitions, labels and variables.
#[test]
fn definitions() {
    let random = &mut Random(3);
    for _ in 0..3_000 {
        let form = form(random);
        let number = 1 + random.below(65_535) as u32;
        let slot = form.slots.then_some(number);
        let definition = chart(random);
        assert_round_trip(form, Command::Chart { slot, definition }, |out| {
            encode::write_chart(out, form, number, &definition);
        });
        let full_name = format!("type.{}", definition.name);
        let named = ChartDefinition { name: if definition.name.is_empty() { "" } else { &full_name }, ..definition };
        assert_round_trip(form, Command::Chart { slot, definition }, |out| {
            encode::write_chart(out, form, number, &named);
        });
        let definition = dimension(random);
        assert_round_trip(form, Command::Dimension { slot, definition }, |out| {
            encode::write_dimension(out, form, number, &definition);
        });
        let (name, source) = (random.pick(&TEXTS[1..]), random.below(16) as u32);
        let label = Label { name, value: random.pick(&TEXTS[1..]), source };
        assert_round_trip(form, Command::ChartLabel(label), |out| encode::write_chart_label(out, &label));
        assert_round_trip(form, Command::HostLabel(label), |out| encode::write_host_label(out, &label));
        for scope in [VariableScope::Host, VariableScope::Chart, VariableScope::Current] {
            let value = random.pick(&VALUES);
            assert_round_trip(form, Command::Variable { scope, name, value }, |out| {
                encode::write_variable(out, scope, name, value);
            });
        }
    }
    let none = Label { name: "n", value: "", source: 1 };
    let shown = Command::HostLabel(Label { value: "[none]", ..none });
    assert_round_trip(Form::PLAIN, shown, |out| encode::write_host_label(out, &none));
    for claim in [None, Some(Guid::from_bytes([7; 16]))] {
        let machine = Guid::from_bytes([9; 16]);
        let claimed = Command::ClaimedId { machine, claim };
        assert_round_trip(Form::PLAIN, claimed, |out| encode::write_claimed_id(out, machine, claim));
    }
    assert_round_trip(Form::PLAIN, Command::ChartLabelsCommit, encode::write_chart_labels_commit);
    assert_round_trip(Form::PLAIN, Command::HostLabelsOverwrite, encode::write_host_labels_overwrite);
}

/// Functions, calls and answers are read as they were written, with and without what newer agents tell.
#[test]
fn functions() {
    for (tags, access, priority, version) in [("", "", 100, 0), ("top", "0x8", 7, 3)] {
        let (name, help) = ("processes", "Shows what runs");
        let definition = FunctionDefinition { name, timeout_s: 20, help, tags, access, priority, version };
        let offer = Command::Function { global: true, definition };
        assert_round_trip(Form::PLAIN, offer, |out| encode::write_function(out, &definition));
    }
    let result = Command::FunctionResult { transaction: "t", code: 404, content_type: "text/plain", expires_s: 5 };
    let mut out = Vec::new();
    encode::write_function_result(&mut out, "t", 404, "text/plain", 5, b"SET \"a\" = 1\nEND");
    let (mut decoder, mut consumed, mut at) = (Decoder::new(Limits::default()), 0, 0);
    for expected in [
        result,
        Command::ResultText { text: b"SET \"a\" = 1\n" },
        Command::ResultText { text: b"END\n" },
        Command::ResultEnd,
    ] {
        assert_eq!(decoder.step(&out[at..], &mut consumed), Ok(Step::Command(expected)));
        at += consumed;
    }
    assert_round_trip(Form::PLAIN, Command::FunctionProgress { transaction: "t 1", done: 3, all: 7 }, |out| {
        encode::write_function_progress(out, "t 1", 3, 7)
    });
}

/// Calls are read as they were written, with a text or without, and so is what becomes of them.
#[test]
fn calls() {
    let (transaction, timeout_s, function) = ("t 1", 10, "processes by=pid");
    let read = |out: &[u8]| {
        let (mut decoder, mut consumed, mut at, mut seen) = (Decoder::of_parent(Limits::default()), 0, 0, Vec::new());
        while let Step::Command(command) = decoder.step(&out[at..], &mut consumed).unwrap() {
            seen.push(format!("{command:?}"));
            at += consumed;
        }
        seen
    };
    for (access, source) in [("", ""), ("0x8", "user")] {
        let call = encode::FunctionCall { transaction, timeout_s, function, access, source };
        let command = |payload| Command::FunctionCall { transaction, timeout_s, function, access, source, payload };
        let mut out = Vec::new();
        encode::write_function_call(&mut out, &call);
        encode::write_function_cancel(&mut out, transaction);
        encode::write_function_awaited(&mut out, transaction);
        encode::write_function_payload(&mut out, &call, "text/plain", b"SET \"a\" = 1\nEND");
        let expected = [
            command(None),
            Command::FunctionCancel { transaction },
            Command::FunctionAwaited { transaction },
            command(Some("text/plain")),
            Command::PayloadText { text: b"SET \"a\" = 1\n" },
            Command::PayloadText { text: b"END\n" },
            Command::PayloadEnd,
        ];
        assert_eq!(read(&out), expected.map(|command| format!("{command:?}")));
    }
    for (body, fits) in
        [("", true), ("{\n}", true), ("FUNCTION_PAYLOAD_EN", true), ("x\n 'FUNCTION_PAYLOAD_END'", false)]
    {
        assert_eq!(encode::fits_payload(body.as_bytes()), fits, "{body}");
    }
}

/// What nodes of ours say of alarms.
#[test]
fn alarms() {
    let random = &mut Random(7);
    for _ in 0..1_000 {
        let (key, status) = (random.next() >> random.below(64), random.next() as i8);
        let told = Told { status, at_s: random.pick(&INTS) };
        for word in
            [AlarmWord::Wait, AlarmWord::Ready, AlarmWord::Hold(key), AlarmWord::Drop(key), AlarmWord::Told(key, told)]
        {
            assert_round_trip(Form::default(), Command::Alarm(word), |out| encode::write_alarm(out, &word));
        }
    }
}

fn chart(random: &mut Random) -> ChartDefinition<'static> {
    ChartDefinition {
        id: random.pick(&["type.id", "type.a.b", "type.with blank", "type.ü"]),
        name: random.pick(&["", "other", "näme"]),
        title: random.pick(&TEXTS),
        units: random.pick(&TEXTS),
        family: random.pick(&TEXTS),
        context: random.pick(&TEXTS),
        chart_type: random.pick(&[ChartType::Line, ChartType::Area, ChartType::Stacked, ChartType::Heatmap]),
        priority: random.next() as i32,
        update_every_s: random.below(100) as u32,
        options: ChartOptions(random.below(16) as u8),
        plugin: random.pick(&TEXTS),
        module: random.pick(&TEXTS),
    }
}

fn dimension(random: &mut Random) -> DimensionDefinition<'static> {
    let algorithms = [
        Algorithm::Absolute,
        Algorithm::Incremental,
        Algorithm::PercentageOfAbsoluteRow,
        Algorithm::PercentageOfIncrementalRow,
    ];
    DimensionDefinition {
        id: random.pick(&IDS),
        name: random.pick(&["", "other", "with blank"]),
        algorithm: random.pick(&algorithms),
        multiplier: random.pick(&[1, -1, 1024, i32::MIN]),
        divisor: random.pick(&[1, 1000, -7, i32::MAX]),
        options: DimensionOptions(random.below(8) as u8),
    }
}

/// A variable without a value is not written.
#[test]
fn missing_variables_are_left_out() {
    let mut out = Vec::new();
    encode::write_variable(&mut out, VariableScope::Host, "x", f64::NAN);
    assert!(out.is_empty());
}

/// No text of ours can end a word or a line, and no line gets longer than old peers read.
#[test]
fn texts_are_sanitised_and_cut() {
    let nasty = "a\"b'c\\d\ne\rf\0g\u{7f}h";
    let mut out = Vec::new();
    encode::write_set(&mut out, nasty, 1);
    assert_eq!(out, b"SET \"a_b_c_d e f g h\" = 1\n");
    out.clear();
    let long = "ü".repeat(40_000);
    let id = format!("type.{long}");
    let definition = ChartDefinition {
        id: &id,
        name: &long,
        title: &long,
        units: &long,
        family: &long,
        context: &long,
        plugin: &long,
        module: &long,
        ..ChartDefinition::default()
    };
    encode::write_chart(&mut out, Form::of(Capabilities::PARENT), 1_000_000, &definition);
    assert!(out.len() < 15_360, "{}", out.len());
    let mut consumed = 0;
    let step = Decoder::new(Limits::default()).step(&out, &mut consumed).unwrap();
    let Step::Command(Command::Chart { definition, .. }) = step else { panic!("{step:?}") };
    assert_eq!(definition.id.len(), 999);
    let mut row = Vec::new();
    encode::write_begin(&mut row, &id, 0);
    let Step::Command(Command::Begin { id, .. }) = Decoder::new(Limits::default()).step(&row, &mut consumed).unwrap()
    else {
        panic!()
    };
    assert_eq!(id, definition.id.as_bytes());
}
