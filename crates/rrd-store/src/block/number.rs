//! Packed numbers as integers of a column, and back, without floating point.
//!
//! A packed number is a mantissa and a power of ten, so a column's values are integers in units of
//! its finest digit: 0.5 and 12.25 are 50 and 1225 hundredths. The mantissa that a value is packed
//! with follows from the value alone: the longest that fits 24 bits with at most seven decimals.
//! Numbers that are not packed so (none that [`Packed::pack`](row::Packed::pack) makes up to
//! 10^14, but a file may hold any bits), and columns that span too many digits, are taken as their
//! bits in another order, which puts positive numbers in the order of their values.
//!
//! Flags and empty places are not seen here: every number has the flags of [`ZERO`].

use super::{Damaged, ZERO};

const SIGN: u32 = 0x8000_0000;
const TIMES: u32 = 0x4000_0000;
const HUNDRED: u32 = 0x0400_0000;
const EXPONENT_SHIFT: u32 = 27;
const MANTISSA: u32 = 0x00ff_ffff;
const MANTISSA_MAX: u64 = MANTISSA as u64;

/// The most decimals that a packed number has.
const DECIMALS_MAX: i32 = 7;
/// The coarsest unit of a column is ten to this power.
const ZEROS_MAX: i32 = 4;
/// A mantissa is multiplied by ten to this power at most, so that integers stay below 2^44.
const GROWTH_MAX: i32 = 6;
const BITS: u8 = 15;

/// How a column's packed numbers become integers: four bits of its tag.
///
/// 0 to 11: in units of ten to the power of 4 to -7; 15: as their bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mapping(u8);

impl Mapping {
    /// The bits of the number, in the order of values.
    pub(super) const BITS: Self = Self(BITS);

    /// Units of ten to the power of minus `decimals`.
    fn decimal(decimals: i32) -> Self {
        debug_assert!((-ZEROS_MAX..=DECIMALS_MAX).contains(&decimals));
        Self((decimals + ZEROS_MAX) as u8)
    }

    pub(super) fn from_tag(bits: u8) -> Result<Self, Damaged> {
        let known = bits == BITS || i32::from(bits) <= ZEROS_MAX + DECIMALS_MAX;
        if known { Ok(Self(bits)) } else { Err(Damaged) }
    }

    pub(super) fn to_tag(self) -> u8 {
        self.0
    }

    /// The coarsest decimal unit that all values are multiples of, if there is one.
    pub(super) fn find(values: &[u32]) -> Option<Self> {
        let (mut lowest, mut highest) = (DECIMALS_MAX, i32::MIN);
        for &value in values.iter().filter(|&&value| value != ZERO) {
            let decimals = canonical_decimals(value)?;
            lowest = lowest.min(decimals);
            highest = highest.max(decimals);
        }
        // A mantissa of 24 bits has at most seven zeros at its end.
        let mut unit = highest.saturating_sub(DECIMALS_MAX).max(-ZEROS_MAX);
        let mut before = ZERO;
        for &value in values {
            if value != before && value != ZERO {
                let decimals = decimals(value);
                while decimals > unit && !is_multiple(value & MANTISSA, decimals - unit) {
                    unit += 1;
                }
            }
            before = value;
        }
        (unit - lowest <= GROWTH_MAX).then(|| Self::decimal(unit))
    }

    /// Brings all `values` to integers.
    pub(super) fn integers(self, values: &[u32], integers: &mut [i64]) {
        let unit = i32::from(self.0) - ZEROS_MAX;
        for (integer, &value) in integers.iter_mut().zip(values) {
            *integer = if self.0 == BITS { i64::from(order(value)) } else { to_integer(value, unit) };
        }
    }

    /// The packed number of an integer. Any integer yields some number.
    #[inline]
    pub(super) fn number(self, integer: i64) -> u32 {
        if self.0 == BITS { unorder(integer as u32) } else { from_integer(integer, i32::from(self.0) - ZEROS_MAX) }
    }
}

/// The decimals of a number's mantissa; negative where it is multiplied.
#[inline]
fn decimals(value: u32) -> i32 {
    let exponent = (value >> EXPONENT_SHIFT & 7) as i32;
    if value & TIMES == 0 { exponent } else { -exponent }
}

/// The decimals of a number other than zero, if it is packed as its value alone says.
#[inline]
fn canonical_decimals(value: u32) -> Option<i32> {
    let mantissa = value & MANTISSA;
    let decimals = decimals(value);
    let full = mantissa * 10 > MANTISSA || (decimals == DECIMALS_MAX && mantissa > 0);
    let times = value & TIMES == 0 || decimals < 0;
    (full && times && value & HUNDRED == 0).then_some(decimals)
}

