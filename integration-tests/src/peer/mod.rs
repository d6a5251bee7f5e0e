//! The other side of a stream, or of the API: real Netdata, real Prometheus, and children that a test plays
//! by hand.

pub mod archives;
pub mod feeding;
pub mod mail;
pub mod netdata;
pub mod prometheus;
pub mod scripted;
pub mod victoria;
pub mod vmagent;
