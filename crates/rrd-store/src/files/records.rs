//! Records: payloads with their length and checksum, gathered for one write.

use super::bytes::Put;

const HEAD_BYTES: usize = 8;

/// Records that wait to be appended to a file.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) buffer: Vec<u8>,
    pub(super) count: u32,
}

impl Records {
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
}
