//! `/proc/sysvipc`: semaphores, shared memory and queues of messages that programs share.
//!
//! ```text
//!        key      semid perms      nsems  …        headings, then a line per array, segment or queue
//!          0      32768   600          3  …
//! ```

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Chart, Form, Member, MemberChart, Owner, absolute, line};
use crate::file::{Buffer, KeptFile, read_once, under};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::roster::Roster;
use crate::scan::{Words, lines, signed};

/// The folder of the files.
pub(crate) const PATH: &str = "/proc/sysvipc";
/// What the module is called by.
const MODULE: &str = "ipc";
const LIMITS_PATH: &str = "/proc/sys/kernel/sem";
/// Seconds between two readings of the limits.
const LIMITS_EVERY_S: u32 = 60;
/// Queues that have dimensions.
const QUEUES_MAX: usize = 50;
/// Readings that a queue must have been there for: one that is made for a moment has no dimension.
const READINGS_MIN: u32 = 10;

static SEMAPHORES: Form =
    line("system.ipc_semaphores", "Semaphores", "semaphores", "ipc semaphores", 1203, &[absolute("semaphores", 1, 1)])
        .area();
static ARRAYS: Form = line(
    "system.ipc_semaphore_arrays",
    "Arrays of semaphores",
    "arrays",
    "ipc semaphores",
    1204,
    &[absolute("arrays", 1, 1)],
)
.area();
static SEGMENTS: Form = line(
    "system.shared_memory_segments",
    "Segments of shared memory",
    "segments",
    "ipc shared memory",
    1205,
    &[absolute("segments", 1, 1)],
)
.stacked();
static BYTES: Form =
    line("system.shared_memory_bytes", "Shared memory", "bytes", "ipc shared memory", 1206, &[absolute("bytes", 1, 1)])
        .stacked();
static MESSAGES: Form =
    line("system.message_queue_messages", "Messages that wait in queues", "messages", "ipc message queues", 1201, &[])
        .stacked();
static MESSAGE_BYTES: Form =
    line("system.message_queue_bytes", "Memory of messages that wait", "bytes", "ipc message queues", 1202, &[])
        .stacked();

/// Reads the files.
pub(crate) struct Ipc {
    owner: Owner,
    semaphores: Option<Counted>,
    memory: Option<Counted>,
    queues: Option<Queues>,
    limits_path: PathBuf,
    limits_cadence: Cadence,
    /// The most semaphores and arrays of them.
    limits: Option<[i64; 2]>,
    limits_told: Option<[i64; 2]>,
}

/// A file of which the lines are counted and a column is summed.
struct Counted {
    file: KeptFile,
    sum: i64,
    count: i64,
    sum_chart: Chart,
    count_chart: Chart,
}

struct Queues {
    file: KeptFile,
    queues: Roster<Queue>,
    messages: MemberChart,
    bytes: MemberChart,
}

struct Queue {
    id: String,
    messages: i64,
    bytes: i64,
    /// How often it was listed so far, up to what is needed.
    readings: u32,
    messages_dimension: Member,
    bytes_dimension: Member,
}

impl Ipc {
    /// Opens the files under `root` that there are.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let open = |name: &str| KeptFile::open(root, &format!("{PATH}/{name}"));
        let counted = |name, sum, count| {
            open(name).map(|file| Counted {
                file,
                sum: 0,
                count: 0,
                sum_chart: Chart::new(sum),
                count_chart: Chart::new(count),
            })
        };
        Ok(Self {
            owner: Owner::machine(MODULE, update_every_s),
            semaphores: Some(counted("sem", &SEMAPHORES, &ARRAYS)?),
            memory: counted("shm", &BYTES, &SEGMENTS).ok(),
            queues: open("msg").ok().map(Queues::new),
            limits_path: under(root, LIMITS_PATH),
            limits_cadence: Cadence::new(LIMITS_EVERY_S),
            limits: None,
            limits_told: None,
        })
    }

    fn write_limits(&mut self, batch: &mut Batch<'_>) {
        if let Some([semaphores, arrays]) = self.limits
            && self.limits != self.limits_told
        {
            self.limits_told = self.limits;
            batch.host_variable("ipc_semaphores_max", semaphores as f64);
            batch.host_variable("ipc_semaphores_arrays_max", arrays as f64);
        }
    }
}

impl Module for Ipc {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        if self.limits_cadence.is_due(now) {
            self.limits = limits(read_once(&self.limits_path, buffer).unwrap_or_default());
        }
        for counted in [&mut self.semaphores, &mut self.memory].into_iter().flatten() {
            (counted.sum, counted.count) = sum_and_count(counted.file.read(buffer)?)?;
        }
        if let Some(queues) = &mut self.queues {
            queues.read(buffer)?;
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        for counted in [&mut self.semaphores, &mut self.memory].into_iter().flatten() {
            batch.row(&mut counted.sum_chart, &self.owner, &[counted.sum]);
            batch.row(&mut counted.count_chart, &self.owner, &[counted.count]);
        }
        if let Some(queues) = &mut self.queues {
            queues.write(batch, &self.owner);
        }
        self.write_limits(batch);
    }
}

