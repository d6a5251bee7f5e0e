//! Lines of rows as nearly all peers write them, read in one go.
//!
//! ```text
//! BEGIN "chart" microseconds                     END
//! SET "dimension" = integer
//! BEGIN2 [SLOT:n] 'chart' integer integer integer|#       END2
//! SET2 [SLOT:n] 'dimension' integer number|# A
//! RSET [SLOT:n] "dimension" number A, or "" where that means the same
//! ```
//!
//! With just these blanks and quotes, the end of the line is found on the way, and no byte is looked
//! at twice. Where anything is otherwise, nothing is read here: the line is split into words then,
//! which finds what is wrong with it, too. Both roads lead to the same command.

use row::PointFlags;

use super::fields::seconds;
use crate::Command;
use crate::command::{CHART_SLOT_MAX, DIMENSION_SLOT_MAX};
use crate::number;
use crate::words::{first, load, repeat, up_to_blank, zeros};

/// How lines begin, as numbers: the compiler compares arrays byte by byte.
const SET: u32 = u32::from_le_bytes(*b"SET ");
const SET2: u32 = u32::from_le_bytes(*b"SET2");
const END: u32 = u32::from_le_bytes(*b"END\n");
const END2: u32 = u32::from_le_bytes(*b"END2");
const BEGIN: u32 = u32::from_le_bytes(*b"BEGI");
const RSET: u32 = u32::from_le_bytes(*b"RSET");

/// The command of the line that `text` begins with, and how many bytes that is with its newline;
/// `None` where the line is not as usual, or not whole. Rows of the past may carry the anomaly bit.
#[inline(always)]
pub(super) fn line(text: &[u8], replay_has_anomaly: bool) -> Option<(Command<'_>, usize)> {
    let (start, rest) = text.split_first_chunk()?;
    let (command, rest) = match u32::from_le_bytes(*start) {
        SET => set(rest)?,
        SET2 => set2(rest)?,
        END => (Command::End, rest),
        END2 => (Command::End2, rest.strip_prefix(b"\n")?),
        BEGIN => match rest {
            [b'N', b' ', b'"', rest @ ..] => begin(rest)?,
            [b'N', b'2', b' ', rest @ ..] => begin2(rest)?,
            _ => return None,
        },
        RSET => replay_set(rest, replay_has_anomaly)?,
        _ => return None,
    };
    Some((command, text.len() - rest.len()))
}

#[inline(always)]
fn set(text: &[u8]) -> Option<(Command<'_>, &[u8])> {
    let (id, text) = quoted(text.strip_prefix(b"\"")?, b'"')?;
    let (value, text) = decimal(text.strip_prefix(b" = ")?)?;
    Some((Command::Set { slot: None, id, value }, text.strip_prefix(b"\n")?))
}

#[inline(always)]
fn begin(text: &[u8]) -> Option<(Command<'_>, &[u8])> {
    let (id, text) = quoted(text, b'"')?;
    let (elapsed, text) = decimal(text.strip_prefix(b" ")?)?;
    let elapsed_us = u64::try_from(elapsed).unwrap_or(0);
    Some((Command::Begin { slot: None, id, elapsed_us }, text.strip_prefix(b"\n")?))
}

#[inline(always)]
fn begin2(text: &[u8]) -> Option<(Command<'_>, &[u8])> {
    let (slot, text) = slot(text, CHART_SLOT_MAX)?;
    let (id, text) = quoted(text.strip_prefix(b"'")?, b'\'')?;
    let (every, text) = integer(text.strip_prefix(b" ")?)?;
    let (time_s, text) = integer(text.strip_prefix(b" ")?)?;
    let (wall_s, text) = match text.strip_prefix(b" ")? {
        // Without digits it stands for the time of the row.
        [b'#', text @ ..] if text.starts_with(b"\n") => (time_s, text),
        text => integer(text)?,
    };
    let update_every_s = seconds(every);
    Some((Command::Begin2 { slot, id, update_every_s, time_s, wall_s }, text.strip_prefix(b"\n")?))
}

