//! The server as its clients see it: requests over a connection in memory, against made-up hosts.
#![allow(clippy::unwrap_used, reason = "test code")]

mod alarms;
mod allmetrics;
mod badges;
mod batch;
mod calls;
mod client;
mod connections;
mod contexts;
mod dashboard;
mod data;
mod fleet;
mod fleets;
mod formats;
mod listings;
mod many;
mod registry;
mod routes;
mod security;
