//! The folders that a node writes to.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// A folder that exists and may be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// The default folder that it stands in for.
    pub instead_of: Option<PathBuf>,
}

/// A variable of the environment, by name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Makes the state folder ready. Where it is the default one and may not be written to, the
/// user's own state folder serves instead.
///
/// # Errors
/// Where no folder can be written to; the error names it.
pub fn state(path: &Path, is_default: bool, environment: Environment<'_>) -> anyhow::Result<Folder> {
    ready(path, is_default, || user_folder(environment, "XDG_STATE_HOME", ".local/state"))
}

/// Makes the folder of the databases ready, likewise.
///
/// # Errors
/// Where no folder can be written to; the error names it.
pub fn cache(path: &Path, is_default: bool, environment: Environment<'_>) -> anyhow::Result<Folder> {
    ready(path, is_default, || user_folder(environment, "XDG_CACHE_HOME", ".cache"))
}

fn ready(path: &Path, is_default: bool, user: impl FnOnce() -> Option<PathBuf>) -> anyhow::Result<Folder> {
    let refused = match writable(path) {
        Ok(()) => return Ok(Folder { path: path.into(), instead_of: None }),
        Err(err) => err,
    };
    if is_default && let Some(own) = user() {
        writable(&own).with_context(|| format!("writing to {} in place of {}", own.display(), path.display()))?;
        return Ok(Folder { path: own, instead_of: Some(path.into()) });
    }
    Err(refused).with_context(|| format!("writing to the folder {}", path.display()))
}

fn user_folder(environment: Environment<'_>, variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |path: String| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let base = environment(variable).and_then(absolute);
    let base = base.or_else(|| Some(environment("HOME").and_then(absolute)?.join(below_home)))?;
    Some(base.join("tributary"))
}

fn writable(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)?;
    let probe = path.join(format!(".writable-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_folder_that_is_refused_gives_way_to_the_users_own() {
        let temp = tempfile::tempdir().unwrap();
        let blocked = temp.path().join("file");
        std::fs::write(&blocked, b"").unwrap();
        let home = temp.path().join("home").to_string_lossy().into_owned();
        let environment = |name: &str| (name == "HOME").then(|| home.clone());
        let folder = state(&blocked.join("lib"), true, &environment).unwrap();
        assert!(folder.path.ends_with("home/.local/state/tributary"), "{folder:?}");
        assert_eq!(folder.instead_of, Some(blocked.join("lib")));
        let refused = state(&blocked.join("lib"), false, &environment).unwrap_err();
        assert!(format!("{refused:#}").contains("file/lib"), "{refused:#}");
        assert!(state(&blocked.join("lib"), true, &|_| None).is_err());
    }

    #[test]
    fn a_folder_is_made_where_it_is_missing() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        assert_eq!(state(&path, false, &|_| None).unwrap(), Folder { path: path.clone(), instead_of: None });
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    }
}
