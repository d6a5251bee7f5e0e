//! The dashboard in a person's hands: Debian's Chromium, driven by Playwright (`tour/tour.mjs`).
//!
//! Playwright comes through npm, by its lock file, into a folder of the build; Chromium does not.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::process;

/// How long a stage may take on a busy machine.
const LIMIT_S: u64 = 110;

/// Runs a stage of the tour at the node whose first page is `root`, with the charts of `host`. What it says is
/// in the answer; its screenshots are in `scratch/dashboard`. What a stage has to know besides is in `variables`.
///
/// # Panics
/// When Node, npm or Chromium are missing, Playwright is not to be had, or the stage fails.
pub fn tour(scratch: &Path, stage: &str, root: &str, host: &str, variables: &[(&str, String)]) -> String {
    let workshop = install(scratch);
    let pictures = scratch.join("dashboard");
    fs::create_dir_all(&pictures).expect("the folder of the build is ours");
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", &LIMIT_S.to_string()]).arg(process::program("node", "nodejs")).arg("tour.mjs");
    command.arg(stage).arg(process::program("chromium", "chromium")).args([root, host]).arg(&pictures);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.current_dir(&workshop).output().expect("timeout of coreutils is on every Linux");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "the tour ended at {stage}: {}", process::tail(&said));
    said
}

/// Brings script and Playwright to `scratch/tour`, once for each lock file.
fn install(scratch: &Path) -> std::path::PathBuf {
    let (sources, workshop) = (crate::workspace().join("integration-tests/tour"), scratch.join("tour"));
    fs::create_dir_all(&workshop).expect("the folder of the build is ours");
    // Tests run beside each other.
    let lock = File::create(workshop.join("lock")).expect("the folder of the build is ours");
    lock.lock().expect("a file of ours can be locked");
    let lock_file = fs::read(sources.join("package-lock.json")).expect("it is a part of the sources");
    let stamp = workshop.join("installed.stamp");
    for entry in fs::read_dir(&sources).expect("it is a part of the sources") {
        let file = entry.expect("it can be read").path();
        if file.extension().is_some_and(|extension| extension == "mjs" || extension == "json") {
            fs::copy(&file, workshop.join(file.file_name().unwrap_or_default()))
                .expect("the folder of the build is ours");
        }
    }
    if fs::read(&stamp).is_ok_and(|installed| installed == lock_file) {
        return workshop;
    }
    let npm = process::program("npm", "npm");
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let output = Command::new(npm).args(arguments).current_dir(&workshop).output().expect("npm can be started");
    assert!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(&stamp, lock_file).expect("the folder of the build is ours");
    workshop
}
