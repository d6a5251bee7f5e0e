//! Mistakes in settings: all of them are collected, one line each.

use std::error::Error;
use std::fmt;

use crate::said::Origin;

/// Everything that is wrong with the settings; never empty when returned as an error.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems {
    lines: Vec<String>,
}

impl Problems {
    /// The problems, one line each, in the order of the file, then the environment, then the
    /// command line.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Adds what is wrong at a place.
    pub(crate) fn add(&mut self, origin: &Origin, what: impl fmt::Display) {
        self.lines.push(format!("{origin}: {what}"));
    }

    /// Adds what has no place of its own.
    pub(crate) fn add_line(&mut self, line: String) {
        self.lines.push(line);
    }

    /// `value`, if nothing is wrong.
    pub(crate) fn unless_any<T>(self, value: T) -> Result<T, Self> {
        if self.lines.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

impl Error for Problems {}
