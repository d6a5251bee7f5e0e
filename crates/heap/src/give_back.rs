//! Giving back what the C library's allocator holds.
//!
//! It keeps what lies below anything that is still in use: after a thousand hosts left, 675 of 770 MB
//! stayed resident, and thresholds in the environment changed nothing. When told to trim, it returns
//! whole free pages wherever they are: 92 MB were left, after 46 ms. So it is told to when much was let
//! go, and never on a thread that streams.
//!
//! These are calls into the C library that no safe crate offers. With other allocators nothing is done.

/// Gives memory that is free back to the system. Takes about a millisecond per 15 MB that go, during
/// which other threads may wait for memory.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    trim();
}

/// Lets all threads share one piece of memory: else most have their own, whose free end stays whatever is
/// told. After a day in which a million charts came and went 0.5 MB were left instead of 1.2. Threads meet
/// at its lock only where something is defined or asked: rows take no memory from it. To be called first.
pub fn share_among_threads() {
    const ARENA_MAX: i32 = -8;
    set(ARENA_MAX, 1);
}

/// Gives the free end of the memory back once it is longer than 64 KiB. The allocator raises this mark by
/// itself when something large was freed: the certificates of a system, read at a handshake and dropped,
/// stayed for 0.6 to 1.4 MB then. For programs that hardly allocate any more once they run.
pub fn stay_small() {
    const TRIM_THRESHOLD: i32 = -1;
    const TOP_PAD: i32 = -2;
    set(TRIM_THRESHOLD, 64 * 1_024);
    set(TOP_PAD, 0);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's own function, which takes two numbers")]
fn set(parameter: i32, value: i32) {
    unsafe extern "C" {
        fn mallopt(parameter: i32, value: i32) -> i32;
    }
    // SAFETY: it may be called at any time; it takes the allocator's own lock and sets a number. What it
    // answers is whether it knows the parameter.
    let _known = unsafe { mallopt(parameter, value) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn set(_: i32, _: i32) {}

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
