//! The other side of a stream: real Netdata, and children that a test plays by hand.

pub mod archives;
pub mod mail;
pub mod netdata;
pub mod scripted;
pub mod victoria;
