//! Lines of functions, in both directions.

use alloc::vec::Vec;

use row::FunctionDefinition;
use row::text::{write_int, write_uint};

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

/// Writes `FUNCTION` to a child: calls a function. `access` and `source` are left out where both are empty.
pub fn write_function_call(
    out: &mut Vec<u8>,
    transaction: &str,
    timeout_s: i64,
    function: &str,
    access: &str,
    source: &str,
) {
    out.extend_from_slice(b"FUNCTION ");
    write_id(out, b'\'', transaction);
    out.push(b' ');
    write_int(out, timeout_s);
    out.push(b' ');
    write_text(out, function);
    if !access.is_empty() || !source.is_empty() {
        out.push(b' ');
        write_text(out, access);
        out.push(b' ');
        write_text(out, source);
    }
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
