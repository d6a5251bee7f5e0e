//! The sealed block: one chart's rows of one minute, dimension after dimension.
//!
//! ```text
//! block    dimensions (variable length), then for each: tag, payload
//! tag      bit 7: sets of places follow | bits 4..6: kind | bits 0..3: mapping
//! bare     0: 1..15 dimensions that are zero in all places, or (0) one that is empty
//! constant 1: number
//! range    2: least number, cut, stream of what the others are above it
//! changes  3: first number, cut, stream of differences
//! rare     4: usual number, count, least of the others, cut, stream of places and of the others
//! plain    5: 60 x u32
//! ```
//!
//! `docs/storage-format.md` has each byte. Any 32 bits come back as they were. Decoding is total:
//! bytes that are not a block yield an error, never a panic, and work in proportion to a column.
//! Nothing here allocates, but for the room that the caller's buffer needs.
//!
//! What decided, in bytes per stored sample of the recorded children (389,314 samples, 63 % of them
//! in dimensions that stay constant for the minute; `cargo bench -p rrd-store --bench codec`):
//!
//! | | all | only varying dimensions |
//! |---|---|---|
//! | plain | 4 | 4 |
//! | differences of packed numbers, one width | 1.30 | 3.48 |
//! | LZ4 over packed numbers | 1.07 | |
//! | Gorilla over packed numbers | 0.91 | 2.12 |
//! | decimal integers, range and changes in one width | 0.87 | 2.32 |
//! | the same with exceptions | 0.65 | 1.72 |
//! | and the bits of numbers where digits are too many | 0.55 | 1.46 |
//! | and a usual number with rare others: **this codec** | 0.53 | 1.41 |
//!
//! Dictionaries, runs, widths per quarter of a block, steps from the least difference and common
//! divisors gained 2 % more, all together, and multiples of 1/256 and 1/1024 (memory in MiB) would
//! gain 4 %; they are left out. Encoding takes 8 ns per value,
//! decoding 1.5. What is left are rates of counters, whose last digits come from the microseconds
//! of two collections.

mod column;
mod number;
mod packing;
mod places;
#[cfg(test)]
mod tests;

use crate::BLOCK_ROWS;

/// Rows of a block.
pub const ROWS: usize = BLOCK_ROWS as usize;
/// One dimension's packed numbers of a block, oldest first.
pub type Column = [u32; ROWS];

const EMPTY: u32 = row::Packed::EMPTY.to_bits();
const ZERO: u32 = row::Packed::ZERO.to_bits();
/// Set where a number is *not* anomalous.
const ANOMALOUS: u32 = ZERO;
const RESET: u32 = 0x0200_0000;

/// The bytes are not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

/// Appends the block of `rows` (row after row, `stride` values each, at most 60 rows; missing ones
/// are empty).
pub fn encode(out: &mut Vec<u8>, rows: &[u32], stride: usize) {
    debug_assert!(rows.len() <= ROWS * stride && stride <= usize::from(u16::MAX));
    packing::write_varint(out, stride as u64);
    let mut zeros_tag = None;
    for dimension in 0..stride {
        let mut column = [EMPTY; ROWS];
        for (place, row) in column.iter_mut().zip(rows.chunks_exact(stride)) {
            *place = row[dimension];
        }
        let is_bare = column.iter().fold(0, |differs, &value| differs | (value ^ column[0])) == 0;
        zeros_tag = match column[0] {
            ZERO if is_bare => Some(count_zero(out, zeros_tag)),
            EMPTY if is_bare => {
                out.push(column::KIND_BARE << column::KIND_SHIFT);
                None
            }
            _ => {
                column::encode(out, &column);
                None
            }
        };
    }
}

/// Counts a dimension of zeros in the tag at `tag`, or in a new one; returns where the tag is.
fn count_zero(out: &mut Vec<u8>, tag: Option<usize>) -> usize {
    match tag {
        Some(tag) if out[tag] < column::LOW_BITS => {
            out[tag] += 1;
            tag
        }
        _ => {
            out.push(column::KIND_BARE << column::KIND_SHIFT | 1);
            out.len() - 1
        }
    }
}

/// Reads a block's dimensions one after another.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    left: u16,
    /// Dimensions of zeros that the tag before stands for.
    zeros: u8,
}

impl<'a> Reader<'a> {
    /// Opens the block that `bytes` begin with.
    ///
    /// # Errors
    /// Where there is no number of dimensions, or an impossible one.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let mut rest = bytes;
        let left = u16::try_from(packing::read_varint(&mut rest)?).map_err(|_| Damaged)?;
        Ok(Self { rest, left, zeros: 0 })
    }

    /// Decodes the next dimension into `column`, or skips it where `column` is `None`; `false`
    /// when there is none.
    ///
    /// # Errors
    /// Where the bytes are not a dimension; what `column` holds then is of no use, and so is the
    /// rest of the block.
    pub fn next(&mut self, column: Option<&mut Column>) -> Result<bool, Damaged> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        if self.zeros == 0 {
            let (&tag, rest) = self.rest.split_first().ok_or(Damaged)?;
            self.rest = rest;
            if tag == 0 {
                if let Some(column) = column {
                    column.fill(EMPTY);
                }
                return Ok(true);
            }
            if tag > column::LOW_BITS {
                column::decode(tag, &mut self.rest, column)?;
                return Ok(true);
            }
            self.zeros = tag;
        }
        self.zeros -= 1;
        if let Some(column) = column {
            column.fill(ZERO);
        }
        Ok(true)
    }
}

/// The length of the block that `bytes` begin with; all of them where it is damaged.
#[must_use]
pub fn length(bytes: &[u8]) -> usize {
    let Ok(mut reader) = Reader::new(bytes) else { return bytes.len() };
    loop {
        match reader.next(None) {
            Ok(true) => {}
            Ok(false) => return bytes.len() - reader.rest.len(),
            Err(Damaged) => return bytes.len(),
        }
    }
}
