//! Reading a host from its file.

use row::{Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, Guid, Label};

use super::bytes::{Malformed, Take};
use super::{Damage, MAGIC, PAYLOAD_BYTES_MAX, VERSION, file_name, kind};
use crate::disk::Disk;
use crate::host::{HostInfo, Keep, MemoryMode};

/// What a saved file tells, piece by piece, in its order.
pub(crate) trait Restored {
    /// The host; comes before its charts.
    fn host(&mut self, info: HostInfo, keep: Keep, labels: &[Label<'_>]);
    /// A chart, with the number that its blocks name.
    fn chart(
        &mut self,
        number: u32,
        chart: &ChartDefinition<'_>,
        dimensions: &[DimensionDefinition<'_>],
        labels: &[Label<'_>],
    );
    /// A block of a chart that was told before.
    fn block(&mut self, number: u32, start_s: i64, block: &[u8]);
}

/// Reads the file `number` of a host. Records that are damaged are passed over and told.
///
/// # Errors
/// Where the file cannot be read, or is not a saved host of this version: then nothing was told.
pub(crate) fn read_host(
    disk: &dyn Disk,
    guid: Guid,
    number: u64,
    restored: &mut dyn Restored,
) -> Result<Vec<Damage>, Damage> {
    let name = file_name(guid, number);
    let mut damages = Vec::new();
    let mut file = File { disk, length: disk.length(&name).unwrap_or(0), name, offset: 0, payload: Vec::new() };
    let mut is_first = true;
    loop {
        let offset = file.offset;
        let damage = |file: &File<'_>, what| Damage { file: file.name.clone(), offset, what };
        match file.next() {
            Next::End => {
                damages.push(damage(&file, "the file ends early"));
                return if is_first { Err(damage(&file, "it is empty")) } else { Ok(damages) };
            }
            Next::Torn(what) => {
                damages.push(damage(&file, what));
                return if is_first { Err(damage(&file, what)) } else { Ok(damages) };
            }
            Next::Damaged => damages.push(damage(&file, "a record does not fit its checksum")),
            Next::Record => {
                if is_first && header(&file.payload) != Ok(guid) {
                    return Err(damage(&file, "expected the header of a saved host of version 1, and its GUID"));
                }
                if !is_first && file.payload.first() == Some(&kind::END) {
                    return Ok(damages);
                }
                if !is_first && record(&file.payload, guid, restored).is_err() {
                    damages.push(damage(&file, "a record is malformed"));
                }
            }
        }
        is_first = false;
    }
}

/// Whether a file has its end: a stop that was cut short leaves one without.
pub(crate) fn is_whole(disk: &dyn Disk, guid: Guid, number: u64) -> bool {
    const END_BYTES: u64 = 8 + 1 + 4;
    let name = file_name(guid, number);
    let length = disk.length(&name).unwrap_or(0);
    let Some(offset) = length.checked_sub(END_BYTES) else { return false };
    let mut file = File { disk, name, length, offset, payload: Vec::new() };
    matches!(file.next(), Next::Record) && file.payload.first() == Some(&kind::END)
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

fn header(payload: &[u8]) -> Result<Guid, Malformed> {
    let mut take = Take::new(payload);
    if take.u8()? != kind::HEADER || take.bytes(MAGIC.len())? != MAGIC || take.u16()? != VERSION {
        return Err(Malformed);
    }
    take.guid()
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
        _ => return Err(Malformed),
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
