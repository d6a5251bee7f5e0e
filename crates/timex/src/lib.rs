//! What the kernel says of the clock's discipline: whether somebody keeps it right, and how far it is off.
//!
//! The kernel tells it by `adjtimex` alone, which no crate at hand offers as safe Rust. It is only
//! asked here: nothing is adjusted.

use std::io;

/// What the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discipline {
    /// Somebody keeps the clock right.
    pub is_synchronized: bool,
    /// The status says that nobody does.
    pub is_unsynchronized: bool,
    /// The hardware that the clock is kept by has failed.
    pub has_failed: bool,
    /// How far the clock is off, in nanoseconds, as whoever keeps it last said.
    pub offset_ns: i64,
}

/// Asks the kernel.
///
/// # Errors
/// Where it refuses, as it does for programs that are locked in.
pub fn discipline() -> io::Result<Discipline> {
    let (state, status, offset) = ask()?;
    let nanoseconds = if status & libc::STA_NANO != 0 { 1 } else { 1_000 };
    Ok(Discipline {
        is_synchronized: state != libc::TIME_ERROR,
        is_unsynchronized: status & libc::STA_UNSYNC != 0,
        has_failed: status & libc::STA_CLOCKERR != 0,
        offset_ns: offset.saturating_mul(nanoseconds),
    })
}

/// The state of the clock, its status, and its offset in units that the status tells.
#[expect(unsafe_code, reason = "the kernel is asked by a call of the C library")]
fn ask() -> io::Result<(i32, i32, i64)> {
    // SAFETY: the structure is made of integers, for which all zeros are values; and zeros in `modes` ask
    // for nothing to be changed.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes no more than the structure, which lives until the call has returned.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((state, timex.status, timex.offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel answers, in one of its ways, and says the same twice.
    #[test]
    fn the_kernel_answers() {
        let Ok(discipline) = discipline() else {
            println!("skipped: this kernel does not tell");
            return;
        };
        assert!(discipline.offset_ns.abs() < 1_000_000_000, "{discipline:?}");
        assert_eq!(super::discipline().unwrap().has_failed, discipline.has_failed);
    }
}
