//! Walks the trees of control groups, some folders per tick.
//!
//! ```text
//! tick   | ======      | ====        |             | …   a walk begins every ten seconds,
//!        | 128 folders | the rest    | nothing     |     and tells when it is through
//! ```
//!
//! A folder that has only two links has no folders in it: it is not listed. Once the buffers have
//! grown, a walk allocates nothing.

use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use patterns::SimplePattern;
use row::Now;
use rustix::fs::{FileType, Mode, OFlags, RawDir, open, stat};

use crate::names::push_bytes;
use crate::pace::Cadence;

/// Seconds between the beginnings of two walks.
const EVERY_S: u32 = 10;
/// Folders that are looked at in one tick: some 0.5 ms.
const FOLDERS_PER_TICK: usize = 128;
/// Folders of one walk; what lies beyond is not seen.
const FOLDERS_MAX: usize = 16_384;
/// Bytes of names that a walk keeps at once.
const NAMES_BYTES_MAX: usize = 1024 * 1024;
const LISTING_BYTES: usize = 4096;
/// Of a folder without folders: its name, and its own dot.
const LINKS_OF_LEAF: u64 = 2;

/// A walk, under way or due.
#[derive(Debug)]
pub(crate) struct Walk {
    trees: Vec<PathBuf>,
    /// Groups below which others are looked for.
    search: SimplePattern,
    cadence: Cadence,
    /// Folders that are to be looked at, by the end of their names in `names` and their tree.
    waiting: Vec<(usize, usize)>,
    names: Vec<u8>,
    seen: usize,
    listing: Box<[MaybeUninit<u8>]>,
    path: PathBuf,
    name: Vec<u8>,
}

/// How far a walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// None is under way.
    Resting,
    /// It goes on with the next tick.
    Walking,
    /// All was seen.
    Through,
}

impl Walk {
    /// Walks `trees`, except below what does not match `search`.
    pub(crate) fn new(trees: Vec<PathBuf>, search: SimplePattern) -> Self {
        Self {
            trees,
            search,
            cadence: Cadence::new(EVERY_S),
            waiting: Vec::new(),
            names: Vec::new(),
            seen: 0,
            listing: vec![MaybeUninit::uninit(); LISTING_BYTES].into_boxed_slice(),
            path: PathBuf::new(),
            name: Vec::new(),
        }
    }

    /// Begins a walk if it is time and none is under way; returns whether one began.
    pub(crate) fn begin(&mut self, now: Now) -> bool {
        let begins = self.waiting.is_empty() && self.cadence.is_due(now);
        if begins {
            self.seen = 0;
            self.waiting.extend((0..self.trees.len()).rev().map(|tree| (0, tree)));
        }
        begins
    }

    /// Goes on with the walk, and calls `see` with the name of each group: its path below its tree.
    /// In several trees there may be the same.
    pub(crate) fn step(&mut self, mut see: impl FnMut(&[u8])) -> Progress {
        if self.waiting.is_empty() {
            return Progress::Resting;
        }
        for _ in 0..FOLDERS_PER_TICK {
            let Some((end, tree)) = self.waiting.pop() else { return Progress::Through };
            let start = self.waiting.last().map_or(0, |&(end, _)| end);
            self.name.clear();
            self.name.extend_from_slice(&self.names[start..end]);
            self.names.truncate(start);
            self.seen += 1;
            if self.visit(tree) {
                see(if self.name.is_empty() { b"/" } else { &self.name });
            }
        }
        if self.waiting.is_empty() { Progress::Through } else { Progress::Walking }
    }

    /// Looks at the folder `name` and notes those in it; returns whether it is there.
    fn visit(&mut self, tree: usize) -> bool {
        let path = self.path.as_mut_os_string();
        path.clear();
        path.push(&self.trees[tree]);
        push_bytes(path, &self.name);
        let Ok(found) = stat(&self.path) else { return false };
        let is_searched = self.name.is_empty() || self.search.matches(&String::from_utf8_lossy(&self.name));
        if found.st_nlink == LINKS_OF_LEAF || !is_searched {
            return true;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(folder) = open(&self.path, flags, Mode::empty()) else { return false };
        let mut entries = RawDir::new(folder, &mut self.listing);
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name().to_bytes();
            let is_folder = matches!(entry.file_type(), FileType::Directory) && !matches!(name, b"." | b"..");
            let has_room = self.names.len() < NAMES_BYTES_MAX && self.seen + self.waiting.len() < FOLDERS_MAX;
            if is_folder && has_room {
                self.names.extend_from_slice(&self.name);
                self.names.push(b'/');
                self.names.extend_from_slice(name);
                self.waiting.push((self.names.len(), tree));
            }
        }
        true
    }
}

/// The file `file` of the group `name` in the tree `folder`, written into `path`.
pub(crate) fn path_of(path: &mut PathBuf, folder: &Path, name: &[u8], file: &str) {
    let text = path.as_mut_os_string();
    text.clear();
    text.push(folder.as_os_str());
    push_bytes(text, name);
    if !text.as_bytes().ends_with(b"/") {
        text.push("/");
    }
    text.push(file);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn now(second: i64) -> Now {
        Now { wall_us: second * 1_000_000, mono_us: 1 }
    }

    /// Goal: all groups are seen, over several ticks where there are many, but those below what is
    /// not to be searched.
    #[test]
    fn all_are_seen() {
        let root = tempfile::tempdir().unwrap();
        let mut expected = vec![b"/".to_vec()];
        for group in 0..100 {
            for inner in ["", "/a", "/a/b", "/hidden", "/hidden/c"] {
                fs::create_dir_all(root.path().join(format!("g{group}{inner}"))).unwrap();
                if inner != "/hidden/c" {
                    expected.push(format!("/g{group}{inner}").into_bytes());
                }
            }
        }
        fs::write(root.path().join("file"), "").unwrap();
        expected.sort();
        let mut walk = Walk::new(vec![root.path().to_owned()], SimplePattern::new("!*/hidden *"));
        for begin in [100, 110] {
            let (mut seen, mut begun, mut ticks) = (Vec::new(), 0, 0);
            loop {
                ticks += 1;
                begun += u32::from(walk.begin(now(begin + ticks)));
                match walk.step(|name| seen.push(name.to_vec())) {
                    Progress::Through => break,
                    progress => assert_eq!(progress, Progress::Walking),
                }
            }
            seen.sort();
            assert_eq!((seen == expected, begun, ticks), (true, 1, 4));
            assert!(!walk.begin(now(begin + 9)));
            assert_eq!(walk.step(|_| ()), Progress::Resting);
        }
    }

    /// Goal: paths are made in place.
    #[test]
    fn paths() {
        let mut path = PathBuf::new();
        path_of(&mut path, Path::new("/sys/fs/cgroup"), b"/a/b", "cpu.stat");
        assert_eq!(path, Path::new("/sys/fs/cgroup/a/b/cpu.stat"));
        path_of(&mut path, Path::new("/c"), b"/", "x");
        assert_eq!(path, Path::new("/c/x"));
    }
}
