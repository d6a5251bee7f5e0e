//! Numbers of the wire, all forms that any version writes.
//!
//! ```text
//! 123  -5        decimal          0x1F -0x1F   hexadecimal
//! #BlU/EA  -#K   base 64          12.5  1e20   decimal double
//! @D/wAAAAAAAA   the 64 bits of a double in base 64;  %3FF0000000000000  the same in hexadecimal
//! ```
//!
//! The base 64 of the wire is a positional number, most significant digit first, without padding;
//! it is not that of RFC 4648. Readers take every form in every place. Integers are 64 bits and
//! wrap: a counter above 2^63 keeps its bits, because rates are taken modulo 2^64.

use alloc::vec::Vec;

use crate::words::{first, load, repeat};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NO_DIGIT: u8 = 0xff;
/// Digits of the largest 64-bit number in base 64.
const BASE64_DIGITS_MAX: usize = 11;
/// Digits of the largest 64-bit number in hexadecimal.
const HEX_DIGITS_MAX: usize = 16;
/// Decimal digits that always fit 64 bits.
const SAFE_DIGITS: usize = 19;
/// Doubles hold every integer up to this one, 2^53.
const EXACT_MANTISSA_MAX: u64 = 1 << 53;

/// Powers of ten that doubles hold exactly; dividing an exact mantissa by one rounds once.
static POWERS_OF_10: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// What eight digits are multiplied by to append fewer than eight more.
static POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

static BASE64_VALUE: [u8; 256] = {
    let mut value = [NO_DIGIT; 256];
    let mut at = 0;
    while at < 64 {
        value[DIGITS[at] as usize] = at as u8;
        at += 1;
    }
    value
};

/// Reads an integer of any form; `None` for anything else, a lone `#` included.
#[inline]
#[must_use]
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(text);
    let magnitude = parse_magnitude(digits)? as i64;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// Reads a number of any form. Missing values (`nan`, `null`, infinities) are not a number;
/// `None` for anything else.
#[inline]
#[must_use]
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let (negative, digits) = sign(text);
    let magnitude = match digits {
        [b'@', bits @ ..] => f64::from_bits(parse_base64(bits)?),
        [b'%', bits @ ..] => f64::from_bits(parse_hex(bits)?),
        [b'#', rest @ ..] => parse_base64(rest)? as f64,
        [b'0', b'x' | b'X', rest @ ..] => parse_hex(rest)? as f64,
        [b'0'..=b'9' | b'.', ..] => parse_decimal_double(digits)?,
        _ => missing(digits)?,
    };
    let value = if negative { -magnitude } else { magnitude };
    Some(if value.is_finite() { value } else { f64::NAN })
}

/// Writes an integer in base 64: `#…` or `-#…`.
#[inline]
pub fn write_base64_int(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    out.push(b'#');
    write_base64(out, value.unsigned_abs());
}

/// Writes the bits of a double in base 64: `@…`.
#[inline]
pub fn write_base64_double(out: &mut Vec<u8>, value: f64) {
    out.push(b'@');
    write_base64(out, value.to_bits());
}

#[inline]
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

#[inline]
fn parse_magnitude(digits: &[u8]) -> Option<u64> {
    match digits {
        [b'#', rest @ ..] => parse_base64(rest),
        [b'0', b'x' | b'X', rest @ ..] => parse_hex(rest),
        _ => parse_decimal(digits),
    }
}

#[inline]
fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    if digits.len() <= SAFE_DIGITS {
        for &byte in digits {
            value = value * 10 + u64::from(decimal_digit(byte)?);
        }
        return Some(value);
    }
    for &byte in digits {
        value = value.checked_mul(10)?.checked_add(u64::from(decimal_digit(byte)?))?;
    }
    Some(value)
}

/// The decimal number that `text` begins with, of 1 to 15 digits, and how many there are.
#[inline(always)]
pub(crate) fn leading_decimal(text: &[u8]) -> Option<(u64, usize)> {
    match leading_digits(load(text)) {
        (_, 0) => None,
        (value, digits @ 1..8) => Some((value, digits)),
        (high, _) => match leading_digits(load(&text[8..])) {
            (_, 0) => Some((high, 8)),
            (low, digits @ 1..8) => Some((high * POWERS[digits] + low, 8 + digits)),
            _ => None,
        },
    }
}

