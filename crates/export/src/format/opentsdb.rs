//! OpenTSDB: `put PREFIX.CHART.DIMENSION SECOND VALUE host=HOST[ LABEL=VALUE…]`, and the same as objects.

use row::text::write_int;

use super::{Value, Writer, write_json, write_part};
use crate::chart::{Chart, Dimension};

pub(super) fn prepare(writer: &mut Writer) {
    let host = &mut writer.host;
    let out = &mut host.prepared;
    out.extend_from_slice(b" host=");
    write_tag(out, &host.hostname);
    for (name, value) in host.labels.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(b' ');
        write_tag(out, name);
        out.push(b'=');
        write_tag(out, value);
    }
    out.push(b'\n');
}

pub(super) fn lead(writer: &mut Writer, chart: &Chart<'_>, time_s: i64) {
    let name = writer.chart_name(chart);
    writer.head.extend_from_slice(b"put ");
    write_tag(&mut writer.head, &writer.options.prefix);
    writer.head.push(b'.');
    write_part(&mut writer.head, name);
    writer.head.push(b'.');
    writer.tail.push(b' ');
    write_int(&mut writer.tail, time_s);
    writer.tail.push(b' ');
}

/// Writes a line or an object.
pub(super) fn write(writer: &Writer, out: &mut Vec<u8>, dimension: &Dimension<'_>, value: Value) {
    out.extend_from_slice(&writer.head);
    write_part(out, writer.dimension_name(dimension));
    out.extend_from_slice(&writer.tail);
    value.write(out);
    out.extend_from_slice(&writer.host.prepared);
}

pub(super) fn prepare_objects(writer: &mut Writer) {
    let host = &mut writer.host;
    let out = &mut host.prepared;
    out.extend_from_slice(b",\"tags\":{\"host\":\"");
    write_json(out, &host.hostname);
    out.push(b'"');
    for (name, value) in host.labels.iter().filter(|(_, value)| !value.is_empty()) {
        out.extend_from_slice(b",\"");
        write_tag(out, name);
        out.extend_from_slice(b"\":\"");
        write_tag(out, value);
        out.push(b'"');
    }
    out.extend_from_slice(b"}}");
}

pub(super) fn lead_objects(writer: &mut Writer, chart: &Chart<'_>, time_s: i64) {
    let name = writer.chart_name(chart);
    writer.head.extend_from_slice(b"{\"metric\":\"");
    write_json(&mut writer.head, &writer.options.prefix);
    writer.head.push(b'.');
    write_part(&mut writer.head, name);
    writer.head.push(b'.');
    writer.tail.extend_from_slice(b"\",\"timestamp\":");
    write_int(&mut writer.tail, time_s);
    writer.tail.extend_from_slice(b",\"value\":");
}

/// Appends a tag's name or value: letters, digits, `-`, `.`, `/` and all that is not ASCII.
fn write_tag(out: &mut Vec<u8>, text: &str) {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-./".contains(&byte) || !byte.is_ascii();
    out.extend(text.bytes().map(|byte| if is_good(byte) { byte } else { b'_' }));
}
