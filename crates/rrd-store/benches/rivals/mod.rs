//! What other codecs make of a column: bytes only, nothing is decoded.

use rrd_store::block::{Column, ROWS};

/// LZ4 over the packed numbers.
pub(crate) fn lz4(column: &Column) -> usize {
    let bytes: Vec<u8> = column.iter().flat_map(|value| value.to_le_bytes()).collect();
    lz4_flex::block::compress(&bytes).len()
}

/// Gorilla over the packed numbers: each is the one before with some bits changed. One bit where it
/// is equal; two and the bits within the window in use; or two, a new window (5 + 5 bits) and those.
pub(crate) fn gorilla(column: &Column) -> usize {
    let mut bits = 32;
    let mut window = None;
    for pair in column.windows(2) {
        let changed = pair[0] ^ pair[1];
        let (leading, trailing) = (changed.leading_zeros(), changed.trailing_zeros());
        bits += match window {
            _ if changed == 0 => 1,
            Some((from, to)) if leading >= from && trailing >= to => 2 + 32 - from - to,
            _ => {
                window = Some((leading, trailing));
                2 + 10 + 32 - leading - trailing
            }
        };
    }
    bits.div_ceil(8) as usize
}

/// Differences of the packed numbers in one width per column: a tag, the first, 59 differences;
/// constant columns as the block has them.
pub(crate) fn delta(column: &Column) -> usize {
    let widest = column.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) as i32).map(|d| (d << 1 ^ d >> 31) as u32);
    let width = 32 - widest.max().unwrap_or(0).leading_zeros() as usize;
    match column[0] {
        0x0100_0000 | 0x0400_0000 if width == 0 => 1,
        _ => (5 + (width * (ROWS - 1)).div_ceil(8)).min(1 + 4 * ROWS),
    }
}
