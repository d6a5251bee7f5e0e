//! Integers in as few bits as they need: variable length bytes, and runs of one width with
//! exceptions.
//!
//! A run of `count` small numbers has a head of 16 bits, `low` (5 bits), `high` (5 bits), `above`
//! (6 bits), and a body in a stream of bits that fills each byte from its lowest bit:
//!
//! ```text
//! places of the `above` numbers that are longer than `low` bits: 6 bits each, or a map of `count`
//! bits where that is shorter | the lowest `low` bits of each number | `high` bits of those above
//! ```

use super::{Damaged, ROWS};

/// The most bits that are written or read at once.
const WIDTH_MAX: u32 = 31;
const PLACE_BITS: u32 = 6;
/// Bytes that a stream of bits has at most: all places twice, all numbers in two parts, and slack
/// for the last read.
pub(super) const STREAM_BYTES_MAX: usize = 2 * ROWS.div_ceil(8) + 2 * (ROWS * WIDTH_MAX as usize).div_ceil(8) + 8;

/// Signed numbers in an order by size: 0, -1, 1, -2.
#[inline]
pub(super) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

#[inline]
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Appends a number, seven bits a byte, the lowest first; the top bit says that more follow.
pub(super) fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bits that [`write_varint`] takes.
pub(super) fn varint_bits(number: u64) -> u32 {
    (64 - (number | 1).leading_zeros()).div_ceil(7) * 8
}

/// Takes a number off the front of `bytes`.
#[inline]
pub(super) fn read_varint(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Damaged)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damaged)
}

/// Bits that `above` places of `count` take.
#[inline]
pub(super) fn place_bits(above: usize, count: usize) -> usize {
    (above * PLACE_BITS as usize).min(count)
}

/// How a run of small numbers is cut into low and high parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    low: u32,
    high: u32,
    above: usize,
}

impl Cut {
    /// The cut of no numbers.
    pub(super) const NONE: Self = Self { low: 0, high: 0, above: 0 };

    /// The best cut for numbers of which `lengths[n]` are `n` bits long, with the bits it takes.
    pub(super) fn find(lengths: &[u8; 65]) -> Option<(Self, usize)> {
        let count: usize = lengths.iter().map(|&count| usize::from(count)).sum();
        let longest = lengths.iter().rposition(|&count| count > 0).unwrap_or(0);
        let mut best: Option<(Self, usize)> = None;
        let mut above = 0;
        for low in (0..=longest).rev() {
            let high = longest - low;
            if high > WIDTH_MAX as usize {
                break;
            }
            let bits = place_bits(above, count) + low * count + high * above;
            if low <= WIDTH_MAX as usize && best.is_none_or(|(_, least)| bits < least) {
                let high = if above == 0 { 0 } else { high as u32 };
                best = Some((Self { low: low as u32, high, above }, bits));
            }
            above += usize::from(lengths[low]);
        }
        best
    }

    pub(super) fn to_head(self) -> [u8; 2] {
        ((self.low | self.high << 5) as u16 | (self.above as u16) << 10).to_le_bytes()
    }

    /// Takes the head of a run of `count` numbers off the front of `bytes`.
    #[inline]
    pub(super) fn read(bytes: &mut &[u8], count: usize) -> Result<Self, Damaged> {
        let (head, rest) = bytes.split_first_chunk::<2>().ok_or(Damaged)?;
        *bytes = rest;
        let head = u32::from(u16::from_le_bytes(*head));
        let cut = Self { low: head & 31, high: head >> 5 & 31, above: (head >> 10) as usize };
        if cut.above > count { Err(Damaged) } else { Ok(cut) }
    }

    /// Bits of a run's body.
    #[inline]
    pub(super) fn bits(self, count: usize) -> usize {
        place_bits(self.above, count) + self.low as usize * count + self.high as usize * self.above
    }

    pub(super) fn write(self, numbers: &[u64], out: &mut BitWriter) {
        let is_above = |number: u64| number >> self.low != 0;
        debug_assert_eq!(numbers.iter().filter(|&&number| is_above(number)).count(), self.above);
        out.places(numbers.len(), self.above, |place| is_above(numbers[place]));
        for &number in numbers {
            out.push(number & ((1 << self.low) - 1), self.low);
        }
        for &number in numbers.iter().filter(|&&number| self.high > 0 && is_above(number)) {
            out.push(number >> self.low, self.high);
        }
    }

    /// Reads the body of a run of as many numbers as `numbers` has places.
    #[inline]
    pub(super) fn unpack(self, bits: &mut BitReader<'_>, numbers: &mut [u64]) -> Result<(), Damaged> {
        let places = bits.places(numbers.len(), self.above);
        bits.fill(self.low, numbers);
        let mut left = places?;
        while left != 0 {
            let high = bits.take(self.high);
            // The places were checked to lie within the run.
            numbers[left.trailing_zeros() as usize] |= high << self.low;
            left &= left - 1;
        }
        Ok(())
    }
}

/// Counts numbers by their length in bits.
#[inline]
pub(super) fn lengths(numbers: impl Iterator<Item = u64>) -> [u8; 65] {
    let mut lengths = [0; 65];
    for number in numbers {
        lengths[64 - number.leading_zeros() as usize] += 1;
    }
    lengths
}

