//! Which plugins there are: files of the plugins' folders, by their names.

use std::io;
use std::path::{Path, PathBuf};

use patterns::SimplePattern;

/// What file names of plugins end in.
const ENDINGS: [&str; 3] = [".plugin", "_plugin", "-plugin"];
/// Plugins that run at once.
pub(crate) const PLUGINS_MAX: usize = 64;

/// A program that collects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The file name without its ending.
    pub(crate) name: String,
    /// The file name.
    pub(crate) file: String,
    pub(crate) path: PathBuf,
}

/// The plugins of these folders whose names match, in the order of folders and names. Of files with one
/// name the first counts. Folders that cannot be read are told to `on_error`.
pub(crate) fn find(
    folders: &[PathBuf],
    wanted: &SimplePattern,
    mut on_error: impl FnMut(&Path, &io::Error),
) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for folder in folders {
        match files(folder) {
            Ok(files) => {
                let plugins = files.into_iter().filter_map(|file| plugin(folder, file));
                for plugin in plugins.filter(|plugin| wanted.matches(&plugin.name)) {
                    if found.len() < PLUGINS_MAX && found.iter().all(|other| other.name != plugin.name) {
                        found.push(plugin);
                    }
                }
            }
            Err(error) => on_error(folder, &error),
        }
    }
    found
}

/// The names in a folder, in order.
fn files(folder: &Path) -> io::Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)?;
    let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn plugin(folder: &Path, file: String) -> Option<Found> {
    let name = ENDINGS.iter().find_map(|ending| file.strip_suffix(ending)).filter(|name| !name.is_empty())?;
    let path = folder.join(&file);
    let name = name.to_owned();
    path.is_file().then_some(Found { name, file, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: files with the ending of plugins that match are found; the first folder wins, and one that is
    /// not there harms nothing.
    #[test]
    fn folders_are_searched_in_order() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for file in ["b.plugin", "a.plugin", ".plugin", "a.sh", "x.plugin.bak"] {
            std::fs::write(one.path().join(file), "").unwrap();
        }
        for file in ["a.plugin", "c_plugin", "d-plugin", "python.d.plugin"] {
            std::fs::write(two.path().join(file), "").unwrap();
        }
        std::fs::create_dir(two.path().join("folder.plugin")).unwrap();
        let folders = [one.path().to_owned(), "/does/not/exist".into(), two.path().to_owned()];
        let mut failed = Vec::new();
        let mut names = |wanted: &str| -> Vec<(String, bool)> {
            let found = find(&folders, &SimplePattern::new(wanted), |folder, _| failed.push(folder.to_owned()));
            found.into_iter().map(|found| (found.name, found.path.starts_with(one.path()))).collect()
        };
        let all = [("a", true), ("b", true), ("c", false), ("d", false), ("python.d", false)];
        assert_eq!(names("*"), all.map(|(name, is_first)| (name.to_owned(), is_first)));
        assert_eq!(names("!a b python*"), [("b".to_owned(), true), ("python.d".to_owned(), false)]);
        assert_eq!(names(""), []);
        assert_eq!(failed, vec![PathBuf::from("/does/not/exist"); 3]);
    }
}
