//! JSON, written by hand into one buffer: commas come by themselves, texts are escaped.
//!
//! No tree is built. Who writes is trusted to close what it opens and to name what is in an object.

use std::mem;

use row::text::{write_double, write_int};

/// A JSON text in the making.
#[derive(Debug, Default)]
pub(crate) struct Json {
    out: Vec<u8>,
    /// A value stands before the next one.
    comma: bool,
}

impl Json {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), comma: false }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Goes on with a text that is made in pieces: `comma` tells whether a value stands before the next one,
    /// and is kept from piece to piece.
    pub(crate) fn go_on<T>(out: &mut Vec<u8>, comma: &mut bool, write: impl FnOnce(&mut Self) -> T) -> T {
        let mut json = Self { out: mem::take(out), comma: *comma };
        let written = write(&mut json);
        (*out, *comma) = (json.out, json.comma);
        written
    }

    /// The text so far, and whether a value stands before the next one: to go on with in pieces.
    pub(crate) fn pause(self) -> (Vec<u8>, bool) {
        (self.out, self.comma)
    }

    /// Opens an object or an array that is not closed in the same piece.
    pub(crate) fn open(&mut self, bracket: u8) {
        self.lead();
        self.out.push(bracket);
        self.comma = false;
    }

    /// Closes what was opened.
    pub(crate) fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.comma = true;
    }

    /// Writes an object; `fill` writes keys and values.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.nested(b"{}", fill);
    }

    /// Writes an array; `fill` writes values.
    pub(crate) fn array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.nested(b"[]", fill);
    }

    fn nested(&mut self, brackets: &[u8; 2], fill: impl FnOnce(&mut Self)) {
        self.open(brackets[0]);
        fill(self);
        self.close(brackets[1]);
    }

    /// Writes a key; a value must follow.
    pub(crate) fn key(&mut self, key: &str) -> &mut Self {
        self.text(key);
        self.out.push(b':');
        self.comma = false;
        self
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.lead();
        write_text(&mut self.out, text);
    }

    pub(crate) fn int(&mut self, value: i64) {
        self.lead();
        write_int(&mut self.out, value);
    }

    pub(crate) fn count(&mut self, value: usize) {
        self.int(i64::try_from(value).unwrap_or(i64::MAX));
    }

    pub(crate) fn uint(&mut self, value: u64) {
        self.int(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Writes a number with at most seven decimals, or `null`.
    pub(crate) fn double(&mut self, value: f64) {
        self.lead();
        write_double(&mut self.out, value);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    pub(crate) fn null(&mut self) {
        self.raw(b"null");
    }

    /// Writes a value that is JSON already, as `write` appends it.
    pub(crate) fn written(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.lead();
        write(&mut self.out);
    }

    /// Writes a value that is JSON already.
    pub(crate) fn raw(&mut self, json: &[u8]) {
        self.lead();
        self.out.extend_from_slice(json);
    }

    fn lead(&mut self) {
        if std::mem::replace(&mut self.comma, true) {
            self.out.push(b',');
        }
    }
}

/// Writes a text with its quotes.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// Writes what is to stand between quotes.
pub(crate) fn write_escaped(out: &mut Vec<u8>, mut rest: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    while let Some(at) = rest.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            byte => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nesting, commas, and texts that need escapes, read back by another implementation.
    #[test]
    fn what_is_written_is_json() {
        let nasty = "q\" b\\ n\n t\t z\u{1} d\u{7f} ä 🦀 </script> \u{2028}";
        let mut json = Json::default();
        json.object(|json| {
            json.key(nasty).text(nasty);
            json.key("a").array(|json| {
                json.array(|_| ());
                json.int(-1);
                json.double(0.5);
                json.double(f64::NAN);
                json.object(|_| ());
                json.null();
            });
            json.key("b").bool(true);
        });
        let value: serde_json::Value = serde_json::from_slice(&json.finish()).unwrap();
        assert_eq!(value, serde_json::json!({ nasty: nasty, "a": [[], -1, 0.5, null, {}, null], "b": true }));
    }
}
