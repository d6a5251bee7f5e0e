use row::{Algorithm, ChartDefinition, Label};
use rrd_store::Store;

use super::*;
use crate::Span;
use crate::testing::{LAST_S, NOW, chart, fill, host};
use crate::walk::{Order, Reading, Walk};

const SPAN: Span = Span { after_s: LAST_S - 9, before_s: LAST_S + 1 };
const END_S: i64 = LAST_S - 2;

fn options(format: Format, source: Source) -> FormatOptions {
    FormatOptions {
        format,
        source,
        prefix: "netdata".into(),
        names: true,
        configured_labels: true,
        automatic_labels: false,
        node: false,
        undot_hostname: false,
    }
}

/// Records of a host called `box1` with one chart, whose values are 3.5.
fn written(options: FormatOptions, definition: &ChartDefinition<'_>, dimensions: &[&str]) -> Vec<Vec<u8>> {
    let store = Store::new();
    let (host, mut feed) = host(&store, "box1");
    let labels = [
        Label { name: "env", value: "test lab", source: 2 },
        Label { name: "rack", value: "r1/a;b=c~d", source: 2 },
        Label { name: "land", value: "Ελλάδα", source: 2 },
        Label { name: "_os", value: "linux", source: 2 },
    ];
    feed.writer(NOW).unwrap().set_host_labels(&labels);
    let dimensions: Vec<_> = dimensions.iter().map(|&id| (id, Algorithm::Incremental, 1, 1)).collect();
    let slot = chart(&mut feed, definition, &dimensions);
    fill(&mut feed, slot, LAST_S - 20..=LAST_S, |_, index| ((index as usize) < dimensions.len()).then_some(3.5));
    let reading = if options.source == Source::AsCollected { Reading::Newest } else { Reading::Sums(SPAN) };
    let (mut writer, mut out) = (Writer::new(options), Records::default());
    writer.host(&mut out, &host, None, 1_795_387_894_098);
    let mut walk = Walk::new(host, Order::Listed, |_| true);
    while walk.step(reading) {
        walk.charts().for_each(|chart| writer.chart(&mut out, &chart, 0));
    }
    out.iter().map(<[u8]>::to_vec).collect()
}

fn texts(options: FormatOptions) -> Vec<String> {
    let cpu = ChartDefinition {
        id: "system.cpu",
        units: "percentage",
        family: "cpu",
        context: "system.cpu",
        update_every_s: 1,
        ..Default::default()
    };
    let records = written(options, &cpu, &["user", "soft irq"]);
    records.into_iter().map(|record| String::from_utf8(record).unwrap()).collect()
}

/// Goal: lines and objects are those that were recorded of a real agent, labels cleaned for each format.
#[test]
fn texts_are_those_of_a_real_agent() {
    let average = |format| texts(options(format, Source::Average));
    assert_eq!(
        average(Format::Graphite),
        [
            format!("netdata.box1.system.cpu.user;env=test_lab;rack=r1/a_b_c_d;land=Ελλάδα 3.5000000 {END_S}\n"),
            format!("netdata.box1.system.cpu.soft_irq;env=test_lab;rack=r1/a_b_c_d;land=Ελλάδα 3.5000000 {END_S}\n")
        ]
    );
    assert_eq!(
        average(Format::OpenTsdb)[1],
        format!(
            "put netdata.system.cpu.soft_irq {END_S} 3.5000000 host=box1 env=test_lab rack=r1/a_b_c_d land=Ελλάδα\n"
        )
    );
    assert_eq!(
        average(Format::OpenTsdbObjects)[0],
        format!(
            "{{\"metric\":\"netdata.system.cpu.user\",\"timestamp\":{END_S},\"value\":3.5000000,\
             \"tags\":{{\"host\":\"box1\",\"env\":\"test_lab\",\"rack\":\"r1/a_b_c_d\",\"land\":\"Ελλάδα\"}}}}"
        )
    );
    assert_eq!(
        average(Format::Json)[1],
        format!(
            "{{\"prefix\":\"netdata\",\"hostname\":\"box1\",\
             \"labels\":{{\"env\":\"test lab\",\"rack\":\"r1/a;b=c~d\",\"land\":\"Ελλάδα\"}},\
             \"chart_id\":\"system.cpu\",\"chart_name\":\"system.cpu\",\"chart_family\":\"cpu\",\
             \"chart_context\": \"system.cpu\",\"chart_type\":\"system\",\"units\": \"percentage\",\
             \"id\":\"soft irq\",\"name\":\"soft irq\",\"value\":3.5000000,\"timestamp\": {END_S}}}"
        )
    );
    assert_eq!(
        average(Format::Influx)[1],
        format!(
            "netdata.system.cpu,host=box1,env=test\\ lab,rack=r1/a;b\\=c~d,land=Ελλάδα,chart=system.cpu,family=cpu,\
             dimension=soft\\ irq value=3.5000000 {END_S}\n"
        )
    );
}

/// Goal: sums and collected values differ from averages where the formats say so.
#[test]
fn sources() {
    let first = |format, source| texts(options(format, source)).swap_remove(0);
    assert!(first(Format::Graphite, Source::Sum).ends_with(&format!(" 35.0000000 {END_S}\n")));
    assert!(first(Format::Graphite, Source::AsCollected).ends_with(&format!(" 3500 {LAST_S}\n")));
    assert!(first(Format::Influx, Source::AsCollected).ends_with(&format!(" value=3500i {LAST_S}\n")));
    let object = first(Format::Json, Source::AsCollected);
    assert!(
        object.contains("\"chart_context\":\"system.cpu\"") && object.ends_with(&format!("\"timestamp\":{LAST_S}}}"))
    );
}

