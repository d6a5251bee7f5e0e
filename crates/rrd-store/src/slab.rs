//! Slabs: where a host's sealed blocks lie.
//!
//! Blocks are appended to the current slab under the host's lock; a full slab becomes immutable
//! and is shared with readers. A new slab has a part of the bytes that are kept, within limits,
//! so that a small host wastes little and a large one needs few. A slab goes with its last block;
//! one that no reader holds is kept for its turn to come again, so that a host in its stride
//! allocates nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use heap::Piece;

use crate::block;
use crate::files::OnDisk;
use crate::tier::Budgets;

const SLAB_BYTES_MIN: usize = heap::PIECE_UNIT_BYTES;
const SLAB_BYTES_MAX: usize = 64 * 1024;
/// A new slab has this share of the bytes that are kept: one is being filled, one is spare, and of the
/// oldest a part is dead, so this bounds what a host wastes.
const SLABS_PER_HOST: usize = 12;

/// Where a block lies: in a slab, or in a segment on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockAt {
    /// The number of a slab or, with the highest bit set, of a segment.
    place: u32,
    offset: u32,
}

/// Set where a block lies in a segment.
const ON_DISK: u32 = 1 << 31;

impl BlockAt {
    /// A block without any value, which needs no bytes.
    pub(crate) const NONE: Self = Self { place: u32::MAX, offset: 0 };
    /// Where no block lies.
    pub(crate) const NOWHERE: Self = Self { place: u32::MAX, offset: u32::MAX };
    /// Segments have lower numbers.
    pub(crate) const SEGMENTS_MAX: u64 = ON_DISK as u64 - 1;

    /// A block whose record begins at `offset` of a segment.
    pub(crate) fn on_disk(segment: u64, offset: u64) -> Option<Self> {
        let offset = u32::try_from(offset).ok()?;
        (segment < Self::SEGMENTS_MAX).then_some(Self { place: segment as u32 | ON_DISK, offset })
    }

    /// The segment, and the offset of the record there; `None` for a block in memory.
    pub(crate) fn segment(self) -> Option<(u64, u64)> {
        let is_there = self.place & ON_DISK != 0 && self != Self::NONE;
        is_there.then_some((u64::from(self.place & !ON_DISK), u64::from(self.offset)))
    }

    /// Whether its bytes are in a slab.
    pub(crate) fn is_in_memory(self) -> bool {
        self.place & ON_DISK == 0
    }
}

/// A block's bytes for a reader; the block's own structure says where it ends.
#[derive(Debug, Clone)]
pub(crate) enum BlockBytes {
    /// A block without any value.
    None,
    /// Lies in a full slab, from this offset.
    Shared(Arc<Piece>, u32),
    /// Was copied out of the current slab, to this offset of the reader's own buffer.
    Copied(u32),
    /// Lies in this segment; its record begins at this offset.
    OnDisk(u64, u64),
}

impl BlockBytes {
    pub(crate) fn get<'a>(&'a self, copied: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::None | Self::OnDisk(..) => None,
            Self::Shared(slab, offset) => slab.get(*offset as usize..),
            Self::Copied(offset) => copied.get(*offset as usize..),
        }
    }
}

#[derive(Debug)]
struct Slab {
    bytes: Arc<Piece>,
    live: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Slabs {
    /// `full[i]` has the number `first + i`; `None` where all blocks are gone.
    full: VecDeque<Option<Slab>>,
    first: u32,
    /// Shared with nobody as long as it is the current one.
    current: Arc<Piece>,
    current_used: usize,
    current_live: u32,
    full_bytes: usize,
    spare: Option<Arc<Piece>>,
    /// Where the blocks lie that are in segments.
    pub(crate) on_disk: Option<OnDisk>,
    /// What the blocks of tiers may take.
    pub(crate) budgets: Budgets,
}

impl Slabs {
    /// Wraps around below [`ON_DISK`]: no host has so many slabs at a time.
    fn current_number(&self) -> u32 {
        self.first.wrapping_add(self.full.len() as u32) & !ON_DISK
    }