/// The number that these eight bytes of text begin with, the first one lowest, and how many digits it
/// has. Neighbours are joined to pairs, pairs to fours, and those.
#[inline(always)]
fn leading_digits(text: u64) -> (u64, usize) {
    let values = text ^ repeat(b'0');
    let others = (values.wrapping_add(repeat(0x80 - 10)) | values) & repeat(0x80);
    let digits = first(others);
    // What is behind the digits falls out, and zeros come before them.
    let values = values.unbounded_shl(64 - 8 * digits as u32);
    let pairs = (values * 10 + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours * 10_000 + (fours >> 32)) & 0xffff_ffff, digits)
}

#[inline]
fn decimal_digit(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(digit)
}

fn parse_hex(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > HEX_DIGITS_MAX {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| Some(value << 4 | u64::from(char::from(byte).to_digit(16)?)))
}

#[inline]
fn parse_base64(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > BASE64_DIGITS_MAX {
        return None;
    }
    let mut value = 0_u64;
    let mut seen = 0_u8;
    for &byte in digits {
        let digit = BASE64_VALUE[usize::from(byte)];
        seen |= digit;
        value = value << 6 | u64::from(digit & 63);
    }
    // The eleventh digit adds 6 bits to 60; only 4 of the first are there to be used.
    let overflow = digits.len() == BASE64_DIGITS_MAX && BASE64_VALUE[usize::from(digits[0])] > 15;
    (seen < 64 && !overflow).then_some(value)
}

/// The number of base 64 that `text` begins with, of 1 to 10 digits, and how many there are.
#[inline(always)]
pub(crate) fn leading_base64(text: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (at, &byte) in text.iter().enumerate() {
        let digit = BASE64_VALUE[usize::from(byte)];
        if digit == NO_DIGIT {
            return (at > 0).then_some((value, at));
        }
        if at == BASE64_DIGITS_MAX - 1 {
            break;
        }
        value = value << 6 | u64::from(digit);
    }
    None
}

/// Decimal digits with a point; the exact road where the mantissa fits a double, else the library's.
#[inline]
fn parse_decimal_double(digits: &[u8]) -> Option<f64> {
    let mut mantissa = 0_u64;
    let mut decimals = 0;
    let mut point = false;
    if digits.len() > SAFE_DIGITS {
        return parse_any_decimal(digits);
    }
    for &byte in digits {
        if let Some(digit) = decimal_digit(byte) {
            mantissa = mantissa * 10 + u64::from(digit);
            decimals += usize::from(point);
        } else if byte == b'.' && !point {
            point = true;
        } else {
            return parse_any_decimal(digits);
        }
    }
    if mantissa > EXACT_MANTISSA_MAX || digits == b"." {
        return parse_any_decimal(digits);
    }
    Some(mantissa as f64 / POWERS_OF_10[decimals])
}

#[cold]
fn parse_any_decimal(digits: &[u8]) -> Option<f64> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// The words for a value that is not there.
#[cold]
fn missing(word: &[u8]) -> Option<f64> {
    const WORDS: [&[u8]; 4] = [b"nan", b"null", b"inf", b"infinity"];
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)).then_some(f64::NAN)
}

