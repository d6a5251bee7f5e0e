//! Alarms: what their files say, and what becomes of it.
//!
//! An alarm is a rule on a chart. Its texts are those of Netdata's files (`health.d/*.conf`), of
//! 1.37 and of 2.x, so that operators bring their own along.
#![forbid(unsafe_code)]

pub mod engine;
pub mod expression;
pub mod files;
pub mod fleet;
pub mod log;
pub mod notify;
pub mod silencers;
pub mod stock;
