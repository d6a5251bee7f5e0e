//! Writing linked LZ4 blocks, with a table that is kept from block to block.
//!
//! The table remembers, for each hash of five bytes, the last position where they stood. Positions
//! are those of the [window](super::window), so whatever it says is a candidate, however old: what
//! counts is whether the bytes there are the same. Nothing is hashed twice, and a short block costs
//! what its own bytes cost. (The block functions of lz4_flex hash the 64 KiB before each block
//! anew: 414 ns per sample in frames of 4 KB, against about 100.)
//!
//! State: 64 KiB of window, 16 KiB of table. [The other end](super::lz4_decode) has the format.

use super::window::{WINDOW_BYTES, Window};

/// What the state takes.
pub(super) const STATE_BYTES: usize = WINDOW_BYTES + (2 << TABLE_BITS);
const TABLE_BITS: u32 = 13;
const MATCH_BYTES_MIN: usize = 4;
/// Other decoders want the last five bytes of a block to be literals, ...
const LITERALS_AT_END: usize = 5;
/// ... and the last match to begin at least so many bytes before its end.
const LAST_MATCH_BEFORE_END: usize = 12;
/// After so many places in vain (as a power of two) steps become one longer.
const PATIENCE_BITS: u32 = 6;
/// State is warmed for blocks of this length: less text would not pay for it.
const WARM_FROM_BYTES: usize = 3_000;
const CACHE_LINE_BYTES: usize = 64;

/// The sending end of a stream of linked blocks.
#[derive(Debug)]
pub(super) struct Packer {
    window: Window,
    table: Box<[u16; 1 << TABLE_BITS]>,
}

/// Bytes that repeat earlier ones.
struct Match {
    at: usize,
    distance: usize,
    length: usize,
}

impl Packer {
    pub(super) fn new() -> Self {
        let table = vec![0; 1 << TABLE_BITS].into_boxed_slice();
        Self { window: Window::new(), table: table.try_into().expect("it has this length") }
    }

    /// Adds the block of `text`, at most the window long, to `out`.
    pub(super) fn pack(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if text.len() >= WARM_FROM_BYTES {
            self.warm();
        }
        let mut written = 0;
        if text.len() > LAST_MATCH_BEFORE_END {
            while let Some(found) = self.find(text, written) {
                write(out, &text[written..found.at], Some(&found));
                written = found.at + found.length;
            }
        }
        write(out, &text[written..], None);
        self.window.push(text);
    }

    /// Reads all state once, in order. In a proxy the last stream has driven it out of the caches,
    /// and fetching 80 KiB piece by piece, where matches happen to lie, takes longer than at one
    /// go: 150 ns per sample instead of 90.
    fn warm(&self) {
        let sum = self.table.iter().step_by(CACHE_LINE_BYTES / 2).fold(0, |sum, place| sum ^ place);
        std::hint::black_box((sum, self.window.sum(CACHE_LINE_BYTES)));
    }

    /// Looks for the first match that begins at `from` or behind it.
    fn find(&mut self, text: &[u8], from: usize) -> Option<Match> {
        let last = text.len() - LAST_MATCH_BEFORE_END;
        if from >= 2 && from <= last {
            let place = place(word(text, from - 2));
            self.table[place] = self.window.end().wrapping_add((from - 2) as u16);
        }
        let (mut at, mut tried) = (from, 1 << PATIENCE_BITS);
        while at <= last {
            let word = word(text, at);
            let here = self.window.end().wrapping_add(at as u16);
            let before = std::mem::replace(&mut self.table[place(word)], here);
            let distance = usize::from(here.wrapping_sub(before));
            if self.is_match(text, at, distance, word as u32) {
                let (begin, length) = self.extend(text, from, at, distance);
                return Some(Match { at: begin, distance, length });
            }
            at += tried >> PATIENCE_BITS;
            tried += 1;
        }
        None
    }

    /// Whether the four bytes at `at` also stand `distance` bytes before it.
    fn is_match(&self, text: &[u8], at: usize, distance: usize, bytes: u32) -> bool {
        if distance == 0 || distance > at + self.window.filled() {
            return false;
        }
        let before = if distance <= at { &text[at - distance..] } else { self.window.tail(distance - at) };
        // Four bytes over the end of the ring are passed over: the next ones will do.
        before.first_chunk::<4>().is_some_and(|before| u32::from_le_bytes(*before) == bytes)
    }

    /// How far the match at `at` goes both ways: where it begins and its length.
    fn extend(&self, text: &[u8], from: usize, at: usize, distance: usize) -> (usize, usize) {
        let limit = text.len() - LITERALS_AT_END;
        let mut end = at + MATCH_BYTES_MIN;
        while distance > end {
            let before = self.window.tail(distance - end);
            let common = common(before, &text[end..limit]);
            end += common;
            if common < before.len() {
                return self.extend_back(text, from, at, end, distance);
            }
        }
        end += common(&text[end - distance..], &text[end..limit]);
        self.extend_back(text, from, at, end, distance)
    }

    fn extend_back(&self, text: &[u8], from: usize, mut at: usize, end: usize, distance: usize) -> (usize, usize) {
        while at > from {
            let before = if distance < at {
                text[at - 1 - distance]
            } else if distance - at < self.window.filled() && distance - at + 1 < WINDOW_BYTES {
                self.window.byte(distance + 1 - at)
            } else {
                break;
            };
            if before != text[at - 1] {
                break;
            }
            at -= 1;
        }
        (at, end - at)
    }
}

fn word(text: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(text[at..at + 8].try_into().expect("eight bytes"))
}

/// The place of five bytes in the table.
fn place(word: u64) -> usize {
    ((word << 24).wrapping_mul(889_523_592_379) >> (64 - TABLE_BITS)) as usize
}

/// How many bytes are the same in both from the beginning.
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut count = 0;
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        let a = u64::from_le_bytes(a.try_into().expect("eight bytes"));
        let b = u64::from_le_bytes(b.try_into().expect("eight bytes"));
        if a != b {
            return count + ((a ^ b).trailing_zeros() / 8) as usize;
        }
        count += 8;
    }
    count + a[count..].iter().zip(&b[count..]).take_while(|(a, b)| a == b).count()
}

/// Writes a sequence: literals, and the match behind them unless they are the last.
fn write(out: &mut Vec<u8>, literals: &[u8], found: Option<&Match>) {
    let length = found.map_or(0, |found| found.length - MATCH_BYTES_MIN);
    out.push((literals.len().min(15) << 4 | length.min(15)) as u8);
    write_more(out, literals.len());
    out.extend_from_slice(literals);
    if let Some(found) = found {
        out.extend_from_slice(&(found.distance as u16).to_le_bytes());
        write_more(out, length);
    }
}

/// Writes what of a length goes beyond its four bits.
fn write_more(out: &mut Vec<u8>, length: usize) {
    let Some(mut more) = length.checked_sub(15) else { return };
    while more >= 255 {
        out.push(255);
        more -= 255;
    }
    out.push(more as u8);
}
