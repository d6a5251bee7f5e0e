//! The codec as its users see it: what goes in comes out, and nothing else does harm.

use row::{Packed, PointFlags};

use super::*;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Between -1 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

fn pack(value: f64) -> u32 {
    Packed::pack(value, PointFlags::NORMAL).to_bits()
}

fn encoded(columns: &[Column]) -> Vec<u8> {
    let mut rows = Vec::new();
    (0..ROWS).for_each(|row| rows.extend(columns.iter().map(|column| column[row])));
    let mut bytes = Vec::new();
    encode(&mut bytes, &rows, columns.len());
    bytes
}

fn decoded(bytes: &[u8]) -> Result<Vec<Column>, Damaged> {
    let mut reader = Reader::new(bytes)?;
    let mut columns = Vec::new();
    let mut column = [0x5555_5555; ROWS];
    while reader.next(Some(&mut column))? {
        columns.push(column);
    }
    Ok(columns)
}

/// Encodes, reads back with and without bytes behind, and skips; returns the length.
fn check(columns: &[Column]) -> usize {
    let mut bytes = encoded(columns);
    let size = bytes.len();
    assert_eq!(decoded(&bytes).as_deref(), Ok(columns), "alone");
    bytes.extend_from_slice(&[0xa5; 20]);
    assert_eq!(decoded(&bytes).as_deref(), Ok(columns), "with bytes behind");
    assert_eq!(length(&bytes), size);
    size
}

fn column(f: impl FnMut(usize) -> f64) -> Column {
    let mut f = f;
    std::array::from_fn(|place| pack(f(place)))
}

/// Each kind of column takes the bytes that the format says, beside the number of dimensions.
#[test]
fn each_kind_has_its_size() {
    let partly = |value: f64, from: usize| {
        column(|place| if place < from { f64::NAN } else { value + place as f64 * f64::from(value > 100.0) })
    };
    let mut raw = Random(1);
    let cases: [(&str, Column, usize); 15] = [
        ("empty", [EMPTY; ROWS], 1),
        ("zero", [ZERO; ROWS], 1),
        ("small constant", column(|_| 77.0), 3),
        ("decimal constant", column(|_| -12.5), 3),
        ("large constant", column(|_| 1e14), 6),
        ("constant with a tail of empty places", partly(3.0, 20), 4),
        ("zero with a head of empty places", partly(0.0, 1), 4),
        ("steady ramp", column(|place| 1_000.0 + 3.0 * place as f64), 5 + 23),
        ("late ramp", partly(1_000.0, 30), 7 + 8),
        ("range of 0 to 3", column(|place| (place % 4) as f64), 4 + 15),
        ("one spike", column(|place| if place == 17 { 123.5 } else { 0.0 }), 4 + 3),
        ("spikes", column(|place| if place % 20 == 7 { place as f64 } else { 9.0 }), 6 + 5),
        ("negative jitter", column(|place| -1e6 - (place % 3) as f64), 6 + 15),
        ("rising bits", std::array::from_fn(|place| 0x7f00_0000 + place as u32), 0),
        ("any bits", std::array::from_fn(|_| raw.next() as u32), 1 + 240),
    ];
    for (name, column, expected) in cases {
        let size = check(&[column]) - 1;
        assert!(size == expected || expected == 0, "{name}: {size} bytes");
        assert!(size <= 241, "{name}");
    }
}

/// Dimensions of zeros share a tag, up to fifteen.
#[test]
fn zeros_in_a_row_take_one_byte() {
    let (zero, one) = ([ZERO; ROWS], column(|_| 1.0));
    assert_eq!(check(&[zero; 15]), 1 + 1);
    assert_eq!(check(&[zero; 16]), 1 + 2);
    assert_eq!(check(&[zero, zero, one, zero, [EMPTY; ROWS], zero]), 1 + 1 + 2 + 1 + 1 + 1);
    assert_eq!(check(&vec![zero; 65_535]), 3 + 4_369);
    assert_eq!(check(&[]), 1);
}

/// A block of fewer rows has empty places at its end.
#[test]
fn missing_rows_are_empty() {
    for rows in 0..ROWS {
        let values: Vec<u32> = (0..rows).flat_map(|row| [ZERO, pack(5.0), pack(row as f64), EMPTY]).collect();
        let mut bytes = Vec::new();
        encode(&mut bytes, &values, 4);
        let columns = decoded(&bytes).unwrap();
        for (row, expected) in values.chunks(4).enumerate() {
            assert_eq!(columns.iter().map(|column| column[row]).collect::<Vec<_>>(), expected);
        }
        assert!(columns.iter().all(|column| column[rows..].iter().all(|&value| value == EMPTY)));
    }
}

