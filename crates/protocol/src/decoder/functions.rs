//! Lines of functions: what a child offers, what a parent calls, and what the answers begin with.

use row::FunctionDefinition;

use super::Fault;
use super::definitions::clamp;
use super::fields::{int_or, required_int, required_text, text_or};
use crate::Command;
use crate::words::Words;

const TIMEOUT_S: i64 = 10;
const PRIORITY: i64 = 100;
/// Codes of answers, as in HTTP; another one says that something went wrong.
const CODES: core::ops::RangeInclusive<i64> = 100..=999;
const CODE_INTERNAL: u16 = 500;

/// `FUNCTION [GLOBAL] "name" timeout "help" ["tags" access priority version]`, from a child
pub(super) fn offer(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "FUNCTION";
    let first = required_text(&mut words, KEYWORD, "name")?;
    let global = first == "GLOBAL";
    let definition = FunctionDefinition {
        name: if global { required_text(&mut words, KEYWORD, "name")? } else { first },
        timeout_s: timeout(&mut words),
        help: text_or(&mut words, "", KEYWORD, "help")?,
        tags: text_or(&mut words, "", KEYWORD, "tags")?,
        access: text_or(&mut words, "", KEYWORD, "access")?,
        priority: clamp(int_or(&mut words, PRIORITY)),
        version: clamp(int_or(&mut words, 0)),
    };
    Ok(Command::Function { global, definition })
}

/// `FUNCTION_DEL [GLOBAL] "name"`, from a child
pub(super) fn delete(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "FUNCTION_DEL";
    let first = required_text(&mut words, KEYWORD, "name")?;
    let name = if first == "GLOBAL" { required_text(&mut words, KEYWORD, "name")? } else { first };
    Ok(Command::FunctionDelete { name })
}

/// `FUNCTION transaction timeout "function and arguments" ["access" "source" ["content type"]]`, from a
/// parent; the last word is a payload's
pub(super) fn call(mut words: Words<'_>, has_payload: bool) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "FUNCTION";
    Ok(Command::FunctionCall {
        transaction: required_text(&mut words, KEYWORD, "transaction")?,
        timeout_s: timeout(&mut words),
        function: required_text(&mut words, KEYWORD, "function")?,
        access: text_or(&mut words, "", KEYWORD, "access")?,
        source: text_or(&mut words, "", KEYWORD, "source")?,
        payload: if has_payload { Some(text_or(&mut words, "", KEYWORD, "content type")?) } else { None },
    })
}

/// `FUNCTION_CANCEL transaction`, from a parent
pub(super) fn cancel(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    Ok(Command::FunctionCancel { transaction: required_text(&mut words, "FUNCTION_CANCEL", "transaction")? })
}

/// `FUNCTION_PROGRESS transaction`, from a parent
pub(super) fn awaited(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    Ok(Command::FunctionAwaited { transaction: required_text(&mut words, "FUNCTION_PROGRESS", "transaction")? })
}

/// `FUNCTION_PROGRESS 'transaction' done all`, from a child
pub(super) fn progress(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    Ok(Command::FunctionProgress {
        transaction: required_text(&mut words, "FUNCTION_PROGRESS", "transaction")?,
        done: count(&mut words),
        all: count(&mut words),
    })
}

/// `FUNCTION_RESULT_BEGIN "transaction" code "content-type" expires`
pub(super) fn result(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "FUNCTION_RESULT_BEGIN";
    let transaction = required_text(&mut words, KEYWORD, "transaction")?;
    let code = required_int(&mut words, KEYWORD, "code")?;
    Ok(Command::FunctionResult {
        transaction,
        code: if CODES.contains(&code) { code as u16 } else { CODE_INTERNAL },
        content_type: text_or(&mut words, "", KEYWORD, "content type")?,
        expires_s: int_or(&mut words, 0),
    })
}

fn count(words: &mut Words<'_>) -> u64 {
    int_or(words, 0).max(0) as u64
}

fn timeout(words: &mut Words<'_>) -> i64 {
    match int_or(words, TIMEOUT_S) {
        ..=0 => TIMEOUT_S,
        timeout_s => timeout_s,
    }
}
