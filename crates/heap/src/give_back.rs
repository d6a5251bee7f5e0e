//! Giving back what the C library's allocator holds.
//!
//! It keeps what lies below anything that is still in use: after a thousand hosts left, 675 of 770 MB
//! stayed resident, and thresholds in the environment changed nothing. When told to trim, it returns
//! whole free pages wherever they are: 92 MB were left, after 46 ms. So it is told to when much was let
//! go, and never on a thread that streams.
//!
//! This is a call into the C library that no safe crate offers. With other allocators nothing is done.

/// Gives memory that is free back to the system. Takes about a millisecond per 15 MB that go, during
/// which other threads may wait for memory.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    trim();
}

/// Lets all threads share one piece of memory, whose free end goes back once it is longer than 64 KiB. Else
/// each has its own, and the allocator raises the mark by itself when something large was freed: the
/// certificates of a system, read at a handshake and dropped, stayed for 0.6 to 1.4 MB then. For programs
/// that hardly allocate any more once they run.
pub fn stay_small() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set_marks();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's own function, which takes two numbers")]
fn set_marks() {
    unsafe extern "C" {
        fn mallopt(parameter: i32, value: i32) -> i32;
    }
    const TRIM_THRESHOLD: i32 = -1;
    const TOP_PAD: i32 = -2;
    const ARENA_MAX: i32 = -8;
    for (parameter, value) in [(TRIM_THRESHOLD, 64 * 1_024), (TOP_PAD, 0), (ARENA_MAX, 1)] {
        // SAFETY: it may be called at any time; it takes the allocator's own lock and sets a number.
        let _done = unsafe { mallopt(parameter, value) };
    }
}

/// The same as [`give_back`] on a thread of its own, which nobody waits for.
///
/// # Errors
/// Where the system has no thread to give.
pub fn give_back_aside() -> std::io::Result<()> {
    std::thread::Builder::new().name("heap".into()).spawn(give_back).map(drop)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's own function, which takes a number and keeps nothing")]
fn trim() {
    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> i32;
    }
    // SAFETY: it may be called at any time and from any thread: it takes the allocator's own locks, and
    // returns only pages that hold nothing. What it answers is whether there were any.
    let _any = unsafe { malloc_trim(0) };
}

#[cfg(test)]
pub(crate) mod tests {
    /// Resident memory falls when much is freed below something that stays.
    #[test]
    fn pages_below_what_stays_go() {
        const BLOCK: usize = 10_000;
        let mut blocks: Vec<Vec<u8>> = (0..10_000).map(|number| vec![number as u8; BLOCK]).collect();
        let stays = vec![1_u8; BLOCK];
        let full = resident_kb();
        blocks.clear();
        super::give_back();
        let left = resident_kb();
        assert_eq!(stays.iter().map(|&byte| usize::from(byte)).sum::<usize>(), BLOCK);
        if cfg!(all(target_os = "linux", target_env = "gnu")) {
            assert!(left + 80_000 < full, "{left} of {full} KB stay");
        }
    }

    pub(crate) fn resident_kb() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }
}
