//! Numbers to text, appended to a caller's buffer, without the formatting machinery.

use alloc::vec::Vec;

use crate::Packed;

/// Decimals that a stored value is written with at most.
const DECIMALS: usize = 7;
const DECIMALS_SCALE: f64 = 1e7;
/// Below this a number has eight digits at most.
const EIGHT_DIGITS_END: u64 = 100_000_000;
/// Below this a double times [`DECIMALS_SCALE`] still has all its bits.
const EXACT_BELOW: f64 = 9e8;

/// Writes an integer.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes an integer that is never negative.
pub fn write_uint(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a finite number with at most seven decimals, rounded to nearest, without trailing zeros
/// and never with an exponent; `null` for what is not finite.
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let Some((whole, fraction)) = parts(value.abs()) else { return write_huge(out, value) };
    let negative = value < 0.0 && (whole, fraction) != (0, 0);
    if whole < EIGHT_DIGITS_END {
        return write_parts(out, negative, eight_digits(whole as u32), eight_digits(fraction) >> 8);
    }
    if negative {
        out.push(b'-');
    }
    write_uint(out, whole);
    write_fraction(out, fraction, DECIMALS);
}

/// Writes a finite number with exactly seven decimals, rounded to nearest, and never with an exponent;
/// nothing for what is not finite.
pub fn write_fixed(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        return;
    }
    if let Some((whole, fraction)) = parts(value.abs()).filter(|&(whole, _)| whole < EIGHT_DIGITS_END) {
        let negative = value < 0.0 && (whole, fraction) != (0, 0);
        return write_digits(out, negative, eight_digits(whole as u32), eight_digits(fraction) >> 8, DECIMALS);
    }
    let begin = out.len();
    write_double(out, value);
    let text = &out[begin..];
    let decimals = text.iter().rev().position(|&byte| byte == b'.');
    match decimals {
        None => out.extend_from_slice(b".0000000"),
        Some(decimals) => out.extend_from_slice(&b"0000000"[decimals.min(DECIMALS)..]),
    }
}

/// What is before the point of a positive number, and its seven decimals; `None` for what 64 bits do not hold.
#[inline]
fn parts(magnitude: f64) -> Option<(u64, u32)> {
    if magnitude < EXACT_BELOW {
        let scaled = (magnitude * DECIMALS_SCALE + 0.5) as u64;
        return Some((scaled / DECIMALS_SCALE as u64, (scaled % DECIMALS_SCALE as u64) as u32));
    }
    if magnitude < u64::MAX as f64 {
        let whole = magnitude as u64;
        let fraction = ((magnitude - whole as f64) * DECIMALS_SCALE + 0.5) as u64;
        return Some((whole + fraction / DECIMALS_SCALE as u64, (fraction % DECIMALS_SCALE as u64) as u32));
    }
    None
}

/// Writes a number that 64 bits do not hold. Beyond 2^127 the digits mean nothing to anybody.
#[cold]
fn write_huge(out: &mut Vec<u8>, value: f64) {
    if value < 0.0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(value.abs().min(1.7e38) as u128).as_bytes());
}

/// Writes a stored value from its decimal mantissa, exactly; `null` for an empty one.
pub fn write_packed(out: &mut Vec<u8>, value: Packed) {
    let Some((negative, mantissa, exponent, factor)) = value.decimal() else {
        out.extend_from_slice(b"null");
        return;
    };
    let negative = negative && mantissa != 0;
    if exponent < 0 {
        let digits = eight_digits(mantissa);
        let decimals = exponent.unsigned_abs();
        return write_parts(out, negative, digits << (8 * decimals), digits >> (8 * (8 - decimals)));
    }
    if negative {
        out.push(b'-');
    }
    write_uint(out, u64::from(mantissa));
    if mantissa != 0 {
        out.resize(out.len() + exponent as usize * factor as usize, b'0');
    }
}

/// The eight digits of a number below 10^8, leading zeros included, each in a byte, the first one
/// lowest. All are found at once: halves, then pairs, then single digits share one register.
const fn eight_digits(number: u32) -> u64 {
    let halves = (number / 10_000) as u64 | ((number % 10_000) as u64) << 32;
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (halves - 100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - 10 * tens) << 8
}

/// Writes eight digits without the zeros before the last of them and, unless they are all zero, `.`
/// and eight more without the zeros at their end.
fn write_parts(out: &mut Vec<u8>, negative: bool, whole: u64, fraction: u64) {
    let decimals = 8 - (fraction.leading_zeros() / 8) as usize;
    write_digits(out, negative, whole, fraction, decimals);
}

