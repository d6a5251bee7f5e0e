//! The program's own code and constants: what only the start needed need not stay in memory.
//!
//! Code is read from its file page by page, and the kernel maps the pages around with each. A collector that
//! runs touches 450 KB of its code in half a minute, but 2 MB were resident since its start: settings,
//! certificates, the handshake. The kernel would take them back only if memory was short.

use std::fs;

/// Lets go of the code and the constants in memory: what is needed comes back at once, from the page cache, at some
/// µs for each 64 KB. For programs that go on to do little of what they can.
pub fn let_go_of_code() {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut range = None;
    for line in maps.lines() {
        if let Some(found) = of_file(line) {
            range = found;
        } else if is_written(line) {
            range = None;
        } else if line.starts_with("VmFlags:") {
            range.take().into_iter().for_each(let_go);
        }
    }
}

/// A line that begins the words on a mapping: where it is, if it is one of a file that nobody can write to there.
fn of_file(line: &str) -> Option<Option<(usize, usize)>> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = (address(start)?, address(end)?);
    let is_read_only = matches!(words.next()?, "r-xp" | "r--p");
    Some((is_read_only && words.nth(3).is_some_and(|file: &str| file.starts_with('/'))).then_some(range))
}

/// A line that says that pages of the mapping are not the file's any more: the linker writes to some before it makes
/// them read-only.
fn is_written(line: &str) -> bool {
    let size = line.strip_prefix("Anonymous:").or_else(|| line.strip_prefix("Swap:"));
    size.is_some_and(|size| size.trim() != "0 kB")
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the kernel's own call, for a range that it has told")]
fn let_go((start, end): (usize, usize)) {
    use rustix::mm::{Advice, madvise};
    // SAFETY: the range is a private mapping of a file that cannot be written to, and never was: a page that is let go is
    // read from the file again by whoever needs it, with the same bytes.
    let _done = unsafe { madvise(start as *mut _, end.saturating_sub(start), Advice::LinuxDontNeed) };
}

#[cfg(not(target_os = "linux"))]
fn let_go(_: (usize, usize)) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only what a file has is let go.
    #[test]
    fn lines_of_maps() {
        let range = Some(Some((0x55d0_0000, 0x55d0_2000)));
        for (line, found) in [
            ("55d00000-55d02000 r-xp 00001000 fe:00 123    /usr/bin/x", range),
            ("55d00000-55d02000 r--p 00001000 fe:00 123    /usr/bin/x", range),
            ("55d00000-55d02000 rw-p 00001000 fe:00 123    /usr/bin/x", Some(None)),
            ("55d00000-55d02000 rwxp 00001000 fe:00 123    /usr/bin/x", Some(None)),
            ("55d00000-55d02000 r--s 00001000 fe:00 123    /usr/bin/x", Some(None)),
            ("55d00000-55d02000 r-xp 00000000 00:00 0      [vdso]", Some(None)),
            ("55d00000-55d02000 r-xp 00000000 00:00 0", Some(None)),
            ("Rss:                 592 kB", None),
            ("VmFlags: rd mr mw me sd", None),
            ("", None),
        ] {
            assert_eq!(of_file(line), found, "{line}");
        }
        let written =
            ["Anonymous:             0 kB", "Anonymous:            10 kB", "Swap:      4 kB", "SwapPss:   4 kB"];
        assert_eq!(written.map(is_written), [false, true, true, false]);
    }

    /// Goal: a program whose code was let go goes on.
    #[test]
    fn what_runs_comes_back() {
        let words = || (0..1_000).map(|number: u32| number.to_string()).collect::<String>();
        let before = words();
        let_go_of_code();
        assert_eq!(words(), before);
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        assert!(maps.lines().filter_map(of_file).flatten().count() >= 1, "this program has code");
    }
}
