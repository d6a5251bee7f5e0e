//! What the tests of several modules need: broken files, and files of large machines.

use std::fmt::Write as _;

/// Mutations per file.
const ROUNDS: usize = 3000;

/// Calls `f` with many broken copies of `text`, the same each time.
pub(crate) fn mutate(text: &[u8], mut f: impl FnMut(&[u8])) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    const INTERESTING: &[&[u8]] =
        &[b"18446744073709551615", b"18446744073709551616", b"-1", b"", b" ", b"\n", b"\0", b"\xff\xfe", b":", b"/"];
    for _ in 0..ROUNDS {
        let mut copy = text.to_vec();
        for _ in 0..=random(4) {
            let at = random(copy.len());
            match random(5) {
                0 => copy.truncate(at),
                1 => drop(copy.drain(at..(at + random(40)).min(copy.len()))),
                2 => drop(copy.splice(at..at, INTERESTING[random(INTERESTING.len())].iter().copied())),
                3 => copy.rotate_left(at),
                _ => {
                    let byte = random(256) as u8;
                    if let Some(place) = copy.get_mut(at) {
                        *place = byte;
                    }
                }
            }
        }
        f(&copy);
    }
}

/// `/proc/stat` of a machine with so many cores.
pub(crate) fn stat_of(cores: u64) -> Vec<u8> {
    let mut text = String::from("cpu  123456789 2345 23456789 3456789012 345678 0 45678 0 12 3\n");
    for core in 0..cores {
        let user = 1_000_000_000 + core * 977;
        writeln!(text, "cpu{core} {user} 2345 987654321 34567890123 345678 0 456789 0 12 {core}").unwrap();
    }
    text.push_str("intr 98765432109");
    for source in 0..4096 {
        write!(text, " {}", source % 7 * 1000).unwrap();
    }
    text.push_str("\nctxt 5\nbtime 1700000000\nprocesses 6\nprocs_running 7\nprocs_blocked 8\nsoftirq 1 2 3\n");
    text.into_bytes()
}
