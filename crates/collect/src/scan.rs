//! Words and numbers in the text files of the kernel.
//!
//! Everything here is total: any bytes give an answer or `None`, nothing panics and nothing
//! allocates. It knows no file and no format; the modules do.

/// The lines of a text, without their ends; a last line without an end counts, too.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

/// The words of a line, separated by blanks.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// Reads the words of `line`.
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// The next word as a number; `None` where there is none or it is no number.
    pub(crate) fn number(&mut self) -> Option<i64> {
        number(self.next()?)
    }

    /// The next `N` words as numbers; `None` where one is missing or is no number.
    pub(crate) fn numbers<const N: usize>(&mut self) -> Option<[i64; N]> {
        let mut values = [0; N];
        for value in &mut values {
            *value = self.number()?;
        }
        Some(values)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|byte| !is_blank(*byte))?;
        let rest = &self.0[start..];
        let end = rest.iter().position(|byte| is_blank(*byte)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        Some(word)
    }
}

/// A number of decimal digits and nothing else, up to 2^64 - 1. Counters are kept as 64 bits with
/// a sign, so one beyond 2^63 - 1 comes out negative: rates across that point stay right.
pub(crate) fn number(word: &[u8]) -> Option<i64> {
    if word.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for &byte in word {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value.cast_signed())
}

/// The same with a sign before it, perhaps.
pub(crate) fn signed(word: &[u8]) -> Option<i64> {
    match word.strip_prefix(b"-") {
        Some(digits) => number(digits).map(i64::wrapping_neg),
        None => number(word),
    }
}

/// A number of up to 16 hexadecimal digits.
pub(crate) fn hexadecimal(word: &[u8]) -> Option<i64> {
    if word.is_empty() || word.len() > 16 {
        return None;
    }
    let digit = |&byte: &u8| char::from(byte).to_digit(16).map(u64::from);
    let value = word.iter().map(digit).try_fold(0_u64, |value, digit| Some(value << 4 | digit?))?;
    Some(value.cast_signed())
}

/// A decimal number such as `0.29` in thousandths, further digits cut off. Read as digits: a
/// double would make 1129 of 1.13.
pub(crate) fn thousandths(word: &[u8]) -> Option<i64> {
    let point = word.iter().position(|&byte| byte == b'.').unwrap_or(word.len());
    let whole = number(&word[..point])?;
    let digits = word.get(point + 1..).unwrap_or(b"");
    let mut fraction = 0;
    for place in 0..digits.len().max(3) {
        let digit = digits.get(place).copied().unwrap_or(b'0').wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        if place < 3 {
            fraction = fraction * 10 + i64::from(digit);
        }
    }
    whole.checked_mul(1000)?.checked_add(fraction)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers are digits only, and overflow is no number.
    #[test]
    fn numbers_good_and_bad() {
        for (word, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("18446744073709551615", Some(-1)),
            ("18446744073709551616", None),
            ("99999999999999999999999", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("0x10", None),
            ("1k", None),
        ] {
            assert_eq!(number(word.as_bytes()), expected, "{word}");
        }
    }

    /// Load averages and uptimes come out exactly.
    #[test]
    fn thousandths_good_and_bad() {
        for (word, expected) in [
            ("0.00", Some(0)),
            ("0.29", Some(290)),
            ("1.13", Some(1130)),
            ("12", Some(12_000)),
            ("12.", Some(12_000)),
            ("937.2", Some(937_200)),
            ("1.23456", Some(1234)),
            (".5", None),
            ("1.x", None),
            ("1.2345x", None),
            ("1.2.3", None),
            ("", None),
            ("18446744073709551615.99", Some(-10)),
            ("9223372036854775807.0", None),
        ] {
            assert_eq!(thousandths(word.as_bytes()), expected, "{word}");
        }
    }

    /// Words are found whatever blanks stand around them.
    #[test]
    fn words_are_split_on_blanks() {
        let split = |line: &'static str| Words::new(line.as_bytes()).collect::<Vec<_>>();
        assert_eq!(split("  a\tbc   d \r"), [&b"a"[..], b"bc", b"d"]);
        assert!(split(" \t ").is_empty() && split("").is_empty());
        assert_eq!(Words::new(b" 1 2 3").numbers::<3>(), Some([1, 2, 3]));
        assert_eq!(Words::new(b" 1 2").numbers::<3>(), None);
        assert_eq!(Words::new(b" 1 x 3").numbers::<3>(), None);
        assert_eq!(lines(b"a\n\nb").collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
