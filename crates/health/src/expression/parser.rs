//! From words to a tree.

use super::lexer::{Lexer, Token};
use super::{Status, TEXT_BYTES_MAX};

/// Parentheses, signs and conditions that may lie within each other.
pub const PARSE_DEPTH_MAX: usize = 60;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {wrong}")]
pub struct ParseError {
    /// The column, counted in letters from 1.
    pub column: usize,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A parenthesis stays open.
    #[error("missing closing parenthesis")]
    Unclosed,
    /// This is no number, variable, function or parenthesis.
    #[error("unknown operand")]
    Operand,
    /// Something is to stand here.
    #[error("expected operand")]
    NoOperand,
    /// Something follows that belongs nowhere.
    #[error("remaining characters after expression")]
    Remaining,
    /// A condition has one arm only.
    #[error("missing second sub-expression of inline conditional")]
    NoElse,
    /// There is nothing.
    #[error("the expression is empty")]
    Empty,
    /// It is longer than [`TEXT_BYTES_MAX`].
    #[error("the expression is longer than {TEXT_BYTES_MAX} bytes")]
    Long,
    /// A name is longer than [`NAME_BYTES_MAX`](super::NAME_BYTES_MAX).
    #[error("the name of the variable is longer than {} bytes", super::NAME_BYTES_MAX)]
    LongName,
    /// It is nested deeper than [`PARSE_DEPTH_MAX`].
    #[error("more than {PARSE_DEPTH_MAX} levels of nesting")]
    Deep,
}

impl Wrong {
    /// The number that Netdata gives it.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Unclosed => 1,
            Self::Operand | Self::Long | Self::LongName | Self::Deep => 2,
            Self::NoOperand | Self::Empty => 3,
            Self::Remaining => 5,
            Self::NoElse => 6,
        }
    }
}

/// An operation on one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Not,
    Minus,
    Plus,
    Abs,
}

/// An operation on two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

/// An expression while it is compiled.
#[derive(Debug)]
pub(super) enum Tree<'t> {
    Number(f64),
    Variable(&'t str),
    Constant(Status),
    Unary(Unary, Box<Tree<'t>>),
    Binary(Binary, Box<(Tree<'t>, Tree<'t>)>),
    Condition(Box<(Tree<'t>, Tree<'t>, Tree<'t>)>),
}

/// Levels of operators, the loosest first.
const LEVELS: u8 = 5;

pub(super) fn parse(text: &str) -> Result<Tree<'_>, ParseError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ParseError { column: 1, wrong: Wrong::Long });
    }
    let mut lexer = Lexer::new(text);
    let (token, at) = lexer.next()?;
    let mut parser = Parser { lexer, token, at, depth: 0 };
    if parser.token == Token::End {
        return Err(parser.error(Wrong::Empty));
    }
    let tree = parser.expression()?;
    if parser.token == Token::End { Ok(tree) } else { Err(parser.error(Wrong::Remaining)) }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The word that is next, and where it begins.
    token: Token<'t>,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn error(&self, wrong: Wrong) -> ParseError {
        self.lexer.error(self.at, wrong)
    }

    fn advance(&mut self) -> Result<(), ParseError> {
        (self.token, self.at) = self.lexer.next().map_err(|error| self.after_operand(error))?;
        Ok(())
    }

    /// What cannot be read after an operand is what remains.
    fn after_operand(&self, error: ParseError) -> ParseError {
        let is_operand =
            matches!(self.token, Token::Number(_) | Token::Variable(_) | Token::Constant(_) | Token::Close);
        let wrong = if is_operand && error.wrong == Wrong::Operand { Wrong::Remaining } else { error.wrong };
        ParseError { wrong, ..error }
    }

    /// Does one more level of nesting.
    fn deeper<T>(&mut self, within: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        if self.depth == PARSE_DEPTH_MAX {
            return Err(self.error(Wrong::Deep));
        }
        self.depth += 1;
        let result = within(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Result<Tree<'t>, ParseError> {
        let condition = self.level(0)?;
        if self.token != Token::Question {
            return Ok(condition);
        }
        self.advance()?;
        let yes = self.deeper(Self::expression)?;
        if self.token != Token::Colon {
            return Err(self.error(Wrong::NoElse));
        }
        self.advance()?;
        let no = self.deeper(Self::expression)?;
        Ok(Tree::Condition(Box::new((condition, yes, no))))
    }

    /// Operators of one level, from left to right.
    fn level(&mut self, level: u8) -> Result<Tree<'t>, ParseError> {
        if level == LEVELS {
            return self.unary();
        }
        let mut left = self.level(level + 1)?;
        // A long chain leans to the left, and is walked down that way: it counts as deep, too.
        let mut links = 0;
        while let Some(operator) = binary(self.token, level) {
            self.advance()?;
            links += 1;
            if self.depth + links > PARSE_DEPTH_MAX * 4 {
                return Err(self.error(Wrong::Deep));
            }
            let right = self.level(level + 1)?;
            left = Tree::Binary(operator, Box::new((left, right)));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Tree<'t>, ParseError> {
        let operator = match self.token {
            Token::Not => Unary::Not,
            Token::Minus => Unary::Minus,
            Token::Plus => Unary::Plus,
            _ => return self.primary(),
        };
        self.advance()?;
        Ok(Tree::Unary(operator, Box::new(self.deeper(Self::unary)?)))
    }

    fn primary(&mut self) -> Result<Tree<'t>, ParseError> {
        let tree = match self.token {
            Token::Number(number) => Tree::Number(number),
            Token::Variable(name) => Tree::Variable(name),
            Token::Constant(status) => Tree::Constant(status),
            Token::Open => return self.parenthesis(),
            Token::Abs => {
                self.advance()?;
                if self.token != Token::Open {
                    return Err(self.error(Wrong::NoOperand));
                }
                return Ok(Tree::Unary(Unary::Abs, Box::new(self.parenthesis()?)));
            }
            _ => return Err(self.error(Wrong::NoOperand)),
        };
        self.advance()?;
        Ok(tree)
    }

    fn parenthesis(&mut self) -> Result<Tree<'t>, ParseError> {
        let opened_at = self.at;
        self.advance()?;
        let tree = self.deeper(Self::expression)?;
        match self.token {
            Token::Close => self.advance()?,
            Token::End => return Err(self.lexer.error(opened_at, Wrong::Unclosed)),
            _ => return Err(self.error(Wrong::Unclosed)),
        }
        Ok(tree)
    }
}

/// The operator that a word is on a level.
fn binary(token: Token<'_>, level: u8) -> Option<Binary> {
    let (operator, its) = match token {
        Token::And => (Binary::And, 0),
        Token::Or => (Binary::Or, 0),
        Token::Equal => (Binary::Equal, 1),
        Token::NotEqual => (Binary::NotEqual, 1),
        Token::Less => (Binary::Less, 2),
        Token::LessEqual => (Binary::LessEqual, 2),
        Token::Greater => (Binary::Greater, 2),
        Token::GreaterEqual => (Binary::GreaterEqual, 2),
        Token::Plus => (Binary::Plus, 3),
        Token::Minus => (Binary::Minus, 3),
        Token::Times => (Binary::Times, 4),
        Token::Divide => (Binary::Divide, 4),
        Token::Modulo => (Binary::Modulo, 4),
        _ => return None,
    };
    (its == level).then_some(operator)
}
