//! Splits a line into words, borrowing it.
//!
//! Words are parted by blanks and by `=`, so `SET "a" = 5` and `SET a=5` are the same three words.
//! A word that starts with a quote runs to the next quote of the same kind; a quote inside a word
//! means nothing. A backslash keeps the byte after it from ending the word, and stays in the word.
//! Nothing is decoded here: a word is a piece of the line.

/// Words of a line at most, the keyword included; what follows is dropped, as peers do.
pub const WORDS_MAX: u8 = 30;

const SEPARATOR: u8 = 1;
const BACKSLASH: u8 = 2;

/// What each byte means outside of quotes; 0 is a byte of a word.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let separators = b" \t\r\n\x0b\x0c=";
    let mut at = 0;
    while at < separators.len() {
        class[separators[at] as usize] = SEPARATOR;
        at += 1;
    }
    class[b'\\' as usize] = BACKSLASH;
    class
};

/// The words of one line, from first to last.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: &'a [u8],
    left: u8,
}

impl<'a> Words<'a> {
    /// Starts at the first word of `line`, which is without its newline.
    #[must_use]
    pub const fn new(line: &'a [u8]) -> Self {
        Self { rest: line, left: WORDS_MAX }
    }

    /// What follows the word that was given last, separators before the next word left out.
    #[inline(always)]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        let mut rest = self.rest;
        // Nearly always one blank parts two words.
        if let [b' ', tail @ ..] = rest {
            rest = tail;
        }
        while let [first, tail @ ..] = rest {
            if CLASS[usize::from(*first)] != SEPARATOR {
                break;
            }
            rest = tail;
        }
        rest
    }

    /// The same as `next`, for lines of rows: it becomes part of its caller.
    #[inline(always)]
    pub(crate) fn next_word(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        if rest.is_empty() || self.left == 0 {
            self.rest = &[];
            return None;
        }
        self.left -= 1;
        let first = rest[0];
        if first == b'"' || first == b'\'' {
            let (word, tail) = quoted(&rest[1..], first);
            self.rest = tail;
            return Some(word);
        }
        let end = unquoted(rest);
        self.rest = &rest[end..];
        Some(&rest[..end])
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.next_word()
    }
}

/// The text up to the closing quote, and what follows that; an open quote runs to the end.
#[inline]
fn quoted(text: &[u8], quote: u8) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < text.len() {
        let eight = load(&text[at..]);
        let found = zeros(eight ^ repeat(quote)) | zeros(eight ^ repeat(b'\\'));
        at += first(found);
        if found == 0 || at >= text.len() {
            continue;
        }
        if text[at] == quote {
            return (&text[..at], &text[at + 1..]);
        }
        at += 2;
    }
    (text, &[])
}

/// The length of the word that `text` starts with.
#[inline]
fn unquoted(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        let eight = load(&text[at..]);
        let found = up_to_blank(eight) | zeros(eight ^ repeat(b'=')) | zeros(eight ^ repeat(b'\\'));
        at += first(found);
        if found == 0 || at >= text.len() {
            continue;
        }
        match CLASS[usize::from(text[at])] {
            0 => at += 1,
            SEPARATOR => return at,
            _ => at += 2,
        }
    }
    text.len()
}

// Words are short and of every length, so a loop over bytes costs a wrong guess of the processor at
// each end of a word. Eight bytes at a time, most words are one step: that took 9 of 52 ns per line.

/// The first eight bytes, the first one lowest; zeros where there are fewer.
#[inline(always)]
pub(crate) fn load(text: &[u8]) -> u64 {
    if let Some(eight) = text.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    if let (Some(low), Some(high)) = (text.first_chunk(), text.last_chunk()) {
        let (low, high) = (u64::from(u32::from_le_bytes(*low)), u64::from(u32::from_le_bytes(*high)));
        return low | high << (8 * (text.len() - 4));
    }
    match *text {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        _ => 0,
    }
}

#[inline(always)]
pub(crate) const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Sets the high bit of each byte that is 0; above the first one bytes may be marked that are not.
#[inline(always)]
pub(crate) const fn zeros(eight: u64) -> u64 {
    eight.wrapping_sub(repeat(1)) & !eight & repeat(0x80)
}

/// The same for bytes up to the blank.
#[inline(always)]
pub(crate) const fn up_to_blank(eight: u64) -> u64 {
    eight.wrapping_sub(repeat(b' ' + 1)) & !eight & repeat(0x80)
}

/// The place of the first marked byte, 8 where none is.
#[inline(always)]
pub(crate) const fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn split(line: &[u8]) -> Vec<&[u8]> {
        Words::new(line).collect()
    }

    /// Separators, quotes and backslashes cut a line where real receivers cut it.
    #[test]
    fn lines_are_split_as_receivers_do() {
        let table: [(&str, &[&str]); 16] = [
            ("", &[]),
            ("  \t= ", &[]),
            ("SET \"a\" = 5", &["SET", "a", "5"]),
            ("SET a=5", &["SET", "a", "5"]),
            ("\"a\"\"b\"", &["a", "b"]),
            ("'it \"is\"' x", &["it \"is\"", "x"]),
            ("\"it's\"", &["it's"]),
            ("\"\" '' x", &["", "", "x"]),
            ("a\"b c", &["a\"b", "c"]),
            ("\"a\\\"b\" c", &["a\\\"b", "c"]),
            ("a\\ b c", &["a\\ b", "c"]),
            ("\"open to the end", &["open to the end"]),
            ("\"open\\", &["open\\"]),
            ("word\\", &["word\\"]),
            ("END\r", &["END"]),
            ("\"a\"b", &["a", "b"]),
        ];
        for (line, words) in table {
            let expected: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            assert_eq!(split(line.as_bytes()), expected, "{line}");
        }
    }

    /// Long words, and marks at every place of eight bytes, are cut as a reader byte by byte does.
    #[test]
    fn eight_bytes_at_a_time_cut_the_same() {
        let filler = b"a\x80\x01\xff\x1f!<>[]#a\x7fb";
        for length in 0..30 {
            for mark in b" =\t\\\"'\x0b\r" {
                let mut text: Vec<u8> = filler.iter().copied().cycle().take(length).collect();
                text.push(*mark);
                text.extend_from_slice(b"b c");
                let expected = match CLASS[usize::from(*mark)] {
                    SEPARATOR => length,
                    _ => length + 2,
                };
                assert_eq!(unquoted(&text), expected, "{length} {mark}");
                for quote in [b'"', b'\''] {
                    let (word, _) = quoted(&text, quote);
                    let expected = if *mark == quote { length } else { text.len() };
                    assert_eq!(word.len(), expected, "{length} {mark} {quote}");
                }
            }
        }
    }

    /// A line of more words than the limit loses the last ones, not more.
    #[test]
    fn words_beyond_the_limit_are_dropped() {
        let line: Vec<u8> = b"w ".repeat(50);
        assert_eq!(split(&line).len(), usize::from(WORDS_MAX));
    }

    /// What is left of the line can be taken whole, for texts that peers do not quote.
    #[test]
    fn the_rest_of_a_line_is_at_hand() {
        let mut words = Words::new(b"LABEL \"name\" = 1 some value");
        for _ in 0..3 {
            words.next();
        }
        assert_eq!(words.rest(), b"some value");
        assert_eq!(words.next(), Some(&b"some"[..]));
    }
}
