//! Tests of the whole crate; each loads settings as a binary does, with an environment of its own.

mod kinds;
mod meaning;
mod mistakes;
mod pages;
mod printed;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Invocation, Problems, Role, Settings};

const GUID: &str = "11111111-2222-3333-4444-555555555555";

/// A place for settings files, removed at the end of the test.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

/// Loads settings from the text of a file, variables and arguments.
fn load(role: Role, file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Settings, Problems> {
    let place = Place::new();
    let path = place.file("node.toml", file);
    load_file(role, &path, variables, arguments)
}

fn load_file(role: Role, path: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Settings, Problems> {
    let arguments = ["tributary"].iter().chain(arguments).map(OsString::from);
    let invocation = Invocation::parse(role, arguments).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load_with(role, &invocation, variables, path)
}

/// The problems of a file for a master, without the folder it lies in.
fn problems(file: &str) -> Vec<String> {
    problems_of(load(Role::Master, file, &[], &[]))
}

fn problems_of(result: Result<Settings, Problems>) -> Vec<String> {
    result.unwrap_err().lines().iter().map(|line| without_folder(line)).collect()
}

fn without_folder(line: &str) -> String {
    match line.find("node.toml") {
        Some(at) => line[at..].to_owned(),
        None => line.to_owned(),
    }
}
