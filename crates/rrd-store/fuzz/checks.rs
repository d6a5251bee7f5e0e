//! What fuzzing checks. The fuzz targets and the replay of their corpus share these functions.

use rrd_store::block::{self, Column, Damaged, ROWS, Reader};

/// Decodes bytes of any kind: no panic, skipping goes as far as decoding, and what decodes is
/// encoded and decoded again to the same.
pub fn block(data: &[u8]) {
    let length = block::length(data);
    assert!(length <= data.len());
    let Ok(columns) = decode(data) else { return };
    assert_eq!(decode(&data[..length]).as_deref(), Ok(&columns[..]), "what is behind a block is not of it");
    // A few bytes of zeros may stand for very many dimensions.
    let columns = &columns[..columns.len().min(200)];
    round_trip(&rows(columns), columns.len());
}

/// Encodes rows of any numbers; the first byte says how many dimensions they have.
pub fn encode(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    let stride = 1 + usize::from(first % 8);
    let numbers = data.chunks_exact(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let mut rows: Vec<u32> = numbers.take(stride * ROWS).collect();
    rows.truncate(rows.len() / stride * stride);
    round_trip(&rows, stride);
}

fn round_trip(rows: &[u32], stride: usize) {
    let mut bytes = Vec::new();
    block::encode(&mut bytes, rows, stride);
    assert!(bytes.len() <= 3 + stride * (1 + 4 * ROWS));
    assert_eq!(block::length(&bytes), bytes.len());
    let columns = decode(&bytes).expect("the block is our own");
    assert_eq!(columns.len(), stride);
    for (dimension, column) in columns.iter().enumerate() {
        for (row, &value) in column.iter().enumerate() {
            let expected = rows.get(row * stride + dimension).copied().unwrap_or(0x0400_0000);
            assert_eq!(value, expected, "row {row} of dimension {dimension}");
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<Column>, Damaged> {
    let mut reader = Reader::new(bytes)?;
    let mut columns = Vec::new();
    let mut column = [0; ROWS];
    while reader.next(Some(&mut column))? {
        columns.push(column);
    }
    Ok(columns)
}

fn rows(columns: &[Column]) -> Vec<u32> {
    (0..ROWS).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
}
