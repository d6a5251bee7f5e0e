//! Whole sessions that are fed any bytes: what fuzz targets call. Beside their targets only tests
//! compile it.
//!
//! [`receiver`] is a node between a hostile child and an honest parent, [`sender`] a node below a
//! hostile parent. The input is a `script` of what the hostile side says and of what happens
//! meanwhile. That nothing panics goes without saying; what else holds stands as assertions.

mod above;
mod below;
mod peer;
mod script;
mod stored;
#[cfg(test)]
mod tests;

use script::Script;

/// What a child may say, to a node that passes its host on: the node keeps within its limits, what it
/// stores can be read, and its own parent understands every line and has the same values.
pub fn receiver(data: &[u8]) {
    if let Some(script) = Script::read(data) {
        above::run(script);
    }
}

/// What a parent may say, to a node that has rows and functions: the node keeps within its limits, and
/// sends what an honest parent understands, with the values that it stored.
pub fn sender(data: &[u8]) {
    if let Some(script) = Script::read(data) {
        below::run(script);
    }
}
