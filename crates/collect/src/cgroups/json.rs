//! The strings of a JSON text, as far as the files of container engines need them.
//!
//! Any bytes give some strings or none; escapes stay as they are, since names have none.

/// A string and where it stands.
#[derive(Debug, PartialEq)]
pub(crate) struct Text<'a> {
    /// How many objects and arrays it is in.
    pub depth: u32,
    /// The key that it, or the array that it is in, stands at.
    pub key: &'a [u8],
    /// The string, as it is written.
    pub value: &'a [u8],
}

/// The strings of a text in their order.
pub(crate) struct Texts<'a> {
    rest: &'a [u8],
    depth: u32,
    key: &'a [u8],
}

impl<'a> Texts<'a> {
    /// Reads `text`.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, depth: 0, key: b"" }
    }

    /// What stands before the quote that ends a string; the rest begins after it.
    fn string(&mut self) -> Option<&'a [u8]> {
        let mut at = 0;
        loop {
            match self.rest.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        let (text, rest) = (&self.rest[..at], &self.rest[at + 1..]);
        self.rest = rest;
        Some(text)
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b'"' => {
                    let text = self.string()?;
                    if !self.rest.trim_ascii_start().starts_with(b":") {
                        return Some(Text { depth: self.depth, key: self.key, value: text });
                    }
                    self.key = text;
                }
                _ => {}
            }
        }
    }
}

/// The string at a key of the outermost object.
pub(crate) fn find<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    Texts::new(text).find(|text| text.depth == 1 && text.key == key.as_bytes()).map(|text| text.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: strings are found by key and depth, whatever stands in others; any bytes are survived.
    #[test]
    fn strings() {
        let text = br#"{"a\"b":"{\\","Config":{"Name":"inner","Env":["A=\"1\"","B=2"]},"n":5, "Name" : "/web"}"#;
        assert_eq!(find(text, "Name"), Some(&b"/web"[..]));
        assert_eq!((find(text, "n"), find(text, "Env")), (None, None));
        let list: Vec<_> =
            Texts::new(text).filter(|text| text.key == b"Env").map(|text| (text.depth, text.value)).collect();
        assert_eq!(list, [(3, &br#"A=\"1\""#[..]), (3, b"B=2")]);
        crate::tests::mutate(text, |text| {
            Texts::new(text).count();
        });
    }
}