/// Writes a stream of bits to the stack.
pub(super) struct BitWriter {
    bytes: [u8; STREAM_BYTES_MAX],
    length: usize,
    pending: u64,
    pending_bits: u32,
}

impl BitWriter {
    pub(super) fn new() -> Self {
        Self { bytes: [0; STREAM_BYTES_MAX], length: 0, pending: 0, pending_bits: 0 }
    }

    /// Appends a number that is `width` bits long at most.
    #[inline]
    fn push(&mut self, number: u64, width: u32) {
        debug_assert!(width <= WIDTH_MAX && number >> width == 0);
        self.pending |= number << self.pending_bits;
        self.pending_bits += width;
        if self.pending_bits >= 32 {
            self.bytes[self.length..self.length + 4].copy_from_slice(&(self.pending as u32).to_le_bytes());
            self.length += 4;
            self.pending >>= 32;
            self.pending_bits -= 32;
        }
    }

    /// Appends which `above` of `count` places are chosen.
    pub(super) fn places(&mut self, count: usize, above: usize, is_chosen: impl Fn(usize) -> bool) {
        if above == 0 {
            return;
        }
        let listed = above * PLACE_BITS as usize <= count;
        for place in 0..count {
            match (listed, is_chosen(place)) {
                (true, true) => self.push(place as u64, PLACE_BITS),
                (true, false) => {}
                (false, chosen) => self.push(u64::from(chosen), 1),
            }
        }
    }

    /// The bytes, the last filled up with zeros.
    pub(super) fn finish(&mut self) -> &[u8] {
        let rest = self.pending_bits.div_ceil(8) as usize;
        self.bytes[self.length..self.length + 4].copy_from_slice(&(self.pending as u32).to_le_bytes());
        &self.bytes[..self.length + rest]
    }
}

/// Reads a stream of bits. Beyond the end there are zeros.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    fn peek(&self, at: usize, width: u32) -> u64 {
        let chunk = self.bytes.get(at / 8..at / 8 + 8).map_or(0, |bytes| {
            u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
        });
        chunk >> (at % 8) & ((1 << width) - 1)
    }

    #[inline]
    fn take(&mut self, width: u32) -> u64 {
        let number = self.peek(self.at, width);
        self.at += width as usize;
        number
    }

    /// Reads numbers of one width.
    #[inline]
    fn fill(&mut self, width: u32, numbers: &mut [u64]) {
        let mut at = self.at;
        for number in numbers.iter_mut() {
            *number = self.peek(at, width);
            at += width as usize;
        }
        self.at = at;
    }

    /// Reads which `above` of `count` places are chosen.
    #[inline]
    pub(super) fn places(&mut self, count: usize, above: usize) -> Result<u64, Damaged> {
        let mut chosen = 0_u64;
        if above * PLACE_BITS as usize <= count {
            for _ in 0..above {
                chosen |= 1 << self.take(PLACE_BITS);
            }
        } else {
            let half = count.min(30) as u32;
            chosen = self.take(half);
            chosen |= self.take(count as u32 - half) << half;
        }
        let fits = chosen >> count == 0 && chosen.count_ones() as usize == above;
        if fits { Ok(chosen) } else { Err(Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all lengths and any number of exceptions come back, in as many bits as promised.
    #[test]
    fn runs_round_trip() {
        let mut state = 3_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 2
        };
        for round in 0..20_000_usize {
            let count = 1 + round % ROWS;
            let (small, large, share) = (next() % 32, next() % 63, 1 + next() % 20);
            let numbers: Vec<u64> =
                (0..count).map(|_| next() & ((1 << if next() % share == 0 { large } else { small }) - 1)).collect();
            let Some((cut, bits)) = Cut::find(&lengths(numbers.iter().copied())) else {
                panic!("{small} and {large} bits can be cut");
            };
            assert_eq!(cut.bits(count), bits);
            let mut writer = BitWriter::new();
            cut.write(&numbers, &mut writer);
            let mut bytes = writer.finish().to_vec();
            assert_eq!(bytes.len(), bits.div_ceil(8));
            bytes.extend_from_slice(&[0xff; 8]);
            let head = cut.to_head();
            assert_eq!(Cut::read(&mut &head[..], count), Ok(cut));
            let mut back = vec![7; count];
            cut.unpack(&mut BitReader::new(&bytes), &mut back).unwrap();
            assert_eq!(back, numbers);
        }
    }

    /// Lengths that two parts of 31 bits cannot hold have no cut.
    #[test]
    fn what_is_too_long_has_no_cut() {
        assert_eq!(Cut::find(&lengths([1 << 61].into_iter())).map(|(cut, _)| cut.above), Some(1));
        assert_eq!(Cut::find(&lengths([1 << 62].into_iter())), None);
    }

    #[test]
    fn numbers_of_variable_length() {
        for (number, length) in [(0, 1), (127, 1), (128, 2), (1 << 21, 4), (u64::MAX, 10)] {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, number);
            assert_eq!((bytes.len(), varint_bits(number)), (length, length as u32 * 8));
            assert_eq!(read_varint(&mut &bytes[..]), Ok(number));
            assert_eq!(read_varint(&mut &bytes[..length - 1]), Err(Damaged));
        }
        assert_eq!(read_varint(&mut &[0xff; 11][..]), Err(Damaged));
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
    }
}
