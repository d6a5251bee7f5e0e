//! The sealed block: one chart's rows of one minute, dimension after dimension.
//!
//! ```text
//! block      u16 dimensions, then per dimension: tag, payload
//! tag 0      all places empty            no payload
//! tag 1      one value in all places     u32
//! tag 2      zero, normal, in all places no payload
//! tag 6      plain                       60 x u32
//! ```
//!
//! All numbers are little endian; a u32 is a packed number. Decoding is total: bytes that are not
//! a block yield an error, never a panic.

use crate::BLOCK_ROWS;

const TAG_EMPTY: u8 = 0;
const TAG_CONSTANT: u8 = 1;
const TAG_ZERO: u8 = 2;
const TAG_PLAIN: u8 = 6;

pub(crate) const ROWS: usize = BLOCK_ROWS as usize;
/// One dimension's packed numbers of a block, oldest first.
pub(crate) type Column = [u32; ROWS];

const EMPTY: u32 = row::Packed::EMPTY.to_bits();
const ZERO: u32 = row::Packed::ZERO.to_bits();

/// The bytes are not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

/// Appends the block of `rows` (row after row, `stride` values each, at most 60 rows; missing ones
/// are empty).
pub(crate) fn encode(out: &mut Vec<u8>, rows: &[u32], stride: usize) {
    debug_assert!(rows.len() <= ROWS * stride && stride <= usize::from(u16::MAX));
    out.extend_from_slice(&(stride as u16).to_le_bytes());
    for dimension in 0..stride {
        let mut column = [EMPTY; ROWS];
        for (place, row) in column.iter_mut().zip(rows.chunks_exact(stride)) {
            *place = row[dimension];
        }
        encode_column(out, &column);
    }
}

fn encode_column(out: &mut Vec<u8>, column: &Column) {
    let first = column[0];
    if column.iter().any(|&value| value != first) {
        out.push(TAG_PLAIN);
        for value in column {
            out.extend_from_slice(&value.to_le_bytes());
        }
    } else if first == EMPTY {
        out.push(TAG_EMPTY);
    } else if first == ZERO {
        out.push(TAG_ZERO);
    } else {
        out.push(TAG_CONSTANT);
        out.extend_from_slice(&first.to_le_bytes());
    }
}

/// Reads a block's dimensions one after another.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    left: u16,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let (count, rest) = bytes.split_first_chunk::<2>().ok_or(Damaged)?;
        Ok(Self { rest, left: u16::from_le_bytes(*count) })
    }

    /// Decodes the next dimension into `column`, or skips it where `column` is `None`; `false`
    /// when there is none.
    pub(crate) fn next(&mut self, column: Option<&mut Column>) -> Result<bool, Damaged> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        let (&tag, rest) = self.rest.split_first().ok_or(Damaged)?;
        let payload = match tag {
            TAG_EMPTY | TAG_ZERO => 0,
            TAG_CONSTANT => 4,
            TAG_PLAIN => 4 * ROWS,
            _ => return Err(Damaged),
        };
        let (payload, rest) = rest.split_at_checked(payload).ok_or(Damaged)?;
        self.rest = rest;
        if let Some(column) = column {
            match tag {
                TAG_EMPTY => column.fill(EMPTY),
                TAG_ZERO => column.fill(ZERO),
                TAG_CONSTANT => column.fill(number(payload)),
                _ => {
                    for (place, bytes) in column.iter_mut().zip(payload.chunks_exact(4)) {
                        *place = number(bytes);
                    }
                }
            }
        }
        Ok(true)
    }
}

/// The length of the block that `bytes` begin with; all of them where it is damaged.
pub(crate) fn length(bytes: &[u8]) -> usize {
    let Ok(mut reader) = Reader::new(bytes) else { return bytes.len() };
    loop {
        match reader.next(None) {
            Ok(true) => {}
            Ok(false) => return bytes.len() - reader.rest.len(),
            Err(Damaged) => return bytes.len(),
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Vec<Column>, Damaged> {
        let mut reader = Reader::new(bytes)?;
        let mut columns = Vec::new();
        let mut column = [0; ROWS];
        while reader.next(Some(&mut column))? {
            columns.push(column);
        }
        Ok(columns)
    }

    #[test]
    fn each_kind_of_column_round_trips() {
        let mut rows = Vec::new();
        for second in 0..50_u32 {
            rows.extend_from_slice(&[EMPTY, ZERO, 77, second]);
        }
        let mut bytes = Vec::new();
        encode(&mut bytes, &rows, 4);
        let columns = decode(&bytes).unwrap();
        assert_eq!(columns[0], [EMPTY; ROWS]);
        assert_eq!((columns[1][49], columns[1][50]), (ZERO, EMPTY));
        assert_eq!((columns[3][0], columns[3][49], columns[3][59]), (0, 49, EMPTY));

        rows.truncate(0);
        (0..60).for_each(|_| rows.extend_from_slice(&[EMPTY, ZERO, 77]));
        bytes.clear();
        encode(&mut bytes, &rows, 3);
        assert_eq!(bytes.len(), 2 + 1 + 1 + 5);
        assert_eq!(decode(&bytes).unwrap(), [[EMPTY; ROWS], [ZERO; ROWS], [77; ROWS]]);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic() {
        let mut bytes = Vec::new();
        encode(&mut bytes, &(0..120).collect::<Vec<_>>(), 2);
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), Err(Damaged), "{cut}");
        }
        let mut state = 1_u64;
        for _ in 0..2_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut broken = bytes.clone();
            let place = (state >> 33) as usize % broken.len();
            broken[place] ^= (state >> 20) as u8 | 1;
            if let Ok(columns) = decode(&broken) {
                assert!(columns.len() <= usize::from(u16::MAX));
            }
        }
    }
}
