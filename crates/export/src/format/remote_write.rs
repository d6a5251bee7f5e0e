//! Prometheus' remote write, version 0.1.0: protobuf messages, written by hand, for there are four of
//! them and they are flat.
//!
//! A record is a series with one sample as a request holds it, so records put together are a request. Where
//! records of several windows are sent together, samples of one series are.

use std::collections::HashMap;

use super::{Value, Writer};
use crate::chart::{Chart, Dimension};
use crate::names::{self, write_name, write_units};
use crate::records::Records;
use crate::source::Source;

/// Fields: their number and kind as one byte.
const REQUEST_SERIES: u8 = 0x0a;
const SERIES_LABEL: u8 = 0x0a;
const SERIES_SAMPLE: u8 = 0x12;
const LABEL_NAME: u8 = 0x0a;
const LABEL_VALUE: u8 = 0x12;
const SAMPLE_VALUE: u8 = 0x09;
const SAMPLE_TIME: u8 = 0x10;

/// Labels stand in the order of their names, as the protocol wants it:
/// `__name__`, `chart`, `dimension`, `family`, `instance`, `node`.
pub(super) fn prepare(writer: &mut Writer) {
    let (options, host) = (&writer.options, &mut writer.host);
    write_label(&mut host.prepared, "instance", host.hostname.as_bytes());
    if options.node {
        write_label(&mut host.prepared, "node", host.guid.as_bytes());
    }
}

/// Writes what is known of a host: a series that is always 1.
pub(super) fn write_host(writer: &Writer, out: &mut Vec<u8>, now_ms: i64) {
    let host = &writer.host;
    let mut labels: Vec<(String, &str)> = vec![
        ("__name__".into(), "netdata_info"),
        ("application".into(), &host.program_name),
        ("instance".into(), &host.hostname),
        ("version".into(), &host.program_version),
    ];
    if writer.options.node {
        labels.push(("node".into(), &host.guid));
    }
    for (name, value) in &host.labels {
        let mut written = Vec::new();
        write_name(&mut written, name);
        let name = String::from_utf8(written).unwrap_or_default();
        let is_name = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if is_name && !labels.iter().any(|(known, _)| *known == name) {
            labels.push((name, value));
        }
    }
    labels.sort();
    let mut series = Vec::new();
    labels.iter().for_each(|(name, value)| write_label(&mut series, name, cut(value)));
    write_sample(&mut series, 1.0, now_ms);
    write_message(out, REQUEST_SERIES, &series);
}

/// `head` becomes the name of the metric; where each dimension is a metric of its own, what it begins with.
pub(super) fn lead(writer: &mut Writer, chart: &Chart<'_>) {
    let called = writer.chart_name(chart);
    let head = &mut writer.head;
    write_name(head, &writer.options.prefix);
    head.push(b'_');
    write_name(head, chart.context());
    match writer.options.source {
        Source::Average => {
            write_units(head, chart.units());
            head.extend_from_slice(b"_average");
        }
        Source::Sum => head.extend_from_slice(b"_sum"),
        Source::AsCollected => {}
    }
    writer.is_scraped = chart.is_scraped();
    writer.is_metric_each = writer.options.source == Source::AsCollected && !chart.is_alike();
    write_label(&mut writer.tail, "family", cut(chart.family()));
    writer.tail.extend_from_slice(&writer.host.prepared);
    writer.chart_label.clear();
    write_label(&mut writer.chart_label, "chart", cut(called));
}

pub(super) fn write(writer: &mut Writer, out: &mut Vec<u8>, dimension: &Dimension<'_>, value: Value, time_ms: i64) {
    let called = writer.dimension_name(dimension);
    let name_end = writer.head.len();
    if writer.is_metric_each {
        writer.head.push(b'_');
        write_name(&mut writer.head, called);
    }
    let is_counter = matches!(value, Value::Collected(_)) && dimension.is_counter() && !writer.is_scraped;
    let value = match value {
        Value::Stored(value) => value,
        Value::Collected(value) if writer.is_scraped => dimension.scaled(value),
        Value::Collected(value) => value as f64,
    };
    if is_counter {
        writer.head.extend_from_slice(b"_total");
    }
    let dimension: &[u8] = if writer.is_metric_each { b"" } else { cut(called) };
    let length = label_length("__name__", &writer.head)
        + writer.chart_label.len()
        + label_length("dimension", dimension)
        + writer.tail.len()
        + sample_length(time_ms);
    out.push(REQUEST_SERIES);
    write_varint(out, length as u64);
    write_label(out, "__name__", &writer.head);
    out.extend_from_slice(&writer.chart_label);
    write_label(out, "dimension", dimension);
    out.extend_from_slice(&writer.tail);
    write_sample(out, value, time_ms);
    writer.head.truncate(name_end);
}

