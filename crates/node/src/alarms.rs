//! What the command line does with alarms.

use std::process::ExitCode;

use config::{Health, Invocation};
use health::expression::Expression;
use health::files::Problem;

use crate::clock;
use crate::exit::FAILURE;

/// What is wrong with the alarm files that are in force.
pub(crate) fn problems(settings: &Health) -> Vec<Problem> {
    crate::watching::found(settings).problems
}

/// `eval`: prints the value of an expression; where it is of no use, or there is none, also why.
pub(crate) fn evaluate(name: &str, invocation: &Invocation) -> ExitCode {
    let expression = match Expression::parse(&invocation.expression) {
        Ok(expression) => expression,
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::from(FAILURE);
        }
    };
    let names = expression.variables();
    let outcome = expression.evaluate(|number| value(invocation, &names[number]));
    println!("{}", health::expression::shown(outcome.value));
    let Some(failure) = outcome.failure else { return ExitCode::SUCCESS };
    match failure {
        health::expression::Failure::Undefined(number) => {
            eprintln!("{name}: {failure} ${{{}}}", names[usize::from(number)]);
        }
        _ => eprintln!("{name}: {failure}"),
    }
    ExitCode::from(FAILURE)
}

/// A variable that was given, or one that every alarm has.
fn value(invocation: &Invocation, name: &str) -> Option<f64> {
    let given = invocation.variables.iter().rev().find(|(given, _)| given == name).map(|(_, value)| *value);
    given.or(match name {
        "this" => Some(f64::NAN),
        "status" | "after" | "before" => Some(0.0),
        "now" => Some(clock::now().wall_s() as f64),
        _ => None,
    })
}
