//! The dashboard's own tests, which Node runs.

use std::fs::File;
use std::path::Path;
use std::process::Command;

/// What the dashboard computes (units, addresses, stretches of time, series) is what its tests say. Where
/// there is no Node, there is no dashboard, and nothing to test.
#[test]
fn the_tests_of_the_dashboard_pass() {
    let workshop = Path::new(env!("DASHBOARD_WORKSHOP"));
    let lock = File::create(workshop.join("lock")).unwrap();
    lock.lock().unwrap();
    if !workshop.join("built.stamp").exists() {
        return;
    }
    let output = Command::new("npm").args(["test", "--silent"]).current_dir(workshop).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("fail 0"), "{said}");
}
