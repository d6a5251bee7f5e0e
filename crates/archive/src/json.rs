//! JSON as it is read, value by value: nothing of it is kept but what the caller takes.
//!
//! Answers of archives are long and of one shape, and a tree of them would take ten times their bytes.
//! Reading is total: whatever the bytes are, it ends with a value or an error that says where.

use std::borrow::Cow;

/// Arrays and objects within one another.
const DEPTH_MAX: usize = 32;

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) at: usize,
}

/// Bytes that are read.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, Fault>;

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn fault<T>(&self, what: &'static str) -> Read<T> {
        Err(Fault { what, at: self.at })
    }

    /// What the next value begins with.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let blanks = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blanks;
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Read<()> {
        if self.take(byte) { Ok(()) } else { self.fault(what) }
    }

    /// Nothing follows any more.
    pub(crate) fn end(&mut self) -> Read<()> {
        if self.peek().is_none() { Ok(()) } else { self.fault("more than one value") }
    }

    /// Calls `f` for each key of an object; it reads the value.
    pub(crate) fn object(&mut self, mut f: impl FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        self.expect(b'{', "no object")?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.text()?;
            self.expect(b':', "no colon")?;
            f(self, &key)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "no comma")?;
        }
    }

    /// Calls `f` for each value of an array; it reads the value.
    pub(crate) fn array(&mut self, mut f: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(b'[', "no array")?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            f(self)?;
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "no comma")?;
        }
    }

    /// Reads a text.
    pub(crate) fn text(&mut self) -> Read<Cow<'a, str>> {
        self.expect(b'"', "no text")?;
        let begin = self.at;
        let bytes = self.bytes;
        let plain = bytes[begin..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count();
        self.at += plain;
        let utf8 = |reader: &Self, bytes: &'a [u8]| std::str::from_utf8(bytes).or_else(|_| reader.fault("no UTF-8"));
        let head = utf8(self, &bytes[begin..self.at])?;
        if bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(head));
        }
        let mut text = head.to_owned();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escaped()?),
                Some(_) => {
                    let rest = &bytes[self.at..];
                    let count = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count();
                    text.push_str(utf8(self, &rest[..count])?);
                    self.at += count;
                }
                None => return self.fault("a text without end"),
            }
        }
    }

    fn escaped(&mut self) -> Read<char> {
        let letter = self.bytes.get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unit(),
            _ => {
                self.at = self.at.min(self.bytes.len());
                return self.fault("an unknown escape");
            }
        })
    }

    /// A character as one unit of UTF-16, or as two.
    fn unit(&mut self) -> Read<char> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        self.at += 2;
        let low = self.hex()?;
        let code = 0x1_0000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.bytes.get(self.at..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = code.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return self.fault("an unknown escape");
        };
        self.at += 4;
        Ok(code)
    }

    /// Reads a number.
    pub(crate) fn number(&mut self) -> Read<f64> {
        self.peek();
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.bytes[self.at..].iter().take_while(is_part).count();
        let text = std::str::from_utf8(&self.bytes[self.at..self.at + length]).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(number) => {
                self.at += length;
                Ok(number)
            }
            Err(_) => self.fault("no number"),
        }
    }

    /// Reads `true` or `false`.
    pub(crate) fn is_true(&mut self) -> Read<bool> {
        for (word, value) in [("true", true), ("false", false)] {
            self.peek();
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fault("neither true nor false")
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self) -> Read<()> {
        self.skip_within(0)
    }

    fn skip_within(&mut self, depth: usize) -> Read<()> {
        if depth > DEPTH_MAX {
            return self.fault("too many values within values");
        }
        match self.peek() {
            Some(b'{') => self.object(|reader, _| reader.skip_within(depth + 1)),
            Some(b'[') => self.array(|reader| reader.skip_within(depth + 1)),
            Some(b'"') => self.text().map(drop),
            Some(b't' | b'f') => self.is_true().map(drop),
            Some(b'n') if self.bytes[self.at..].starts_with(b"null") => {
                self.at += 4;
                Ok(())
            }
            Some(_) => self.number().map(drop),
            None => self.fault("the end, where a value should be"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: texts come back as they were meant.
    #[test]
    fn texts() {
        for (json, text) in [
            (r#""""#, ""),
            (r#""ä plain""#, "ä plain"),
            (r#""a\"b\\c\/\n\t\u00e4\ud83e\udd80x""#, "a\"b\\c/\n\tä🦀x"),
            (r#""\ud83e!""#, "\u{fffd}!"),
        ] {
            assert_eq!(Reader::new(json.as_bytes()).text().unwrap(), text, "{json}");
        }
        for json in [r#"""#, r#""\"#, r#""\x""#, r#""\u12""#, "\"\u{1}\\", "x"] {
            assert!(Reader::new(json.as_bytes()).text().is_err(), "{json}");
        }
        assert!(Reader::new(b"\"\xff\"").text().is_err());
    }

    /// Goal: any value can be passed over, and depth has an end.
    #[test]
    fn values_are_passed_over() {
        for json in ["{}", " [ 1 , -2.5e3, null,true , false, \"x\" ] ", r#"{"a":{"b":[[],{}]},"c":1}"#] {
            let mut reader = Reader::new(json.as_bytes());
            assert_eq!(reader.skip().and_then(|()| reader.end()), Ok(()), "{json}");
        }
        for json in ["", "{", "[1", "[1,]", "{\"a\"}", "nul", "+", "{a:1}", "[1 2]"] {
            assert!(Reader::new(json.as_bytes()).skip().is_err(), "{json}");
        }
        assert!(Reader::new("[".repeat(100_000).as_bytes()).skip().is_err());
    }
}
