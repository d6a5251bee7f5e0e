//! Tools of others that tests use, in a folder of the build: brought there once for each list of their versions.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder `scratch/name`, with all files of the folder `integration-tests/name`, in which `install` was
/// successful since the file `pins` among them changed.
///
/// # Panics
/// When it cannot be made, or `install` fails.
pub(crate) fn workshop(scratch: &Path, name: &str, pins: &str, install: impl FnOnce(&Path) -> Vec<Command>) -> PathBuf {
    let (sources, folder) = (crate::workspace().join("integration-tests").join(name), scratch.join(name));
    fs::create_dir_all(&folder).expect("the folder of the build is ours");
    // Tests run beside each other.
    let lock = File::create(folder.join("lock")).expect("the folder of the build is ours");
    lock.lock().expect("a file of ours can be locked");
    for entry in fs::read_dir(&sources).expect("it is a part of the sources").flatten() {
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("the folder of the build is ours");
    }
    let (stamp, pins) = (folder.join("installed.stamp"), fs::read(sources.join(pins)).expect("pins are committed"));
    if fs::read(&stamp).is_ok_and(|installed| installed == pins) {
        return folder;
    }
    for mut step in install(&folder) {
        let output = step.current_dir(&folder).output().expect("programs that were found can be started");
        assert!(output.status.success(), "{step:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    fs::write(&stamp, pins).expect("the folder of the build is ours");
    folder
}

/// What a command says, which has `limit_s` seconds.
///
/// # Panics
/// With all that it said when it fails.
pub(crate) fn said(limit_s: u64, command: &Command) -> String {
    let mut limited = Command::new("timeout");
    limited.args(["--kill-after=1", &limit_s.to_string()]).arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    let output = limited.output().expect("timeout of coreutils is on every Linux");
    let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{command:?} ended with {}: {said}{errors}", output.status);
    said
}
