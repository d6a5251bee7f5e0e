//! Graphite: `PREFIX.HOST.CHART.DIMENSION[;LABEL=VALUE…] VALUE SECOND`.

use row::text::write_int;

use super::{Value, Writer, write_part, write_without};
use crate::chart::{Chart, Dimension};

pub(super) fn prepare(writer: &mut Writer) {
    let (options, host) = (&writer.options, &mut writer.host);
    let out = &mut host.prepared;
    write_plain(out, &options.prefix);
    out.push(b'.');
    write_plain(out, &host.hostname);
    out.push(b'.');
    let out = &mut host.tags;
    for (name, value) in host.labels.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(b';');
        write_tag(out, name);
        out.push(b'=');
        write_tag(out, value);
    }
    out.push(b' ');
}

pub(super) fn lead(writer: &mut Writer, chart: &Chart<'_>, time_s: i64) {
    let name = writer.chart_name(chart);
    writer.head.extend_from_slice(&writer.host.prepared);
    write_part(&mut writer.head, name);
    writer.head.push(b'.');
    writer.end.push(b' ');
    write_int(&mut writer.end, time_s);
    writer.end.push(b'\n');
}

pub(super) fn write(writer: &Writer, out: &mut Vec<u8>, dimension: &Dimension<'_>, value: Value) {
    out.extend_from_slice(&writer.head);
    write_part(out, writer.dimension_name(dimension));
    out.extend_from_slice(&writer.host.tags);
    value.write(out);
    out.extend_from_slice(&writer.end);
}

/// Appends a text that is neither cut into two nor taken for tags.
fn write_plain(out: &mut Vec<u8>, text: &str) {
    write_without(out, text, |c| c.is_whitespace() || c.is_control() || c == ';');
}

/// Appends a tag's name or value.
fn write_tag(out: &mut Vec<u8>, text: &str) {
    write_without(out, text, |c| c.is_whitespace() || c.is_control() || matches!(c, ';' | '~' | '='));
}
