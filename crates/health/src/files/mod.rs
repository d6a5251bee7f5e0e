//! Alarm files: what operators write, read into definitions.
//!
//! ```text
//! folders ─> lines: one keyword and its value ─> entry: one alarm or template ─> Definition
//! ```
//!
//! A mistake is told with its file and line, and costs the entry that it is in, or less; the rest
//! of the file still counts.

mod definition;
mod delay;
mod duration;
mod entry;
mod folders;
mod labels;
mod lines;
mod lookup;
#[cfg(test)]
mod tests;

pub use definition::{Definition, On, Source};
pub use delay::{Delay, Repeat};
pub use duration::{Duration, parse_duration};
pub use folders::{Found, read_folders};
pub use labels::LabelPattern;
pub use lookup::{Combine, Lookup, MatchBy};

use entry::Entry;
use lines::Lines;

/// Definitions of one file at most.
pub const DEFINITIONS_MAX: usize = 20_000;
/// Problems of one file that are told at most.
pub const PROBLEMS_MAX: usize = 100;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {text}")]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub text: String,
}

/// Reads the text of a file; `file` is what problems call it.
#[must_use]
pub fn read(file: &str, text: &str) -> (Vec<Definition>, Vec<Problem>) {
    let (mut definitions, mut problems) = (Vec::new(), Problems::new(file));
    let mut entry: Option<Entry> = None;
    for line in Lines::new(text) {
        let (number, line) = match line {
            Ok(line) => (line.number, line),
            Err((number, text)) => {
                problems.add(number, text);
                continue;
            }
        };
        if let Some(begun) = Entry::begin(&line, &mut problems) {
            let ended = entry.replace(begun);
            definitions.extend(ended.and_then(|entry| entry.finish(&mut problems)));
            if definitions.len() == DEFINITIONS_MAX {
                problems.add(number, format!("more than {DEFINITIONS_MAX} alarms in one file, the rest is left out"));
                return (definitions, problems.list);
            }
        } else if let Some(entry) = &mut entry {
            entry.take(&line, &mut problems);
        } else {
            problems.add(number, format!("\"{}\" before any alarm or template", line.keyword));
        }
    }
    definitions.extend(entry.and_then(|entry| entry.finish(&mut problems)));
    (definitions, problems.list)
}

/// The problems of one file so far.
struct Problems<'f> {
    file: &'f str,
    list: Vec<Problem>,
}

impl<'f> Problems<'f> {
    const fn new(file: &'f str) -> Self {
        Self { file, list: Vec::new() }
    }

    fn add(&mut self, line: usize, text: String) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(Problem { file: self.file.to_owned(), line, text });
        }
    }
}
