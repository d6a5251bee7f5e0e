//! Slabs: where a host's sealed blocks lie.
//!
//! Blocks are appended to the current slab under the host's lock; a full slab becomes immutable
//! and is shared with readers. A new slab has half the size of those that are kept, within limits,
//! so that a small host wastes little and a large one needs few. A slab goes with its last block;
//! one that no reader holds is kept for its turn to come again, so that a host in its stride
//! allocates nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::block;

const SLAB_BYTES_MIN: usize = 2 * 1024;
const SLAB_BYTES_MAX: usize = 64 * 1024;

/// Where a block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockAt {
    slab: u32,
    offset: u32,
}

impl BlockAt {
    /// A block without any value, which needs no bytes.
    pub(crate) const NONE: Self = Self { slab: u32::MAX, offset: 0 };
}

/// A block's bytes for a reader; the block's own structure says where it ends.
#[derive(Debug, Clone)]
pub(crate) enum BlockBytes {
    /// A block without any value.
    None,
    /// Lies in a full slab, from this offset.
    Shared(Arc<Vec<u8>>, u32),
    /// Was copied out of the current slab, to this offset of the reader's own buffer.
    Copied(u32),
}

impl BlockBytes {
    pub(crate) fn get<'a>(&'a self, copied: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::None => None,
            Self::Shared(slab, offset) => slab.get(*offset as usize..),
            Self::Copied(offset) => copied.get(*offset as usize..),
        }
    }
}

#[derive(Debug)]
struct Slab {
    bytes: Arc<Vec<u8>>,
    live: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Slabs {
    /// `full[i]` has the number `first + i`; `None` where all blocks are gone.
    full: VecDeque<Option<Slab>>,
    first: u32,
    /// Shared with nobody as long as it is the current one.
    current: Arc<Vec<u8>>,
    current_live: u32,
    full_bytes: usize,
    spare: Option<Arc<Vec<u8>>>,
}

impl Slabs {
    fn current_number(&self) -> u32 {
        self.first + self.full.len() as u32
    }

    /// Takes a copy of a block's bytes.
    pub(crate) fn push(&mut self, block: &[u8]) -> BlockAt {
        if self.current.len() + block.len() > self.current.capacity() {
            self.turn(block.len());
        }
        let at = BlockAt { slab: self.current_number(), offset: self.current.len() as u32 };
        // Nobody else holds the current slab: this never copies it.
        Arc::make_mut(&mut self.current).extend_from_slice(block);
        self.current_live += 1;
        at
    }

    /// Closes the current slab and opens one with room for `bytes` at least.
    fn turn(&mut self, bytes: usize) {
        let room = (self.full_bytes / 2).clamp(SLAB_BYTES_MIN, SLAB_BYTES_MAX).max(bytes).next_power_of_two();
        let spare = self.spare.take().filter(|spare| (bytes..=2 * room).contains(&spare.capacity()));
        let next = spare.unwrap_or_else(|| Arc::new(Vec::with_capacity(room)));
        let full = std::mem::replace(&mut self.current, next);
        if full.capacity() == 0 {
            return;
        }
        let live = std::mem::take(&mut self.current_live);
        self.full_bytes += full.capacity();
        self.full.push_back(Some(Slab { bytes: full, live }));
        if live == 0 {
            self.drop_slab(self.full.len() - 1);
        }
    }

    /// Forgets a block.
    pub(crate) fn release(&mut self, at: BlockAt) {
        if at == BlockAt::NONE {
            return;
        }
        if at.slab == self.current_number() {
            self.current_live -= 1;
            return;
        }
        let place = (at.slab - self.first) as usize;
        if let Some(Some(slab)) = self.full.get_mut(place) {
            slab.live -= 1;
            if slab.live == 0 {
                self.drop_slab(place);
            }
        }
    }

    fn drop_slab(&mut self, place: usize) {
        if let Some(Slab { mut bytes, .. }) = self.full[place].take() {
            self.full_bytes -= bytes.capacity();
            if let Some(own) = Arc::get_mut(&mut bytes) {
                own.clear();
                self.spare = Some(bytes);
            }
        }
        while let Some(None) = self.full.front() {
            self.full.pop_front();
            self.first += 1;
        }
    }

    /// A block's bytes, to be read outside the lock; one of the current slab is copied to `copied`.
    pub(crate) fn read(&self, at: BlockAt, copied: &mut Vec<u8>) -> BlockBytes {
        if at == BlockAt::NONE {
            return BlockBytes::None;
        }
        if at.slab == self.current_number() {
            let rest = &self.current[at.offset as usize..];
            let block = &rest[..block::length(rest)];
            let offset = copied.len() as u32;
            copied.extend_from_slice(block);
            return BlockBytes::Copied(offset);
        }
        match self.full.get((at.slab - self.first) as usize) {
            Some(Some(slab)) => BlockBytes::Shared(Arc::clone(&slab.bytes), at.offset),
            _ => BlockBytes::None,
        }
    }

    /// Bytes that the slabs take.
    pub(crate) fn bytes(&self) -> usize {
        self.full_bytes + self.current.capacity() + self.spare.as_ref().map_or(0, |spare| spare.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks come and go in any order; each reads back what was written, and nothing stays.
    #[test]
    fn blocks_are_found_and_slabs_go_with_their_last_block() {
        let mut slabs = Slabs::default();
        let mut kept: VecDeque<(BlockAt, Vec<u8>)> = VecDeque::new();
        for turn in 0..5_000_usize {
            let rows: Vec<u32> = (0..60 * (1 + turn % 3) as u32).map(|value| value * turn as u32).collect();
            let mut block = Vec::new();
            block::encode(&mut block, &rows, 1 + turn % 3);
            kept.push_back((slabs.push(&block), block));
            if kept.len() > 100 {
                let place = turn * 31 % kept.len();
                let (at, _) = kept.remove(place).unwrap();
                slabs.release(at);
            }
        }
        let mut copied = Vec::new();
        for (at, block) in &kept {
            let bytes = slabs.read(*at, &mut copied);
            assert_eq!(&bytes.get(&copied).unwrap()[..block.len()], block);
        }
        for (at, _) in kept {
            slabs.release(at);
        }
        assert!(slabs.full.iter().all(Option::is_none), "full slabs stay");
        assert!(slabs.bytes() <= 2 * SLAB_BYTES_MAX);
    }
}
