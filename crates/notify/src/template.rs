//! Templates: texts in which `{{name}}` stands for a value of a message.
//!
//! The text around a template decides how values are escaped: as a part of a JSON text, of a form, of HTML.

use crate::facts::{Facts, NAMES};

/// How values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Inside the quotes of a JSON text.
    Json,
    /// In a form, or in a URL.
    Form,
    Html,
    /// Not at all: values have no line breaks, nor other characters of control.
    Plain,
}

/// A text with places for values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(&'static str),
}

impl Template {
    /// Reads a template; the error says what is wrong at which character.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find("{{") {
            let column = || text[..text.len() - rest.len() + begin].chars().count() + 1;
            let inner = &rest[begin + 2..];
            let Some(end) = inner.find("}}") else {
                return Err(format!("character {}: expected }}}} behind {{{{", column()));
            };
            let name = inner[..end].trim();
            let Some(known) = NAMES.iter().find(|known| **known == name) else {
                let name: String = name.chars().take(40).collect();
                return Err(format!("character {}: {{{{{name}}}}}: expected one of {}", column(), NAMES.join(", ")));
            };
            parts.extend([Part::Text(rest[..begin].to_owned()), Part::Value(known)]);
            rest = &inner[end + 2..];
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with the values in their places.
    pub(crate) fn fill(&self, facts: &Facts, escape: Escape) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(name) => escape.write(facts.get(name), &mut out),
            }
        }
        out
    }
}

impl Escape {
    /// Appends a value.
    pub(crate) fn write(self, value: &str, out: &mut String) {
        match self {
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
            Self::Form => value.bytes().for_each(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
                _ => out.push_str(&format!("%{byte:02X}")),
            }),
            Self::Html => value.chars().for_each(|character| match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            }),
            Self::Plain => out.push_str(value),
        }
    }

    /// The value, escaped.
    pub(crate) fn of(self, value: &str) -> String {
        let mut out = String::new();
        self.write(value, &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use health::expression::Status;

    use super::*;
    use crate::facts::tests::message;

    /// Goal: values are escaped as their surroundings ask for, and a value that looks like a template is
    /// a value.
    #[test]
    fn escapes() {
        let facts = Facts::of(&message(Status::Critical), "");
        let template = Template::parse("{{ info }} is {{status}}{{url}}.").unwrap();
        for (escape, expected) in [
            (Escape::Json, r#"space runs out on <!channel> {{title}} \"$\" is CRITICAL."#),
            (Escape::Html, "space runs out on &lt;!channel&gt; {{title}} &quot;$&quot; is CRITICAL."),
            (Escape::Form, "space%20runs%20out%20on%20%3C%21channel%3E%20%7B%7Btitle%7D%7D%20%22%24%22 is CRITICAL."),
            (Escape::Plain, "space runs out on <!channel> {{title}} \"$\" is CRITICAL."),
        ] {
            assert_eq!(template.fill(&facts, escape), expected, "{escape:?}");
        }
        let json = Template::parse(r#"{"a":{"b":"{{family}}"}}"#).unwrap().fill(&facts, Escape::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["a"]["b"], facts.get("family"));
        assert!(Template::parse("").unwrap().is_empty());
    }

    /// Goal: what is no template says where.
    #[test]
    fn mistakes() {
        let error = |text| Template::parse(text).unwrap_err();
        assert_eq!(error("größe {{title"), "character 7: expected }} behind {{");
        assert!(error("{{title}} {{titel}}").starts_with("character 11: {{titel}}: expected one of title, host, "));
        assert!(error("{{}}").starts_with("character 1: {{}}: expected"));
    }
}
