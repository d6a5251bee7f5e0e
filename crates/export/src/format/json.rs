//! JSON: an object for each sample, which names everything.

use row::text::write_int;

use super::{Value, Writer, write_json};
use crate::chart::{Chart, Dimension};
use crate::source::Source;

pub(super) fn prepare(writer: &mut Writer) {
    let (options, host) = (&writer.options, &mut writer.host);
    let out = &mut host.prepared;
    out.extend_from_slice(b"{\"prefix\":\"");
    write_json(out, &options.prefix);
    out.extend_from_slice(b"\",\"hostname\":\"");
    write_json(out, &host.hostname);
    out.extend_from_slice(b"\",");
    if options.configured_labels || options.automatic_labels {
        out.extend_from_slice(b"\"labels\":{");
        for (index, (name, value)) in host.labels.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
            write_json(out, name);
            out.extend_from_slice(b"\":\"");
            write_json(out, value);
            out.push(b'"');
        }
        out.extend_from_slice(b"},");
    }
}

pub(super) fn lead(writer: &mut Writer, chart: &Chart<'_>, time_s: i64) {
    // Netdata has a blank after some colons where it tells what it stored.
    let blank: &[u8] = if writer.options.source == Source::AsCollected { b"" } else { b" " };
    let out = &mut writer.head;
    out.extend_from_slice(&writer.host.prepared);
    let kind = chart.id().split('.').next().unwrap_or_default();
    for (key, text, blank) in [
        ("chart_id", chart.id(), &b""[..]),
        ("chart_name", chart.name(), b""),
        ("chart_family", chart.family(), b""),
        ("chart_context", chart.context(), blank),
        ("chart_type", kind, b""),
        ("units", chart.units(), blank),
    ] {
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(blank);
        out.push(b'"');
        write_json(out, text);
        out.extend_from_slice(b"\",");
    }
    let out = &mut writer.end;
    out.extend_from_slice(b",\"timestamp\":");
    out.extend_from_slice(blank);
    write_int(out, time_s);
    out.push(b'}');
}

pub(super) fn write(writer: &Writer, out: &mut Vec<u8>, dimension: &Dimension<'_>, value: Value) {
    out.extend_from_slice(&writer.head);
    for (key, text) in [(&b"\"id\":\""[..], dimension.id()), (b"\"name\":\"", dimension.name())] {
        out.extend_from_slice(key);
        write_json(out, text);
        out.extend_from_slice(b"\",");
    }
    out.extend_from_slice(b"\"value\":");
    value.write(out);
    out.extend_from_slice(&writer.end);
}
