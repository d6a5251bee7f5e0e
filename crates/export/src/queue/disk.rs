//! Batches on a disk: files of records, of which the oldest goes when all of its batches are gone.
//!
//! ```text
//! file   = NAME/NNNNNNNNNN.windows: record ...
//! record = length u32 | crc32 of the body u32 | body                                      little endian
//! body   = 1 | number u64 | told_s i64 | records u32 | length of each u32 ... | bytes     a batch
//!        | 2 | number u64 | told_s i64                                         batches to this one are gone
//! ```
//!
//! A record that is torn or damaged ends its file: what comes after is not read, and nothing is added to that
//! file any more.

use std::io;
use std::sync::Arc;

use rrd_store::Disk;

use super::Batch;
use crate::records::Records;

/// What the name of a file ends with.
const SUFFIX: &str = ".windows";
/// Bytes before a body.
const HEAD_BYTES: usize = 8;
/// Bytes of a body at most: what is longer is damaged.
const BODY_BYTES_MAX: u32 = 256 * 1_024 * 1_024;
/// Bytes of a file: an eighth of all, within these.
const FILE_BYTES: std::ops::RangeInclusive<u64> = 64 * 1_024..=8 * 1_024 * 1_024;

const BATCH: u8 = 1;
const GONE: u8 = 2;

/// Where a batch lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    file: u64,
    offset: u64,
    /// Of the whole record.
    pub(super) length: u32,
}

/// The files of one backend.
#[derive(Debug)]
pub struct Segments {
    disk: Arc<dyn Disk>,
    name: String,
    bytes_max: u64,
    files: Vec<File>,
    /// Nothing may be added to the newest file.
    is_closed: bool,
    /// The newest batch that is gone; it is told with the next batch, or at once if it is the last.
    gone: u64,
    told_s: i64,
}

#[derive(Debug, Clone, Copy)]
struct File {
    number: u64,
    bytes: u64,
    /// The newest batch in it; 0 without one.
    newest: u64,
    /// All of it survives a power loss.
    is_synced: bool,
}

/// What was found on the disk.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Number, window, records and place of each batch.
    pub(super) batches: Vec<(u64, i64, u64, Place)>,
    pub(super) next_number: u64,
    pub(super) told_s: Option<i64>,
    /// Bytes that are torn or damaged, or come after such.
    pub(super) damaged_bytes: u64,
}

