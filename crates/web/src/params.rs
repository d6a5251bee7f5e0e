//! The parameters of a query: named texts, unknown ones ignored, numbers read leniently.

use crate::percent::{Plus, decode};

/// Numbers beyond this are cut to it, so that sums of times cannot overflow.
const NUMBER_MAX: i64 = 1_000_000_000_000;

/// Names and values, in the order of the URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// Of what path they are, where a test notes what is read of them.
    #[cfg(test)]
    path: Option<String>,
}

/// What was read, by paths and names.
#[cfg(test)]
pub(crate) static READ: std::sync::Mutex<std::collections::BTreeSet<(String, String)>> =
    std::sync::Mutex::new(std::collections::BTreeSet::new());

impl Params {
    fn new(pairs: Vec<(String, String)>) -> Self {
        Self {
            pairs,
            #[cfg(test)]
            path: None,
        }
    }

    /// The same, of which is noted what is read.
    #[cfg(test)]
    pub(crate) fn noted(self, path: String) -> Self {
        Self { path: Some(path), ..self }
    }

    /// The pairs of a name, which is read now.
    fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        #[cfg(test)]
        if let Some(path) = &self.path {
            READ.lock().unwrap().insert((path.clone(), name.into()));
        }
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Splits a query, then decodes each part; `None` where a part holds a NUL or no UTF-8.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let parts = query.split('&').filter(|part| !part.is_empty());
        let decoded = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decode(name, Plus::Blank)?, decode(value, Plus::Blank)?))
        });
        decoded.collect::<Option<Vec<_>>>().map(Self::new)
    }

    /// Splits a query whose separators may be encoded, too: decodes first.
    pub(crate) fn parse_encoded(query: &str) -> Option<Self> {
        let query = decode(query, Plus::Blank)?;
        let parts = query.split('&').filter(|part| !part.is_empty());
        let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
        Some(Self::new(pairs.map(|(name, value)| (name.into(), value.into())).collect()))
    }

    /// The last value of a name; empty values count as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.named(name).rev().find(|value| !value.is_empty())
    }

    /// The last value of a name, an empty one where there is just the name.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.named(name).next_back()
    }

    /// Whether a name is there, and its value does not deny it.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.word(name).is_some_and(|value| !["no", "false", "0"].contains(&value))
    }

    /// All names and values, in their order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of several names in order, empty ones left out.
    pub(crate) fn all<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        #[cfg(test)]
        names.iter().for_each(|name| drop(self.named(name)));
        let named = self.pairs.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// The number that a value begins with: 0 for garbage, `default` where there is no value.
    pub(crate) fn number(&self, name: &str, default: i64) -> i64 {
        self.text(name).map_or(default, leading_number)
    }
}

fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.bytes().map_while(|byte| char::from(byte).to_digit(10));
    sign * digits.fold(0, |number: i64, digit| (number * 10 + i64::from(digit)).min(NUMBER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Empty parts, repeated names and encoded separators.
    #[test]
    fn queries_are_split_then_decoded() {
        let params = Params::parse("a=1&&b=x%26y+z&c&a=2&d=&_=17").unwrap();
        assert_eq!(params.text("a"), Some("2"));
        assert_eq!(params.text("b"), Some("x&y z"));
        assert_eq!((params.text("c"), params.text("d"), params.text("e")), (None, None, None));
        assert_eq!(params.all(&["a", "b"]).collect::<Vec<_>>(), ["1", "x&y z", "2"]);
        let encoded = Params::parse_encoded("a%3Db%26c%3Dd&e=f").unwrap();
        assert_eq!((encoded.text("a"), encoded.text("c"), encoded.text("e")), (Some("b"), Some("d"), Some("f")));
        assert_eq!(Params::parse("a=%00"), None);
        assert_eq!(Params::parse_encoded("%ff=a"), None);
    }

    /// The longest numeric prefix counts.
    #[test]
    fn numbers_are_read_leniently() {
        for (text, number) in [
            ("12", 12),
            ("-60s", -60),
            ("+5", 5),
            ("abc", 0),
            ("-", 0),
            ("1.9", 1),
            ("99999999999999999999999999", NUMBER_MAX),
            ("-99999999999999999999999999", -NUMBER_MAX),
        ] {
            assert_eq!(Params::new(vec![("n".into(), text.into())]).number("n", 7), number, "{text}");
        }
        assert_eq!(Params::default().number("n", 7), 7);
    }
}
