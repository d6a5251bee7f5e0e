//! What people are told, and how: the words of a program's command line.
//!
//! Programs are run by the node; here is only what they are told.

mod arguments;
mod testing;

pub use arguments::{ArgumentList, arguments};
pub use testing::test_messages;

use std::sync::Arc;

use row::Guid;

use crate::engine::Notice;

/// The role that nobody has: nothing is sent.
const NOBODY: [&str; 2] = ["silent", "disabled"];

/// A notification: what became of an alarm, and on which host.
#[derive(Debug, Clone)]
pub struct Message {
    /// The host's name.
    pub hostname: String,
    /// The host.
    pub guid: Guid,
    /// The host is the node's own.
    pub is_own: bool,
    /// Who is known to have heard it before this node was started anew: words of who sent it.
    pub reached: Vec<Arc<str>>,
    /// What became of the alarm.
    pub notice: Notice,
}

impl Message {
    /// Whether anybody is to be told.
    #[must_use]
    pub fn is_for_somebody(&self) -> bool {
        let mut roles = self.notice.transition.definition.to.split([' ', ',']).filter(|role| !role.is_empty());
        roles.any(|role| !NOBODY.contains(&role))
    }
}