/// Goal: a label that is called as a tag of the format does not stand beside it.
#[test]
fn labels_do_not_take_the_place_of_tags() {
    let store = Store::new();
    let (host, mut feed) = host(&store, "box1");
    let labels = ["host", "chart", "env"].map(|name| Label { name, value: "other", source: 2 });
    feed.writer(NOW).unwrap().set_host_labels(&labels);
    for (format, expected) in [
        (Format::OpenTsdb, " host=box1 chart=other env=other\n"),
        (Format::Influx, ",host=box1,env=other"),
        (Format::Graphite, ";host=other;chart=other;env=other "),
    ] {
        let mut writer = Writer::new(options(format, Source::Average));
        writer.host(&mut Records::default(), &host, None, 0);
        let HostPart { prepared, tags, .. } = &writer.host;
        let written = String::from_utf8([&prepared[..], tags].concat()).unwrap();
        assert!(written.contains(expected), "{written}");
    }
}

/// Goal: switches of labels, names, dots and the node's identity.
#[test]
fn switches() {
    let without = FormatOptions { configured_labels: false, ..options(Format::Graphite, Source::Average) };
    assert!(texts(without.clone())[0].starts_with("netdata.box1.system.cpu.user 3.5"));
    let automatic = FormatOptions { automatic_labels: true, ..without };
    assert!(texts(automatic)[0].starts_with("netdata.box1.system.cpu.user;_os=linux 3.5"));
    let none = FormatOptions { configured_labels: false, ..options(Format::OpenTsdb, Source::Average) };
    assert!(texts(none)[0].ends_with(" host=box1\n"));
    let node = FormatOptions { node: true, ..options(Format::Influx, Source::Average) };
    assert!(texts(node)[0].contains(",node=04040404-0404-0404-0404-040404040404,"));
}

/// Goal: a name can be anything and never breaks out of its record.
#[test]
fn hostile_names_stay_names() {
    let nasty = "a b;c,d=e\"f\\g\nh\ti\u{7f}\u{1}ä";
    let definition = ChartDefinition {
        id: "x.y",
        family: nasty,
        units: nasty,
        context: nasty,
        update_every_s: 1,
        ..Default::default()
    };
    for format in [Format::Graphite, Format::OpenTsdb, Format::OpenTsdbObjects, Format::Json, Format::Influx] {
        let prefix = "p q;r\n".to_owned();
        let options = FormatOptions { prefix, ..options(format, Source::Average) };
        for record in written(options, &definition, &["d e;f"]) {
            let text = String::from_utf8(record).unwrap();
            let is_line = !matches!(format, Format::OpenTsdbObjects | Format::Json);
            assert_eq!(text.bytes().filter(|byte| *byte == b'\n').count(), usize::from(is_line), "{text}");
            assert!(text.bytes().all(|byte| byte >= b' ' || byte == b'\n'), "{text:?}");
        }
    }
}

/// Goal: series are, byte by byte, what two databases accepted.
#[test]
fn series_are_those_that_were_accepted() {
    let definition = ChartDefinition {
        id: "system.load",
        units: "load",
        family: "load",
        context: "system.load",
        update_every_s: 1,
        ..Default::default()
    };
    let options = FormatOptions { configured_labels: false, ..options(Format::RemoteWrite, Source::Average) };
    let records = written(options, &definition, &["load1"]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let labels = "0a2c0a085f5f6e616d655f5f12206e6574646174615f73797374656d5f6c6f61645f6c6f61645f61766572616765\
                  0a140a05636861727412\
                  0b73797374656d2e6c6f61640a120a0964696d656e73696f6e12056c6f6164310a0e0a0666616d696c7912046c6f6164\
                  0a100a08696e7374616e63651204626f7831";
    let sample = format!("121009{}10", hex(&3.5_f64.to_le_bytes()));
    let text = hex(&records[1]);
    assert!(text.contains(labels), "{text}");
    assert!(text.contains(&sample), "{text}");
    assert_eq!(records[1].len(), 3 + labels.len() / 2 + 18);
    assert_eq!(usize::from(records[1][1] & 0x7f) | usize::from(records[1][2]) << 7, records[1].len() - 3);
    // What is known of the host comes first.
    assert!(hex(&records[0]).contains(&hex(b"netdata_info")));
}

/// Goal: collected values of a counter are called `_total`, and those that were scraped are told as they were.
#[test]
fn scraped_metrics_keep_their_names() {
    for (module, name) in [("proc", "netdata_app_requests_total"), ("prometheus", "netdata_app_requests")] {
        let definition = ChartDefinition {
            id: "app.requests",
            context: "app.requests",
            module,
            update_every_s: 1,
            ..Default::default()
        };
        let options = FormatOptions { configured_labels: false, ..options(Format::RemoteWrite, Source::AsCollected) };
        let records = written(options, &definition, &["requests"]);
        let length = u8::try_from(name.len()).unwrap();
        let expected = [b"__name__", &[0x12, length][..], name.as_bytes(), &[0x0a]].concat();
        assert!(records[1].windows(expected.len()).any(|part| *part == expected), "{module}: {:?}", records[1]);
    }
}
