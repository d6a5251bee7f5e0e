//! What it takes to silence alarms: a key, and a file where silencers are kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use health::silencers::Silencers;
use row::Guid;
use tracing::warn;
use web::Management;

/// The key lies here in the state folder; only its owner may read it.
const KEY_FILE: &str = "management.api.key";
/// The silencers lie here.
const SILENCERS_FILE: &str = "health.silencers.json";
/// A file of silencers is no longer than this.
const SILENCERS_BYTES_MAX: u64 = 8 << 20;

/// Reads the key, or makes one.
///
/// # Errors
/// Where the file cannot be read or written, or holds anything but a GUID.
pub(crate) fn management(state: &Path) -> anyhow::Result<Management> {
    let path = state.join(KEY_FILE);
    let key = key(&path).with_context(|| format!("the key of the management API in {}", path.display()))?;
    let path = state.join(SILENCERS_FILE);
    Ok(Management { key, keep: Arc::new(move |silencers| keep(&path, silencers)) })
}

fn key(path: &Path) -> anyhow::Result<String> {
    match fs::read(path) {
        Ok(text) => Ok(Guid::parse(text.trim_ascii())?.to_string()),
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            let key = Guid::from_bytes(*uuid::Uuid::new_v4().as_bytes()).to_string();
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(key.as_bytes())?;
            file.sync_all()?;
            Ok(key)
        }
        Err(err) => Err(err.into()),
    }
}

/// The silencers that were kept; none where there is no such file, or it is damaged.
pub(crate) fn silencers(state: &Path) -> Silencers {
    let path = state.join(SILENCERS_FILE);
    let is_long = fs::metadata(&path).is_ok_and(|metadata| metadata.len() > SILENCERS_BYTES_MAX);
    let text = match fs::read_to_string(&path) {
        Ok(text) if !is_long => text,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Silencers::default(),
        _ => String::new(),
    };
    Silencers::from_json(&text).unwrap_or_else(|| {
        warn!("health: {} cannot be read, no alarm is silenced", path.display());
        Silencers::default()
    })
}

/// What is wrong with the silencers that were kept, as a line for people.
pub(crate) fn problem(state: &Path) -> Option<String> {
    let path = state.join(SILENCERS_FILE);
    match fs::read_to_string(&path) {
        Ok(text) if text.len() as u64 > SILENCERS_BYTES_MAX => {
            Some(format!("{}:1: longer than {SILENCERS_BYTES_MAX} bytes", path.display()))
        }
        Ok(text) => Silencers::problem(&text).map(|(line, what)| format!("{}:{line}: {what}", path.display())),
        // Who checks settings need not be who runs the node.
        Err(err) if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => None,
        Err(err) => Some(format!("{}: {err}", path.display())),
    }
}

/// Writes a file anew, so that a crash leaves the old one or the new one.
fn keep(path: &PathBuf, silencers: &Silencers) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&draft)?;
    file.write_all(silencers.to_json().as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The key stays, and is nobody else's to read; silencers survive, and damage costs only them.
    #[test]
    fn what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let management = management(folder.path()).unwrap();
        assert_eq!(super::management(folder.path()).unwrap().key, management.key);
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(silencers(folder.path()), Silencers::default());
        let mut some = Silencers::default();
        some.command([("cmd", "SILENCE ALL")].into_iter());
        (management.keep)(&some).unwrap();
        assert_eq!(silencers(folder.path()), some);
        assert_eq!(problem(folder.path()), None);
        fs::write(folder.path().join(SILENCERS_FILE), "{").unwrap();
        assert_eq!(silencers(folder.path()), Silencers::default());
        assert!(problem(folder.path()).is_some_and(|line| line.contains("silencers.json:1: ")));
    }
}
