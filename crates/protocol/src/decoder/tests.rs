//! Tables of lines, good and bad, for every command.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use row::{
    Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, FunctionDefinition,
    Label, PointFlags,
};

use super::*;
use crate::VariableScope;

const NORMAL: PointFlags = PointFlags::NORMAL;
const RESET: PointFlags = PointFlags { reset: true, anomalous: false };
const ANOMALOUS: PointFlags = PointFlags { reset: false, anomalous: true };

fn decode_with(mut decoder: Decoder, line: &[u8]) -> Result<Step<'_>, DecodeError> {
    let mut consumed = 0;
    let step = decoder.step(line, &mut consumed);
    assert_eq!(consumed, line.len());
    step
}

fn decode(line: &str) -> Result<Step<'_>, DecodeError> {
    decode_with(Decoder::new(Limits::default()), line.as_bytes())
}

fn fault(line: &str) -> String {
    match decode(line) {
        Err(error) => error.to_string(),
        other => format!("{other:?}"),
    }
}

fn assert_lines(table: &[(&str, Command<'_>)]) {
    for (line, command) in table {
        let line = format!("{line}\n");
        assert_eq!(decode(&line), Ok(Step::Command(*command)), "{line}");
    }
}

/// Live rows of both forms are read, with and without slots, in any form of number.
#[test]
fn rows() {
    let set = |slot, id, value| Command::Set { slot, id, value };
    let set2 = |slot, id, collected, value, flags| Command::Set2 { slot, id, collected, value, flags };
    assert_lines(&[
        ("BEGIN \"system.cpu\" 998435", Command::Begin { slot: None, id: b"system.cpu", elapsed_us: 998_435 }),
        ("BEGIN system.cpu", Command::Begin { slot: None, id: b"system.cpu", elapsed_us: 0 }),
        ("BEGIN SLOT:7 'a.b' -5", Command::Begin { slot: Some(7), id: b"a.b", elapsed_us: 0 }),
        ("SET \"new\" = -12", set(None, b"new", -12)),
        ("SET new=5", set(None, b"new", 5)),
        ("  SET\t\"new\" = 5\r", set(None, b"new", 5)),
        ("SET SLOT:#B \"SLOT:#C\" = 5", set(Some(1), b"SLOT:#C", 5)),
        ("SET \"END\" = 18446744073709551615", set(None, b"END", -1)),
        ("SET \"f\" = 12.75", set(None, b"f", 12)),
        ("SET \"a\" = ", Command::Ignored { keyword: b"SET" }),
        ("SET \"a\"", Command::Ignored { keyword: b"SET" }),
        ("END", Command::End),
        ("END 1 2 3", Command::End),
        ("END\r", Command::End),
        (
            "BEGIN2 SLOT:#k 'system.load' #F #BrA3tN #BrA3tS",
            Command::Begin2 {
                slot: Some(36),
                id: b"system.load",
                update_every_s: 5,
                time_s: 1_795_390_285,
                wall_s: 1_795_390_290,
            },
        ),
        (
            "BEGIN2 SLOT:0x1 'system.idlejitter' 0x1 0x6B037E21 #",
            Command::Begin2 {
                slot: Some(1),
                id: b"system.idlejitter",
                update_every_s: 1,
                time_s: 0x6B03_7E21,
                wall_s: 0x6B03_7E21,
            },
        ),
        ("SET2 SLOT:#B 'reads' #tNF @EBBIiE3mg0I A", set2(Some(1), b"reads", 185_157, 34.266_638_708_324_59, NORMAL)),
        ("SET2 'guest' #A # A", set2(None, b"guest", 0, 0.0, NORMAL)),
        ("SET2 SLOT:0x2 'max' 0x7A 165 AR", set2(Some(2), b"max", 122, 165.0, RESET)),
        ("SET2 'with space' -#K # ''", set2(None, b"with space", -10, -10.0, ANOMALOUS)),
        ("SET2 'f' @D/wAAAAAAAA # A", set2(None, b"f", 1, 1.0, NORMAL)),
        ("SET2 SLOT:0 'zero' 1 # A", set2(None, b"zero", 1, 1.0, NORMAL)),
        ("SET2 SLOT:65536 'big' 1 # A", set2(None, b"big", 1, 1.0, NORMAL)),
        ("SET2 SLOT:x 'odd' 1 # A", set2(None, b"odd", 1, 1.0, NORMAL)),
        ("END2", Command::End2),
        ("END2 ", Command::End2),
    ]);
    let Ok(Step::Command(Command::Set2 { value, collected: 7, .. })) = decode("SET2 'd' 7 # E\n") else { panic!() };
    assert!(value.is_nan());
}

/// Charts get the defaults and the name rules of the wire.
#[test]
fn charts() {
    let plain = ChartDefinition {
        id: "system.cpu",
        units: "unknown",
        priority: 1000,
        chart_type: ChartType::Line,
        ..ChartDefinition::default()
    };
    let chart = |slot, definition| Command::Chart { slot, definition };
    assert_lines(&[
        (
            "CHART SLOT:#B \"system.cpu\" \"\" \"Total\" \"percentage\" \"cpu\" \"system.cpu\" \"stacked\" 100 2 \"obsolete hidden\" \
             \"proc.plugin\" \"/proc/stat\"",
            chart(
                Some(1),
                ChartDefinition {
                    title: "Total",
                    units: "percentage",
                    family: "cpu",
                    context: "system.cpu",
                    chart_type: ChartType::Stacked,
                    priority: 100,
                    update_every_s: 2,
                    options: ChartOptions::OBSOLETE.with(ChartOptions::HIDDEN),
                    plugin: "proc.plugin",
                    module: "/proc/stat",
                    ..plain
                },
            ),
        ),
        ("CHART system.cpu", chart(None, plain)),
        ("CHART system.cpu NULL", chart(None, plain)),
        ("CHART system.cpu (NULL)", chart(None, plain)),
        ("CHART system.cpu cpu", chart(None, plain)),
        ("CHART system.cpu system.cpu", chart(None, plain)),
        ("CHART system.cpu system.all", chart(None, ChartDefinition { name: "all", ..plain })),
        ("CHART system.cpu systemic", chart(None, ChartDefinition { name: "systemic", ..plain })),
        ("CHART a.b.c", chart(None, ChartDefinition { id: "a.b.c", ..plain })),
    ]);
    for id in ["nodot", ".cpu", "system."] {
        assert_eq!(fault(&format!("CHART \"{id}\"\n")), "line 1 (byte 0): CHART: id: expected type.id");
    }
}

/// Dimensions get the defaults of the wire; factors are never 0 and fit 32 bits.
#[test]
fn dimensions() {
    let plain = DimensionDefinition { id: "in", ..DimensionDefinition::default() };
    let dimension = |slot, definition| Command::Dimension { slot, definition };
    assert_lines(&[
        (
            "DIMENSION SLOT:#C \"in\" \"received\" \"incremental\" -8 1000 \" hidden noreset type=int\"",
            dimension(
                Some(2),
                DimensionDefinition {
                    name: "received",
                    algorithm: Algorithm::Incremental,
                    multiplier: -8,
                    divisor: 1000,
                    options: DimensionOptions(DimensionOptions::HIDDEN.0 | DimensionOptions::NO_RESET.0),
                    ..plain
                },
            ),
        ),
        ("DIMENSION in", dimension(None, plain)),
        ("DIMENSION in in nonsense 0 0", dimension(None, plain)),
        (
            "DIMENSION in '' '' 99999999999 -99999999999",
            dimension(None, DimensionDefinition { multiplier: i32::MAX, divisor: i32::MIN, ..plain }),
        ),
    ]);
}

/// Labels, variables, claims and functions are read in the forms of all versions.
#[test]
fn other_definitions() {
    let label = |name, value, source| Label { name, value, source };
    let host = "11111111-aaaa-4aaa-8aaa-000000000003".parse().unwrap();
    let variable = |scope, name, value| Command::Variable { scope, name, value };
    let function = |global, name, timeout_s, help, tags, access, priority, version| Command::Function {
        global,
        definition: FunctionDefinition { name, timeout_s, help, tags, access, priority, version },
    };
    let result = |transaction, code, content_type, expires_s| Command::FunctionResult {
        transaction,
        code,
        content_type,
        expires_s,
    };
    assert_lines(&[
        ("CLABEL \"_collect_plugin\" \"proc\" 536870913", Command::ChartLabel(label("_collect_plugin", "proc", 1))),
        ("CLABEL \"device\" \"\" 1", Command::ChartLabel(label("device", "", 1))),
        ("CLABEL_COMMIT", Command::ChartLabelsCommit),
        ("LABEL \"_os\" = 2147483649 \"linux\"", Command::HostLabel(label("_os", "linux", 1))),
        ("LABEL \"name\" = 1 some = value ", Command::HostLabel(label("name", "some = value", 1))),
        ("LABEL \"empty\" = 9", Command::HostLabel(label("empty", "", 9))),
        ("OVERWRITE labels", Command::HostLabelsOverwrite),
        ("VARIABLE HOST tcp_mem = -1.0000000", variable(VariableScope::Host, "tcp_mem", -1.0)),
        ("VARIABLE CHART pidmax = 32768.0000000", variable(VariableScope::Chart, "pidmax", 32_768.0)),
        ("VARIABLE any = 1", variable(VariableScope::Current, "any", 1.0)),
        ("VARIABLE any =", Command::Ignored { keyword: b"VARIABLE" }),
        ("CLAIMED_ID 11111111-aaaa-4aaa-8aaa-000000000003 NULL", Command::ClaimedId { machine: host, claim: None }),
        (
            "CLAIMED_ID '11111111-aaaa-4aaa-8aaa-000000000003' '11111111-aaaa-4aaa-8aaa-000000000003'",
            Command::ClaimedId { machine: host, claim: Some(host) },
        ),
        (
            "FUNCTION GLOBAL \"mounts\" 20 \"Shows mounts\" \"top\" 0x8 100 0",
            function(true, "mounts", 20, "Shows mounts", "top", "0x8", 100, 0),
        ),
        ("FUNCTION \"processes\" 0 \"Shows\"", function(false, "processes", 10, "Shows", "", "", 100, 0)),
        (
            "FUNCTION GLOBAL config 120 \"Dynamic configuration\" \"config\" 0x8 1000",
            function(true, "config", 120, "Dynamic configuration", "config", "0x8", 1_000, 0),
        ),
        ("FUNCTION_DEL GLOBAL \"mounts\"", Command::FunctionDelete { name: "mounts" }),
        (
            "FUNCTION_RESULT_BEGIN 't 1' 404 \"application/json\" 1795390000",
            result("t 1", 404, "application/json", 1_795_390_000),
        ),
        ("FUNCTION_RESULT_BEGIN t 99999", result("t", 500, "", 0)),
        ("FUNCTION_PROGRESS 't 1' 3 7", Command::FunctionProgress { transaction: "t 1", done: 3, all: 7 }),
        ("FUNCTION_PROGRESS t -3", Command::FunctionProgress { transaction: "t", done: 0, all: 0 }),
        ("NODE_ID 'a' 'b' 'c'", Command::Ignored { keyword: b"NODE_ID" }),
        ("DYNCFG_ENABLE x", Command::Ignored { keyword: b"DYNCFG_ENABLE" }),
        ("FOOBAR 1 2", Command::Unknown { keyword: b"FOOBAR" }),
        ("set \"a\" = 1", Command::Unknown { keyword: b"set" }),
        ("\"SET\" \"a\" = 1", Command::Set { slot: None, id: b"a", value: 1 }),
    ]);
    let Ok(Step::Command(Command::Variable { value, .. })) = decode("VARIABLE CHART speed = nan\n") else { panic!() };
    assert!(value.is_nan());
}

/// Replication is read in decimal and in base 64, in both directions.
#[test]
fn replication() {
    assert_lines(&[
        (
            "CHART_DEFINITION_END 1795390267 1795390282 1795390283",
            Command::ChartDefinitionEnd { first_s: 1_795_390_267, last_s: 1_795_390_282, now_s: Some(1_795_390_283) },
        ),
        ("CHART_DEFINITION_END 0 0", Command::ChartDefinitionEnd { first_s: 0, last_s: 0, now_s: None }),
        ("RBEGIN SLOT:#l 'system.io'", Command::ReplayBegin { slot: Some(37), id: b"system.io" }),
        (
            "RBEGIN SLOT:#l '' #BrA3s7 #BrA3s8 #BrA3tM",
            Command::ReplayPoint {
                slot: Some(37),
                id: b"",
                start_s: 1_795_390_267,
                end_s: 1_795_390_268,
                wall_s: Some(1_795_390_284),
            },
        ),
        ("RBEGIN '' 1 2", Command::ReplayPoint { slot: None, id: b"", start_s: 1, end_s: 2, wall_s: None }),
        (
            "RSET \"in\" 1089.4273000 \"\"",
            Command::ReplaySet { slot: None, id: b"in", value: 1089.4273, flags: NORMAL },
        ),
        ("RSET \"in\" 1 \"R\"", Command::ReplaySet { slot: None, id: b"in", value: 1.0, flags: RESET }),
        (
            "RSET SLOT:#B \"active\" @EB+YAAAAAAA A",
            Command::ReplaySet { slot: Some(1), id: b"active", value: 486.0, flags: NORMAL },
        ),
        (
            "RDSTATE \"in\" 1795387900319496 3810837 11.5068399 28.3177163",
            Command::ReplayDimensionState {
                slot: None,
                id: b"in",
                collected_us: 1_795_387_900_319_496,
                collected: 3_810_837,
                calculated: 11.506_839_9,
                stored: 28.317_716_3,
            },
        ),
        (
            "RSSTATE #GYOXgEcz5 #GYOXgDSjA",
            Command::ReplayChartState { collected_us: 1_795_390_283_304_185, updated_us: 1_795_390_283_000_000 },
        ),
        (
            "REND #B #BrA3s7 #BrA3tL true  #BrA3s7 #BrA3tL #BrA3tM",
            Command::ReplayEnd {
                update_every_s: 1,
                first_s: 1_795_390_267,
                last_s: 1_795_390_283,
                start_streaming: true,
                after_s: 1_795_390_267,
                before_s: 1_795_390_283,
                wall_s: Some(1_795_390_284),
            },
        ),
        (
            "REND 1 2 3 false 4 5",
            Command::ReplayEnd {
                update_every_s: 1,
                first_s: 2,
                last_s: 3,
                start_streaming: false,
                after_s: 4,
                before_s: 5,
                wall_s: None,
            },
        ),
        (
            "REPLAY_CHART \"system.io\" \"true\" 10 20",
            Command::ReplayChart { id: "system.io", start_streaming: true, after_s: 10, before_s: 20 },
        ),
    ]);
    for line in ["RSET \"in\" NAN \"E\"\n", "RSET \"in\"\n", "RSET \"in\" 5 E\n"] {
        let Ok(Step::Command(Command::ReplaySet { value, .. })) = decode(line) else { panic!() };
        assert!(value.is_nan(), "{line}");
    }
}

/// What no letter means for a row of the past depends on what was negotiated.
#[test]
fn replayed_points_are_anomalous_only_with_interpolated_rows() {
    for (capabilities, flags) in [(Capabilities::V1, NORMAL), (Capabilities::INTERPOLATED, ANOMALOUS)] {
        let decoder = Decoder::new(Limits::default()).with_capabilities(capabilities);
        let expected = Command::ReplaySet { slot: None, id: b"in", value: 1.0, flags };
        assert_eq!(decode_with(decoder, b"RSET \"in\" 1 ''\n"), Ok(Step::Command(expected)));
    }
}

/// From a parent the same words call a function, and say what becomes of a call.
#[test]
fn lines_of_a_parent() {
    let call = |access, source, payload| Command::FunctionCall {
        transaction: "t1",
        timeout_s: 10,
        function: "processes pid",
        access,
        source,
        payload,
    };
    let decoder = Decoder::of_parent(Limits::default());
    for (line, expected) in [
        ("FUNCTION t1 10 \"processes pid\" \"0x8\" \"x\"\n", call("0x8", "x", None)),
        ("FUNCTION t1 0 \"processes pid\"\n", call("", "", None)),
        ("FUNCTION_PAYLOAD_BEGIN t1 0 \"processes pid\"\n", call("", "", Some(""))),
        ("FUNCTION_CANCEL 't1'\n", Command::FunctionCancel { transaction: "t1" }),
        ("FUNCTION_PROGRESS t1\n", Command::FunctionAwaited { transaction: "t1" }),
    ] {
        assert_eq!(decode_with(decoder.clone(), line.as_bytes()), Ok(Step::Command(expected)), "{line}");
    }
    let mut decoder = decoder;
    let text =
        b"FUNCTION_PAYLOAD t1 10 \"processes pid\" 0x8 \"x\" \"text/plain\"\nSET x = 1\n\nFUNCTION_PAYLOAD_END\nEND\n";
    let (mut consumed, mut at) = (0, 0);
    for expected in [
        call("0x8", "x", Some("text/plain")),
        Command::PayloadText { text: b"SET x = 1\n" },
        Command::PayloadText { text: b"\n" },
        Command::PayloadEnd,
        Command::End,
    ] {
        assert_eq!(decoder.step(&text[at..], &mut consumed), Ok(Step::Command(expected)));
        at += consumed;
    }
}

/// A parent that never ends a payload is told so at the limit; what a child says of calls is no parent's word.
#[test]
fn payloads_have_a_limit() {
    let limits = Limits { line_bytes: 60, block_bytes: 100 };
    let mut decoder = Decoder::of_parent(limits);
    let text = [&b"FUNCTION_PAYLOAD t 1 f\n"[..], &b"x\n".repeat(60)].concat();
    let (mut consumed, mut at, mut pieces) = (0, 0, 0);
    let error = loop {
        match decoder.step(&text[at..], &mut consumed) {
            Ok(Step::Command(_)) => pieces += 1,
            Ok(Step::NeedMore) => panic!("no limit"),
            Err(error) => break error,
        }
        at += consumed;
    };
    assert_eq!((pieces, error.to_string().as_str()), (51, "line 1 (byte 0): block is longer than 100 bytes"));
    let of_child = |line: &[u8]| decode_with(Decoder::new(limits), line).map(|step| format!("{step:?}"));
    assert!(of_child(b"FUNCTION_CANCEL t\n").unwrap().contains("Ignored"));
}

/// A line that lacks a word, or has one that makes no sense, is named with the word.
#[test]
fn faults_name_line_and_word() {
    for (line, message) in [
        ("SET\n", "SET without dimension"),
        ("SET \"\" = 1\n", "SET without dimension"),
        ("SET \"a\" = x\n", "SET: collected value: expected a number"),
        ("BEGIN\n", "BEGIN without chart"),
        ("BEGIN a.b x\n", "BEGIN: microseconds: expected an integer"),
        ("BEGIN2 'a.b' #B #BrA3tN\n", "BEGIN2 without wall clock"),
        ("BEGIN2 'a.b' #B\n", "BEGIN2 without time"),
        ("BEGIN2 'a.b' #B # #\n", "BEGIN2: time: expected an integer"),
        ("SET2 'a' 1 2\n", "SET2 without flags"),
        ("SET2 'a' 1\n", "SET2 without value"),
        ("SET2 'a' # # A\n", "SET2: collected value: expected a number"),
        ("SET2 'a' 1 @! A\n", "SET2: value: expected a number"),
        ("RBEGIN\n", "RBEGIN without chart"),
        ("RBEGIN '' 1\n", "RBEGIN without end"),
        ("RSET\n", "RSET without dimension"),
        ("RSET \"a\" x\n", "RSET: value: expected a number"),
        ("RDSTATE \"a\" 1 2 3\n", "RDSTATE without stored value"),
        ("RSSTATE 1\n", "RSSTATE without time of update"),
        ("REND 1 2 3 true 4\n", "REND without before"),
        ("CHART_DEFINITION_END 1\n", "CHART_DEFINITION_END without last"),
        ("REPLAY_CHART \"a.b\" \"true\" 1\n", "REPLAY_CHART without before"),
        ("DIMENSION\n", "DIMENSION without id"),
        ("CLABEL a\n", "CLABEL without value"),
        ("CLABEL a b\n", "CLABEL without source"),
        ("LABEL a\n", "LABEL without source"),
        ("VARIABLE CHART\n", "VARIABLE without name"),
        ("VARIABLE a = x\n", "VARIABLE: value: expected a number"),
        ("CLAIMED_ID x NULL\n", "CLAIMED_ID: machine: expected a GUID"),
        ("FUNCTION GLOBAL\n", "FUNCTION without name"),
        ("FUNCTION_DEL GLOBAL\n", "FUNCTION_DEL without name"),
        ("FUNCTION_RESULT_BEGIN t x\n", "FUNCTION_RESULT_BEGIN: code: expected an integer"),
        ("FUNCTION_RESULT_BEGIN\n", "FUNCTION_RESULT_BEGIN without transaction"),
        ("FUNCTION_PROGRESS\n", "FUNCTION_PROGRESS without transaction"),
    ] {
        assert_eq!(fault(line), format!("line 1 (byte 0): {message}"), "{line}");
    }
    let not_utf8 = decode_with(Decoder::new(Limits::default()), b"CHART a.b \xff\n");
    assert_eq!(not_utf8.unwrap_err().to_string(), "line 1 (byte 0): CHART: name: expected UTF-8");
}

/// An error says where in the stream it is, and the stream can be read on.
#[test]
fn errors_carry_their_place() {
    let text = b"END\n\n  \nSET\nEND\n";
    let mut decoder = Decoder::new(Limits::default());
    let mut at = 0;
    let mut seen = Vec::new();
    while at < text.len() {
        let mut consumed = 0;
        match decoder.step(&text[at..], &mut consumed) {
            Ok(Step::Command(command)) => seen.push(format!("{command:?}")),
            Ok(Step::NeedMore) => break,
            Err(error) => seen.push(error.to_string()),
        }
        at += consumed;
    }
    assert_eq!(seen, ["End", "line 4 (byte 8): SET without dimension", "End"]);
}

/// Lines have a limit, whether their end has come or not.
#[test]
fn long_lines_are_refused() {
    let limits = Limits { line_bytes: 10, ..Limits::default() };
    let fits = decode_with(Decoder::new(limits), b"SET aa = 1\n");
    assert!(matches!(fits, Ok(Step::Command(Command::Set { .. }))));
    for line in [&b"SET aaa = 1\n"[..], b"SET aaa = 1"] {
        let error = decode_with(Decoder::new(limits), line).unwrap_err();
        assert_eq!(error, DecodeError { line: 1, offset: 0, fault: Fault::LineTooLong { limit: 10 } });
    }
    let mut consumed = 7;
    assert_eq!(Decoder::new(limits).step(b"SET aa = 1", &mut consumed), Ok(Step::NeedMore));
    assert_eq!(consumed, 0);
}

/// The text that answers a call is given as it is, whatever it holds and however it is cut.
#[test]
fn results_are_given_whole() {
    let long = "y".repeat(100);
    let body = format!("BEGIN a.b\n\nFUNCTION_RESULT_BEGIN\n{long}\n{long}FUNCTION_RESULT_END\nend\n");
    let text = format!("FUNCTION_RESULT_BEGIN t 200 text/plain 0\n{body}FUNCTION_RESULT_END\nEND\n");
    for piece in [1, 7, 50, text.len()] {
        let mut decoder = Decoder::new(Limits { line_bytes: 60, block_bytes: 500 });
        let (mut pending, mut found, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for bytes in text.as_bytes().chunks(piece) {
            pending.extend_from_slice(bytes);
            loop {
                let mut consumed = 0;
                let step = decoder.step(&pending, &mut consumed).unwrap();
                match step {
                    Step::Command(Command::ResultText { text }) => found.extend_from_slice(text),
                    Step::Command(command) => ends.push(format!("{command:?}")),
                    Step::NeedMore => {}
                }
                let more = step == Step::NeedMore;
                pending.drain(..consumed);
                if more {
                    break;
                }
            }
        }
        assert_eq!(String::from_utf8(found).unwrap(), body, "{piece}");
        assert_eq!((ends.len(), &*ends[1], &*ends[2]), (3, "ResultEnd", "End"), "{piece}");
    }
}

/// Bodies of blocks are skipped, whatever they hold and however they are cut; with a limit.
#[test]
fn blocks_are_skipped() {
    let body = "x".repeat(100);
    let text = format!(
        "JSON STREAM_PATH\n{{\"SET\":1}}\n{body}JSON_PAYLOAD_END\nSET a = 1\n\nJSON_PAYLOAD_END\nEND\n\
         JSON NOVEL x\nBEGIN\nJSON_PAYLOAD_END\nEND2\n"
    );
    let expected =
        [Command::Ignored { keyword: b"JSON" }, Command::End, Command::Ignored { keyword: b"JSON" }, Command::End2];
    let limits = Limits { line_bytes: 60, block_bytes: 200 };
    for piece in [1, 7, 50, text.len()] {
        let mut decoder = Decoder::new(limits);
        let mut pending = Vec::new();
        let mut seen = 0;
        for bytes in text.as_bytes().chunks(piece) {
            pending.extend_from_slice(bytes);
            loop {
                let mut consumed = 0;
                let step = decoder.step(&pending, &mut consumed).unwrap();
                let Step::Command(command) = step else {
                    pending.drain(..consumed);
                    break;
                };
                assert_eq!(command, expected[seen], "{piece}");
                seen += 1;
                pending.drain(..consumed);
            }
            assert!(pending.len() <= limits.line_bytes);
        }
        assert_eq!((seen, pending.len()), (4, 0), "{piece}");
    }
    let mut decoder = Decoder::new(Limits { line_bytes: 60, block_bytes: 20 });
    let mut consumed = 0;
    assert!(decoder.step(text.as_bytes(), &mut consumed).is_ok());
    let error = decoder.step(&text.as_bytes()[consumed..], &mut consumed).unwrap_err();
    assert_eq!(error, DecodeError { line: 1, offset: 0, fault: Fault::BlockTooLong { limit: 20 } });
}

/// What the road by words makes of the first line of `text`, and how many bytes that takes.
fn by_words(text: &[u8], replay_has_anomaly: bool) -> (Result<Step<'_>, DecodeError>, usize) {
    let mut consumed = 0;
    let mut decoder = Decoder { replay_has_anomaly, ..Decoder::new(Limits::default()) };
    let step = decoder.step_by_words(text, &mut consumed);
    (step, consumed)
}

/// Nearly all rows of real children take the short road; those that do not are cut, or have flags that
/// few rows have.
#[test]
fn rows_of_real_children_are_usual() {
    for (capture, rows_min) in [
        (&include_bytes!("../../tests/captures/1.37.1-v1.txt")[..], 100),
        (&include_bytes!("../../tests/captures/2.11.0-v1.txt")[..], 100),
        (&include_bytes!("../../tests/captures/2.11.0-caps.txt")[..], 100),
    ] {
        let (mut rows, mut usual) = (0, 0);
        for line in capture.split_inclusive(|&byte| byte == b'\n') {
            let keyword = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            if [&b"BEGIN"[..], b"SET", b"END", b"BEGIN2", b"SET2", b"END2"].contains(&keyword) {
                rows += 1;
                usual += usize::from(usual::line(line, false).is_some());
            }
        }
        assert!(rows >= rows_min && usual * 100 >= rows * 99, "{usual} of {rows}");
    }
}

/// Whatever is wrong with a line or unusual about it: the short road leads to the same command as the
/// road by words, or leaves the line to it.
#[test]
fn both_roads_lead_to_the_same_command() {
    let lines = [
        "SET \"dimension\" = 1234567890\n",
        "SET \"a\" = -12\nEND\n",
        "BEGIN \"system.cpu\" 1000000\n",
        "BEGIN2 SLOT:#k 'system.load' #F #BrA3tN #\n",
        "BEGIN2 'system.idlejitter' 0x1 0x6B037E21 #BrA3tS\n",
        "SET2 SLOT:#B 'reads' #tNF @EBBIiE3mg0I A\n",
        "SET2 'max' -#K # AR\n",
        "SET2 SLOT:0x2 'min' 0x7A 165.25 A\n",
        "END2\nSET2 'a' 1 2 A\n",
        "RSET SLOT:#B \"reads\" @EBBIiE3mg0I A\n",
        "RSET \"in\" -12.5 \"\"\n",
    ];
    let bytes = b" \"'\\=\n\r\t#-+@:.0123456789AERSxz\x00\x7f\xff";
    let (mut state, mut usual) = (7_u64, 0);
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for turn in 0..200_000 {
        let mut text = lines[turn % lines.len()].as_bytes().to_vec();
        for _ in 0..below(4) {
            let (at, byte) = (below(text.len()), bytes[below(bytes.len())]);
            match below(3) {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.drain(at..(at + 1 + below(4)).min(text.len()))),
            }
            if text.is_empty() {
                break;
            }
        }
        let has_anomaly = turn % 3 == 0;
        let Some((command, length)) = usual::line(&text, has_anomaly) else { continue };
        usual += 1;
        let (step, consumed) = by_words(&text, has_anomaly);
        // As texts, since a value that is not a number does not equal itself.
        assert_eq!(format!("{step:?}"), format!("{:?}", Ok::<_, DecodeError>(Step::Command(command))), "{text:?}");
        assert_eq!(length, consumed, "{text:?}");
    }
    assert!(usual > 50_000, "{usual}");
}
