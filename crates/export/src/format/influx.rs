//! Influx' line protocol: `PREFIX.CONTEXT,host=HOST,chart=…,dimension=…,family=…[,node=…][,LABEL=VALUE…] value=VALUE SECOND`.

use row::text::write_int;

use super::{Value, Writer};
use crate::chart::{Chart, Dimension};
use crate::source::Source;

pub(super) fn prepare(writer: &mut Writer) {
    let (options, host) = (&writer.options, &mut writer.host);
    let out = &mut host.prepared;
    write_pair(out, "host", &host.hostname);
    if options.node {
        write_pair(out, "node", &host.guid);
    }
    host.labels.iter().for_each(|(name, value)| write_pair(out, name, value));
}

pub(super) fn lead(writer: &mut Writer, chart: &Chart<'_>, time_s: i64) {
    let name = writer.chart_name(chart);
    let out = &mut writer.head;
    write_escaped(out, &writer.options.prefix, b", ");
    out.push(b'.');
    write_escaped(out, chart.context(), b", ");
    out.extend_from_slice(&writer.host.prepared);
    write_pair(out, "chart", name);
    write_pair(out, "family", chart.family());
    let out = &mut writer.end;
    // Integers are marked.
    out.extend_from_slice(if writer.options.source == Source::AsCollected { b"i " } else { b" " });
    write_int(out, time_s);
    out.push(b'\n');
}

pub(super) fn write(writer: &Writer, out: &mut Vec<u8>, dimension: &Dimension<'_>, value: Value) {
    out.extend_from_slice(&writer.head);
    write_pair(out, "dimension", writer.dimension_name(dimension));
    out.extend_from_slice(b" value=");
    value.write(out);
    out.extend_from_slice(&writer.end);
}

/// Appends a tag, unless its value is empty.
fn write_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    out.push(b',');
    write_escaped(out, name, b",= ");
    out.push(b'=');
    write_escaped(out, value, b",= ");
}

/// Appends a text, with a backslash before what would end it.
fn write_escaped(out: &mut Vec<u8>, text: &str, ends: &[u8]) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'\\' && byte != 0x7f && !ends.contains(&byte);
    if text.bytes().all(is_plain) {
        return out.extend_from_slice(text.as_bytes());
    }
    for byte in text.bytes() {
        match byte {
            byte if ends.contains(&byte) => out.extend_from_slice(&[b'\\', byte]),
            // A backslash would escape what comes next.
            b'\\' | 0..b' ' | 0x7f => out.push(b'_'),
            byte => out.push(byte),
        }
    }
}