/// The same with so many decimals. The whole text is made of three stores, and its length is set then.
#[inline]
fn write_digits(out: &mut Vec<u8>, negative: bool, whole: u64, fraction: u64, decimals: usize) {
    const ASCII: u64 = 0x3030_3030_3030_3030;
    let zeros = (whole.trailing_zeros() / 8).min(7);
    let mut text = [b'-'; 24];
    let point = usize::from(negative) + 8 - zeros as usize;
    text[usize::from(negative)..][..8].copy_from_slice(&((whole >> (8 * zeros)) | ASCII).to_le_bytes());
    text[point] = b'.';
    text[point + 1..][..8].copy_from_slice(&(fraction | ASCII).to_le_bytes());
    let length = out.len() + point + if decimals == 0 { 0 } else { 1 + decimals };
    out.extend_from_slice(&text);
    out.truncate(length);
}

/// Writes `.` and `fraction` as `decimals` digits, without trailing zeros; nothing for zero.
fn write_fraction(out: &mut Vec<u8>, mut fraction: u32, mut decimals: usize) {
    if fraction == 0 {
        return;
    }
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        decimals -= 1;
    }
    let mut digits = [b'0'; 16];
    digits[0] = b'.';
    for digit in digits[1..=decimals].iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    out.extend_from_slice(&digits[..=decimals]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PointFlags;
    use alloc::string::String;

    fn double(value: f64) -> String {
        let mut out = Vec::new();
        write_double(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    fn packed(value: f64) -> String {
        let mut out = Vec::new();
        write_packed(&mut out, Packed::pack(value, PointFlags::NORMAL));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_have_at_most_seven_decimals() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-273.15, "-273.15"),
            (1.0 / 3.0, "0.3333333"),
            (0.99999999, "1"),
            (-0.00000001, "0"),
            (1e-7, "0.0000001"),
            (16777217.5, "16777217.5"),
            (1e9 + 0.3, "1000000000.3"),
            (123456789012.5, "123456789012.5"),
            (9e18, "9000000000000000000"),
            (1e22, "10000000000000000000000"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (4.0e-8, "0"),
            (6.0e-8, "0.0000001"),
        ] {
            assert_eq!(double(value), text);
        }
        assert_eq!(double(f64::MAX).len(), 39);
    }

    /// Whatever the value: the text is what the formatting machinery makes, zeros cut.
    #[test]
    fn values_are_written_as_the_formatting_machinery_does() {
        let mut state = 1_u64;
        for turn in 0..200_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = 10_u64.pow(turn % 9);
            let value = (state >> 34) as f64 / digits as f64 * if turn % 3 == 0 { -1.0 } else { 1.0 };
            let stored = Packed::pack(value, PointFlags::NORMAL);
            let mut text = alloc::format!("{:.7}", stored.unpack());
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
            let text = if text == "-0" { "0".into() } else { text };
            assert_eq!(double(stored.unpack()), text, "{value}");
            assert_eq!(packed(value), text, "{value}");
        }
    }

    /// The decimals are always there.
    #[test]
    fn fixed_numbers_have_seven_decimals() {
        let mut state = 1_u64;
        for turn in 0..50_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = (state >> 34) as f64 / 10_u64.pow(turn % 9) as f64 * if turn % 3 == 0 { -1.0 } else { 1.0 };
            let value = Packed::pack(value, PointFlags::NORMAL).unpack();
            let mut out = Vec::new();
            write_fixed(&mut out, value);
            let expected = alloc::format!("{:.7}", if value == 0.0 { 0.0 } else { value });
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{value}");
        }
        let mut out = Vec::new();
        write_fixed(&mut out, f64::NAN);
        assert!(out.is_empty());
    }

    #[test]
    fn packed_numbers_are_written_exactly() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (0.1, "0.1"),
            (123.456, "123.456"),
            (-273.15, "-273.15"),
            (16777217.0, "16777220"),
            (99999999.0, "100000000"),
            (1e14, "100000000000000"),
            (1e15, "1000000000000000"),
            (1e22, "1677721500000000000000"),
            (1e-7, "0.0000001"),
            (4e-8, "0"),
            (f64::NAN, "null"),
            (100.0, "100"),
        ] {
            assert_eq!(packed(value), text, "{value}");
        }
    }
}
