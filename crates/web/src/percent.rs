//! Percent-encoding, read leniently: a `%` without two digits stands for itself.

/// What a `+` means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself, as in paths.
    Literal,
    /// A blank, as in queries.
    Blank,
}

/// Decodes a text; `None` where that gives a NUL or no UTF-8.
pub(crate) fn decode(text: &str, plus: Plus) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let pair = after.first_chunk::<2>().and_then(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
        let (byte, next) = match (byte, pair) {
            (b'%', Some(byte)) => (byte, &after[2..]),
            (b'+', _) if plus == Plus::Blank => (b' ', after),
            _ => (byte, after),
        };
        decoded.push(byte);
        rest = next;
    }
    String::from_utf8(decoded).ok().filter(|text| !text.contains('\0'))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good and bad escapes, blanks and characters beyond ASCII.
    #[test]
    fn escapes_are_read_leniently() {
        for (text, expected) in [
            ("", Some("")),
            ("a%20b+c", Some("a b c")),
            ("%2f%2F", Some("//")),
            ("100%", Some("100%")),
            ("%zz%4", Some("%zz%4")),
            ("%C3%A4ä", Some("ää")),
            ("%00", None),
            ("%ff", None),
        ] {
            assert_eq!(decode(text, Plus::Blank).as_deref(), expected, "{text}");
        }
        assert_eq!(decode("a+b", Plus::Literal).as_deref(), Some("a+b"));
    }
}
