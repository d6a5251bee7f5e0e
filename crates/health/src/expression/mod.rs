//! Expressions of alarms: parsed once into a flat program, then evaluated without allocation.
//!
//! ```text
//! expr    = or ["?" expr ":" expr]                                   lowest, right associative
//! or      = equal  { ("&&" | "AND" | "||" | "OR") equal }            one level for both
//! equal   = order  { ("==" | "=" | "!=" | "<>") order }
//! order   = sum    { ("<" | "<=" | ">" | ">=") sum }
//! sum     = product { ("+" | "-") product }
//! product = unary  { ("*" | "/" | "%") unary }
//! unary   = ("!" | "NOT" | "-" | "+") unary | primary                highest
//! primary = NUMBER | "$" name | "${" any text "}" | "(" expr ")" | "abs" "(" expr ")"
//! ```
//!
//! The grammar is that of Netdata 2.x; so are the values: what is not a number, or infinite, makes
//! an evaluation fail, and so does a division that cannot be done.

mod lexer;
mod parser;
mod program;
mod render;
#[cfg(test)]
mod tests;

pub use parser::{PARSE_DEPTH_MAX, ParseError, Wrong};
pub use program::{Failure, Outcome};

use program::{Met, Step};

/// What an expression may be long, in bytes.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// Letters of a variable's name, at most.
pub const NAME_BYTES_MAX: usize = 300;

/// The status of an alarm, by the numbers that expressions and the API show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(i8)]
pub enum Status {
    /// The alarm left its chart, or the chart left.
    Removed = -2,
    /// It was evaluated, without a decision.
    Undefined = -1,
    /// It was not evaluated so far.
    #[default]
    Uninitialized = 0,
    /// All is well.
    Clear = 1,
    /// A warning.
    Warning = 3,
    /// It is critical.
    Critical = 4,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Removed, Self::Undefined, Self::Uninitialized, Self::Clear, Self::Warning, Self::Critical];

    /// Its name, in capital letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "REMOVED",
            Self::Undefined => "UNDEFINED",
            Self::Uninitialized => "UNINITIALIZED",
            Self::Clear => "CLEAR",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    /// The status of a name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }

    /// Whether an operator has something to do.
    #[must_use]
    pub const fn is_raised(self) -> bool {
        matches!(self, Self::Warning | Self::Critical)
    }
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Box<str>,
    parsed: Box<str>,
    steps: Box<[Step]>,
    variables: Box<[Box<str>]>,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`ParseError`] with the column of what is wrong.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let tree = parser::parse(text)?;
        let (steps, variables) = program::compile(&tree);
        Ok(Self { text: text.trim().into(), parsed: render::render(&tree).into(), steps, variables })
    }

    /// The text that it was made of.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same with a parenthesis around each operation, which is how it is understood.
    #[must_use]
    pub fn parsed(&self) -> &str {
        &self.parsed
    }

    /// The names of its variables but for constants, in the order of their numbers.
    #[must_use]
    pub fn variables(&self) -> &[Box<str>] {
        &self.variables
    }

    /// Evaluates it. `value` gives a variable's value by its number, `None` for one that nobody knows.
    pub fn evaluate(&self, value: impl FnMut(usize) -> Option<f64>) -> Outcome {
        program::run(&self.steps, value, |_| ())
    }

    /// The values that an evaluation comes across, in their order, as notifications tell them.
    #[must_use]
    pub fn trace(&self, value: impl FnMut(usize) -> Option<f64>) -> String {
        let mut met = Vec::new();
        let outcome = program::run(&self.steps, value, |name| met.push(name));
        let mut text: String = met.iter().map(|met| self.shown_of(met)).collect();
        if let Some(failure) = outcome.failure {
            text.push_str(&format!("; failed to evaluate expression with error {} ({failure})", failure.code()));
        }
        text
    }

    fn shown_of(&self, met: &Met) -> String {
        const BUILT_IN: [&str; 5] = ["this", "status", "now", "after", "before"];
        match met {
            Met::Constant(status) => format!("[ ${} = {} ] ", status.name(), *status as i8),
            Met::Variable(number, None) => format!("[ undefined variable '{}' ] ", self.variables[*number]),
            Met::Variable(number, Some(value)) => {
                let name = &*self.variables[*number];
                let name = if BUILT_IN.contains(&name) { format!("${name}") } else { format!("${{{name}}}") };
                format!("[ {name} = {} ] ", render::number(*value))
            }
        }
    }
}

/// A value as people read it.
#[must_use]
pub fn shown(value: f64) -> String {
    if value.is_nan() { "nan".into() } else { value.to_string() }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.parsed == other.parsed
    }
}
