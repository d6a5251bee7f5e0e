//! One line: `name[:value][|kind][|@rate][|#tag:value,tag:value]`

/// Bytes of a name.
pub(crate) const NAME_BYTES_MAX: usize = 200;
/// The smallest rate: a value stands for as many as this at most.
const RATE_MIN: f64 = 1e-3;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A number that stays until another is sent.
    Gauge,
    /// Counts events.
    Counter,
    /// The same by another name.
    Meter,
    /// Milliseconds, of which the interval's distribution is shown.
    Timer,
    /// Any values, likewise.
    Histogram,
    /// Counts different values.
    Set,
    /// Counts events per value.
    Dictionary,
}

impl Kind {
    /// How many there are.
    pub(crate) const COUNT: usize = 7;

    fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"g" => Self::Gauge,
            b"c" | b"C" => Self::Counter,
            b"m" => Self::Meter,
            b"ms" => Self::Timer,
            b"h" => Self::Histogram,
            b"s" => Self::Set,
            b"d" => Self::Dictionary,
            _ => return None,
        })
    }
}

/// A line that makes sense.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) kind: Kind,
    /// As it was sent; empty where nothing was.
    pub(crate) value: &'a [u8],
    /// Of so many events one was sent.
    pub(crate) times: f64,
    /// `tag:value,tag:value`
    pub(crate) tags: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads a line; `None` where it makes no sense.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.trim_ascii().split(|&byte| byte == b'|');
        let head = fields.next()?;
        let (name, value) = match memchr::memchr(b':', head) {
            Some(at) => (&head[..at], &head[at + 1..]),
            None => (head, &[][..]),
        };
        let name = name.trim_ascii();
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return None;
        }
        let mut read = Self { name, kind: Kind::Meter, value: value.trim_ascii(), times: 1.0, tags: &[] };
        for field in fields.map(<[u8]>::trim_ascii) {
            match field {
                [b'@', rate @ ..] => read.times = 1.0 / number(rate)?.clamp(RATE_MIN, 1.0),
                [b'#', tags @ ..] => read.tags = tags,
                [] => {}
                kind => read.kind = Kind::of(kind)?,
            }
        }
        Some(read)
    }

    /// The value of one tag.
    pub(crate) fn tag(&self, name: &str) -> Option<&'a [u8]> {
        self.tags().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
    }

    /// All tags that have a value.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.tags.split(|&byte| byte == b',').filter_map(|tag| {
            let (name, value) = tag.split_at(memchr::memchr(b':', tag)?);
            let (name, value) = (name.trim_ascii(), value[1..].trim_ascii());
            (!name.is_empty() && !value.is_empty()).then_some((name, value))
        })
    }
}

/// The number that a text begins with; `None` where it begins with none.
pub(crate) fn number(text: &[u8]) -> Option<f64> {
    let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let mut end = text.iter().take_while(|&byte| is_of_number(byte)).count().min(40);
    while end > 0 {
        let start = std::str::from_utf8(&text[..end]).ok()?;
        if let Some(value) = start.parse().ok().filter(|value: &f64| value.is_finite()) {
            return Some(value);
        }
        end -= 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Line<'_> = Line { name: b"a", kind: Kind::Meter, value: b"", times: 1.0, tags: b"" };

    /// Goal: each part of a line may be left out, and each kind is known.
    #[test]
    fn parts_of_a_line() {
        for (text, line) in [
            ("a", PLAIN),
            (" a \r", PLAIN),
            ("a:1", Line { value: b"1", ..PLAIN }),
            ("a:1|", Line { value: b"1", ..PLAIN }),
            ("a|c", Line { kind: Kind::Counter, ..PLAIN }),
            ("a:-1.5|g", Line { value: b"-1.5", kind: Kind::Gauge, ..PLAIN }),
            ("a:1|C|@0.25", Line { value: b"1", kind: Kind::Counter, times: 4.0, ..PLAIN }),
            ("a:1|@0|ms", Line { value: b"1", kind: Kind::Timer, times: 1_000.0, ..PLAIN }),
            ("a:1|h|#x:y,z", Line { value: b"1", kind: Kind::Histogram, tags: b"x:y,z", ..PLAIN }),
            ("a:b:c|s", Line { value: b"b:c", kind: Kind::Set, ..PLAIN }),
            ("a:b|d", Line { value: b"b", kind: Kind::Dictionary, ..PLAIN }),
        ] {
            assert_eq!(Line::read(text.as_bytes()), Some(line), "{text}");
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for text in ["", ":1|c", "a:1|zz", "a:1|c|@x", "|c", &long] {
            assert_eq!(Line::read(text.as_bytes()), None, "{text}");
        }
    }

    /// Goal: tags are found by name, and those without a value are none.
    #[test]
    fn tags() {
        let line = Line::read(b"a:1|g|#units: apples ,x,family:trees,:y,z:").unwrap();
        let all: Vec<_> = line.tags().collect();
        assert_eq!(all, [(&b"units"[..], &b"apples"[..]), (b"family", b"trees")]);
        assert_eq!(line.tag("family"), Some(&b"trees"[..]));
        assert_eq!(line.tag("x"), None);
    }

    /// Goal: a number may have anything behind it, but must be there.
    #[test]
    fn numbers() {
        for (text, value) in [
            ("5", Some(5.0)),
            ("+1.5", Some(1.5)),
            ("1e3", Some(1_000.0)),
            ("2.7ms", Some(2.7)),
            ("1e", Some(1.0)),
            ("1-2", Some(1.0)),
            ("1:2:3", Some(1.0)),
            ("1e999", Some(1e99)),
            ("-", None),
            ("nan", None),
            ("inf", None),
            ("", None),
        ] {
            assert_eq!(number(text.as_bytes()), value, "{text}");
        }
    }
}
