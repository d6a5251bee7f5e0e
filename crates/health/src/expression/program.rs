//! The flat program of an expression, and its run on a stack of fixed size.

use super::Status;
use super::parser::{Binary, PARSE_DEPTH_MAX, Tree, Unary};

/// Values on the stack at most: an operation keeps one while its right side is evaluated, on each of
/// the five levels, within each parenthesis, and each sign or condition is a level of its own.
const STACK_MAX: usize = PARSE_DEPTH_MAX * 5 + 8;
/// How near two numbers are that count as equal.
const EQUAL_WITHIN: f64 = 1e-7;

/// One step of a program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Number(f64),
    Constant(Status),
    Variable(u16),
    Unary(Unary),
    Binary(Binary),
    /// The top becomes 0 or 1.
    Truth,
    /// If the top is false it becomes 0 and the program goes on there; else it is dropped.
    UnlessFalse(u16),
    /// If the top is true it becomes 1 and the program goes on there; else it is dropped.
    UnlessTrue(u16),
    /// The top is dropped; if it was false the program goes on there.
    IfTrue(u16),
    Jump(u16),
}

/// What an evaluation came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The number, which may be infinite or none at all.
    pub value: f64,
    /// Why it is of no use, if so.
    pub failure: Option<Failure>,
}

/// Why an evaluation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The result is not a number.
    #[error("value is unset")]
    Unset,
    /// The result is infinite.
    #[error("computed value is infinite")]
    Infinite,
    /// The result is not a number, and nobody knows this variable.
    #[error("undefined variable")]
    Undefined(u16),
}

impl Failure {
    /// The number that Netdata gives it.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Unset => 103,
            Self::Infinite => 104,
            Self::Undefined(_) => 105,
        }
    }
}

pub(super) fn compile(tree: &Tree<'_>) -> (Box<[Step]>, Box<[Box<str>]>) {
    let mut compiler = Compiler::default();
    compiler.tree(tree);
    (compiler.steps.into(), compiler.variables.into())
}

#[derive(Default)]
struct Compiler {
    steps: Vec<Step>,
    variables: Vec<Box<str>>,
}

impl Compiler {
    fn tree(&mut self, tree: &Tree<'_>) {
        match tree {
            Tree::Number(number) => self.steps.push(Step::Number(*number)),
            Tree::Constant(status) => self.steps.push(Step::Constant(*status)),
            Tree::Variable(name) => {
                let number = self.variable(name);
                self.steps.push(Step::Variable(number));
            }
            Tree::Unary(operator, of) => {
                self.tree(of);
                self.steps.push(Step::Unary(*operator));
            }
            Tree::Binary(operator, sides) => self.binary(*operator, &sides.0, &sides.1),
            Tree::Condition(parts) => self.condition(&parts.0, &parts.1, &parts.2),
        }
    }

    fn binary(&mut self, operator: Binary, left: &Tree<'_>, right: &Tree<'_>) {
        self.tree(left);
        if !matches!(operator, Binary::And | Binary::Or) {
            self.tree(right);
            self.steps.push(Step::Binary(operator));
            return;
        }
        let from = self.steps.len();
        self.steps.push(Step::Truth);
        self.tree(right);
        self.steps.push(Step::Truth);
        let to = self.steps.len() as u16;
        self.steps[from] = if operator == Binary::And { Step::UnlessFalse(to) } else { Step::UnlessTrue(to) };
    }

    fn condition(&mut self, condition: &Tree<'_>, yes: &Tree<'_>, no: &Tree<'_>) {
        self.tree(condition);
        let from = self.steps.len();
        self.steps.push(Step::Truth);
        self.tree(yes);
        let over = self.steps.len();
        self.steps.push(Step::Truth);
        self.steps[from] = Step::IfTrue(over as u16 + 1);
        self.tree(no);
        self.steps[over] = Step::Jump(self.steps.len() as u16);
    }

    fn variable(&mut self, name: &str) -> u16 {
        let known = self.variables.iter().position(|known| **known == *name);
        let number = known.unwrap_or_else(|| {
            self.variables.push(name.into());
            self.variables.len() - 1
        });
        number as u16
    }
}

/// A run of a program.
struct Run {
    stack: [f64; STACK_MAX],
    height: usize,
    /// A division that could not be done; it is not forgotten.
    divided: Option<Failure>,
    /// The first variable that nobody knows.
    undefined: Option<u16>,
}

/// A name that a run came across, and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Met {
    Constant(Status),
    Variable(usize, Option<f64>),
}