impl Segments {
    /// The files of the backend called `name`, of so many bytes together.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, name: &str, bytes_max: u64) -> Self {
        let name = name.to_owned();
        Self { disk, name, bytes_max, files: Vec::new(), is_closed: true, gone: 0, told_s: 0 }
    }

    /// Reads what is there.
    pub(super) fn load(&mut self) -> io::Result<Found> {
        let mut found = Found::default();
        let mut numbers: Vec<u64> =
            self.disk.list_folder(&self.name)?.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        for number in numbers {
            let mut file = File { number, bytes: 0, newest: 0, is_synced: false };
            self.is_closed = !self.load_file(&mut file, &mut found)?;
            self.files.push(file);
        }
        found.batches.retain(|(number, ..)| *number > self.gone);
        found.next_number = found.next_number.max(self.gone) + 1;
        self.told_s = found.told_s.unwrap_or(0);
        self.remove_gone(1);
        Ok(found)
    }

    /// Reads a file; returns whether it is whole.
    fn load_file(&mut self, file: &mut File, found: &mut Found) -> io::Result<bool> {
        let open = self.disk.open(&self.path(file.number))?;
        let length = open.length()?;
        file.bytes = length;
        let mut offset = 0;
        while offset < length {
            let body = read_body(&*open, offset);
            let record_bytes = HEAD_BYTES as u32 + body.as_ref().map_or(0, Vec::len) as u32;
            match body.as_deref().and_then(decode) {
                Some(Body::Batch(batch)) => {
                    let place = Place { file: file.number, offset, length: record_bytes };
                    found.batches.push((batch.number, batch.told_s, batch.records.len() as u64, place));
                    found.next_number = found.next_number.max(batch.number);
                    found.told_s = found.told_s.max(Some(batch.told_s));
                    file.newest = file.newest.max(batch.number);
                }
                Some(Body::Gone(number, told_s)) => {
                    self.gone = self.gone.max(number);
                    found.told_s = found.told_s.max(Some(told_s));
                }
                None => {
                    found.damaged_bytes += length - offset;
                    return Ok(false);
                }
            }
            offset += u64::from(record_bytes);
        }
        Ok(true)
    }

    /// Whether more is there than may be.
    pub(super) fn is_full(&self) -> bool {
        self.files.iter().map(|file| file.bytes).sum::<u64>() > self.bytes_max
    }

    /// Writes a batch.
    pub(super) fn append(&mut self, batch: &Batch) -> io::Result<Place> {
        let mut body = vec![BATCH];
        body.extend_from_slice(&batch.number.to_le_bytes());
        body.extend_from_slice(&batch.told_s.to_le_bytes());
        body.extend_from_slice(&(batch.records.len() as u32).to_le_bytes());
        batch.records.iter().for_each(|record| body.extend_from_slice(&(record.len() as u32).to_le_bytes()));
        body.extend_from_slice(batch.records.bytes());
        self.told_s = self.told_s.max(batch.told_s);
        let place = self.put(&body)?;
        if let Some(file) = self.files.last_mut() {
            file.newest = batch.number;
        }
        Ok(place)
    }

    /// All batches up to this one are gone. A disk that refuses to note it has them sent twice after a
    /// restart, no worse.
    pub(super) fn gone(&mut self, number: u64) {
        self.gone = self.gone.max(number);
        let mut body = vec![GONE];
        body.extend_from_slice(&self.gone.to_le_bytes());
        body.extend_from_slice(&self.told_s.to_le_bytes());
        let mut noted = self.put(&body);
        if noted.is_err() && self.remove_gone(0) {
            // There is room now.
            noted = self.put(&body);
        }
        if let Err(err) = noted {
            tracing::debug!("export: the queue of {} cannot be written: {err}", self.name);
        }
        self.remove_gone(1);
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        // A window may be in several.
        for at in 0..self.files.len() {
            let File { number, bytes, is_synced, .. } = self.files[at];
            if bytes > 0 && !is_synced {
                self.disk.sync(&self.path(number))?;
                self.files[at].is_synced = true;
            }
        }
        Ok(())
    }

    pub(super) fn read(&self, place: &Place) -> Option<Batch> {
        let open = self.disk.open(&self.path(place.file)).ok()?;
        match decode(&read_body(&*open, place.offset)?)? {
            Body::Batch(batch) => Some(batch),
            Body::Gone(..) => None,
        }
    }

    fn put(&mut self, body: &[u8]) -> io::Result<Place> {
        let file_bytes = (self.bytes_max / 8).clamp(*FILE_BYTES.start(), *FILE_BYTES.end());
        if self.is_closed || self.files.last().is_none_or(|file| file.bytes >= file_bytes) {
            let number = self.files.last().map_or(0, |file| file.number) + 1;
            self.files.push(File { number, bytes: 0, newest: 0, is_synced: false });
            self.is_closed = false;
        }
        let mut record = Vec::with_capacity(HEAD_BYTES + body.len());
        record.extend_from_slice(&(body.len() as u32).to_le_bytes());
        record.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
        record.extend_from_slice(body);
        let Some(file) = self.files.last() else { return Err(io::Error::other("no file")) };
        let place = Place { file: file.number, offset: file.bytes, length: record.len() as u32 };
        match self.disk.append(&self.path(place.file), &record) {
            Ok(()) => {
                if let Some(file) = self.files.last_mut() {
                    file.bytes += record.len() as u64;
                    file.is_synced = false;
                }
                Ok(place)
            }
            Err(err) => {
                self.close_torn(&self.path(place.file), place.offset == 0);
                Err(err)
            }
        }
    }

    /// Part of a record may be in the newest file. One with nothing else in it goes: a disk that is full
    /// for long has no file for each attempt.
    fn close_torn(&mut self, path: &str, is_bare: bool) {
        self.is_closed = true;
        if is_bare && self.disk.remove(path).is_ok() {
            self.files.pop();
        }
    }

    /// Removes files of which all is gone, but for so many; returns whether there were any. The newest knows what
    /// is gone.
    fn remove_gone(&mut self, but: usize) -> bool {
        let count = self.files.len();
        while self.files.len() > but && self.files[0].newest <= self.gone {
            let file = self.files.remove(0);
            if let Err(err) = self.disk.remove(&self.path(file.number)) {
                tracing::warn!("export: {} cannot be removed: {err}", self.path(file.number));
            }
        }
        self.files.len() < count
    }

    fn path(&self, number: u64) -> String {
        format!("{}/{number:010}{SUFFIX}", self.name)
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.strip_suffix(SUFFIX)?.parse().ok()
}

enum Body {
    Batch(Batch),
    Gone(u64, i64),
}

fn read_body(file: &dyn rrd_store::DiskFile, offset: u64) -> Option<Vec<u8>> {
    let mut head = [0; HEAD_BYTES];
    read_exactly(file, offset, &mut head)?;
    let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let rest = file.length().ok()?.saturating_sub(offset + HEAD_BYTES as u64);
    if length > BODY_BYTES_MAX || u64::from(length) > rest {
        return None;
    }
    let mut body = vec![0; length as usize];
    read_exactly(file, offset + HEAD_BYTES as u64, &mut body)?;
    (crc32fast::hash(&body) == u32::from_le_bytes([c0, c1, c2, c3])).then_some(body)
}

fn read_exactly(file: &dyn rrd_store::DiskFile, offset: u64, buffer: &mut [u8]) -> Option<()> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(offset + done as u64, &mut buffer[done..]).ok()? {
            0 => return None,
            more => done += more,
        }
    }
    Some(())
}

/// Takes a body apart; `None` where it is none of ours, whatever its checksum says.
fn decode(body: &[u8]) -> Option<Body> {
    let (&kind, rest) = body.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (told_s, rest) = rest.split_first_chunk()?;
    let (number, told_s) = (u64::from_le_bytes(*number), i64::from_le_bytes(*told_s));
    match kind {
        GONE => Some(Body::Gone(number, told_s)),
        BATCH => {
            let (count, rest) = rest.split_first_chunk()?;
            let count = u32::from_le_bytes(*count) as usize;
            let (lengths, bytes) = rest.split_at_checked(count.checked_mul(4)?)?;
            let lengths = lengths.as_chunks().0.iter().map(|&chunk| u32::from_le_bytes(chunk));
            let records = Arc::new(Records::of_lengths(bytes.to_vec(), lengths)?);
            Some(Body::Batch(Batch { number, told_s, records }))
        }
        _ => None,
    }
}