/// One of many shapes that columns have, or might.
fn shape(random: &mut Random) -> Column {
    let scale = 10_f64.powi(random.below(20) as i32 - 7);
    let digits = 10_f64.powi(random.below(8) as i32);
    let start = random.share() * digits;
    let step = (random.share() * 10.0).round();
    let rarity = 1 + random.below(40);
    let mut walk = start.round();
    let mut shape: Column = match random.below(10) {
        0 => column(|_| start * scale),
        1 => column(|place| (start.round() + step * place as f64) * scale),
        2 => column(|_| (random.share() * digits).round() * scale),
        3 => column(|_| random.share() * digits * scale),
        4 => column(|_| if random.below(rarity) == 0 { random.share() * digits } else { 0.0 }),
        5 => column(|_| {
            walk += if random.below(rarity) == 0 { (random.share() * 10.0).round() } else { 0.0 };
            walk * scale
        }),
        6 => column(|_| random.share() * 10_f64.powi(random.below(29) as i32 - 7)),
        7 => std::array::from_fn(|_| random.next() as u32),
        8 => {
            let (high, mask) = (random.next() as u32, (1_u64 << random.below(33)) as u32);
            std::array::from_fn(|_| high ^ random.next() as u32 & mask.wrapping_sub(1))
        }
        _ => {
            let extremes = [0, EMPTY, ZERO, u32::MAX, 0x8000_0000, 0x7fff_ffff, 0x81ff_ffff, pack(1e22), pack(-1e-7)];
            std::array::from_fn(|_| extremes[random.below(extremes.len() as u64) as usize])
        }
    };
    for flag in [ANOMALOUS, RESET, 0] {
        let (from, to) = (random.below(60) as usize, random.below(60) as usize);
        let change = |value: &mut u32| if flag == 0 { *value = EMPTY } else { *value ^= flag };
        match random.below(8) {
            0 => shape[from.min(to)..from.max(to)].iter_mut().for_each(change),
            1 => shape.iter_mut().filter(|_| random.below(rarity) == 0).for_each(change),
            _ => {}
        }
    }
    shape
}

/// 100,000 columns of many shapes come back bit by bit, and none takes more than the plain form.
#[test]
fn columns_of_any_shape_come_back() {
    let mut random = Random(42);
    for round in 0..25_000 {
        let columns: [Column; 4] = std::array::from_fn(|_| shape(&mut random));
        assert!(check(&columns) <= 1 + 4 * 241, "round {round}");
    }
}

/// Cut short at any place, a block is damaged and says so.
#[test]
fn truncated_blocks_are_damaged() {
    let mut random = Random(7);
    for _ in 0..300 {
        let columns: [Column; 3] = std::array::from_fn(|_| shape(&mut random));
        let bytes = encoded(&columns);
        for end in 0..bytes.len() {
            assert_eq!(decoded(&bytes[..end]), Err(Damaged), "{end} of {}", bytes.len());
            assert_eq!(length(&bytes[..end]), end);
        }
    }
}

/// Bits flipped anywhere, and bytes that never were a block, do no harm.
#[test]
fn damaged_blocks_do_no_harm() {
    let mut random = Random(8);
    let mut errors = 0;
    for _ in 0..1_000 {
        let columns: [Column; 3] = std::array::from_fn(|_| shape(&mut random));
        let bytes = encoded(&columns);
        for _ in 0..50 {
            let mut broken = bytes.clone();
            for _ in 0..=random.below(4) {
                let place = random.below(broken.len() as u64) as usize;
                broken[place] ^= 1 << random.below(8);
            }
            errors += usize::from(decoded(&broken).is_err());
            assert!(length(&broken) <= broken.len());
        }
    }
    assert!(errors > 1_000, "{errors}");
    for _ in 0..100_000 {
        let noise: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
        let _any = (decoded(&noise), length(&noise));
    }
}

/// The example of docs/storage-format.md.
#[test]
fn the_documented_example() {
    let spike = column(|place| if place == 17 { 0.5 } else { 3.0 });
    let columns = [[ZERO; ROWS], [ZERO; ROWS], column(|_| -12.5), column(|place| 1_000.0 + 3.0 * place as f64), spike];
    let late = column(|place| if place < 45 { f64::NAN } else { (place % 2) as f64 });
    let bytes = encoded(&[&columns[..], &[late]].concat());
    let ramp = [0xB6, 0x6D, 0xDB].repeat(7);
    let expected = [
        &[0x06, 0x02, 0x15, 0xF9, 0x01, 0x34, 0xD0, 0x0F, 0x03, 0x00][..],
        &ramp,
        &[0xB6, 0x01, 0x45, 0x3C, 0x01, 0x0A, 0x00, 0x00, 0x11],
        &[0xA4, 0x00, 0xB4, 0x00, 0x01, 0x00, 0x55, 0x55],
    ];
    assert_eq!(bytes, expected.concat());
}
