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
