//! Reading a host's files.

use row::{Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, Guid, Label};

use super::bytes::{Malformed, Take};
use super::{Damage, FileKind, FileName, MAGIC, PAYLOAD_BYTES_MAX, VERSION, kind};
use crate::disk::Disk;
use crate::host::{HostInfo, Keep, MemoryMode};

/// What a file tells, piece by piece, in its order.
pub(crate) trait Restored {
    /// The host; comes before its charts.
    fn host(&mut self, info: HostInfo, keep: Keep, labels: &[Label<'_>]);
    /// A chart, with the number that its blocks and rows name.
    fn chart(
        &mut self,
        number: u32,
        chart: &ChartDefinition<'_>,
        dimensions: &[DimensionDefinition<'_>],
        labels: &[Label<'_>],
    );
    /// A block of a chart that was told before.
    fn block(&mut self, number: u32, start_s: i64, block: &[u8]);
    /// A row of a chart that was told before.
    fn row(&mut self, number: u32, time_s: i64, values: &[u32]);
}

/// Reads a file. Records that are damaged are passed over and told. A file that may have been cut at
/// any moment, as a journal, is not damaged by that.
///
/// # Errors
/// Where the file cannot be read, or is not one of this version: then nothing was told.
pub(crate) fn read_file(disk: &dyn Disk, file: FileName, restored: &mut dyn Restored) -> Result<Vec<Damage>, Damage> {
    let name = file.to_string();
    let mut damages = Vec::new();
    let mut reader = File { disk, length: disk.length(&name).unwrap_or(0), name, offset: 0, payload: Vec::new() };
    let (mut is_first, mut wants_end) = (file.kind == FileKind::Segment, false);
    loop {
        let offset = reader.offset;
        let damage = |reader: &File<'_>, what| Damage { file: reader.name.clone(), offset, what };
        match reader.next() {
            Next::End if is_first => return Err(damage(&reader, "it is empty")),
            Next::Torn(what) if is_first => return Err(damage(&reader, what)),
            Next::End => {
                if wants_end {
                    damages.push(damage(&reader, "the file ends early"));
                }
                return Ok(damages);
            }
            Next::Torn(what) => {
                damages.push(damage(&reader, what));
                return Ok(damages);
            }
            Next::Damaged => damages.push(damage(&reader, "a record does not fit its checksum")),
            Next::Record if is_first => match header(&reader.payload) {
                Ok((guid, has_end)) if guid == file.guid => wants_end = has_end,
                _ => return Err(damage(&reader, "expected the header of version 1, and the GUID of the folder")),
            },
            Next::Record if reader.payload.first() == Some(&kind::END) => wants_end = false,
            Next::Record => {
                if record(&reader.payload, file.guid, restored).is_err() {
                    damages.push(damage(&reader, "a record is malformed"));
                }
            }
        }
        is_first = false;
    }
}

struct File<'a> {
    disk: &'a dyn Disk,
    name: String,
    length: u64,
    offset: u64,
    payload: Vec<u8>,
}

enum Next {
    Record,
    /// The record's bytes are not what was written; the next one is where it should be.
    Damaged,
    /// Nothing after this point can be found.
    Torn(&'static str),
    End,
}

impl File<'_> {
    fn next(&mut self) -> Next {
        let mut head = [0; 8];
        match self.disk.read_at(&self.name, self.offset, &mut head) {
            Ok(0) => return Next::End,
            Ok(8) => {}
            Ok(_) => return Next::Torn("the head of a record is cut"),
            Err(_) => return Next::Torn("it cannot be read"),
        }
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let checksum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let left = self.length.saturating_sub(self.offset + 8);
        if length == 0 || length > PAYLOAD_BYTES_MAX || length as u64 > left {
            return Next::Torn("a record is longer than the file");
        }
        self.payload.resize(length, 0);
        match self.disk.read_at(&self.name, self.offset + 8, &mut self.payload) {
            Ok(count) if count == length => {}
            _ => return Next::Torn("a record cannot be read"),
        }
        self.offset += 8 + length as u64;
        if crc32fast::hash(&self.payload) == checksum { Next::Record } else { Next::Damaged }
    }
}

fn header(payload: &[u8]) -> Result<(Guid, bool), Malformed> {
    let mut take = Take::new(payload);
    if take.u8()? != kind::HEADER || take.bytes(MAGIC.len())? != MAGIC || take.u16()? != VERSION {
        return Err(Malformed);
    }
    Ok((take.guid()?, take.u8()? != 0))
}

fn record(payload: &[u8], guid: Guid, restored: &mut dyn Restored) -> Result<(), Malformed> {
    let mut take = Take::new(payload);
    match take.u8()? {
        kind::HOST => {
            let mode = MemoryMode::from_word(take.text()?).ok_or(Malformed)?;
            let keep = Keep { mode, history_rows: take.u32()? };
            let info = host_info(&mut take, guid)?;
            let labels = labels(&mut take)?;
            restored.host(info, keep, &labels);
        }
        kind::CHART => chart(&mut take, restored)?,
        kind::BLOCK => {
            let (number, start_s) = (take.u32()?, take.i64()?);
            restored.block(number, start_s, take.rest());
        }
        kind::ROWS => rows(&mut take, restored)?,
        _ => return Err(Malformed),
    }
    Ok(())
}

fn rows(take: &mut Take<'_>, restored: &mut dyn Restored) -> Result<(), Malformed> {
    let mut values = Vec::new();
    while !take.rest().is_empty() {
        let (number, time_s, count) = (take.u32()?, take.i64()?, take.u16()?);
        values.clear();
        for _ in 0..count {
            values.push(take.u32()?);
        }
        restored.row(number, time_s, &values);
    }
    Ok(())
}

fn host_info(take: &mut Take<'_>, guid: Guid) -> Result<HostInfo, Malformed> {
    let mut text = || take.text().map(str::to_owned);
    let (hostname, registry_hostname, os, timezone, abbrev_timezone) = (text()?, text()?, text()?, text()?, text()?);
    let (program_name, program_version, tags, boot_id, fingerprint) = (text()?, text()?, text()?, text()?, text()?);
    let (utc_offset_s, hops, update_every_s) = (take.u32()? as i32, take.u32()?, take.u32()?);
    let count = take.u16()?;
    let system =
        (0..count).map(|_| Ok((take.text()?.to_owned(), take.text()?.to_owned()))).collect::<Result<_, _>>()?;
    Ok(HostInfo {
        guid,
        hostname,
        registry_hostname,
        os,
        timezone,
        abbrev_timezone,
        utc_offset_s,
        hops,
        update_every_s,
        program_name,
        program_version,
        tags,
        system,
        boot_id,
        fingerprint,
    })
}

fn labels<'a>(take: &mut Take<'a>) -> Result<Vec<Label<'a>>, Malformed> {
    let count = take.u16()?;
    (0..count).map(|_| Ok(Label { name: take.text()?, value: take.text()?, source: take.u32()? })).collect()
}

fn chart(take: &mut Take<'_>, restored: &mut dyn Restored) -> Result<(), Malformed> {
    let number = take.u32()?;
    let definition = ChartDefinition {
        id: take.text()?,
        name: take.text()?,
        title: take.text()?,
        units: take.text()?,
        family: take.text()?,
        context: take.text()?,
        plugin: take.text()?,
        module: take.text()?,
        chart_type: ChartType::from_word(take.text()?.as_bytes()),
        priority: take.u32()? as i32,
        update_every_s: take.u32()?,
        options: ChartOptions(take.u8()?),
    };
    let count = take.u16()?;
    let dimension = |_| {
        Ok(DimensionDefinition {
            id: take.text()?,
            name: take.text()?,
            algorithm: Algorithm::from_word(take.text()?.as_bytes()),
            multiplier: take.u32()? as i32,
            divisor: take.u32()? as i32,
            options: DimensionOptions(take.u8()?),
        })
    };
    let dimensions = (0..count).map(dimension).collect::<Result<Vec<_>, _>>()?;
    let labels = labels(take)?;
    restored.chart(number, &definition, &dimensions, &labels);
    Ok(())
}
