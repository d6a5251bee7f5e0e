//! What the registry keeps on the disk: changes, each a line with a checksum.
//!
//! ```text
//! visits/7     8 hex digits of CRC-32, blank, one of:
//!              V person machine last-second count url TAB name
//!              D person url
//!              F person
//!              .                            all before is the whole of an older file
//! ```
//!
//! A file that has grown is written anew under the next number; from its line `.` on it counts, and the
//! older one goes. Damaged lines are left out. Visits are not synced one by one: a loss of power may
//! cost the newest of them.

use std::fmt::Write;
use std::io;
use std::sync::Arc;

use row::Guid;
use rrd_store::Disk;
use tracing::warn;

use super::people::People;
use super::{Change, Visit};

const FOLDER: &str = "visits";
const WHOLE: &str = ".";
/// A file grows to this, and to so much per URL that is known, before it is written anew.
const BYTES_FREE: u64 = 256 << 10;
const BYTES_PER_URL: u64 = 512;
/// A longer file is none of ours.
const BYTES_MAX: u64 = 256 << 20;

/// The file that changes are added to.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    number: u64,
    bytes: u64,
}

impl Journal {
    /// Reads the newest whole file into `people`, and removes others.
    ///
    /// # Errors
    /// Where the disk does not let us.
    pub(super) fn open(disk: Arc<dyn Disk>, people: &mut People) -> io::Result<Self> {
        let names = disk.list_folder(FOLDER)?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.rsplit_once('/')?.1.parse().ok()).collect();
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        let mut found = None;
        for number in &numbers {
            let text = read(&*disk, *number)?;
            let (lines, damaged) = lines(&text);
            if found.is_some() || !lines.contains(&WHOLE) {
                disk.remove(&name(*number))?;
                continue;
            }
            lines.iter().filter_map(|line| parse(line)).for_each(|change| people.apply(&change));
            if damaged > 0 {
                warn!("registry: {damaged} damaged lines of {} are left out", name(*number));
            }
            found = Some(Self { disk: Arc::clone(&disk), number: *number, bytes: text.len() as u64 });
        }
        let next = numbers.first().map_or(1, |number| number + 1);
        match found {
            Some(mut journal) => {
                journal.mend()?;
                Ok(journal)
            }
            None => {
                let mut journal = Self { disk, number: next, bytes: 0 };
                journal.append(&[], true)?;
                Ok(journal)
            }
        }
    }

    /// Adds changes, and writes the file anew if it has grown.
    ///
    /// # Errors
    /// Where the disk refuses; then they are kept in memory alone.
    pub(super) fn write(&mut self, changes: &[Change], people: &People) -> io::Result<()> {
        self.append(changes, false)?;
        if self.bytes > BYTES_FREE + BYTES_PER_URL * people.urls() as u64 {
            self.begin_anew(people)?;
        }
        Ok(())
    }

    fn begin_anew(&mut self, people: &People) -> io::Result<()> {
        let mut next = Self { disk: Arc::clone(&self.disk), number: self.number + 1, bytes: 0 };
        let all: Vec<Change> = people.all().collect();
        next.append(&all, true)?;
        next.disk.sync(&name(next.number))?;
        self.disk.remove(&name(self.number))?;
        *self = next;
        Ok(())
    }

    /// Ends a line that a crash has torn, so that the next one is whole.
    fn mend(&mut self) -> io::Result<()> {
        self.disk.append(&name(self.number), b"\n")?;
        self.bytes += 1;
        Ok(())
    }

    fn append(&mut self, changes: &[Change], is_whole: bool) -> io::Result<()> {
        let mut text = String::new();
        changes.iter().for_each(|change| line(&mut text, &write(change)));
        if is_whole {
            line(&mut text, WHOLE);
        }
        self.disk.append(&name(self.number), text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }
}

fn name(number: u64) -> String {
    format!("{FOLDER}/{number}")
}

fn read(disk: &dyn Disk, number: u64) -> io::Result<String> {
    let file = disk.open(&name(number))?;
    let length = file.length()?;
    if length > BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let (mut bytes, mut at) = (vec![0; length as usize], 0);
    while at < bytes.len() {
        match file.read_at(at as u64, &mut bytes[at..])? {
            0 => break,
            read => at += read,
        }
    }
    bytes.truncate(at);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines whose checksum is right, and how many others there are.
fn lines(text: &str) -> (Vec<&str>, usize) {
    let checked = |line: &'_ str| -> Option<usize> {
        let (sum, rest) = line.split_once(' ')?;
        let is_right = u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(rest.as_bytes());
        is_right.then(|| sum.len() + 1)
    };
    let all = text.lines().filter(|line| !line.is_empty());
    let good: Vec<&str> = all.clone().filter_map(|line| checked(line).map(|at| &line[at..])).collect();
    let damaged = all.count() - good.len();
    (good, damaged)
}

fn line(text: &mut String, content: &str) {
    let sum = crc32fast::hash(content.as_bytes());
    writeln!(text, "{sum:08x} {content}").expect("a text takes all");
}

/// URLs have no blanks and no control characters, names no control characters.
fn write(change: &Change) -> String {
    match change {
        Change::Visited(person, Visit { url, machine, name, last_s, count }) => {
            format!("V {person} {machine} {last_s} {count} {url}\t{name}")
        }
        Change::Deleted(person, url) => format!("D {person} {url}"),
        Change::Forgotten(person) => format!("F {person}"),
    }
}

fn parse(line: &str) -> Option<Change> {
    let guid = |text: &str| Guid::parse(text.as_bytes()).ok();
    let (what, rest) = line.split_once(' ')?;
    match what {
        "V" => {
            let (fields, name) = rest.split_once('\t')?;
            let mut fields = fields.splitn(5, ' ');
            let person = guid(fields.next()?)?;
            let visit = Visit {
                machine: guid(fields.next()?)?,
                last_s: fields.next()?.parse().ok()?,
                count: fields.next()?.parse().ok()?,
                url: fields.next()?.into(),
                name: name.into(),
            };
            Some(Change::Visited(person, visit))
        }
        "D" => rest.split_once(' ').and_then(|(person, url)| Some(Change::Deleted(guid(person)?, url.into()))),
        "F" => Some(Change::Forgotten(guid(rest)?)),
        _ => None,
    }
}
