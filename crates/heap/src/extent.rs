//! An extent: memory straight from the system, given out in units.
//!
//! ```text
//! page 0          page 1          page 2          page 3
//! [unit ][unit ]  [unit ][unit ]  [unit ][unit ]  [unit ][unit ]   ...  1 MiB
//!  used   used     used   free     free   free     free   used
//!                                 └── goes back to the system ──┘ no: page 3 has a used unit
//! ```
//!
//! What is used is noted beside the memory, so nothing is written into free units: a page without a used
//! one goes back to the system at once, and is there again, zeroed, when it is next touched.

use std::ffi::c_void;
use std::ptr::NonNull;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// Two to a page of the usual size: small hosts have slabs of this size.
pub(crate) const UNIT_BYTES: usize = 2 * 1024;
/// Few enough mappings for the kernel's limit of 65,530 to leave room for 60 GiB.
pub(crate) const EXTENT_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Extent {
    start: NonNull<u8>,
    used: Vec<bool>,
    /// No run of free units is longer.
    run_max: usize,
    units_used: usize,
}

// SAFETY: the memory belongs to this value and the pieces in it, wherever they are; nothing depends on
// the thread.
#[expect(unsafe_code, reason = "a pointer to memory that only this crate knows")]
unsafe impl Send for Extent {}

impl Extent {
    /// Room for so many units, at least that of a common extent; `None` where the system has none.
    pub(crate) fn map(units: usize) -> Option<Self> {
        let bytes = (units * UNIT_BYTES).max(EXTENT_BYTES).next_multiple_of(rustix::param::page_size());
        let start = map_bytes(bytes)?;
        let units = bytes / UNIT_BYTES;
        Some(Self { start, used: vec![false; units], run_max: units, units_used: 0 })
    }

    pub(crate) fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.units_used == 0
    }

    /// Takes the first run of free units that is long enough.
    pub(crate) fn take(&mut self, units: usize) -> Option<NonNull<u8>> {
        if units > self.run_max {
            return None;
        }
        let Some(first) = self.find(units) else {
            self.run_max = units - 1;
            return None;
        };
        self.used[first..first + units].fill(true);
        self.units_used += units;
        Some(at(self.start, first))
    }

    fn find(&self, units: usize) -> Option<usize> {
        let mut free = 0;
        for (place, &used) in self.used.iter().enumerate() {
            free = if used { 0 } else { free + 1 };
            if free == units {
                return Some(place + 1 - units);
            }
        }
        None
    }

    /// Takes units back; pages that are free now go to the system.
    pub(crate) fn put_back(&mut self, address: usize, units: usize) {
        let first = (address - self.address()) / UNIT_BYTES;
        debug_assert!(self.used[first..first + units].iter().all(|&used| used));
        self.used[first..first + units].fill(false);
        self.units_used -= units;
        self.run_max = self.used.len();
        let of_page = rustix::param::page_size().div_ceil(UNIT_BYTES);
        let is_free = |page: usize| !self.used[page * of_page..(page + 1) * of_page].contains(&true);
        let (mut start, mut end) = (first / of_page, (first + units).div_ceil(of_page));
        start += usize::from(!is_free(start));
        end -= usize::from(start < end && !is_free(end - 1));
        if start < end {
            forget(at(self.start, start * of_page), (end - start) * of_page * UNIT_BYTES);
        }
    }
}

impl Drop for Extent {
    fn drop(&mut self) {
        debug_assert!(self.is_unused());
        unmap(self.start, self.used.len() * UNIT_BYTES);
    }
}

/// Where a unit begins; it is one of the extent at `start`.
#[expect(unsafe_code, reason = "a place in a mapping")]
fn at(start: NonNull<u8>, unit: usize) -> NonNull<u8> {
    // SAFETY: callers have looked the unit up in the extent's own notes, so it lies inside the mapping.
    unsafe { start.add(unit * UNIT_BYTES) }
}

#[expect(unsafe_code, reason = "the system's own call")]
fn map_bytes(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: a new mapping at a place of the kernel's choice disturbs no other memory.
    let start = unsafe {
        mmap_anonymous(std::ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE).ok()?
    };
    // Huge pages would take back, unasked, what was given to the system piece by piece. A kernel that
    // does not know them need not be told.
    // SAFETY: this is the mapping that was just made, and the advice changes no byte of it.
    let _unknown = unsafe { madvise(start, bytes, Advice::LinuxNoHugepage) };
    NonNull::new(start.cast())
}

#[expect(unsafe_code, reason = "the system's own call")]
fn forget(start: NonNull<u8>, bytes: usize) {
    // SAFETY: these are whole pages of one of our mappings that no piece holds any part of. What they
    // hold may turn to zeros, now or never.
    let _kept = unsafe { madvise(start.as_ptr().cast::<c_void>(), bytes, Advice::LinuxDontNeed) };
}

#[expect(unsafe_code, reason = "the system's own call")]
fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the mapping was made with this start and length, and no piece of it is left.
    let _kept = unsafe { munmap(start.as_ptr().cast::<c_void>(), bytes) };
}