/// Inverses of 5^n modulo 2^64: multiplying by one divides exactly.
const INVERSES_OF_5: [u64; 13] = {
    let mut inverses = [1_u64; 13];
    let mut n = 1;
    while n < inverses.len() {
        inverses[n] = inverses[n - 1].wrapping_mul(0xCCCC_CCCC_CCCC_CCCD);
        n += 1;
    }
    inverses
};

/// Whether ten to the power of `zeros`, 0 to 7, divides a mantissa.
#[inline]
fn is_multiple(mantissa: u32, zeros: i32) -> bool {
    let quotient = u64::from(mantissa).wrapping_mul(INVERSES_OF_5[zeros as usize]);
    // What 5^zeros does not divide wraps to something far beyond a mantissa.
    quotient <= MANTISSA_MAX && quotient.trailing_zeros() >= zeros as u32
}

/// The least power of ten that [`scale`] multiplies by.
const POWER_MIN: i32 = -12;
const POWERS: usize = (DECIMALS_MAX - POWER_MIN + 1) as usize;

/// Per power of ten: factor modulo 2^64, shift, and the largest integer that stays a mantissa.
const SCALES: [(u64, u32, u64); POWERS] = {
    let mut scales = [(1, 0, MANTISSA_MAX); POWERS];
    let mut place = 0;
    while place < POWERS {
        let power = place as i32 + POWER_MIN;
        let ten = 10_u64.pow(power.unsigned_abs());
        scales[place] = if power < 0 {
            (INVERSES_OF_5[-power as usize], -power as u32, MANTISSA_MAX * ten)
        } else {
            (ten, 0, MANTISSA_MAX / ten)
        };
        place += 1;
    }
    scales
};

/// Multiplies by ten to some power; where that is negative, the division has no remainder.
#[inline]
fn scale(integer: u64, power: i32) -> u64 {
    let (factor, shift, _) = SCALES[(power - POWER_MIN) as usize];
    integer.wrapping_mul(factor) >> shift
}

#[inline]
fn to_integer(value: u32, unit: i32) -> i64 {
    let mantissa = value & MANTISSA;
    if mantissa == 0 {
        return 0;
    }
    let magnitude = scale(u64::from(mantissa), unit - decimals(value)) as i64;
    if value & SIGN == 0 { magnitude } else { -magnitude }
}

/// By the length of an integer in bits: the highest power of ten, plus [`POWER_MIN`], that the
/// least integer of this length may be multiplied by.
const POWER_OF_LENGTH: [u8; 65] = {
    let mut powers = [POWERS as u8 - 1; 65];
    let mut length = 1;
    while length < 65 {
        let mut place = POWERS - 1;
        while place > 1 && 1_u64 << (length - 1) > SCALES[place].2 {
            place -= 1;
        }
        powers[length] = place as u8;
        length += 1;
    }
    powers
};

/// Packs an integer in units of ten to the power of minus `unit`.
#[inline]
fn from_integer(integer: i64, unit: i32) -> u32 {
    let magnitude = integer.unsigned_abs();
    if magnitude == 0 {
        return ZERO;
    }
    let place = usize::from(POWER_OF_LENGTH[64 - magnitude.leading_zeros() as usize]);
    let place = place - usize::from(magnitude > SCALES[place].2);
    let power = (place as i32 + POWER_MIN).min(DECIMALS_MAX - unit);
    let mantissa = scale(magnitude, power) as u32 & MANTISSA;
    let decimals = unit + power;
    let times = if decimals < 0 { TIMES } else { 0 };
    let sign = ((integer >> 63) as u32) & SIGN;
    sign | times | (decimals.unsigned_abs() & 7) << EXPONENT_SHIFT | ZERO | mantissa
}

/// A number's bits, rearranged: sign, `hundred` and flags, then the size of the exponent, then the
/// mantissa. Zero becomes 0.
#[inline]
fn order(value: u32) -> u32 {
    let times = value >> 30 & 1;
    let exponent = value >> EXPONENT_SHIFT & 7 ^ reversal(times, value);
    let flags = (value ^ ZERO) >> 24 & 7;
    (value & SIGN) | flags << 28 | times << 27 | exponent << 24 | value & MANTISSA
}

#[inline]
fn unorder(bits: u32) -> u32 {
    let times = bits >> 27 & 1;
    let exponent = bits >> 24 & 7 ^ reversal(times, bits);
    let flags = (bits >> 28 & 7) << 24 ^ ZERO;
    (bits & SIGN) | times << 30 | exponent << EXPONENT_SHIFT | flags | bits & MANTISSA
}

