//! The binaries together, and beside real Netdata.
//!
//! The tests in `tests/` start real processes on loopback, each in its own temporary folder and
//! on its own ports; this library starts them, watches them, reads their HTTP API and compares
//! what two of them say. It is plain blocking code without any crate of the product, so that no
//! mistake of ours is found on both sides of a comparison; only the load of the bench uses them.
//!
//! A helper that cannot do its work panics with what it waited for and the tail of the logs: a
//! test that could not run is never a test that passed.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod api;
pub mod backend;
pub mod beside;
pub mod browser;
pub mod certificates;
pub mod compare;
mod http;
pub mod line;
pub mod listener;
pub mod node;
pub mod peer;
pub mod port;
pub mod process;
pub mod python;
pub mod tour;
pub mod traffic;
pub mod wait;
mod workshop;

/// The API key that the tests use where any will do.
pub const API_KEY: &str = "11111111-2222-3333-4444-555555555555";

/// The folder of the workspace.
pub fn workspace() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the package is a folder of the workspace").to_path_buf()
}
