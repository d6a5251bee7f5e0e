//! Folders of `/sys` and `/proc` that list devices, looked at now and then.
//!
//! Neither says when it changed, so a folder is listed once per [`EVERY_S`] seconds. Listing goes by a
//! buffer on the stack: where nothing changed, it allocates nothing.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use row::Now;
use rustix::fs::RawDir;
use tracing::warn;

use crate::file::under;
use crate::pace::Cadence;
use crate::roster::Roster;

/// Seconds between two looks at a folder: a device that is plugged in has charts after as many.
pub(crate) const EVERY_S: u32 = 15;
/// Entries of a folder that are looked at.
const ENTRIES_MAX: usize = 65_536;
const BUFFER_BYTES: usize = 4096;

/// A folder and how many devices of it are looked at.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    most: usize,
    cadence: Cadence,
    /// Whether the log said that there are more.
    warned: bool,
}

impl Folder {
    /// The folder `path` under `root`, of which at most `most` devices are looked at.
    ///
    /// # Errors
    /// Where there is no such folder.
    pub(crate) fn open(root: &Path, path: &str, most: usize) -> io::Result<Self> {
        let path = under(root, path);
        path.read_dir()?;
        Ok(Self { path, most, cadence: Cadence::new(EVERY_S), warned: false })
    }

    /// Lists the devices if it is time: `make` makes those that are new of the names that are `wanted`,
    /// given their paths. Those that are no longer listed are dropped by [`Roster::drop_unlisted`].
    /// Returns whether it was time.
    pub(crate) fn look<T>(
        &mut self,
        now: Now,
        devices: &mut Roster<T>,
        wanted: impl Fn(&[u8]) -> bool,
        mut make: impl FnMut(&[u8], PathBuf) -> T,
    ) -> bool {
        if !self.cadence.is_due(now) {
            return false;
        }
        let folder = match File::open(&self.path) {
            Ok(folder) => Some(folder),
            // A driver that is unloaded takes its folder along.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => return false,
        };
        devices.begin();
        let mut left_out = false;
        let listed = folder.map_or(Ok(()), |folder| {
            entries(&folder, |name| {
                if !wanted(name) || devices.find(name).is_some() {
                } else if devices.len() < self.most {
                    devices.add(name, make(name, self.path.join(OsStr::from_bytes(name))));
                } else {
                    left_out = true;
                }
            })
        });
        if (left_out || listed.is_err()) && !std::mem::replace(&mut self.warned, true) {
            warn!(folder = %self.path.display(), most = self.most, "not all devices are looked at");
        }
        true
    }
}

/// Calls `each` with the name of each entry of a folder.
///
/// # Errors
/// What the kernel says.
pub(crate) fn list(folder: &Path, each: impl FnMut(&[u8])) -> io::Result<()> {
    entries(&File::open(folder)?, each)
}

/// The same of a folder that is open.
///
/// # Errors
/// What the kernel says.
pub(crate) fn entries(folder: &File, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
    let mut entries = RawDir::new(folder, &mut buffer);
    let mut seen = 0;
    while let Some(entry) = entries.next()
        && seen < ENTRIES_MAX
    {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            seen += 1;
            each(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn at(second: u64) -> Now {
        Now { wall_us: (second * 1_000_000).cast_signed(), mono_us: second * 1_000_000 }
    }

    /// Devices come and go with the folder's entries, within the limit, and at no other time than
    /// that of a look.
    #[test]
    fn folders_are_looked_at_now_and_then() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("sys/class/thing");
        assert!(Folder::open(root.path(), "/sys/class/thing", 3).is_err());
        fs::create_dir_all(path.join("b0")).unwrap();
        fs::create_dir_all(path.join("other")).unwrap();
        let mut folder = Folder::open(root.path(), "/sys/class/thing", 3).unwrap();
        let mut devices = Roster::new();
        let mut look = |second| {
            let looked = folder.look(at(second), &mut devices, |name| name.starts_with(b"b"), |_, path| path);
            devices.drop_unlisted(|_| ());
            let mut names: Vec<_> = devices.devices().map(|path| path.clone()).collect();
            names.sort();
            let names = names.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
            (looked, names.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(look(0), (true, "b0".to_owned()));
        fs::create_dir(path.join("b1")).unwrap();
        fs::remove_dir(path.join("b0")).unwrap();
        assert_eq!(look(14), (false, "b0".to_owned()));
        assert_eq!(look(15), (true, "b1".to_owned()));
        for name in ["b2", "b3", "b4", "b5"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let (looked, names) = look(30);
        assert!(looked && names.split(' ').count() == 3 && names.contains("b1"), "{names}");
        fs::remove_dir_all(&path).unwrap();
        assert_eq!(look(45), (true, String::new()));
        assert_eq!(look(60), (true, String::new()));
    }

    /// Folders of more entries than the buffer holds are listed whole.
    #[test]
    fn long_folders_are_listed_whole() {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..500).map(|number| format!("device-with-a-long-name-{number:04}")).collect();
        names.iter().for_each(|name| fs::write(root.path().join(name), "").unwrap());
        let mut listed = Vec::new();
        list(root.path(), |name| listed.push(String::from_utf8(name.to_vec()).unwrap())).unwrap();
        listed.sort();
        assert_eq!(listed, names);
        assert!(list(&root.path().join("none"), |_| ()).is_err());
    }
}
