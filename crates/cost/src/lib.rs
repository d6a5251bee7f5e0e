//! What code costs: allocations, live bytes, and time on a CPU. For tests and benches only; no
//! binary links it.
//!
//! A test or bench that counts puts this at its top:
//!
//! ```
//! #[global_allocator]
//! static COUNTING: cost::Counting = cost::Counting;
//! ```
//!
//! Allocations are counted by thread, so that other threads of a test do not disturb; what is live
//! is counted for the process, since one thread may free what another took. Bytes are those asked
//! for: the allocator's own, 8 to 16 per block, are not seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use rustix::time::{ClockId, clock_gettime};

/// The system's allocator, counting.
pub struct Counting;

/// What is live now, in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Live {
    /// Blocks.
    pub blocks: i64,
    /// Bytes that were asked for.
    pub bytes: i64,
}

impl std::ops::Sub for Live {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { blocks: self.blocks - before.blocks, bytes: self.bytes - before.bytes }
    }
}

/// Sizes are told apart by powers of two: class `n` holds blocks of up to `1 << n` bytes.
pub const CLASSES: usize = 40;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}
static BLOCKS: [AtomicI64; CLASSES] = [const { AtomicI64::new(0) }; CLASSES];
static BYTES: [AtomicI64; CLASSES] = [const { AtomicI64::new(0) }; CLASSES];

/// How often this thread asked for memory, or for more of it.
#[must_use]
pub fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// What is live now.
#[must_use]
pub fn live() -> Live {
    live_by_class()
        .into_iter()
        .fold(Live::default(), |sum, class| Live { blocks: sum.blocks + class.blocks, bytes: sum.bytes + class.bytes })
}

/// The same, by class.
#[must_use]
pub fn live_by_class() -> [Live; CLASSES] {
    std::array::from_fn(|class| Live { blocks: BLOCKS[class].load(Relaxed), bytes: BYTES[class].load(Relaxed) })
}

/// Nanoseconds that this thread has been on a CPU: neighbours on the machine do not count.
#[must_use]
pub fn cpu_ns() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn count(size: usize, sign: i64) {
    let class = (usize::BITS - size.saturating_sub(1).leading_zeros()) as usize;
    let class = class.min(CLASSES - 1);
    BLOCKS[class].fetch_add(sign, Relaxed);
    BYTES[class].fetch_add(sign * size as i64, Relaxed);
}

fn taken(size: usize) {
    ALLOCATIONS.with(|allocations| allocations.set(allocations.get() + 1));
    count(size, 1);
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches atomics, and a
// thread-local number that needs neither memory nor a destructor.
#[expect(unsafe_code, reason = "a global allocator that counts cannot be made without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the promises of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the pointer came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        taken(size);
        // SAFETY: the pointer came from `System` with this layout; the caller checked the size.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static COUNTING: Counting = Counting;

    /// What is taken, grown and given back is seen, in its class and by its thread.
    #[test]
    fn counts_what_is_taken_and_given_back() {
        const SIZE: usize = 3 << 20;
        let (allocations_before, before) = (allocations(), live_by_class()[22]);
        let mut bytes = vec![0_u8; SIZE];
        assert_eq!(allocations(), allocations_before + 1);
        assert_eq!(live_by_class()[22] - before, Live { blocks: 1, bytes: SIZE as i64 });
        bytes.reserve_exact(SIZE / 4);
        assert_eq!(allocations(), allocations_before + 2);
        assert_eq!((live_by_class()[22] - before).bytes, (SIZE + SIZE / 4) as i64);
        std::thread::spawn(move || drop(bytes)).join().expect("nothing to fail");
        assert_eq!(live_by_class()[22] - before, Live::default());
    }

    /// Time on a CPU goes on with work.
    #[test]
    fn work_takes_time() {
        let before = cpu_ns();
        let mut sum = 0_u64;
        while cpu_ns() < before + 1_000_000 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
    }
}
