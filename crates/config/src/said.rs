//! What was said, before anybody decides what it means: a raw value and where it stands.

use std::fmt;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use crate::secret::{Secrecy, shorten_guids};

/// Where a value was said; also what a message about it begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The settings file and a line of it, counted from 1.
    File { name: Rc<str>, line: u32 },
    /// A variable of the environment.
    Environment(String),
    /// An option of the command line, with its key if it is `--set`.
    CommandLine(String),
}

impl Origin {
    /// The same place at another line, where there are lines.
    pub(crate) fn at_line(&self, line: u32) -> Self {
        match self {
            Self::File { name, .. } if line > 0 => Self::File { name: name.clone(), line },
            other => other.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Environment(variable) => write!(f, "environment {}", shorten_guids(variable)),
            Self::CommandLine(option) => f.write_str(&shorten_guids(option)),
        }
    }
}

/// A key and its value, as said: the path is not looked up yet.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) path: Vec<String>,
    pub(crate) value: Raw,
    pub(crate) origin: Origin,
}

/// Brings what was said into the order of lines, then of names of variables.
pub(crate) fn in_order(mut said: Vec<Said>) -> Vec<Said> {
    fn rank(said: &Said) -> (u32, &str) {
        match &said.origin {
            Origin::File { line, .. } => (*line, ""),
            Origin::Environment(name) | Origin::CommandLine(name) => (0, name),
        }
    }
    // Stable, so that a table stays in front of its keys where they share a line.
    said.sort_by(|one, other| rank(one).cmp(&rank(other)));
    said
}

/// A value of a file, or a text of the environment or the command line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Raw {
    pub(crate) what: What,
    /// The line in the file, counted from 1; 0 elsewhere.
    pub(crate) line: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Bool(bool),
    /// Beyond the range of `i64` it is kept as [`What::Other`].
    Integer(i64),
    /// As written: `f64` and its parser and printer cost 35 KB of program, for seconds with a point.
    Float(String),
    Text(String),
    List(Vec<Raw>),
    Table,
    /// A date, or a number out of every range: of no kind of setting.
    Other(String),
    /// A text outside a file: its kind decides how it is read.
    Bare(String),
}

impl Raw {
    /// Takes over a value of TOML; `line` tells the line of an offset.
    pub(crate) fn of_toml(value: &Spanned<DeValue<'_>>, line: &dyn Fn(usize) -> u32) -> Self {
        let what = match value.get_ref() {
            DeValue::String(text) => What::Text(text.to_string()),
            DeValue::Integer(number) => integer(number),
            DeValue::Float(number) => What::Float(number.as_str().to_owned()),
            DeValue::Boolean(value) => What::Bool(*value),
            DeValue::Datetime(date) => What::Other(date.to_string()),
            DeValue::Array(list) => What::List(list.iter().map(|value| Self::of_toml(value, line)).collect()),
            DeValue::Table(_) => What::Table,
        };
        Self { what, line: line(value.span().start) }
    }

    /// Reads a text as a TOML value, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        DeValue::parse(text).ok().map(|value| Self::of_toml(&value, &|_| 0))
    }

    /// A text from outside a file.
    pub(crate) fn bare(text: impl Into<String>) -> Self {
        Self { what: What::Bare(text.into()), line: 0 }
    }

    /// The value as a message shows it, in the manner of TOML, cut where it is long.
    pub(crate) fn shown(&self, secrecy: Secrecy) -> String {
        match &self.what {
            What::Text(text) | What::Bare(text) => quote(&cut(&secrecy.shown(text))),
            What::Table => "a table".into(),
            _ if secrecy != Secrecy::Open => quote(crate::secret::HIDDEN),
            What::Bool(value) => value.to_string(),
            What::Integer(value) => value.to_string(),
            What::List(list) => {
                let list: Vec<String> = list.iter().map(|value| value.shown(secrecy)).collect();
                format!("[{}]", cut(&list.join(", ")))
            }
            What::Float(text) | What::Other(text) => cut(text),
        }
    }
}

fn integer(number: &DeInteger<'_>) -> What {
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(value) => What::Integer(value),
        Err(_) => What::Other(number.to_string()),
    }
}

/// Characters of a value that a message shows.
const SHOWN_CHARACTERS_MAX: usize = 80;

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text as a TOML string on one line.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