/// More decimals make a smaller number, but zero has none.
#[inline]
fn reversal(times: u32, mantissa: u32) -> u32 {
    if times == 0 && mantissa & MANTISSA != 0 { 7 } else { 0 }
}

#[cfg(test)]
mod tests {
    use row::{Packed, PointFlags};

    use super::*;

    fn pack(value: f64) -> u32 {
        Packed::pack(value, PointFlags::NORMAL).to_bits()
    }

    /// A value is its count of units, however it was packed, and the count is packed the same.
    #[test]
    fn values_are_counts_of_the_coarsest_unit() {
        let cases: [(&[f64], u8, &[i64]); 8] = [
            (&[0.0, 1.0, 77.0], 4, &[0, 1, 77]),
            (&[0.5, 12.25, -3.0], 6, &[50, 1_225, -300]),
            (&[10_000.0, 250_000.0], 0, &[1, 25]),
            (&[16_777_215.0, 16_777_217.0, 99_999_999.0], 4, &[16_777_215, 16_777_220, 100_000_000]),
            (&[1e14, 3e9], 0, &[10_000_000_000, 300_000]),
            (&[1e-7, 3.5], 11, &[1, 35_000_000]),
            (&[-1677.7215, 0.1], 8, &[-16_777_215, 1_000]),
            (&[0.0, 0.0], 0, &[0, 0]),
        ];
        for (values, tag, expected) in cases {
            let packed: Vec<u32> = values.iter().map(|&value| pack(value)).collect();
            let mapping = Mapping::find(&packed).unwrap();
            assert_eq!(mapping.to_tag(), tag, "{values:?}");
            let mut integers = vec![0; packed.len()];
            mapping.integers(&packed, &mut integers);
            assert_eq!(integers, expected, "{values:?}");
            for (&integer, &packed) in integers.iter().zip(&packed) {
                assert_eq!(mapping.number(integer), packed, "{values:?}: {integer}");
            }
        }
    }

    /// What is not packed as its value alone says is told apart from what is.
    #[test]
    fn other_packings_have_no_integer() {
        for bits in [0x0100_0001, 0x0900_000A, 0x3900_0000, 0x8100_0000, 0x4100_0001, 0x41FF_FFFF, 0x6519_F0A0] {
            assert_eq!(Mapping::find(&[bits]), None, "{bits:#010x}");
        }
        assert_eq!(Mapping::find(&[pack(1e-7), pack(3e9)]), None, "too many digits");
    }

    /// Values of every size that the store can make are packed again from their integers.
    #[test]
    fn integers_are_packed_as_the_store_packs() {
        let mut state = 1_u64;
        for round in 0..400_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let scale = 10_f64.powi((state >> 59) as i32 % 21 - 7);
            let digits = (state >> 12) as f64 / (1_u64 << 52) as f64 * [1e2, 1e4, 1e7][round % 3];
            let packed = pack(if round % 2 == 0 { digits.round() } else { -digits } * scale);
            let Some(mapping) = Mapping::find(&[packed]) else {
                assert!(packed & HUNDRED != 0 || packed & MANTISSA == 0, "{packed:#010x}");
                continue;
            };
            let mut integer = [0];
            mapping.integers(&[packed], &mut integer);
            assert_eq!(mapping.number(integer[0]), packed, "{packed:#010x} {}", integer[0]);
        }
    }

    /// Bits come back whatever they are, and rise with the values.
    #[test]
    fn any_bits_are_rearranged_and_back() {
        let mut state = 7_u32;
        for _ in 0..200_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            assert_eq!(Mapping::BITS.number(i64::from(order(state))), state);
        }
        let values = [0.0, 1e-7, 0.1, 1.0, 9.5, 12.0, 1e6, 16_777_215.0, 2e7, 1e14].map(|value| order(pack(value)));
        assert!(values[0] == 0 && values.windows(2).all(|pair| pair[0] < pair[1]), "{values:x?}");
    }

    /// Integers of a damaged block yield numbers too.
    #[test]
    fn any_integer_yields_a_number() {
        for unit in 0..16 {
            let Ok(mapping) = Mapping::from_tag(unit) else { continue };
            for shift in 0..64 {
                for integer in [1_i64 << shift, (1_i64 << shift).wrapping_sub(1), (-1_i64) << shift] {
                    let _number = mapping.number(integer);
                }
            }
            let _number = (mapping.number(i64::MIN), mapping.number(i64::MAX));
        }
    }
}
