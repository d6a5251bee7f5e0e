//! What files are made of.

use std::sync::Arc;

use super::bytes::Put;
use super::records::Records;
use super::{FileKind, MAGIC, VERSION, kind};
use crate::block;
use crate::chart::{Chart, OwnedLabel};
use crate::host::{Host, HostState};
use crate::ring::Ring;
use row::Guid;

/// What a file's header says beside whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: FileKind,
    /// Of segments and journals: seconds that a row of a tier sums up; 0 for rows as they were stored.
    pub(super) step_s: u32,
    /// A record at the end is promised.
    pub(super) has_end: bool,
}

impl Records {
    /// The beginning of a file.
    pub(super) fn of(guid: Guid, header: Header) -> Self {
        let mut records = Self::default();
        records.add(kind::HEADER, |payload| {
            payload.extend_from_slice(MAGIC);
            payload.put_u16(VERSION);
            payload.extend_from_slice(guid.as_bytes());
            payload.put_u8(header.kind as u8);
            payload.put_u32(header.step_s);
            payload.put_u8(u8::from(header.has_end));
        });
        records
    }

    /// Adds who the host is.
    pub(super) fn host(&mut self, host: &Host, state: &HostState) {
        self.add(kind::HOST, |payload| host_record(payload, host, state));
    }

    /// Adds the definition of a chart.
    pub(super) fn chart(&mut self, chart: &Chart) {
        self.add(kind::CHART, |payload| chart_record(payload, chart));
    }

    /// Adds that a chart is no more.
    pub(super) fn gone(&mut self, number: u32) {
        self.add(kind::GONE, |payload| payload.put_u32(number));
    }

    /// Adds all that a charts file holds.
    pub(super) fn definitions(&mut self, host: &Host, state: &HostState) {
        self.host(host, state);
        let charts = || state.charts.iter().filter(|chart| !chart.is_vacant());
        charts().for_each(|chart| self.chart(chart));
        // The last number that was given stays known: segments may have blocks under it.
        let last = state.next_number.wrapping_sub(1);
        if charts().all(|chart| chart.number != last) && state.next_number > 0 {
            self.gone(last);
        }
    }

    /// Adds a sealed block.
    pub(super) fn block(&mut self, number: u32, start_s: i64, bytes: &[u8]) {
        self.add(kind::BLOCK, |payload| {
            payload.put_u32(number);
            payload.put_i64(start_s);
            payload.extend_from_slice(bytes);
        });
    }

    /// Adds the rows of an open block. It has some more than a block: it makes two.
    pub(super) fn open_block(&mut self, number: u32, ring: &Ring) {
        let rows = &ring.open[..ring.open_rows * ring.stride];
        let mut bytes = Vec::new();
        for (block, rows) in (0..).zip(rows.chunks(block::ROWS * ring.stride.max(1))) {
            bytes.clear();
            block::encode(&mut bytes, rows, ring.stride);
            self.block(number, ring.open_start_s + block * ring.block_s(), &bytes);
        }
    }

    /// Adds rows that were gathered.
    pub(super) fn rows(&mut self, newest_s: i64, rows: &[u8]) {
        self.add_with_tail(kind::ROWS, newest_s, |payload| payload.extend_from_slice(rows));
    }

    /// Adds the end of a file that was written in one go.
    pub(super) fn end(&mut self, newest_s: i64) {
        let count = self.count;
        self.add_with_tail(kind::END, newest_s, |payload| payload.put_u32(count));
    }
}

fn host_record(payload: &mut Vec<u8>, host: &Host, state: &HostState) {
    let (keep, info) = (host.keep(), host.info());
    payload.put_text(keep.mode.word());
    payload.put_u32(keep.history_rows);
    payload.put_u8(u8::from(keep.on_disk));
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
    variables(payload, &state.variables);
    payload.put_u8(u8::from(state.claimed_id.is_some()));
    if let Some(claimed_id) = &state.claimed_id {
        payload.extend_from_slice(claimed_id.as_bytes());
    }
}

fn labels(payload: &mut Vec<u8>, labels: &[OwnedLabel]) {
    payload.put_u16(labels.len() as u16);
    for label in labels {
        payload.put_text(&label.name);
        payload.put_text(&label.value);
        payload.put_u32(label.source);
    }
}

fn variables(payload: &mut Vec<u8>, variables: &[(Arc<str>, f64)]) {
    payload.put_u16(variables.len() as u16);
    for (name, value) in variables {
        payload.put_text(name);
        payload.put_i64(value.to_bits() as i64);
    }
}

fn chart_record(payload: &mut Vec<u8>, chart: &Chart) {
    let definition = chart.definition();
    payload.put_u32(chart.number);
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
    variables(payload, &chart.texts.variables);
}