impl Queues {
    fn new(file: KeptFile) -> Self {
        let chart = |form| MemberChart::new(form, absolute("", 1, 1));
        Self { file, queues: Roster::new(), messages: chart(&MESSAGES), bytes: chart(&MESSAGE_BYTES) }
    }

    fn read(&mut self, buffer: &mut Buffer) -> Result<(), ReadError> {
        let text = body(self.file.read(buffer)?)?;
        self.queues.begin();
        for (id, bytes, messages) in lines(text).filter_map(queue) {
            if let Some(queue) = self.queues.find(id) {
                (queue.messages, queue.bytes) = (messages, bytes);
                queue.readings = (queue.readings + 1).min(READINGS_MIN);
            } else if self.queues.len() < QUEUES_MAX {
                self.queues.add(id, Queue::new(id, bytes, messages));
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>, owner: &Owner) {
        let Self { queues, messages, bytes, .. } = self;
        queues.drop_unlisted(|queue| {
            batch.dismiss(messages, (&queue.id, ""), &mut queue.messages_dimension);
            batch.dismiss(bytes, (&queue.id, ""), &mut queue.bytes_dimension);
        });
        let is_there_for_long = |queue: &Queue| queue.readings == READINGS_MIN;
        for queue in queues.devices().filter(|queue| is_there_for_long(queue)) {
            batch.enlist(messages, owner, (&queue.id, ""), &mut queue.messages_dimension);
            batch.enlist(bytes, owner, (&queue.id, ""), &mut queue.bytes_dimension);
        }
        if queues.all().any(is_there_for_long) {
            batch.member_row(messages, queues.all().map(|queue| (&queue.messages_dimension, queue.messages)));
            batch.member_row(bytes, queues.all().map(|queue| (&queue.bytes_dimension, queue.bytes)));
        } else {
            batch.obsolete_members(messages);
            batch.obsolete_members(bytes);
        }
    }
}

impl Queue {
    fn new(id: &[u8], bytes: i64, messages: i64) -> Self {
        let id = crate::names::text_of(id);
        let (messages_dimension, bytes_dimension) = (Member::default(), Member::default());
        Self { id, messages, bytes, readings: 1, messages_dimension, bytes_dimension }
    }
}

/// What follows the headings, which are there even when nothing else is.
fn body(text: &[u8]) -> Result<&[u8], ReadError> {
    let end = text.iter().position(|&byte| byte == b'\n');
    let is_heading = Words::new(text).next() == Some(b"key");
    end.filter(|_| is_heading).map(|end| &text[end..]).ok_or(ReadError::Expected("headings"))
}

/// The sum of the fourth column, and how many lines there are.
fn sum_and_count(text: &[u8]) -> Result<(i64, i64), ReadError> {
    let column = |line| Words::new(line).nth(3).and_then(signed);
    let values = lines(body(text)?).filter_map(column);
    Ok(values.fold((0, 0), |(sum, count), value| (value.wrapping_add(sum), count + 1)))
}

/// A queue's id, the bytes in it and the messages.
fn queue(line: &[u8]) -> Option<(&[u8], i64, i64)> {
    let mut words = Words::new(line).skip(1);
    let id = words.next()?;
    let mut words = words.skip(1);
    let (bytes, messages) = (signed(words.next()?)?, signed(words.next()?)?);
    signed(id)?;
    Some((id, bytes, messages))
}

/// The most semaphores of all arrays, and the most arrays: the second and the fourth number.
fn limits(text: &[u8]) -> Option<[i64; 2]> {
    let [_, semaphores, _, arrays] = Words::new(text).numbers()?;
    Some([semaphores, arrays])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEMAPHORES: &[u8] = include_bytes!("../../tests/files/sysvipc-sem.txt");
    const QUEUES: &[u8] = include_bytes!("../../tests/files/sysvipc-msg.txt");

    /// Real files: arrays are summed and counted, keys may be negative, headings alone are nothing.
    #[test]
    fn real_files() {
        assert_eq!(sum_and_count(SEMAPHORES).unwrap(), (20, 2));
        assert_eq!(
            sum_and_count(&SEMAPHORES[..=SEMAPHORES.iter().position(|&byte| byte == b'\n').unwrap()]).unwrap(),
            (0, 0)
        );
        let queues: Vec<_> = lines(body(QUEUES).unwrap()).filter_map(queue).collect();
        assert_eq!(queues, [(&b"0"[..], 12, 1), (b"32769", 0, 0), (b"5", 700, 7)]);
        assert_eq!(limits(b"32000\t1024000000\t500\t32000\n"), Some([1_024_000_000, 32_000]));
    }

    /// Files that are cut or absurd.
    #[test]
    fn bad_files() {
        assert!(sum_and_count(b"").is_err() && sum_and_count(b"key").is_err() && sum_and_count(b"x y\n").is_err());
        assert_eq!(sum_and_count(b"key\n1 2 3\n1 2 3 x\n1 2 3 -4\n").unwrap(), (-4, 1));
        assert_eq!(limits(b"1 2 3"), None);
        crate::tests::mutate(QUEUES, |text| {
            drop(sum_and_count(text));
            if let Ok(text) = body(text) {
                lines(text).filter_map(queue).count();
            }
            limits(text);
        });
    }
}