#[inline(always)]
fn set2(text: &[u8]) -> Option<(Command<'_>, &[u8])> {
    let (slot, text) = slot(text.strip_prefix(b" ")?, DIMENSION_SLOT_MAX)?;
    let (id, text) = quoted(text.strip_prefix(b"'")?, b'\'')?;
    let (collected, text) = integer(text.strip_prefix(b" ")?)?;
    let (value, text) = match text {
        [b' ', b'#', b' ', text @ ..] => (collected as f64, text),
        _ => {
            let (value, text) = word(text.strip_prefix(b" ")?);
            (number::parse_double(value)?, text.strip_prefix(b" ")?)
        }
    };
    // Points with other flags are few.
    let (flags, text) = (PointFlags::NORMAL, text.strip_prefix(b"A\n")?);
    Some((Command::Set2 { slot, id, collected, value, flags }, text))
}

#[inline(always)]
fn replay_set(text: &[u8], has_anomaly: bool) -> Option<(Command<'_>, &[u8])> {
    let (slot, text) = slot(text.strip_prefix(b" ")?, DIMENSION_SLOT_MAX)?;
    let (id, text) = quoted(text.strip_prefix(b"\"")?, b'"')?;
    let (value, text) = word(text.strip_prefix(b" ")?);
    let value = number::parse_double(value)?;
    let text = match text {
        [b' ', b'A', text @ ..] => text,
        [b' ', b'"', b'"', text @ ..] if !has_anomaly => text,
        _ => return None,
    };
    Some((Command::ReplaySet { slot, id, value, flags: PointFlags::NORMAL }, text.strip_prefix(b"\n")?))
}

/// The number behind `SLOT:` and the blank behind that, if they are there.
#[inline(always)]
fn slot(text: &[u8], max: u32) -> Option<(Option<u32>, &[u8])> {
    let Some(text) = text.strip_prefix(b"SLOT:") else { return Some((None, text)) };
    let (slot, text) = integer(text)?;
    let slot = u32::try_from(slot).ok().filter(|slot| (1..=max).contains(slot));
    Some((slot, text.strip_prefix(b" ")?))
}

/// The text up to the closing quote, which has no backslash and is not empty, and what follows.
#[inline(always)]
fn quoted(text: &[u8], quote: u8) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        let eight = load(text.get(at..)?);
        let found = zeros(eight ^ repeat(quote)) | zeros(eight ^ repeat(b'\\')) | zeros(eight ^ repeat(b'\n'));
        at += first(found);
        if found != 0 {
            let (id, rest) = text.split_at_checked(at)?;
            return if id.is_empty() { None } else { Some((id, rest.strip_prefix(&[quote])?)) };
        }
    }
}

/// The bytes up to the next blank, newline or any other byte below the blank, and what follows.
#[inline(always)]
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < text.len() {
        let found = up_to_blank(load(&text[at..]));
        at += first(found);
        if found != 0 {
            break;
        }
    }
    text.split_at(at.min(text.len()))
}

/// An integer of any form, and what follows; those of base 64 are read on the way to their end.
#[inline(always)]
fn integer(text: &[u8]) -> Option<(i64, &[u8])> {
    let (is_negative, digits) = match text {
        [b'#', digits @ ..] => (false, digits),
        [b'-', b'#', digits @ ..] => (true, digits),
        _ => {
            let (word, text) = word(text);
            return Some((number::parse_int(word)?, text));
        }
    };
    let (value, count) = number::leading_base64(digits)?;
    Some((signed(is_negative, value), &digits[count..]))
}

/// A decimal integer of up to 15 digits, and what follows.
#[inline(always)]
fn decimal(text: &[u8]) -> Option<(i64, &[u8])> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, text),
    };
    let (value, count) = number::leading_decimal(digits)?;
    Some((signed(is_negative, value), &digits[count..]))
}

#[inline(always)]
fn signed(is_negative: bool, magnitude: u64) -> i64 {
    if is_negative { -(magnitude as i64) } else { magnitude as i64 }
}