    /// Takes a copy of a block's bytes.
    pub(crate) fn push(&mut self, block: &[u8]) -> BlockAt {
        let end = self.current_used + block.len();
        if end > self.current.len() {
            self.turn(block.len());
        }
        let (start, end) = (self.current_used, self.current_used + block.len());
        let own = Arc::get_mut(&mut self.current).expect("nobody else holds the current slab");
        own[start..end].copy_from_slice(block);
        self.current_used = end;
        self.current_live += 1;
        BlockAt { place: self.current_number(), offset: start as u32 }
    }

    /// Closes the current slab and opens one with room for `bytes` at least.
    fn turn(&mut self, bytes: usize) {
        let room = (self.full_bytes / SLABS_PER_HOST).clamp(SLAB_BYTES_MIN, SLAB_BYTES_MAX).max(bytes);
        let room = room.next_multiple_of(SLAB_BYTES_MIN);
        let spare = self.spare.take().filter(|spare| (bytes..=2 * room).contains(&spare.len()));
        let next = spare.unwrap_or_else(|| Arc::new(Piece::new(room)));
        let full = std::mem::replace(&mut self.current, next);
        self.current_used = 0;
        if full.is_empty() {
            return;
        }
        let live = std::mem::take(&mut self.current_live);
        self.full_bytes += full.len();
        self.full.push_back(Some(Slab { bytes: full, live }));
        if live == 0 {
            self.drop_slab(self.full.len() - 1);
        }
    }

    /// Forgets a block.
    pub(crate) fn release(&mut self, at: BlockAt) {
        if !at.is_in_memory() {
            return;
        }
        if at.place == self.current_number() {
            self.current_live -= 1;
            return;
        }
        let place = (at.place.wrapping_sub(self.first) & !ON_DISK) as usize;
        if let Some(Some(slab)) = self.full.get_mut(place) {
            slab.live -= 1;
            if slab.live == 0 {
                self.drop_slab(place);
            }
        }
    }

    fn drop_slab(&mut self, place: usize) {
        if let Some(Slab { mut bytes, .. }) = self.full[place].take() {
            self.full_bytes -= bytes.len();
            if Arc::get_mut(&mut bytes).is_some() {
                self.spare = Some(bytes);
            }
        }
        while let Some(None) = self.full.front() {
            self.full.pop_front();
            self.first = self.first.wrapping_add(1) & !ON_DISK;
        }
    }

    /// A block's bytes, to be read outside the lock; one of the current slab is copied to `copied`.
    pub(crate) fn read(&self, at: BlockAt, copied: &mut Vec<u8>) -> BlockBytes {
        if at == BlockAt::NONE {
            return BlockBytes::None;
        }
        if let Some((segment, offset)) = at.segment() {
            return BlockBytes::OnDisk(segment, offset);
        }
        if at.place == self.current_number() {
            let rest = &self.current[at.offset as usize..self.current_used];
            let block = &rest[..block::length(rest)];
            let offset = copied.len() as u32;
            copied.extend_from_slice(block);
            return BlockBytes::Copied(offset);
        }
        match self.full.get((at.place.wrapping_sub(self.first) & !ON_DISK) as usize) {
            Some(Some(slab)) => BlockBytes::Shared(Arc::clone(&slab.bytes), at.offset),
            _ => BlockBytes::None,
        }
    }

    /// A block's bytes, wherever they are: those of the disk are read to `copied`, too.
    pub(crate) fn fetch(&self, at: BlockAt, copied: &mut Vec<u8>) -> BlockBytes {
        match (self.read(at, copied), &self.on_disk) {
            (BlockBytes::OnDisk(segment, offset), Some(on_disk)) => {
                let start = copied.len() as u32;
                let is_read = on_disk.blocks().read(segment, offset, copied).is_some();
                if is_read { BlockBytes::Copied(start) } else { BlockBytes::None }
            }
            (bytes, _) => bytes,
        }
    }

    /// How long a block in memory is; 0 for any other.
    pub(crate) fn length(&self, at: BlockAt) -> usize {
        if !at.is_in_memory() {
            return 0;
        }
        let mut copied = Vec::new();
        self.read(at, &mut copied).get(&copied).map_or(0, block::length)
    }

    /// Bytes that the slabs take.
    pub(crate) fn bytes(&self) -> usize {
        self.full_bytes + self.current.len() + self.spare.as_ref().map_or(0, |spare| spare.len())
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
