//! What the node tells of itself.

pub(crate) mod streams;
