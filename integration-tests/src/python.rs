//! Clients of PyPI, in a virtual environment of a folder of the build: `clients/requirements.txt` has their versions.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process;
use crate::workshop::{said, workshop};

/// How long a script may take on a busy machine.
const LIMIT_S: u64 = 60;

/// Runs a script of `clients/` and yields the JSON that it prints.
///
/// # Panics
/// When Python is missing, the clients are not to be had, or the script fails.
pub fn run(scratch: &Path, script: &str, arguments: &[&str]) -> Value {
    let folder = workshop(scratch, "clients", "requirements.txt", |folder| {
        let mut make = Command::new(process::program("python3", "python3"));
        make.args(["-m", "venv", "--clear", "environment"]);
        let mut fill = Command::new(folder.join("environment/bin/pip"));
        fill.args(["install", "--quiet", "--no-cache-dir", "--no-deps", "--requirement", "requirements.txt"]);
        vec![make, fill]
    });
    let mut command = Command::new(folder.join("environment/bin/python"));
    command.arg(script).args(arguments).current_dir(&folder);
    let said = said(LIMIT_S, &command);
    serde_json::from_str(&said).unwrap_or_else(|err| panic!("{script}: {err}: {said}"))
}
