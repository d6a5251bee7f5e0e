//! What holds for whatever the files of a queue hold.

use std::sync::Arc;

use export::{DiskQueue, Queue, Records};
use rrd_store::Disk;
use rrd_store::memory::MemoryDisk;

const NAME: &str = "site/0000000001.windows";

/// Any bytes are read as a file of a queue, up to what is damaged; and of what was written by us, with one byte
/// changed, all that precedes it is read as it was.
pub fn queue(data: &[u8]) {
    let mut whole = open(data.to_vec());
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
    let disk = Arc::new(MemoryDisk::default());
    let mut queue = Queue::new(10, Some(files(&disk))).expect("an empty disk can be read");
    let chunks: Vec<&[u8]> = rest.chunks(size).collect();
    for (told_s, chunk) in (0..).zip(&chunks) {
        let mut records = Records::default();
        chunk.chunks(3).for_each(|record| records.push(|out| out.extend_from_slice(record)));
        queue.push(told_s, records).expect("the disk takes all");
    }
    let mut bytes = disk.files().get(NAME).map(|file| file.to_vec()).unwrap_or_default();
    let at = usize::from(u16::from_le_bytes([*low, *high]));
    let is_damaged = at < bytes.len();
    if is_damaged {
        bytes[at] ^= 0x55;
    }
    let mut queue = open(bytes);
    let read = drain(&mut queue);
    assert!(is_damaged || read.len() == chunks.len());
    assert!(is_damaged == (queue.damaged_bytes() > 0));
    read.iter().zip(&chunks).for_each(|(read, chunk)| assert_eq!(read, chunk));
}

/// A queue of a disk that has this file, and takes no more.
fn open(bytes: Vec<u8>) -> Queue {
    let disk = Arc::new(MemoryDisk::of([(NAME.to_owned(), Arc::new(bytes))].into()));
    disk.set_room(Some(0));
    Queue::new(10, Some(files(&disk))).expect("the disk can be read")
}

fn files(disk: &Arc<MemoryDisk>) -> DiskQueue {
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
