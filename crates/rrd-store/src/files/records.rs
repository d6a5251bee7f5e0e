//! Records: payloads with their length and checksum, gathered for one write.

use super::bytes::Put;

pub(super) const HEAD_BYTES: usize = 8;
/// The newest second, and the length of the payload.
pub(super) const TAIL_BYTES: usize = 12;

/// Records that wait to be appended to a file.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) buffer: Vec<u8>,
    pub(super) count: u32,
}

impl Records {
    /// Where the next record will begin.
    pub(super) fn length(&self) -> usize {
        self.buffer.len()
    }

    /// Adds a record.
    pub(super) fn add(&mut self, kind: u8, payload: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; HEAD_BYTES]);
        self.buffer.put_u8(kind);
        payload(&mut self.buffer);
        let (head, body) = self.buffer[start..].split_at_mut(HEAD_BYTES);
        head[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        self.count += 1;
    }

    /// Adds a record whose last bytes tell the newest second, and where the record begins.
    pub(super) fn add_with_tail(&mut self, kind: u8, newest_s: i64, payload: impl FnOnce(&mut Vec<u8>)) {
        self.add(kind, |buffer| {
            let start = buffer.len() - 1;
            payload(buffer);
            buffer.put_i64(newest_s);
            buffer.put_u32((buffer.len() + 4 - start) as u32);
        });
    }
}
