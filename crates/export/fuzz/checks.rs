//! What holds for whatever the files of a queue hold.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use export::{DiskQueue, Queue, Records};
use rrd_store::{Disk, DiskFile};

const NAME: &str = "site/0000000001.windows";

/// Any bytes are read as a file of a queue, up to what is damaged; and of what was written by us, with one byte
/// changed, all that precedes it is read as it was.
pub fn queue(data: &[u8]) {
    let mut whole = open(data.to_vec(), false);
    assert!(whole.damaged_bytes() <= data.len() as u64);
    let waiting = whole.waiting();
    assert!(waiting.windows <= waiting.records.max(data.len() as u64) && waiting.memory_bytes == 0);
    assert!(waiting.records <= data.len() as u64 && waiting.bytes <= data.len() as u64);
    drain(&mut whole);
    damaged(data);
}

/// The first byte says how records are cut, the next two where the damage is.
fn damaged(data: &[u8]) {
    let [size, low, high, rest @ ..] = data else { return };
    let size = usize::from(*size).max(1);
    let disk = Arc::new(OneFile { bytes: Mutex::default(), takes: true });
    let mut queue = Queue::new(10, Some(files(&disk))).expect("an empty disk can be read");
    let chunks: Vec<&[u8]> = rest.chunks(size).collect();
    for (told_s, chunk) in (0..).zip(&chunks) {
        let mut records = Records::default();
        chunk.chunks(3).for_each(|record| records.push(|out| out.extend_from_slice(record)));
        queue.push(told_s, records).expect("the disk takes all");
    }
    let mut bytes = disk.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let at = usize::from(u16::from_le_bytes([*low, *high]));
    let is_damaged = at < bytes.len();
    if is_damaged {
        bytes[at] ^= 0x55;
    }
    let mut queue = open(bytes, false);
    let read = drain(&mut queue);
    assert!(is_damaged || read.len() == chunks.len());
    assert!(is_damaged == (queue.damaged_bytes() > 0));
    read.iter().zip(&chunks).for_each(|(read, chunk)| assert_eq!(read, chunk));
}

fn open(bytes: Vec<u8>, takes: bool) -> Queue {
    let disk = Arc::new(OneFile { bytes: Mutex::new(bytes), takes });
    Queue::new(10, Some(files(&disk))).expect("the disk can be read")
}

fn files(disk: &Arc<OneFile>) -> DiskQueue {
    DiskQueue::new(Arc::clone(disk) as Arc<dyn Disk>, "site", 8 << 20)
}

/// Takes all out, and returns the bytes of each batch.
fn drain(queue: &mut Queue) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(batch) = queue.front() {
        assert_eq!(batch.records.iter().map(<[u8]>::len).sum::<usize>(), batch.records.bytes().len());
        all.push(batch.records.bytes().to_vec());
        queue.delivered(batch.number);
    }
    assert!(queue.is_empty() && queue.waiting() == export::Waiting::default());
    all
}

/// A disk with one file, which takes no more, or all.
#[derive(Debug)]
struct OneFile {
    bytes: Mutex<Vec<u8>>,
    takes: bool,
}

struct File(Vec<u8>);

impl OneFile {
    fn copy(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Disk for OneFile {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(if self.copy().is_empty() { Vec::new() } else { vec![NAME.into()] })
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        if name == NAME { Ok(Box::new(File(self.copy()))) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !self.takes || name != NAME {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