#[inline]
fn write_base64(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0_u8; BASE64_DIGITS_MAX];
    let mut at = BASE64_DIGITS_MAX;
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = DIGITS[(rest & 63) as usize];
        rest >>= 6;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// All integer forms are read, and what is no integer is not.
    #[test]
    fn integers_of_every_form() {
        for (text, value) in [
            ("0", Some(0)),
            ("123", Some(123)),
            ("-5", Some(-5)),
            ("+5", Some(5)),
            ("0x1F", Some(31)),
            ("-0x1f", Some(-31)),
            ("0x6B037E21", Some(0x6B03_7E21)),
            ("#A", Some(0)),
            ("#B", Some(1)),
            ("#/", Some(63)),
            ("#BA", Some(64)),
            ("#BlU/EA", Some(1_700_000_000)),
            ("-#K", Some(-10)),
            ("#tNF", Some(185_157)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("18446744073709551615", Some(-1)),
            ("#P//////////", Some(-1)),
            ("0xFFFFFFFFFFFFFFFF", Some(-1)),
            ("", None),
            ("-", None),
            ("#", None),
            ("0x", None),
            ("12a", None),
            ("1.5", None),
            ("#Q//////////", None),
            ("#AAAAAAAAAAAB", None),
            ("#a b", None),
            ("#é", None),
            ("18446744073709551616", None),
            ("0x10000000000000000", None),
            ("99999999999999999999999", None),
            ("@D/wAAAAAAAA", None),
        ] {
            assert_eq!(parse_int(text.as_bytes()), value, "{text}");
        }
    }

    /// All number forms are read as doubles; missing values are not a number.
    #[test]
    fn doubles_of_every_form() {
        for (text, value) in [
            ("12.5", Some(12.5)),
            ("-399.0486000", Some(-399.0486)),
            ("0.5128205", Some(0.5128205)),
            ("5", Some(5.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1.5e+20", Some(1.5e20)),
            ("1e-7", Some(1e-7)),
            ("123456789012345678901234567890", Some(123456789012345678901234567890.0)),
            ("0.000000000000000000000000000001", Some(1e-30)),
            ("9007199254740993", Some(9007199254740992.0)),
            ("@D/wAAAAAAAA", Some(1.0)),
            ("@A", Some(0.0)),
            ("@L/wAAAAAAAA", Some(-1.0)),
            ("@MBEjLUeuizy", Some(-41.099_277_344_614_066)),
            ("@EBBIiE3mg0I", Some(34.266_638_708_324_59)),
            ("%3FF0000000000000", Some(1.0)),
            ("0x10", Some(16.0)),
            ("#Q", Some(16.0)),
            ("-#Q", Some(-16.0)),
            ("", None),
            (".", None),
            ("-", None),
            ("1.2.3", None),
            ("1e", None),
            ("abc", None),
            ("@", None),
            ("@!!", None),
            ("%", None),
            ("#", None),
            ("1_000", None),
        ] {
            assert_eq!(parse_double(text.as_bytes()), value, "{text}");
        }
        for text in ["nan", "NAN", "NaN", "-nan", "null", "inf", "-inf", "INFINITY", "1e999", "@H/wAAAAAAAA"] {
            assert!(parse_double(text.as_bytes()).unwrap().is_nan(), "{text}");
        }
    }

    /// Numbers that are read on the way to their end are those that are read once it is known.
    #[test]
    fn leading_numbers_are_read_to_their_end() {
        let mut state = 3_u64;
        for turn in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = (state >> 4) >> (turn % 60);
            let decimal = value.to_string();
            let mut base64 = Vec::new();
            write_base64(&mut base64, value);
            for end in ["", "\n", " 1", "/x", ":123456789"] {
                let text = decimal.clone() + end;
                let read = (decimal.len() < 16).then_some((value, decimal.len()));
                assert_eq!(leading_decimal(text.as_bytes()), read, "{text}");
            }
            for end in [&b"\n"[..], b" 1", b"\xff", b"-"] {
                let text = [&base64[..], end].concat();
                assert_eq!(leading_base64(&text), Some((value, base64.len())), "{value}");
            }
        }
        for none in ["", "x", " 1", "-1", "1234567890123456"] {
            assert_eq!(leading_decimal(none.as_bytes()), None, "{none}");
        }
        for none in ["", "A", " A", "=", "PPPPPPPPPPP "] {
            assert_eq!(leading_base64(none.as_bytes()), None, "{none}");
        }
    }

    /// The short cut gives the very double that the library gives.
    #[test]
    fn the_fast_road_rounds_as_the_library_does() {
        let mut state = 7_u64;
        for _ in 0..50_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let whole = (state >> 33) >> (state & 31);
            let text = alloc::format!("{whole}.{:07}", (state >> 20) % 10_000_000);
            let ours = parse_double(text.as_bytes()).unwrap();
            assert_eq!(ours.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
    }

    /// What is written in base 64 is read again as the same number.
    #[test]
    fn base_64_round_trips() {
        for value in [0, 1, 63, 64, -10, 1_700_000_000, i64::MAX, i64::MIN, -1] {
            let mut out = Vec::new();
            write_base64_int(&mut out, value);
            assert_eq!(parse_int(&out), Some(value), "{value}");
        }
        for value in [0.0, 1.0, -1.0, 0.46, 1e300, -1e-300, f64::MIN_POSITIVE] {
            let mut out = Vec::new();
            write_base64_double(&mut out, value);
            assert_eq!(parse_double(&out), Some(value), "{value}");
        }
        let mut out = Vec::new();
        write_base64_double(&mut out, 1.0);
        write_base64_int(&mut out, -10);
        assert_eq!(core::str::from_utf8(&out).map(ToString::to_string).unwrap(), "@D/wAAAAAAAA-#K");
    }
}
