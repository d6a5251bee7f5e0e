//! Reading a host's files: records one after another, and what is in them.

use std::io;

use row::{Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, Guid, Label};

use super::bytes::{Malformed, Take};
use super::records::{HEAD_BYTES, TAIL_BYTES};
use super::write::Header;
use super::{Damage, FileKind, FileName, MAGIC, PAYLOAD_BYTES_MAX, VERSION, kind};
use crate::disk::{Disk, DiskFile};
use crate::host::{HostInfo, Keep, MemoryMode};

/// Read at once.
const READ_BYTES: usize = 256 * 1_024;

/// A record's content.
#[derive(Debug)]
pub(super) enum Record<'a> {
    /// Who the host is.
    Host { info: HostInfo, keep: Keep, labels: Vec<Label<'a>>, variables: Variables<'a>, claimed_id: Option<Guid> },
    /// A chart, with the number that blocks and rows name.
    Chart {
        number: u32,
        chart: ChartDefinition<'a>,
        dimensions: Vec<DimensionDefinition<'a>>,
        labels: Vec<Label<'a>>,
        variables: Variables<'a>,
    },
    /// A sealed block of a chart.
    Block { number: u32, start_s: i64, block: &'a [u8] },
    /// Rows, to be read with [`Rows`].
    Rows(Rows<'a>),
    /// A chart that is no more.
    Gone(u32),
    /// The promised end.
    End,
}

/// Names and values.
pub(super) type Variables<'a> = Vec<(&'a str, f64)>;

/// Rows of a record, one after another.
#[derive(Debug)]
pub(super) struct Rows<'a>(Take<'a>);

impl Rows<'_> {
    /// The next row's chart, second and values, which go to `values`.
    pub(super) fn next(&mut self, values: &mut Vec<u32>) -> Result<Option<(u32, i64)>, Malformed> {
        if self.0.rest().is_empty() {
            return Ok(None);
        }
        let (number, time_s, count) = (self.0.u32()?, self.0.i64()?, self.0.u16()?);
        let bytes = self.0.bytes(usize::from(count) * 4)?;
        values.clear();
        values.extend(bytes.chunks_exact(4).map(|bits| u32::from_le_bytes([bits[0], bits[1], bits[2], bits[3]])));
        Ok(Some((number, time_s)))
    }
}

/// A file being read.
pub(super) struct Reader {
    file: Box<dyn DiskFile>,
    name: FileName,
    length: u64,
    /// Of what is in the buffer.
    offset: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was read.
    at: usize,
    header: Header,
}

/// A step of a reader.
pub(super) enum Step {
    /// A record lies in [`Reader::payload`]: where it begins in the file, and how long it is.
    Record(u64, usize),
    /// The record at this offset is not what was written; the next one is where it should be.
    Damaged(Damage),
    /// Nothing more can be found; a damage says why, where the file should go on.
    End(Option<Damage>),
}

impl Reader {
    /// Opens a file and checks its header. `Ok(None)` for one that was cut before the end of it.
    ///
    /// # Errors
    /// Where it cannot be read, or is another file than its name says.
    pub(super) fn open(disk: &dyn Disk, name: FileName) -> Result<Option<Self>, Damage> {
        let damage = |what| Damage { file: name.to_string(), offset: 0, what };
        let unread = |_: io::Error| damage("it cannot be read");
        let file = disk.open(&name.to_string()).map_err(unread)?;
        let length = file.length().map_err(unread)?;
        let header = Header { kind: name.kind, step_s: 0, has_end: false };
        let mut reader = Self { file, name, length, offset: 0, buffer: Vec::new(), at: 0, header };
        let payload = match reader.step() {
            Step::Record(_, length) => reader.payload(length),
            Step::End(_) if name.kind == FileKind::Journal => return Ok(None),
            Step::End(_) => return Err(damage("it is cut before the end of its header")),
            Step::Damaged(damage) => return Err(damage),
        };
        let expected = damage("expected the header of version 2, and the GUID of the folder");
        reader.header = header_record(payload, name).map_err(|Malformed| expected)?;
        Ok(Some(reader))
    }

    pub(super) fn header(&self) -> Header {
        self.header
    }

    /// Goes on to the next record.
    pub(super) fn step(&mut self) -> Step {
        let begin = self.offset + self.at as u64;
        let left = self.length.saturating_sub(begin);
        match self.head(left) {
            Ok(None) => Step::End(None),
            Ok(Some((length, checksum))) => {
                self.at += HEAD_BYTES + length;
                if crc32fast::hash(self.payload(length)) == checksum {
                    return Step::Record(begin, length);
                }
                Step::Damaged(self.damage(begin, "a record does not fit its checksum"))
            }
            Err(what) => Step::End(Some(self.damage(begin, what))),
        }
    }

    fn damage(&self, offset: u64, what: &'static str) -> Damage {
        Damage { file: self.name.to_string(), offset, what }
    }

