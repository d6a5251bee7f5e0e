//! One dimension's values of a block: the form that takes the fewest bytes, and back.
//!
//! The encoder works out what each form would take, by counting how many numbers are how long,
//! and writes the best. Everything is on the stack.

use super::number::Mapping;
use super::packing::{
    BitReader, BitWriter, Cut, STREAM_BYTES_MAX, lengths, place_bits, read_varint, unzigzag, varint_bits, write_varint,
    zigzag,
};
use super::places::Places;
use super::{ANOMALOUS, Column, Damaged, EMPTY, RESET, ROWS, ZERO};

pub(super) const KIND_BARE: u8 = 0;
const KIND_CONSTANT: u8 = 1;
const KIND_RANGE: u8 = 2;
const KIND_CHANGES: u8 = 3;
const KIND_RARE: u8 = 4;
const KIND_PLAIN: u8 = 5;

pub(super) const KIND_SHIFT: u32 = 4;
const KIND_MASK: u8 = 7;
const PLACES_FOLLOW: u8 = 0x80;
pub(super) const LOW_BITS: u8 = 15;

/// Below this size of the best form the bits themselves are not tried: measured, they win then in
/// one of a thousand columns, and trying takes as long as all else.
const BITS_WORTH_TRYING: usize = 90 * 8;
/// A value that takes this many places is certainly the usual one; below, it may be zero.
const USUAL_COUNT: usize = 20;

