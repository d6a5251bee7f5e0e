//! Writing a host to its file.

use std::io;

use row::Guid;

use super::bytes::Put;
use super::{MAGIC, PIECE_BYTES, VERSION, file_name, kind};
use crate::block;
use crate::chart::{Chart, OwnedLabel};
use crate::disk::Disk;
use crate::host::{Host, HostInfo, HostState};
use crate::ring::Ring;
use crate::slab::Slabs;

/// Saves a host as file `number`; charts that never had a row are left out.
///
/// # Errors
/// Where the disk refuses; the file is removed then.
pub(crate) fn write_host(host: &Host, disk: &dyn Disk, number: u64) -> io::Result<()> {
    let name = file_name(host.guid(), number);
    disk.remove(&name)?;
    let mut file = File { disk, name, buffer: Vec::new(), records: 0 };
    let written = file.host(host);
    if written.is_err() {
        // What is there of it is of no use; that it may stay changes nothing.
        disk.remove(&file.name).or(Ok::<(), io::Error>(()))?;
    }
    written
}

struct File<'a> {
    disk: &'a dyn Disk,
    name: String,
    buffer: Vec<u8>,
    records: u32,
}

impl File<'_> {
    fn host(&mut self, host: &Host) -> io::Result<()> {
        self.record(kind::HEADER, |payload| header(payload, host.guid()))?;
        let info = host.info();
        let state = host.lock();
        self.record(kind::HOST, |payload| {
            payload.put_text(host.keep().mode.word());
            payload.put_u32(host.keep().history_rows);
            host_record(payload, &info, &state);
        })?;
        for (number, chart) in (0..).zip(&state.charts) {
            if !chart.ring.is_empty() {
                self.record(kind::CHART, |payload| chart_record(payload, number, chart))?;
                self.blocks(number, &chart.ring, &state.slabs)?;
            }
        }
        drop(state);
        let records = self.records;
        self.record(kind::END, |payload| payload.put_u32(records))?;
        self.flush()?;
        self.disk.sync(&self.name)
    }

    fn blocks(&mut self, number: u32, ring: &Ring, slabs: &Slabs) -> io::Result<()> {
        let mut copied = Vec::new();
        for (block, at) in (0..).zip(&ring.sealed) {
            copied.clear();
            let bytes = slabs.read(*at, &mut copied);
            if let Some(bytes) = bytes.get(&copied) {
                let bytes = &bytes[..block::length(bytes)];
                self.block(number, ring.start_s() + block * ring.block_s(), bytes)?;
            }
        }
        // The open block has some rows more than a block: it makes two.
        let rows = &ring.open[..ring.open_rows * ring.stride];
        for (block, rows) in (0..).zip(rows.chunks(block::ROWS * ring.stride.max(1))) {
            copied.clear();
            block::encode(&mut copied, rows, ring.stride);
            self.block(number, ring.open_start_s + block * ring.block_s(), &copied)?;
        }
        Ok(())
    }

    fn block(&mut self, number: u32, start_s: i64, bytes: &[u8]) -> io::Result<()> {
        self.record(kind::BLOCK, |payload| {
            payload.put_u32(number);
            payload.put_i64(start_s);
            payload.extend_from_slice(bytes);
        })
    }

    fn record(&mut self, kind: u8, payload: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 8]);
        self.buffer.put_u8(kind);
        payload(&mut self.buffer);
        let (head, body) = self.buffer[start..].split_at_mut(8);
        head[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        self.records += 1;
        if self.buffer.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.append(&self.name, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

fn header(payload: &mut Vec<u8>, guid: Guid) {
    payload.extend_from_slice(MAGIC);
    payload.put_u16(VERSION);
    payload.extend_from_slice(guid.as_bytes());
}

fn host_record(payload: &mut Vec<u8>, info: &HostInfo, state: &HostState) {
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
