//! Tells people of alarms: by mail, by chats and pagers, by any web server, by syslog.
//!
//! A [`Method`] knows whom it tells of alarms for which role (`recipient`), and turns the [`Facts`] of a
//! message into what its server takes. Each method has a [`Post`] of its own: a queue of letters
//! (`queue`, a plain state machine) and a thread that takes them to the server, so that a server that is
//! away delays no other, and nothing of this ever delays the watching of alarms. Secrets never leave
//! a method but to its server: what is told of failures is cleared of them.
#![forbid(unsafe_code)]

mod facts;
mod http;
mod method;
mod post;
mod queue;
mod recipient;
mod secret;
mod template;
mod ticket;

pub use facts::Facts;
pub use method::{Fault, Method, Settings};
pub use post::{Counter, Counts, Letter, Post, words};
pub use queue::GIVE_UP_US;
pub use secret::Secret;
pub use ticket::{Progress, Ticket};