    /// Fills the buffer with the next record; its length and checksum.
    fn head(&mut self, left: u64) -> Result<Option<(usize, u32)>, &'static str> {
        if left == 0 {
            return Ok(None);
        }
        if left < HEAD_BYTES as u64 {
            return Err("the head of a record is cut");
        }
        if !self.fill(HEAD_BYTES) {
            return Err("it cannot be read");
        }
        let mut take = Take::new(&self.buffer[self.at..]);
        let (Ok(length), Ok(checksum)) = (take.u32(), take.u32()) else { return Err("the head of a record is cut") };
        if length == 0 || length as usize > PAYLOAD_BYTES_MAX || u64::from(length) > left - HEAD_BYTES as u64 {
            return Err("a record is longer than the file");
        }
        if !self.fill(HEAD_BYTES + length as usize) {
            return Err("it cannot be read");
        }
        Ok(Some((length as usize, checksum)))
    }

    /// The payload of the record that the last step came to.
    pub(super) fn payload(&self, length: usize) -> &[u8] {
        &self.buffer[self.at - length..self.at]
    }

    /// Makes sure that so many bytes are there to be read.
    fn fill(&mut self, count: usize) -> bool {
        if self.buffer.len() - self.at >= count {
            return true;
        }
        self.buffer.drain(..self.at);
        self.offset += std::mem::take(&mut self.at) as u64;
        let have = self.buffer.len();
        self.buffer.resize(have.max(count).max(READ_BYTES), 0);
        let read = self.file.read_at(self.offset + have as u64, &mut self.buffer[have..]).unwrap_or(0);
        self.buffer.truncate(have + read);
        self.buffer.len() >= count
    }
}

/// The newest second of a file whose last record tells it.
pub(super) fn newest_s(disk: &dyn Disk, name: FileName) -> Option<i64> {
    let file = disk.open(&name.to_string()).ok()?;
    let length = file.length().ok()?;
    let mut tail = [0; TAIL_BYTES];
    let at = length.checked_sub(TAIL_BYTES as u64)?;
    file.read_at(at, &mut tail).ok().filter(|&count| count == TAIL_BYTES)?;
    let mut take = Take::new(&tail);
    let (newest_s, payload) = (take.i64().ok()?, take.u32().ok()?);
    let mut head = [0; 4];
    file.read_at(length.checked_sub(u64::from(payload) + HEAD_BYTES as u64)?, &mut head).ok()?;
    (u32::from_le_bytes(head) == payload).then_some(newest_s)
}

/// The seconds that a row of a segment or journal sums up, without reading the rest; 0 for rows as they
/// were stored, and where the file does not tell.
pub(super) fn step_s(disk: &dyn Disk, name: FileName) -> u32 {
    if name.kind == FileKind::Charts {
        return 0;
    }
    let mut head = [0; 64];
    let count = disk.open(&name.to_string()).and_then(|file| file.read_at(0, &mut head)).unwrap_or(0);
    let mut take = Take::new(&head[..count]);
    let (Ok(length), Ok(checksum)) = (take.u32(), take.u32()) else { return 0 };
    let Ok(payload) = take.bytes(length as usize) else { return 0 };
    let is_sound = crc32fast::hash(payload) == checksum;
    header_record(payload, name).ok().filter(|_| is_sound).map_or(0, |header| header.step_s)
}

fn header_record(payload: &[u8], name: FileName) -> Result<Header, Malformed> {
    let mut take = Take::new(payload);
    if take.u8()? != kind::HEADER || take.bytes(MAGIC.len())? != MAGIC || take.u16()? != VERSION {
        return Err(Malformed);
    }
    if take.guid()? != name.guid || take.u8()? != name.kind as u8 {
        return Err(Malformed);
    }
    Ok(Header { kind: name.kind, step_s: take.u32()?, has_end: take.u8()? != 0 })
}

/// Reads what a record holds.
pub(super) fn record(payload: &[u8], guid: Guid) -> Result<Record<'_>, Malformed> {
    let mut take = Take::new(payload);
    Ok(match take.u8()? {
        kind::HOST => {
            let mode = MemoryMode::from_word(take.text()?).ok_or(Malformed)?;
            let keep = Keep { mode, history_rows: take.u32()?, on_disk: take.u8()? != 0 };
            let (info, labels) = (host_info(&mut take, guid)?, labels(&mut take)?);
            let variables = variables(&mut take)?;
            let claimed_id = if take.rest().is_empty() || take.u8()? == 0 { None } else { Some(take.guid()?) };
            Record::Host { info, keep, labels, variables, claimed_id }
        }
        kind::CHART => chart(&mut take)?,
        kind::BLOCK => Record::Block { number: take.u32()?, start_s: take.i64()?, block: take.rest() },
        kind::ROWS => {
            let rows = take.rest().len().checked_sub(TAIL_BYTES).ok_or(Malformed)?;
            Record::Rows(Rows(Take::new(take.bytes(rows)?)))
        }
        kind::GONE => Record::Gone(take.u32()?),
        kind::END => Record::End,
        _ => return Err(Malformed),
    })
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
        path: Vec::new(),
    })
}

fn labels<'a>(take: &mut Take<'a>) -> Result<Vec<Label<'a>>, Malformed> {
    let count = take.u16()?;
    (0..count).map(|_| Ok(Label { name: take.text()?, value: take.text()?, source: take.u32()? })).collect()
}

/// Files of earlier versions end before them.
fn variables<'a>(take: &mut Take<'a>) -> Result<Variables<'a>, Malformed> {
    let count = if take.rest().is_empty() { 0 } else { take.u16()? };
    (0..count).map(|_| Ok((take.text()?, f64::from_bits(take.i64()? as u64)))).collect()
}

fn chart<'a>(take: &mut Take<'a>) -> Result<Record<'a>, Malformed> {
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
    let (labels, variables) = (labels(take)?, variables(take)?);
    Ok(Record::Chart { number, chart: definition, dimensions, labels, variables })
}
