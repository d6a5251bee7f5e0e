//! Words of an expression.

use super::parser::{ParseError, Wrong};
use super::{NAME_BYTES_MAX, Status};

/// What an expression is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'t> {
    Number(f64),
    Variable(&'t str),
    /// A constant: a variable whose value is known.
    Constant(Status),
    Open,
    Close,
    Question,
    Colon,
    Not,
    Abs,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    /// The end of the text.
    End,
}

/// Reads words one by one.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

/// Symbols, the longer of two that begin alike first.
const SYMBOLS: [(&str, Token<'static>); 20] = [
    ("&&", Token::And),
    ("||", Token::Or),
    ("==", Token::Equal),
    ("!=", Token::NotEqual),
    ("<>", Token::NotEqual),
    ("<=", Token::LessEqual),
    (">=", Token::GreaterEqual),
    ("<", Token::Less),
    (">", Token::Greater),
    ("=", Token::Equal),
    ("!", Token::Not),
    ("+", Token::Plus),
    ("-", Token::Minus),
    ("*", Token::Times),
    ("/", Token::Divide),
    ("%", Token::Modulo),
    ("(", Token::Open),
    (")", Token::Close),
    ("?", Token::Question),
    (":", Token::Colon),
];

/// Words, in any case.
const WORDS: [(&str, Token<'static>); 8] = [
    ("and", Token::And),
    ("or", Token::Or),
    ("not", Token::Not),
    ("abs", Token::Abs),
    ("nan", Token::Number(f64::NAN)),
    ("null", Token::Number(f64::NAN)),
    ("inf", Token::Number(f64::INFINITY)),
    ("infinity", Token::Number(f64::INFINITY)),
];

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next word and where it begins.
    pub(super) fn next(&mut self) -> Result<(Token<'t>, usize), ParseError> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let begin = self.at;
        let rest = &self.text[begin..];
        let (token, bytes) = match rest.as_bytes().first() {
            None => (Token::End, 0),
            Some(b'$') => variable(rest).map_err(|wrong| self.error(begin, wrong))?,
            Some(b'0'..=b'9' | b'.') => number(rest).ok_or_else(|| self.error(begin, Wrong::Operand))?,
            Some(b'a'..=b'z' | b'A'..=b'Z') => word(rest).ok_or_else(|| self.error(begin, Wrong::Operand))?,
            Some(_) => symbol(rest).ok_or_else(|| self.error(begin, Wrong::Operand))?,
        };
        self.at += bytes;
        Ok((token, begin))
    }

    /// An error at a byte, which becomes a column.
    pub(super) fn error(&self, at: usize, wrong: Wrong) -> ParseError {
        ParseError { column: self.text[..at].chars().count() + 1, wrong }
    }
}

fn symbol(text: &str) -> Option<(Token<'static>, usize)> {
    SYMBOLS.iter().find(|(symbol, _)| text.starts_with(symbol)).map(|&(symbol, token)| (token, symbol.len()))
}

fn word(text: &str) -> Option<(Token<'static>, usize)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let known = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text[..end]));
    known.map(|&(_, token)| (token, end))
}

/// Digits with an optional fraction and an optional exponent.
fn number(text: &str) -> Option<(Token<'static>, usize)> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    let mut count = end;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        (end, count) = (end + 1 + fraction, count + fraction);
    }
    if count == 0 {
        return None;
    }
    if bytes.get(end).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'e')) {
        let sign = usize::from(bytes.get(end + 1).is_some_and(|byte| b"+-".contains(byte)));
        let exponent = digits(end + 1 + sign);
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    text[..end].parse().ok().map(|number| (Token::Number(number), end))
}

/// `$name` goes up to a blank or an operator, `${any text}` up to the bracket.
fn variable(text: &str) -> Result<(Token<'_>, usize), Wrong> {
    let (name, bytes) = match text.strip_prefix("${") {
        Some(rest) => {
            let end = rest.find('}').ok_or(Wrong::Operand)?;
            (rest[..end].trim(), end + 3)
        }
        None => {
            let ends = |c: char| c.is_whitespace() || "&|!><=%+-*/?(){}".contains(c);
            let name = &text[1..];
            let name = &name[..name.find(ends).unwrap_or(name.len())];
            (name, name.len() + 1)
        }
    };
    if name.is_empty() {
        return Err(Wrong::Operand);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Wrong::LongName);
    }
    let constant = Status::ALL.into_iter().find(|status| status.name() == name);
    Ok((constant.map_or(Token::Variable(name), Token::Constant), bytes))
}
