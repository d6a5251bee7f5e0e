//! One word of a list: the literal texts between its stars.
//!
//! `a*b*c` is kept as the pieces `a`, `b`, `c`. The first piece must begin the text, the last must
//! end it, and each between them is taken at its first place after the one before; taking the
//! first place never spoils a later one, so there is no going back and no blow-up.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::take;

/// A word: `pieces.len() - 1` stars stand between its pieces, and there is at least one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Whether the word began with `!`.
    pub(crate) negative: bool,
    pieces: Box<[Box<str>]>,
}

impl Word {
    /// Whether the whole of `text` is what the word describes, its sign apart.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let [first, between @ .., last] = &*self.pieces else {
            return self.pieces.first().is_some_and(|whole| **whole == *text);
        };
        // Most lists are a lone star.
        if first.is_empty() && between.is_empty() && last.is_empty() {
            return true;
        }
        let Some(mut rest) = text.strip_prefix(&**first) else { return false };
        for piece in between {
            let Some(at) = rest.find(&**piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(&**last)
    }
}

/// Cuts a list into words. A `!` that stands alone makes the next word negative; one that nothing
/// follows says nothing.
pub(crate) fn parse(list: &str, separators: &[char]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut draft = Draft::default();
    let mut characters = list.chars();
    while let Some(character) = characters.next() {
        match character {
            // Before the separators, so that they can be escaped too. At the end of a list there
            // is nothing to escape, and the backslash is itself.
            '\\' => draft.push(characters.next().unwrap_or('\\')),
            separator if separators.contains(&separator) => words.extend(draft.finish()),
            '!' if !draft.begun && !draft.marked => (draft.negative, draft.marked) = (true, true),
            '*' => draft.star(),
            other => draft.push(other),
        }
    }
    words.extend(draft.finish());
    words
}

/// A word that is being read.
#[derive(Default)]
struct Draft {
    negative: bool,
    /// Whether this word's own `!` was read; a second one is a character like others.
    marked: bool,
    begun: bool,
    pieces: Vec<Box<str>>,
    piece: String,
}

impl Draft {
    fn push(&mut self, character: char) {
        self.begun = true;
        self.piece.push(character);
    }

    fn star(&mut self) {
        // Stars side by side are one star: between them no empty piece is kept.
        if !self.piece.is_empty() || !self.begun {
            self.pieces.push(take(&mut self.piece).into_boxed_str());
        }
        self.begun = true;
    }

    /// The word, if there is one. A lone `!` stays with the draft and marks the word that follows.
    fn finish(&mut self) -> Option<Word> {
        self.marked = false;
        if !take(&mut self.begun) {
            return None;
        }
        let mut pieces = take(&mut self.pieces);
        pieces.push(take(&mut self.piece).into_boxed_str());
        Some(Word { negative: take(&mut self.negative), pieces: pieces.into_boxed_slice() })
    }
}
