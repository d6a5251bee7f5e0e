//! The size of a memory page, which `vmstat` counts in.
//!
//! The kernel tells it to each program in its auxiliary vector: pairs of two machine words, a key
//! and a value. Reading that needs neither a library nor an unsafe call. It is this program's own
//! vector, whatever root the collector reads from: the machine is the same.

use std::fs;

/// The key of the page size in the auxiliary vector.
const KEY: u64 = 6;
/// Where the vector cannot be read.
const PAGE_BYTES_DEFAULT: i32 = 4096;
/// No machine that Linux runs on has larger pages.
const PAGE_BYTES_MAX: u64 = 256 * 1024;
const WORD_BYTES: usize = size_of::<usize>();

/// Bytes in a page.
pub(crate) fn page_size_bytes() -> i32 {
    fs::read("/proc/self/auxv").ok().and_then(|vector| find(&vector)).unwrap_or(PAGE_BYTES_DEFAULT)
}

fn find(vector: &[u8]) -> Option<i32> {
    let (_, value) =
        vector.chunks_exact(2 * WORD_BYTES).map(|pair| pair.split_at(WORD_BYTES)).find(|(key, _)| word(key) == KEY)?;
    let size = word(value);
    (size.is_power_of_two() && (1024..=PAGE_BYTES_MAX).contains(&size)).then_some(size as i32)
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; WORD_BYTES];
    word.copy_from_slice(bytes);
    usize::from_ne_bytes(word) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page size is found, and nonsense is not believed.
    #[test]
    fn pairs_are_searched() {
        let vector = |pairs: &[(usize, usize)]| -> Vec<u8> {
            pairs.iter().flat_map(|&(key, value)| [key.to_ne_bytes(), value.to_ne_bytes()].concat()).collect()
        };
        assert_eq!(find(&vector(&[(33, 7), (6, 16_384), (0, 0)])), Some(16_384));
        assert_eq!(find(&vector(&[(33, 6)])), None);
        assert_eq!(find(&vector(&[(6, 4097)])), None);
        assert_eq!(find(&vector(&[(6, 1 << 40)])), None);
        assert_eq!(find(b"short"), None);
        assert!(page_size_bytes() >= 4096);
    }
}
