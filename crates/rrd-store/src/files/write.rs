//! What a segment is made of.

use std::io;

use row::Guid;

use super::bytes::Put;
use super::records::Records;
use super::{FileKind, FileName, MAGIC, VERSION, kind};
use crate::block;
use crate::chart::{Chart, OwnedLabel};
use crate::disk::Disk;
use crate::host::{Host, HostState};
use crate::ring::Ring;
use crate::slab::Slabs;

/// Which rows go into a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    All,
    /// Those of open blocks: the others are in older segments.
    Open,
}

/// Writes a host, with all its rows, as a segment of its own, and syncs it.
///
/// # Errors
/// Where the disk refuses.
pub(crate) fn write_segment(host: &Host, disk: &dyn Disk, number: u64) -> io::Result<()> {
    let name = FileName { guid: host.guid(), kind: FileKind::Segment, number }.to_string();
    disk.remove(&name)?;
    let state = host.lock();
    let mut records = definitions(host, &state, true);
    rows(&mut records, &state, Rows::All);
    drop(state);
    let count = records.count;
    records.add(kind::END, |payload| payload.put_u32(count));
    disk.append(&name, &records.buffer)?;
    disk.sync(&name)
}

/// The records of who a host is and which charts it has. Charts that never had a row have no blocks,
/// but may be journalled later. `has_end` promises a record at the end.
pub(super) fn definitions(host: &Host, state: &HostState, has_end: bool) -> Records {
    let mut records = Records::default();
    records.add(kind::HEADER, |payload| header(payload, host.guid(), has_end));
    records.add(kind::HOST, |payload| host_record(payload, host, state));
    for (number, chart) in (0..).zip(&state.charts) {
        records.chart(number, chart);
    }
    records
}

/// Adds a host's rows. A chart's blocks must come in their order: those that a reader meets first
/// are where its ring begins.
pub(super) fn rows(records: &mut Records, state: &HostState, rows: Rows) {
    for (number, chart) in (0..).zip(&state.charts) {
        if rows == Rows::All {
            sealed_blocks(records, number, &chart.ring, &state.slabs);
        }
        open_blocks(records, number, &chart.ring);
    }
}

impl Records {
    /// Adds the definition of a chart.
    pub(super) fn chart(&mut self, number: u32, chart: &Chart) {
        self.add(kind::CHART, |payload| chart_record(payload, number, chart));
    }
}

fn sealed_blocks(records: &mut Records, number: u32, ring: &Ring, slabs: &Slabs) {
    let mut copied = Vec::new();
    for (block, at) in (0..).zip(&ring.sealed) {
        copied.clear();
        let bytes = slabs.read(*at, &mut copied);
        if let Some(bytes) = bytes.get(&copied) {
            let (start_s, bytes) = (ring.start_s() + block * ring.block_s(), &bytes[..block::length(bytes)]);
            records.add(kind::BLOCK, |payload| block_record(payload, number, start_s, bytes));
        }
    }
}

/// The open block has some rows more than a block: it makes two.
fn open_blocks(records: &mut Records, number: u32, ring: &Ring) {
    let rows = &ring.open[..ring.open_rows * ring.stride];
    let mut bytes = Vec::new();
    for (block, rows) in (0..).zip(rows.chunks(block::ROWS * ring.stride.max(1))) {
        bytes.clear();
        block::encode(&mut bytes, rows, ring.stride);
        let start_s = ring.open_start_s + block * ring.block_s();
        records.add(kind::BLOCK, |payload| block_record(payload, number, start_s, &bytes));
    }
}

fn block_record(payload: &mut Vec<u8>, number: u32, start_s: i64, bytes: &[u8]) {
    payload.put_u32(number);
    payload.put_i64(start_s);
    payload.extend_from_slice(bytes);
}

fn header(payload: &mut Vec<u8>, guid: Guid, has_end: bool) {
    payload.extend_from_slice(MAGIC);
    payload.put_u16(VERSION);
    payload.extend_from_slice(guid.as_bytes());
    payload.put_u8(u8::from(has_end));
}

fn host_record(payload: &mut Vec<u8>, host: &Host, state: &HostState) {
    let (keep, info) = (host.keep(), host.info());
    payload.put_text(keep.mode.word());
    payload.put_u32(keep.history_rows);
    let texts = [
        &info.hostname,
        &info.registry_hostname,
        &info.os,
        &info.timezone,
        &info.abbrev_timezone,
        &info.program_name,
        &info.program_version,
        &info.tags,
        &info.boot_id,
        &info.fingerprint,
    ];
    texts.iter().for_each(|text| payload.put_text(text));
    payload.put_u32(info.utc_offset_s as u32);
    payload.put_u32(info.hops);
    payload.put_u32(info.update_every_s);
    payload.put_u16(info.system.len().min(usize::from(u16::MAX)) as u16);
    for (name, value) in info.system.iter().take(usize::from(u16::MAX)) {
        payload.put_text(name);
        payload.put_text(value);
    }
    labels(payload, &state.labels);
}

fn labels(payload: &mut Vec<u8>, labels: &[OwnedLabel]) {
    payload.put_u16(labels.len() as u16);
    for label in labels {
        payload.put_text(&label.name);
        payload.put_text(&label.value);
        payload.put_u32(label.source);
    }
}

fn chart_record(payload: &mut Vec<u8>, number: u32, chart: &Chart) {
    let definition = chart.definition();
    payload.put_u32(number);
    for text in [
        definition.id,
        definition.name,
        definition.title,
        definition.units,
        definition.family,
        definition.context,
        definition.plugin,
        definition.module,
        definition.chart_type.word(),
    ] {
        payload.put_text(text);
    }
    payload.put_u32(definition.priority as u32);
    payload.put_u32(definition.update_every_s);
    payload.put_u8(definition.options.0);
    payload.put_u16(chart.dimensions.len() as u16);
    for index in 0..chart.dimensions.len() {
        let dimension = chart.dimension(index);
        payload.put_text(dimension.id);
        payload.put_text(dimension.name);
        payload.put_text(dimension.algorithm.word());
        payload.put_u32(dimension.multiplier as u32);
        payload.put_u32(dimension.divisor as u32);
        payload.put_u8(dimension.options.0);
    }
    labels(payload, &chart.texts.labels);
}
