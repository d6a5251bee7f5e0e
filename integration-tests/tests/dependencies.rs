//! What is linked into each binary, by name, compared with the lists in `dependencies/`: a slim
//! binary does not grow unnoticed. `UPDATE=1` writes the lists anew.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use integration_tests::workspace;

fn crates_of(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["tree", "-p", package, "-e", "normal", "--prefix", "none", "--no-dedupe", "-f", "{p}"];
    let output = Command::new(cargo).args(arguments).current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn compare(role: &str) {
    let found = crates_of(&format!("tributary-{role}"));
    let file = workspace().join("integration-tests/dependencies").join(format!("{role}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        let text: String = found.iter().map(|name| format!("{name}\n")).collect();
        fs::write(&file, text).unwrap();
        return;
    }
    let listed = fs::read_to_string(&file).unwrap_or_else(|err| panic!("{}: {err}", file.display()));
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let more: Vec<_> = found.difference(&listed).collect();
    let less: Vec<_> = listed.difference(&found).collect();
    assert!(
        more.is_empty() && less.is_empty(),
        "tributary-{role} links {more:?} more and {less:?} less than {} says; if that is meant, say why in the \
         change and run UPDATE=1 cargo test -p integration-tests --test dependencies",
        file.display()
    );
}

/// Goal: the collector links what is on its list and nothing else.
#[test]
fn collector() {
    compare("collector");
}

/// Goal: the proxy links what is on its list and nothing else.
#[test]
fn proxy() {
    compare("proxy");
}

/// Goal: the master links what is on its list and nothing else.
#[test]
fn master() {
    compare("master");
}
