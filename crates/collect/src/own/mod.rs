//! What the node tells of itself.

pub(crate) mod backends;
pub(crate) mod hosts;
pub(crate) mod notifications;
pub(crate) mod streams;
pub(crate) mod usage;
