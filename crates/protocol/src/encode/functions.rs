//! Lines of functions, in both directions.

use alloc::vec::Vec;

use row::FunctionDefinition;
use row::text::{write_int, write_uint};

use memchr::memmem;

use super::{write_id, write_text};

/// Writes `FUNCTION GLOBAL`: the host offers a function. What older agents do not know is left out
/// where it is not known.
pub fn write_function(out: &mut Vec<u8>, function: &FunctionDefinition<'_>) {
    out.extend_from_slice(b"FUNCTION GLOBAL ");
    write_text(out, function.name);
    out.push(b' ');
    write_int(out, function.timeout_s);
    out.push(b' ');
    write_text(out, function.help);
    if !function.tags.is_empty() || !function.access.is_empty() {
        out.push(b' ');
        write_text(out, function.tags);
        out.push(b' ');
        write_text(out, function.access);
        out.push(b' ');
        write_int(out, i64::from(function.priority));
        out.push(b' ');
        write_int(out, i64::from(function.version));
    }
    out.push(b'\n');
}

/// A call of a function, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct FunctionCall<'a> {
    /// What the answer must name.
    pub transaction: &'a str,
    /// Seconds that the call may take.
    pub timeout_s: i64,
    /// The function and its arguments.
    pub function: &'a str,
    /// What the caller may do, in the words of the agent; empty where nothing is told of it.
    pub access: &'a str,
    /// Who calls; likewise.
    pub source: &'a str,
}

/// Writes `FUNCTION` to a child: calls a function. `access` and `source` are left out where both are empty.
pub fn write_function_call(out: &mut Vec<u8>, call: &FunctionCall<'_>) {
    out.extend_from_slice(b"FUNCTION ");
    write_call(out, call);
    if !call.access.is_empty() || !call.source.is_empty() {
        write_caller(out, call);
    }
    out.push(b'\n');
}

/// Writes `FUNCTION_PAYLOAD` to a child: calls a function with a text. The text must be one that
/// [`fits_payload`].
pub fn write_function_payload(out: &mut Vec<u8>, call: &FunctionCall<'_>, content_type: &str, body: &[u8]) {
    out.extend_from_slice(b"FUNCTION_PAYLOAD ");
    write_call(out, call);
    write_caller(out, call);
    out.push(b' ');
    write_text(out, content_type);
    out.push(b'\n');
    out.extend_from_slice(body);
    out.extend_from_slice(b"\nFUNCTION_PAYLOAD_END\n");
}

/// Whether a text can come with a call: no peer can take anything in it for its end.
#[must_use]
pub fn fits_payload(body: &[u8]) -> bool {
    memmem::find(body, b"FUNCTION_PAYLOAD_END").is_none()
}

fn write_call(out: &mut Vec<u8>, call: &FunctionCall<'_>) {
    write_id(out, b'\'', call.transaction);
    out.push(b' ');
    write_int(out, call.timeout_s);
    out.push(b' ');
    write_text(out, call.function);
}

fn write_caller(out: &mut Vec<u8>, call: &FunctionCall<'_>) {
    out.push(b' ');
    write_text(out, call.access);
    out.push(b' ');
    write_text(out, call.source);
}

/// Writes `FUNCTION_CANCEL` to a child: nobody waits for the answer any more.
pub fn write_function_cancel(out: &mut Vec<u8>, transaction: &str) {
    out.extend_from_slice(b"FUNCTION_CANCEL ");
    write_id(out, b'\'', transaction);
    out.push(b'\n');
}

/// Writes `FUNCTION_PROGRESS` to a child: somebody still waits for the answer.
pub fn write_function_awaited(out: &mut Vec<u8>, transaction: &str) {
    out.extend_from_slice(b"FUNCTION_PROGRESS ");
    write_id(out, b'\'', transaction);
    out.push(b'\n');
}

/// Writes `FUNCTION_PROGRESS` to a parent: so much of a call is done.
pub fn write_function_progress(out: &mut Vec<u8>, transaction: &str, done: u64, all: u64) {
    out.extend_from_slice(b"FUNCTION_PROGRESS ");
    write_id(out, b'\'', transaction);
    out.push(b' ');
    write_uint(out, done);
    out.push(b' ');
    write_uint(out, all);
    out.push(b'\n');
}

/// Writes the answer to a call. Its body must not have a line that begins with
/// `FUNCTION_RESULT_END`; none that came over a stream has.
pub fn write_function_result(
    out: &mut Vec<u8>,
    transaction: &str,
    code: u16,
    content_type: &str,
    expires_s: i64,
    body: &[u8],
) {
    out.extend_from_slice(b"FUNCTION_RESULT_BEGIN ");
    write_id(out, b'"', transaction);
    out.push(b' ');
    write_uint(out, u64::from(code));
    out.push(b' ');
    write_text(out, content_type);
    out.push(b' ');
    write_int(out, expires_s);
    out.push(b'\n');
    out.extend_from_slice(body);
    out.extend_from_slice(b"\nFUNCTION_RESULT_END\n");
}
