//! Dashboards in a person's hands: Debian's Chromium, driven by Playwright (`tour/*.mjs`).
//!
//! Playwright comes through npm, by its lock file, into a folder of the build; Chromium does not.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process;
use crate::workshop::{said, workshop};

/// How long a stage may take on a busy machine.
const LIMIT_S: u64 = 110;

/// Runs a stage of the tour at the node whose first page is `root`, with the charts of `host`. What it says is
/// in the answer; its screenshots are in `scratch/dashboard`. What a stage has to know besides is in `variables`.
///
/// # Panics
/// When Node, npm or Chromium are missing, Playwright is not to be had, or the stage fails.
pub fn tour(scratch: &Path, stage: &str, root: &str, host: &str, variables: &[(&str, String)]) -> String {
    let pictures = pictures(scratch);
    run(scratch, &["tour.mjs", stage, &chromium(), root, host, &pictures], variables)
}

/// Visits a dashboard of Netdata's, at `dashboard` below the pages of a node, of which `root` is the first, and of `hosts`.
/// Screenshots are in `scratch/dashboard`.
///
/// # Panics
/// As the tour does.
pub fn classic(scratch: &Path, root: &str, dashboard: &str, hosts: &[&str]) {
    let (chromium, pictures) = (chromium(), pictures(scratch));
    let arguments = ["classic.mjs", &chromium, &pictures, root, dashboard];
    run(scratch, &[&arguments, hosts].concat(), &[]);
}

fn run(scratch: &Path, arguments: &[&str], variables: &[(&str, String)]) -> String {
    let folder = workshop(scratch, "tour", "package-lock.json", |_| {
        let mut install = Command::new(process::program("npm", "npm"));
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        vec![install]
    });
    let mut command = Command::new(process::program("node", "nodejs"));
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value))).current_dir(folder);
    said(LIMIT_S, &command)
}

fn chromium() -> String {
    process::program("chromium", "chromium").display().to_string()
}

fn pictures(scratch: &Path) -> String {
    let folder = scratch.join("dashboard");
    fs::create_dir_all(&folder).expect("the folder of the build is ours");
    folder.display().to_string()
}
