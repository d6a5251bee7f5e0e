//! Simple patterns: lists of words with `*` and `!`, first match wins.
//!
//! They decide which charts are sent, which addresses may enter, which disks are left out. A list
//! is words separated by blanks (or by other characters, where names may hold blanks); `*` stands
//! for any run of characters, a leading `!` makes a word negative, `\` takes away the meaning of
//! the character after it. Words are tried in order and the first that matches decides; no match
//! means no. Letters match in their own case only.
//!
//! A match costs one pass over the text per word, whatever stars the word holds, and allocates
//! nothing. What is deliberately not here: names of addresses (DNS), and patterns on labels.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod word;

use alloc::boxed::Box;

use word::Word;

pub use address::LOCALHOST;

/// What separates the words of [`SimplePattern::new`].
pub const BLANKS: &[char] = &[' ', '\t', '\n', '\r', '\x0b', '\x0c'];

/// A list of words, parsed once and matched many times.
///
/// The empty list matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SimplePattern {
    words: Box<[Word]>,
}

/// What a list says about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first word that matches is a positive one.
    Positive,
    /// The first word that matches begins with `!`.
    Negative,
    /// No word matches.
    Unmatched,
}

impl SimplePattern {
    /// Parses a list of words separated by blanks. Every text is a list.
    #[must_use]
    pub fn new(list: &str) -> Self {
        Self::with_separators(list, BLANKS)
    }

    /// Parses a list of words separated by any of `separators`; all other characters, blanks
    /// included, belong to the words.
    #[must_use]
    pub fn with_separators(list: &str, separators: &[char]) -> Self {
        Self { words: word::parse(list, separators).into_boxed_slice() }
    }

    /// Whether the list has no word, and therefore matches nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether the first word that matches `text` is a positive one.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.verdict(text) == Verdict::Positive
    }

    /// What the list says about `text`, for callers to whom "excluded" and "not mentioned" differ.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict {
        self.decide(|word| word.matches(text))
    }

    fn decide(&self, matches: impl Fn(&Word) -> bool) -> Verdict {
        match self.words.iter().find(|word| matches(word)) {
            Some(word) if word.negative => Verdict::Negative,
            Some(_) => Verdict::Positive,
            None => Verdict::Unmatched,
        }
    }
}

#[cfg(test)]
mod tests;
