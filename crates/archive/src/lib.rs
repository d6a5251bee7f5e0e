//! Reading back: what is older than a node keeps, from any Prometheus query API that its backends write to.
//!
//! ```text
//! store's query ─ Asked ─> Session ─> Reader ─┬─ cache: pieces that change no more
//!                                             └─ request ─> servers ─> answer
//! /host/NAME ─ unknown here ─> Elders ─> a host with charts and without rows
//! ```
//!
//! What is asked of whom, what answers mean, what is kept and when a server is left alone are plain code without
//! connections; [`Reader`] has the clients. Whoever asks waits: on threads that may, never under a lock.
#![forbid(unsafe_code)]

mod answer;
mod breaker;
mod cache;
mod hosts;
mod json;
mod metric;
mod reader;
mod request;

pub use hosts::Elder;
pub use reader::{Clock, Config, Reader, Session};