/// Runs a program. `value` gives a variable's value, `met` is told of each name in the order in which
/// they are evaluated.
pub(super) fn run(steps: &[Step], mut value: impl FnMut(usize) -> Option<f64>, mut met: impl FnMut(Met)) -> Outcome {
    let mut run = Run { stack: [0.0; STACK_MAX], height: 0, divided: None, undefined: None };
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        at += 1;
        match *step {
            Step::Number(number) => run.push(number),
            Step::Constant(status) => {
                met(Met::Constant(status));
                run.push(f64::from(status as i8));
            }
            Step::Variable(number) => {
                let known = value(usize::from(number));
                met(Met::Variable(usize::from(number), known));
                if known.is_none() {
                    run.undefined = run.undefined.or(Some(number));
                }
                run.push(known.unwrap_or(f64::NAN));
            }
            Step::Unary(operator) => {
                let of = run.pop();
                run.push(unary(operator, of));
            }
            Step::Binary(operator) => {
                let (right, left) = (run.pop(), run.pop());
                let result = run.binary(operator, left, right);
                run.push(result);
            }
            Step::Truth => {
                let of = run.pop();
                run.push(truth(is_true(of)));
            }
            Step::UnlessFalse(to) | Step::UnlessTrue(to) => {
                let decides = matches!(step, Step::UnlessTrue(_));
                if is_true(run.pop()) == decides {
                    run.push(truth(decides));
                    at = usize::from(to);
                }
            }
            Step::IfTrue(to) => {
                if !is_true(run.pop()) {
                    at = usize::from(to);
                }
            }
            Step::Jump(to) => at = usize::from(to),
        }
    }
    run.outcome()
}

impl Run {
    fn push(&mut self, value: f64) {
        debug_assert!(self.height < STACK_MAX);
        if let Some(place) = self.stack.get_mut(self.height) {
            *place = value;
            self.height += 1;
        }
    }

    fn pop(&mut self) -> f64 {
        self.height = self.height.saturating_sub(1);
        self.stack[self.height]
    }

    fn binary(&mut self, operator: Binary, left: f64, right: f64) -> f64 {
        match operator {
            Binary::And => truth(is_true(left) && is_true(right)),
            Binary::Or => truth(is_true(left) || is_true(right)),
            Binary::Equal => truth(is_equal(left, right)),
            Binary::NotEqual => truth(!is_equal(left, right)),
            Binary::Less => truth(left < right),
            Binary::LessEqual => truth(left <= right),
            Binary::Greater => truth(left > right),
            Binary::GreaterEqual => truth(left >= right),
            Binary::Plus => arithmetic(left, right, left + right),
            Binary::Minus => arithmetic(left, right, left - right),
            Binary::Times => arithmetic(left, right, left * right),
            Binary::Divide => self.divide(left, right, left / right),
            Binary::Modulo => self.divide(left, right, left % right),
        }
    }

    fn divide(&mut self, left: f64, right: f64, result: f64) -> f64 {
        let failure = if left.is_nan() || right.is_nan() {
            Failure::Unset
        } else if left.is_infinite() || right.is_infinite() || right == 0.0 {
            Failure::Infinite
        } else {
            return result;
        };
        self.divided = self.divided.or(Some(failure));
        if failure == Failure::Unset { f64::NAN } else { f64::INFINITY }
    }

    fn outcome(mut self) -> Outcome {
        let value = self.pop();
        let undefined = self.undefined.map(Failure::Undefined);
        match self.divided {
            // A variable that nobody knows explains more than what was then divided by nothing.
            Some(Failure::Unset) => Outcome { value: f64::NAN, failure: undefined.or(self.divided) },
            Some(failure) => Outcome { value: f64::INFINITY, failure: Some(failure) },
            None if value.is_nan() => Outcome { value, failure: undefined.or(Some(Failure::Unset)) },
            None if value.is_infinite() => Outcome { value, failure: Some(Failure::Infinite) },
            None => Outcome { value, failure: None },
        }
    }
}

fn is_true(value: f64) -> bool {
    !value.is_nan() && value != 0.0
}

const fn truth(is_true: bool) -> f64 {
    if is_true { 1.0 } else { 0.0 }
}

/// What is infinite is equal to what is infinite, whatever its sign, and what is no number to what is none.
fn is_equal(left: f64, right: f64) -> bool {
    if left.is_nan() || right.is_nan() {
        return left.is_nan() && right.is_nan();
    }
    if left.is_infinite() || right.is_infinite() {
        return left.is_infinite() && right.is_infinite();
    }
    (left - right).abs() < EQUAL_WITHIN
}

/// No number stays none; what is infinite loses its sign.
const fn arithmetic(left: f64, right: f64, result: f64) -> f64 {
    if left.is_nan() || right.is_nan() {
        f64::NAN
    } else if left.is_infinite() || right.is_infinite() {
        f64::INFINITY
    } else {
        result
    }
}

fn unary(operator: Unary, of: f64) -> f64 {
    match operator {
        Unary::Not => truth(!is_true(of)),
        Unary::Plus => of,
        Unary::Minus if of.is_infinite() => f64::INFINITY,
        Unary::Minus => -of,
        Unary::Abs => of.abs(),
    }
}
