//! What all lines share: words that must be there, words that may be, slots and flags.

use row::PointFlags;

use super::Fault;
use crate::number;
use crate::words::Words;

/// What a number is expected to be.
const INTEGER: &str = "an integer";
const NUMBER: &str = "a number";

/// The next word, which must not be empty.
#[inline(always)]
pub(super) fn required<'a>(
    words: &mut Words<'a>,
    keyword: &'static str,
    word: &'static str,
) -> Result<&'a [u8], Fault> {
    match words.next_word() {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(Fault::Missing { keyword, word }),
    }
}

#[inline(always)]
pub(super) fn required_int(words: &mut Words<'_>, keyword: &'static str, word: &'static str) -> Result<i64, Fault> {
    let bytes = required(words, keyword, word)?;
    number::parse_int(bytes).ok_or(Fault::Invalid { keyword, word, expected: INTEGER })
}

#[inline(always)]
pub(super) fn optional_int(
    words: &mut Words<'_>,
    keyword: &'static str,
    word: &'static str,
) -> Result<Option<i64>, Fault> {
    match words.next_word() {
        Some(bytes) if !bytes.is_empty() => {
            number::parse_int(bytes).map(Some).ok_or(Fault::Invalid { keyword, word, expected: INTEGER })
        }
        _ => Ok(None),
    }
}

#[inline(always)]
pub(super) fn double(bytes: &[u8], keyword: &'static str, word: &'static str) -> Result<f64, Fault> {
    number::parse_double(bytes).ok_or(Fault::Invalid { keyword, word, expected: NUMBER })
}

/// A collected value as both integer and double: dimensions of doubles are cut to integers.
#[inline(always)]
pub(super) fn collected(bytes: &[u8], keyword: &'static str) -> Result<(i64, f64), Fault> {
    if let Some(integer) = number::parse_int(bytes) {
        return Ok((integer, integer as f64));
    }
    let value = double(bytes, keyword, "collected value")?;
    Ok((value as i64, value))
}

/// A count of seconds that cannot be negative.
pub(super) fn seconds(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// The word as a text.
pub(super) fn text<'a>(bytes: &'a [u8], keyword: &'static str, word: &'static str) -> Result<&'a str, Fault> {
    core::str::from_utf8(bytes).map_err(|_| Fault::Invalid { keyword, word, expected: "UTF-8" })
}

/// The next word as a text that must not be empty.
pub(super) fn required_text<'a>(
    words: &mut Words<'a>,
    keyword: &'static str,
    word: &'static str,
) -> Result<&'a str, Fault> {
    text(required(words, keyword, word)?, keyword, word)
}

/// The next word as a text, `default` where there is none.
pub(super) fn text_or<'a>(
    words: &mut Words<'a>,
    default: &'a str,
    keyword: &'static str,
    word: &'static str,
) -> Result<&'a str, Fault> {
    words.next_word().map_or(Ok(default), |bytes| text(bytes, keyword, word))
}

/// The next word as an integer, `default` where there is none that can be read.
pub(super) fn int_or(words: &mut Words<'_>, default: i64) -> i64 {
    words.next_word().and_then(number::parse_int).unwrap_or(default)
}

/// Takes the word `SLOT:n`, if it is the next one. Numbers beyond `max` are of no use.
#[inline(always)]
pub(super) fn slot(words: &mut Words<'_>, max: u32) -> Option<u32> {
    if words.rest().first() != Some(&b'S') || !words.rest().starts_with(b"SLOT:") {
        return None;
    }
    let number = number::parse_int(words.next_word()?.get(5..)?)?;
    u32::try_from(number).ok().filter(|slot| (1..=max).contains(slot))
}

/// Flags of a point, and whether it is empty.
#[inline(always)]
pub(super) fn flags(word: &[u8]) -> (PointFlags, bool) {
    let mut flags = PointFlags { reset: false, anomalous: true };
    let mut empty = false;
    for letter in word {
        match letter {
            b'A' => flags.anomalous = false,
            b'R' => flags.reset = true,
            b'E' => empty = true,
            _ => {}
        }
    }
    (flags, empty)
}