/// Appends a column that is neither empty nor zero throughout.
pub(super) fn encode(out: &mut Vec<u8>, column: &Column) {
    let start = out.len();
    let (places, numbers) = separate(column);
    let numbers = &numbers[..places.count()];
    if numbers.iter().all(|&number| number == numbers[0]) {
        encode_constant(out, &places, numbers[0]);
    } else if !encode_varying(out, &places, numbers) || out.len() - start > 1 + 4 * ROWS {
        out.truncate(start);
        out.push(KIND_PLAIN << KIND_SHIFT);
        for value in column {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Tells numbers from empty places and flags.
fn separate(column: &Column) -> (Places, Column) {
    let (all, any) = column.iter().fold((!0, 0), |(all, any), &value| (all & value, any | value));
    if all & ANOMALOUS != 0 && any & RESET == 0 {
        return (Places::default(), *column);
    }
    let (mut places, mut numbers, mut count) = (Places::default(), [ZERO; ROWS], 0);
    for (place, &value) in column.iter().enumerate() {
        if value == EMPTY {
            places.empty |= 1 << place;
            continue;
        }
        places.anomalous |= u64::from(value & ANOMALOUS == 0) << place;
        places.reset |= u64::from(value & RESET != 0) << place;
        numbers[count] = (value | ANOMALOUS) & !RESET;
        count += 1;
    }
    (places, numbers)
}

fn write_head(out: &mut Vec<u8>, kind: u8, mapping: Mapping, places: &Places) {
    let follow = if places.is_none() { 0 } else { PLACES_FOLLOW };
    out.push(follow | kind << KIND_SHIFT | mapping.to_tag());
    places.write(out);
}

fn encode_constant(out: &mut Vec<u8>, places: &Places, number: u32) {
    let mapping = Mapping::find(&[number]).unwrap_or(Mapping::BITS);
    let mut integer = [0];
    mapping.integers(&[number], &mut integer);
    write_head(out, KIND_CONSTANT, mapping, places);
    write_varint(out, zigzag(integer[0]));
}

/// A form and what it takes.
#[derive(Debug, Clone, Copy)]
struct Plan {
    kind: u8,
    mapping: Mapping,
    /// The least number, the first one, or the usual one.
    base: i64,
    /// Of the numbers that are not the usual one: the least, and how many there are.
    rare: (i64, usize),
    cut: Cut,
    bits: usize,
}

/// Writes the best form of numbers that differ; `false` where only the plain one is left.
fn encode_varying(out: &mut Vec<u8>, places: &Places, numbers: &[u32]) -> bool {
    let (mut decimal, mut ordered) = ([0; ROWS], [0; ROWS]);
    let (decimal, ordered) = (&mut decimal[..numbers.len()], &mut ordered[..numbers.len()]);
    let mut best = None;
    if let Some(mapping) = Mapping::find(numbers) {
        mapping.integers(numbers, decimal);
        best = plan(mapping, decimal, best);
    }
    if best.is_none_or(|plan| plan.bits > BITS_WORTH_TRYING) {
        Mapping::BITS.integers(numbers, ordered);
        best = plan(Mapping::BITS, ordered, best);
    }
    let Some(plan) = best else { return false };
    let integers = if plan.mapping == Mapping::BITS { ordered } else { decimal };
    write_head(out, plan.kind, plan.mapping, places);
    plan.write(out, integers);
    true
}

/// The better of `best` and the best form of `integers`.
fn plan(mapping: Mapping, integers: &[i64], best: Option<Plan>) -> Option<Plan> {
    let plans = [range(mapping, integers), changes(mapping, integers), rare(mapping, integers)];
    plans.into_iter().flatten().chain(best).min_by_key(|plan| plan.bits)
}

/// Each number's distance from the least.
fn range(mapping: Mapping, integers: &[i64]) -> Option<Plan> {
    let base = integers.iter().copied().min()?;
    let (cut, bits) = Cut::find(&lengths(integers.iter().map(|&integer| (integer - base) as u64)))?;
    let bits = bits + varint_bits(zigzag(base)) as usize;
    Some(Plan { kind: KIND_RANGE, mapping, base, rare: (0, 0), cut, bits })
}

/// Each number's distance from the one before.
fn changes(mapping: Mapping, integers: &[i64]) -> Option<Plan> {
    let base = *integers.first()?;
    let (cut, bits) = Cut::find(&lengths(integers.windows(2).map(|pair| zigzag(pair[1] - pair[0]))))?;
    let bits = bits + varint_bits(zigzag(base)) as usize;
    Some(Plan { kind: KIND_CHANGES, mapping, base, rare: (0, 0), cut, bits })
}

/// One usual number, and where and what the others are.
fn rare(mapping: Mapping, integers: &[i64]) -> Option<Plan> {
    let (usual, count) = usual(integers);
    let others = || integers.iter().copied().filter(|&integer| integer != usual);
    let least = others().min()?;
    if count < 2 {
        return None;
    }
    let (cut, bits) = Cut::find(&lengths(others().map(|integer| (integer - least) as u64)))?;
    let above = integers.len() - count;
    let head_bits = 8 + varint_bits(zigzag(usual)) + varint_bits(zigzag(least));
    let bits = bits + place_bits(above, integers.len()) + head_bits as usize;
    Some(Plan { kind: KIND_RARE, mapping, base: usual, rare: (least, above), cut, bits })
}

/// The number that has the majority, else zero if that occurs, and its count.
fn usual(integers: &[i64]) -> (i64, usize) {
    let (mut usual, mut lead) = (0, 0_i32);
    for &integer in integers {
        if lead == 0 {
            usual = integer;
        }
        lead += if integer == usual { 1 } else { -1 };
    }
    let count = |number: i64| integers.iter().filter(|&&integer| integer == number).count();
    let found = (usual, count(usual));
    if found.1 >= USUAL_COUNT {
        return found;
    }
    let zeros = (0, count(0));
    if zeros.1 > 0 { zeros } else { found }
}

impl Plan {
    fn write(&self, out: &mut Vec<u8>, integers: &[i64]) {
        let mut small = [0; ROWS];
        let mut bits = BitWriter::new();
        write_varint(out, zigzag(self.base));
        let small = match self.kind {
            KIND_RANGE => fill(&mut small, integers.iter().map(|&integer| (integer - self.base) as u64)),
            KIND_CHANGES => fill(&mut small, integers.windows(2).map(|pair| zigzag(pair[1] - pair[0]))),
            _ => {
                let (least, count) = self.rare;
                out.push(count as u8);
                write_varint(out, zigzag(least));
                bits.places(integers.len(), count, |place| integers[place] != self.base);
                let others = integers.iter().filter(|&&integer| integer != self.base);
                fill(&mut small, others.map(|&integer| (integer - least) as u64))
            }
        };
        out.extend_from_slice(&self.cut.to_head());
        self.cut.write(small, &mut bits);
        out.extend_from_slice(bits.finish());
    }
}

/// Writes numbers to the front of `room`.
fn fill(room: &mut [u64; ROWS], numbers: impl Iterator<Item = u64>) -> &[u64] {
    let mut count = 0;
    for (place, number) in room.iter_mut().zip(numbers) {
        *place = number;
        count += 1;
    }
    &room[..count]
}

/// Takes a column whose tag was read off the front of `bytes`; decodes it where `column` is some.
pub(super) fn decode(tag: u8, bytes: &mut &[u8], column: Option<&mut Column>) -> Result<(), Damaged> {
    let kind = tag >> KIND_SHIFT & KIND_MASK;
    if kind == KIND_PLAIN {
        return decode_plain(tag, bytes, column);
    }
    let mapping = Mapping::from_tag(tag & LOW_BITS)?;
    let places = if tag & PLACES_FOLLOW == 0 { Places::default() } else { Places::read(bytes)? };
    let head = Head::read(kind, places.count(), bytes)?;
    let length = head.bits.div_ceil(8);
    let (_, rest) = bytes.split_at_checked(length).ok_or(Damaged)?;
    if let Some(column) = column {
        head.numbers(mapping, bytes, length, column)?;
        if !places.is_none() {
            restore(&places, column);
        }
    }
    *bytes = rest;
    Ok(())
}

fn decode_plain(tag: u8, bytes: &mut &[u8], column: Option<&mut Column>) -> Result<(), Damaged> {
    if tag != KIND_PLAIN << KIND_SHIFT {
        return Err(Damaged);
    }
    let (payload, rest) = bytes.split_first_chunk::<{ 4 * ROWS }>().ok_or(Damaged)?;
    *bytes = rest;
    if let Some(column) = column {
        for (place, value) in column.iter_mut().zip(payload.chunks_exact(4)) {
            *place = u32::from_le_bytes([value[0], value[1], value[2], value[3]]);
        }
    }
    Ok(())
}

/// What stands before a column's stream of bits.
struct Head {
    kind: u8,
    /// Numbers of the column.
    count: usize,
    base: i64,
    rare: (i64, usize),
    cut: Cut,
    /// The length of the stream.
    bits: usize,
}

impl Head {
    #[inline]
    fn read(kind: u8, count: usize, bytes: &mut &[u8]) -> Result<Self, Damaged> {
        let base = unzigzag(read_varint(bytes)?);
        let mut head = Self { kind, count, base, rare: (0, 0), cut: Cut::NONE, bits: 0 };
        let mut small = count;
        match kind {
            KIND_CONSTANT => return Ok(head),
            KIND_RANGE => {}
            KIND_CHANGES => small = count - 1,
            KIND_RARE => {
                let (&above, rest) = bytes.split_first().ok_or(Damaged)?;
                *bytes = rest;
                small = usize::from(above);
                if small == 0 || small > count {
                    return Err(Damaged);
                }
                head.rare = (unzigzag(read_varint(bytes)?), small);
                head.bits = place_bits(small, count);
            }
            _ => return Err(Damaged),
        }
        head.cut = Cut::read(bytes, small)?;
        head.bits += head.cut.bits(small);
        Ok(head)
    }

    /// Decodes the numbers into the front of `column`. The stream is the first `length` of `bytes`.
    fn numbers(&self, mapping: Mapping, bytes: &[u8], length: usize, column: &mut Column) -> Result<(), Damaged> {
        if self.kind == KIND_CONSTANT {
            column[..self.count].fill(mapping.number(self.base));
            return Ok(());
        }
        // Numbers are read eight bytes at a time: the end of the slab needs some to spare.
        let mut padded = [0; STREAM_BYTES_MAX];
        let stream = if bytes.len() >= length + 8 {
            &bytes[..length + 8]
        } else {
            padded[..length].copy_from_slice(&bytes[..length]);
            &padded
        };
        let mut bits = BitReader::new(stream);
        let mut small = [0; ROWS];
        let numbers = &mut column[..self.count];
        match self.kind {
            KIND_RANGE => {
                let small = &mut small[..self.count];
                self.cut.unpack(&mut bits, small)?;
                for (number, &mut small) in numbers.iter_mut().zip(small) {
                    *number = mapping.number(self.base.wrapping_add(small as i64));
                }
            }
            KIND_CHANGES => {
                let small = &mut small[..self.count - 1];
                self.cut.unpack(&mut bits, small)?;
                let mut integer = self.base;
                numbers[0] = mapping.number(integer);
                for (number, &mut small) in numbers[1..].iter_mut().zip(small) {
                    integer = integer.wrapping_add(unzigzag(small));
                    *number = mapping.number(integer);
                }
            }
            _ => {
                let (least, above) = self.rare;
                let mut places = bits.places(self.count, above)?;
                let small = &mut small[..above];
                self.cut.unpack(&mut bits, small)?;
                numbers.fill(mapping.number(self.base));
                for &mut small in small {
                    // There are as many places as numbers.
                    numbers[places.trailing_zeros() as usize] = mapping.number(least.wrapping_add(small as i64));
                    places &= places - 1;
                }
            }
        }
        Ok(())
    }
}

/// Moves numbers from the column's front to their places, and gives them their flags.
fn restore(places: &Places, column: &mut Column) {
    if places.empty != 0 {
        let mut count = places.count();
        for place in (0..ROWS).rev() {
            column[place] = if places.empty >> place & 1 != 0 {
                EMPTY
            } else {
                count -= 1;
                column[count]
            };
        }
    }
    for (place, value) in column.iter_mut().enumerate() {
        *value ^= (places.anomalous >> place & 1) as u32 * ANOMALOUS;
        *value |= (places.reset >> place & 1) as u32 * RESET;
    }
}
