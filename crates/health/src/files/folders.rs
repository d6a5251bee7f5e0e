//! Folders of alarm files: earlier ones win, and the files that are built in come last.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::{Definition, Problem, read};

/// How deep folders may lie in a folder.
const DEPTH_MAX: usize = 3;
/// Files of all folders at most.
const FILES_MAX: usize = 5_000;
/// Bytes of one file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What folders hold.
#[derive(Debug, Default)]
pub struct Found {
    /// All definitions, those that win first.
    pub definitions: Vec<Definition>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Reads all files `*.conf` of folders, and those that are built in. A file hides the files of the
/// same name, folders in folders included, of later folders. A folder that is missing is empty.
#[must_use]
pub fn read_folders(folders: &[impl AsRef<Path>], built_in: &[(&str, &str)]) -> Found {
    let mut reading = Reading::default();
    for folder in folders {
        let mut names = BTreeMap::new();
        reading.list(folder.as_ref(), "", DEPTH_MAX, &mut names);
        for (name, path) in names {
            reading.file(&name, &path);
        }
    }
    let mut built_in: Vec<_> = built_in.iter().collect();
    built_in.sort();
    for (name, text) in built_in {
        if reading.is_new(name) {
            reading.text(name, text);
        }
    }
    reading.found
}

#[derive(Debug, Default)]
struct Reading {
    found: Found,
    /// Names that were read.
    names: std::collections::BTreeSet<String>,
}

impl Reading {
    /// Lists the files of a folder by their names within it.
    fn list(&mut self, folder: &Path, prefix: &str, depth: usize, names: &mut BTreeMap<String, String>) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && prefix.is_empty() => return,
            Err(error) => return self.problem(folder, format!("cannot be read: {error}")),
        };
        for entry in entries.filter_map(Result::ok) {
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else { continue };
            let path = entry.path();
            // Of a link, what it leads to.
            if path.is_dir() {
                if depth > 0 {
                    self.list(&path, &format!("{name}/"), depth - 1, names);
                }
            } else if name.ends_with(".conf") && entry.file_name().len() > ".conf".len() {
                if names.len() + self.names.len() >= FILES_MAX {
                    return self.problem(folder, format!("more than {FILES_MAX} alarm files, the rest is left out"));
                }
                names.insert(name, path.to_string_lossy().into_owned());
            }
        }
    }

    fn is_new(&mut self, name: &str) -> bool {
        self.names.insert(name.to_owned())
    }

    fn file(&mut self, name: &str, path: &str) {
        if !self.is_new(name) {
            return;
        }
        match read_text(Path::new(path)) {
            Ok(text) => self.text(path, &text),
            Err(error) => self.problem(Path::new(path), format!("cannot be read: {error}")),
        }
    }

    fn text(&mut self, file: &str, text: &str) {
        let (definitions, problems) = read(file, text);
        self.found.definitions.extend(definitions);
        self.found.problems.extend(problems);
    }

    fn problem(&mut self, path: &Path, text: String) {
        self.found.problems.push(Problem { file: path.to_string_lossy().into_owned(), line: 1, text });
    }
}

/// The text of a file; what is not UTF-8 in it is replaced.
fn read_text(path: &Path) -> io::Result<String> {
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
