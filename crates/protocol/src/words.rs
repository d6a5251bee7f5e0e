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
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        let mut rest = self.rest;
        while let [first, tail @ ..] = rest {
            if CLASS[usize::from(*first)] != SEPARATOR {
                break;
            }
            rest = tail;
        }
        rest
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
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

/// The text up to the closing quote, and what follows that; an open quote runs to the end.
#[inline]
fn quoted(text: &[u8], quote: u8) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        if byte == quote {
            return (&text[..at], &text[at + 1..]);
        }
        at += if byte == b'\\' { 2 } else { 1 };
    }
    (text, &[])
}

/// The length of the word that `text` starts with.
#[inline]
fn unquoted(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        match CLASS[usize::from(text[at])] {
            0 => at += 1,
            SEPARATOR => return at,
            _ => at += 2,
        }
    }
    text.len()
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