/// Appends a label, unless it is empty.
fn write_label(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    out.push(SERIES_LABEL);
    write_varint(out, pair_length(name, value) as u64);
    write_message(out, LABEL_NAME, name.as_bytes());
    write_message(out, LABEL_VALUE, value);
}

/// Bytes of a label's name and value, with their heads.
const fn pair_length(name: &str, value: &[u8]) -> usize {
    2 + length_of(name.len() as u64) + name.len() + length_of(value.len() as u64) + value.len()
}

/// Bytes that [`write_label`] writes.
const fn label_length(name: &str, value: &[u8]) -> usize {
    let pair = pair_length(name, value);
    if value.is_empty() { 0 } else { 1 + length_of(pair as u64) + pair }
}

/// Bytes that [`write_sample`] writes.
const fn sample_length(time_ms: i64) -> usize {
    2 + 1 + 8 + 1 + length_of(time_ms as u64)
}

/// Writes the series of records that were joined: all samples of a series together, in the order in which they came.
pub(crate) fn write_joined(out: &mut Vec<u8>, records: &Records) {
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut all: Vec<(&[u8], Vec<&[u8]>)> = Vec::new();
    for (labels, sample) in records.iter().filter_map(parts) {
        let place = *places.entry(labels).or_insert_with(|| {
            all.push((labels, Vec::new()));
            all.len() - 1
        });
        all[place].1.push(sample);
    }
    for (labels, samples) in all {
        let length = labels.len() + samples.iter().map(|sample| sample.len()).sum::<usize>();
        out.push(REQUEST_SERIES);
        write_varint(out, length as u64);
        out.extend_from_slice(labels);
        samples.iter().for_each(|sample| out.extend_from_slice(sample));
    }
}

/// The labels of a record, and its sample.
fn parts(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, series) = read_varint(record.strip_prefix(&[REQUEST_SERIES])?)?;
    let mut rest = series;
    while let Some(label) = rest.strip_prefix(&[SERIES_LABEL]) {
        let (length, label) = read_varint(label)?;
        rest = label.get(usize::try_from(length).ok()?..)?;
    }
    series.split_at_checked(series.len() - rest.len())
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

fn write_sample(out: &mut Vec<u8>, value: f64, time_ms: i64) {
    out.push(SERIES_SAMPLE);
    write_varint(out, (sample_length(time_ms) - 2) as u64);
    out.push(SAMPLE_VALUE);
    out.extend_from_slice(&value.to_le_bytes());
    out.push(SAMPLE_TIME);
    write_varint(out, time_ms as u64);
}

fn write_message(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes a number takes.
const fn length_of(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// A label's first bytes, in whole characters.
fn cut(text: &str) -> &[u8] {
    names::cut(text).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(labels: &[(&str, &str)], value: f64, time_ms: i64) -> Vec<u8> {
        let mut series = Vec::new();
        labels.iter().for_each(|(name, value)| write_label(&mut series, name, value.as_bytes()));
        write_sample(&mut series, value, time_ms);
        let mut out = Vec::new();
        write_message(&mut out, REQUEST_SERIES, &series);
        out
    }

    /// Goal: samples of a series stand together, in their order, and nothing else of it changes.
    #[test]
    fn samples_of_a_series_are_joined() {
        let (a, b) = ([("__name__", "a"), ("x", "1")], [("__name__", "b")]);
        let mut records = Records::default();
        for (labels, value, time_ms) in [(&a[..], 1.5, 1_000), (&b[..], 2.5, 1_000), (&a[..], 3.5, 300_000)] {
            records.push(|out| out.extend_from_slice(&record(labels, value, time_ms)));
        }
        let mut joined = Vec::new();
        write_joined(&mut joined, &records);
        let mut series = Vec::new();
        a.iter().for_each(|(name, value)| write_label(&mut series, name, value.as_bytes()));
        write_sample(&mut series, 1.5, 1_000);
        write_sample(&mut series, 3.5, 300_000);
        let mut expected = Vec::new();
        write_message(&mut expected, REQUEST_SERIES, &series);
        expected.extend_from_slice(&record(&b, 2.5, 1_000));
        assert_eq!(joined, expected);
        assert_eq!(parts(&[REQUEST_SERIES, 3, SERIES_LABEL, 200]), None);
    }
}
