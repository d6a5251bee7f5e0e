//! Names of users and groups, from `/etc/passwd` and `/etc/group`.
//!
//! A name is looked for when its number first comes, so nothing is kept of the file but when it
//! was last changed. What a directory service knows and the file does not is shown as a number.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::file::{Buffer, read_once, under};
use crate::names::text_of;
use crate::scan::{lines, number};

/// One of the two files.
#[derive(Debug)]
pub(super) struct Accounts {
    path: PathBuf,
    changed: Option<SystemTime>,
}

impl Accounts {
    /// The file `path` under `root`; that it is missing is no error.
    pub(super) fn new(root: &Path, path: &str) -> Self {
        let path = under(root, path);
        Self { changed: changed(&path), path }
    }

    /// Whether the file was changed since this was asked last.
    pub(super) fn was_changed(&mut self) -> bool {
        let now = changed(&self.path);
        std::mem::replace(&mut self.changed, now) != now
    }

    /// The name of the account `id`; its number where the file has none.
    pub(super) fn name(&self, id: u32, buffer: &mut Buffer) -> String {
        let text = read_once(&self.path, buffer).unwrap_or_default();
        find(text, id).map_or_else(|| id.to_string(), text_of)
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// `NAME:PASSWORD:ID:…`: both files begin so.
fn find(text: &[u8], id: u32) -> Option<&[u8]> {
    lines(text).find_map(|line| {
        let mut words = line.split(|&byte| byte == b':');
        let name = words.next().filter(|name| !name.is_empty())?;
        (number(words.nth(1)?)? == i64::from(id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the first line of a number gives its name, and lines of another make disturb nothing.
    #[test]
    fn names_are_found() {
        let text = b"root:x:0:0:root:/root:/bin/bash\n:x:1:1::\nbad\n+::::::\nsys:x:3\nalso:x:0:\nx:y:99999999999:\n";
        assert_eq!(find(text, 0), Some(&b"root"[..]));
        assert_eq!(find(text, 3), Some(&b"sys"[..]));
        assert_eq!((find(text, 1), find(text, 7), find(b"", 0)), (None, None, None));
        crate::tests::mutate(text, |text| assert!(find(text, 3).is_none_or(|name| !name.is_empty())));
    }

    /// Goal: a change of the file is noticed once, and so is its coming and going.
    #[test]
    fn changes_are_noticed() {
        let root = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::new(root.path(), "/passwd");
        let mut buffer = Buffer::new();
        assert!(!accounts.was_changed());
        assert_eq!(accounts.name(7, &mut buffer), "7");
        fs::write(root.path().join("passwd"), "seven:x:7:\n").unwrap();
        assert!(accounts.was_changed() && !accounts.was_changed());
        assert_eq!(accounts.name(7, &mut buffer), "seven");
        fs::remove_file(root.path().join("passwd")).unwrap();
        assert!(accounts.was_changed() && !accounts.was_changed());
    }
}
