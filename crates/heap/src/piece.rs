//! Pieces: bytes that lie apart from what the allocator gives out.
//!
//! One is taken for tens of thousands of samples, so one lock for all of them will do; the search takes
//! the first extent that has room, so that extents at the end empty and go.

use std::alloc::{Layout, handle_alloc_error};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::extent::{Extent, UNIT_BYTES};

/// A piece takes a multiple of this.
pub const PIECE_UNIT_BYTES: usize = UNIT_BYTES;

/// By address.
static EXTENTS: Mutex<BTreeMap<usize, Extent>> = Mutex::new(BTreeMap::new());
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that all pieces of this process take.
#[must_use]
pub fn piece_bytes() -> usize {
    BYTES.load(Relaxed)
}

/// Some memory in units of [`PIECE_UNIT_BYTES`]. Each byte has some value from the start.
pub struct Piece {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a piece owns its bytes, as a boxed slice does.
#[expect(unsafe_code, reason = "a pointer to memory that only the piece holds")]
unsafe impl Send for Piece {}
// SAFETY: likewise; shared ones are only read.
#[expect(unsafe_code, reason = "a pointer to memory that only the piece holds")]
unsafe impl Sync for Piece {}

impl Piece {
    /// A piece of this length.
    #[must_use]
    pub fn new(len: usize) -> Self {
        if len == 0 {
            return Self::default();
        }
        let units = len.div_ceil(UNIT_BYTES);
        let Some(start) = take(&mut extents(), units) else {
            handle_alloc_error(Layout::array::<u8>(len).unwrap_or(Layout::new::<u8>()))
        };
        BYTES.fetch_add(units * UNIT_BYTES, Relaxed);
        Self { start, len }
    }
}

fn extents() -> MutexGuard<'static, BTreeMap<usize, Extent>> {
    EXTENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(extents: &mut BTreeMap<usize, Extent>, units: usize) -> Option<NonNull<u8>> {
    if let Some(start) = extents.values_mut().find_map(|extent| extent.take(units)) {
        return Some(start);
    }
    let mut extent = Extent::map(units)?;
    let start = extent.take(units);
    extents.insert(extent.address(), extent);
    start
}

impl Default for Piece {
    /// No bytes.
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0 }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if self.len == 0 {
            return;
        }
        let (units, address) = (self.len.div_ceil(UNIT_BYTES), self.start.as_ptr() as usize);
        BYTES.fetch_sub(units * UNIT_BYTES, Relaxed);
        let mut extents = extents();
        let is_last = extents.len() == 1;
        let Some((&key, extent)) = extents.range_mut(..=address).next_back() else { return };
        extent.put_back(address, units);
        // The last one stays: what comes and goes all the time need not ask the system.
        if extent.is_unused() && !is_last {
            extents.remove(&key);
        }
    }
}

impl Deref for Piece {
    type Target = [u8];

    #[expect(unsafe_code, reason = "a slice of the piece's own memory")]
    fn deref(&self) -> &[u8] {
        // SAFETY: the piece holds `len` bytes from `start` on, which a mapping has given a value, until it
        // is dropped; or none, at a dangling but aligned address.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Piece {
    #[expect(unsafe_code, reason = "a slice of the piece's own memory")]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has this piece.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        }
    }

    /// Pieces of all lengths, longer than an extent too, come and go in any order on several threads:
    /// none overlaps another, and each keeps what was written to it.
    #[test]
    fn pieces_keep_their_bytes() {
        let play = |seed: u64| {
            let mut number = numbers(seed);
            let mut kept: Vec<(Piece, u8)> = Vec::new();
            for turn in 0..3_000 {
                let longest = if number(100) == 0 { 3 << 20 } else { 70_000 };
                let mut piece = Piece::new(1 + number(longest));
                let mark = (turn + seed) as u8;
                piece.fill(mark);
                kept.push((piece, mark));
                while kept.len() > 60 {
                    let (piece, mark) = kept.swap_remove(number(kept.len()));
                    assert!(piece.iter().all(|&byte| byte == mark));
                }
            }
        };
        std::thread::scope(|scope| {
            (1..=4).for_each(|seed| drop(scope.spawn(move || play(seed))));
        });
    }

    /// An extent gives out its first free units, and takes them back.
    #[test]
    fn the_first_free_units_are_used_again() {
        let mut extent = Extent::map(1).unwrap();
        let [a, b, c] = [3, 1, 5].map(|units| extent.take(units).unwrap().as_ptr() as usize);
        assert_eq!([b - a, c - a], [3 * UNIT_BYTES, 4 * UNIT_BYTES]);
        extent.put_back(a, 3);
        assert_eq!(extent.take(4).unwrap().as_ptr() as usize, a + 9 * UNIT_BYTES);
        assert_eq!(extent.take(2).unwrap().as_ptr() as usize, a);
        assert_eq!(extent.take(1).unwrap().as_ptr() as usize, a + 2 * UNIT_BYTES);
        assert!(extent.take(512).is_none() && !extent.is_unused());
        for (address, units) in [(a, 2), (a + 2 * UNIT_BYTES, 1), (b, 1), (c, 5), (a + 9 * UNIT_BYTES, 4)] {
            extent.put_back(address, units);
        }
        assert!(extent.is_unused() && extent.take(512).is_some());
        extent.put_back(a, 512);
    }

    /// Pages between pieces that stay go back to the system, and no byte of a neighbour with them.
    #[test]
    fn pages_between_pieces_go() {
        let pieces = (0..8_000).map(|number| {
            let mut piece = Piece::new(if number % 2 == 0 { 1 } else { 9 } * UNIT_BYTES);
            piece.fill(number as u8);
            (number as u8, piece)
        });
        let mut pieces: Vec<_> = pieces.collect();
        let full = crate::give_back::tests::resident_kb();
        pieces.retain(|(number, _)| number % 2 == 0);
        let left = crate::give_back::tests::resident_kb();
        assert!(pieces.iter().all(|(number, piece)| piece.iter().all(|byte| byte == number)));
        // 9 units are four whole pages of the usual size, and a half that a neighbour shares.
        let gone_kb = 4_000 * 16;
        assert!(cfg!(not(target_arch = "x86_64")) || left + gone_kb * 8 / 10 < full, "{left} of {full} KB stay");
    }
}
