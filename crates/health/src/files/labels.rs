//! Patterns on labels: `host labels: _os=linux freebsd  rack=!r7 *`.

use patterns::SimplePattern;

/// Decides by labels: each key that is named must have a value that matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelPattern {
    keys: Vec<(String, SimplePattern)>,
}

impl LabelPattern {
    /// Reads `key=pattern` items; a word without `=` is one more word for the key before it.
    ///
    /// # Errors
    /// What was expected, where the first word has no key.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.replace(" =", "=").replace("= ", "=");
        let mut keys: Vec<(String, String)> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let (key, value) = match word.split_once('=') {
                Some((key, value)) if !key.is_empty() => (key, value),
                Some(_) => return Err("expected a label's name before \"=\"".into()),
                None => (keys.last().map_or("", |(key, _)| key), word),
            };
            if key.is_empty() {
                return Err(format!("expected label=pattern, found \"{word}\""));
            }
            match keys.iter().position(|(known, _)| *known == key) {
                Some(known) => {
                    let words = &mut keys[known].1;
                    words.push(' ');
                    words.push_str(value);
                }
                None => keys.push((key.to_owned(), value.to_owned())),
            }
        }
        Ok(Self { keys: keys.into_iter().map(|(key, words)| (key, SimplePattern::new(&words))).collect() })
    }

    /// Whether the labels that `value` gives match. A label that is not there does not.
    pub fn matches<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> bool {
        self.keys.iter().all(|(key, pattern)| value(key).is_some_and(|value| pattern.matches(value)))
    }

    /// Adds another pattern's keys.
    pub(super) fn extend(&mut self, more: Self) {
        self.keys.extend(more.keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of one key are alternatives, keys must all match.
    #[test]
    fn keys_and_values() {
        let labels = |key: &str| match key {
            "_os" => Some("freebsd"),
            "rack" => Some("r8"),
            _ => None,
        };
        for (text, expected) in [
            ("_os=linux freebsd", true),
            ("_os=linux", false),
            ("_os = linux freebsd rack=!r7 *", true),
            ("_os=freebsd rack=!r8 *", false),
            ("_os=* nobody=*", false),
            ("rack=r7 rack=r8", true),
        ] {
            assert_eq!(LabelPattern::parse(text).unwrap().matches(labels), expected, "{text}");
        }
        assert!(LabelPattern::parse("linux").is_err() && LabelPattern::parse("=x").is_err());
    }
}
