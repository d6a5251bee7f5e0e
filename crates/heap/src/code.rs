//! The program's own code: what only the start needed need not stay in memory.
//!
//! Code is read from its file page by page, and the kernel maps the pages around with each. A collector that
//! runs touches 450 KB of its code in half a minute, but 2 MB were resident since its start: settings,
//! certificates, the handshake. The kernel would take them back only if memory was short.

use std::fs;

/// Lets go of the code in memory: what runs comes back at once, from the page cache, at some µs for each 64
/// KB. For programs that go on to do little of what they can.
pub fn let_go_of_code() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter_map(code).for_each(let_go);
}

/// Where the code of a file is mapped, if a line of `/proc/self/maps` is about that.
fn code(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    // Nobody can have written there, so that the file has it all.
    let is_code = words.next()? == "r-xp" && words.nth(3)?.starts_with('/');
    let address = |text| usize::from_str_radix(text, 16).ok();
    is_code.then_some((address(start)?, address(end)?))
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the kernel's own call, for a range that it has told")]
fn let_go((start, end): (usize, usize)) {
    use rustix::mm::{Advice, madvise};
    // SAFETY: the range is a private mapping of a file that cannot be written to: a page that is let go is
    // read from the file again by whoever needs it, with the same bytes.
    let _done = unsafe { madvise(start as *mut _, end.saturating_sub(start), Advice::LinuxDontNeed) };
}

#[cfg(not(target_os = "linux"))]
fn let_go(_: (usize, usize)) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only code that a file has is let go.
    #[test]
    fn lines_of_maps() {
        let range = Some((0x55d0_0000, 0x55d0_2000));
        for (line, found) in [
            ("55d00000-55d02000 r-xp 00001000 fe:00 123    /usr/bin/x", range),
            ("55d00000-55d02000 r--p 00001000 fe:00 123    /usr/bin/x", None),
            ("55d00000-55d02000 rwxp 00001000 fe:00 123    /usr/bin/x", None),
            ("55d00000-55d02000 r-xp 00000000 00:00 0      [vdso]", None),
            ("55d00000-55d02000 r-xp 00000000 00:00 0", None),
            ("", None),
        ] {
            assert_eq!(code(line), found, "{line}");
        }
    }

    /// Goal: a program whose code was let go goes on.
    #[test]
    fn what_runs_comes_back() {
        let words = || (0..1_000).map(|number: u32| number.to_string()).collect::<String>();
        let before = words();
        let_go_of_code();
        assert_eq!(words(), before);
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.lines().filter_map(code).count() >= 1, "this program has code");
    }
}
