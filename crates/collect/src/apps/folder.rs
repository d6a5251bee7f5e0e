//! `/proc` as the folder of processes: which there are, and their files.
//!
//! The folder stays open, and files are opened relative to it, so that no path is put together or
//! walked from the root. Names are written on the stack.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, SeekFrom, openat, seek};

use crate::file::{Buffer, KeptFile, under};

/// Where processes are listed.
pub(super) const PATH: &str = "/proc";
/// Processes that are looked at; those beyond are left out.
pub(super) const PROCESSES_MAX: usize = 16_384;
/// What one call lists: some 600 processes.
const LISTING_BYTES: usize = 16 * 1024;
/// Digits of a pid, a slash, and the longest name of a file.
const NAME_BYTES_MAX: usize = 10 + 1 + 9;

/// The folder, and room for its listing.
#[derive(Debug)]
pub(super) struct Folder {
    folder: File,
    listing: Box<[MaybeUninit<u8>]>,
}

impl Folder {
    /// Opens the folder under `root`.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let folder = File::open(under(root, PATH))?;
        Ok(Self { folder, listing: Box::new_uninit_slice(LISTING_BYTES) })
    }

    /// Lists all processes in ascending order; returns whether some were left out.
    pub(super) fn list(&mut self, pids: &mut Vec<u32>) -> io::Result<bool> {
        pids.clear();
        seek(&self.folder, SeekFrom::Start(0))?;
        let mut entries = RawDir::new(&self.folder, &mut self.listing);
        let mut left_out = false;
        while let Some(entry) = entries.next() {
            let Some(pid) = pid(entry?.file_name().to_bytes()) else { continue };
            left_out = pids.len() == PROCESSES_MAX;
            if left_out {
                break;
            }
            pids.push(pid);
        }
        // The kernel lists them so; another folder may not.
        if !pids.is_sorted() {
            pids.sort_unstable();
        }
        Ok(left_out)
    }

    /// Opens a file of a process.
    pub(super) fn open_file(&self, pid: u32, file: &str) -> io::Result<KeptFile> {
        self.open_as(pid, file, OFlags::RDONLY).map(KeptFile::from)
    }

    /// Opens a folder of a process.
    pub(super) fn open_folder(&self, pid: u32, folder: &str) -> io::Result<File> {
        self.open_as(pid, folder, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Reads the beginning of a file of a process, as much as the buffer takes.
    pub(super) fn read<'b>(&self, pid: u32, file: &str, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        self.open_file(pid, file)?.read_beginning(buffer)
    }

    fn open_as(&self, pid: u32, file: &str, how: OFlags) -> io::Result<File> {
        let mut name = [0; NAME_BYTES_MAX];
        let name = write_name(&mut name, pid, file);
        Ok(openat(&self.folder, name, how | OFlags::CLOEXEC, Mode::empty())?.into())
    }
}

/// The number that a folder's name is.
fn pid(name: &[u8]) -> Option<u32> {
    if !name.first()?.is_ascii_digit() || name.len() > 10 {
        return None;
    }
    crate::scan::number(name).and_then(|pid| u32::try_from(pid).ok())
}

/// Writes `PID/FILE`.
fn write_name<'n>(name: &'n mut [u8; NAME_BYTES_MAX], pid: u32, file: &str) -> &'n [u8] {
    let digits = pid.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut rest = pid;
    for place in name[..digits].iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name[digits] = b'/';
    let length = digits + 1 + file.len();
    name[digits + 1..length].copy_from_slice(file.as_bytes());
    &name[..length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Goal: numbers are processes and nothing else is, in ascending order, each time anew.
    #[test]
    fn processes_are_listed() {
        let root = tempfile::tempdir().unwrap();
        for name in ["10", "9", "4194304", "self", "1x", "99999999999", "4294967296"] {
            fs::create_dir_all(root.path().join("proc").join(name)).unwrap();
        }
        let mut folder = Folder::open(root.path()).unwrap();
        let mut pids = Vec::new();
        for _ in 0..2 {
            assert!(!folder.list(&mut pids).unwrap());
            assert_eq!(pids, [9, 10, 4_194_304]);
        }
        fs::write(root.path().join("proc/9/status"), "text").unwrap();
        assert_eq!(folder.read(9, "status", &mut Buffer::new()).unwrap(), b"text");
        assert!(folder.open_file(8, "status").is_err() && folder.open_folder(9, "status").is_err());
    }

    /// Goal: every pid is written with all its digits.
    #[test]
    fn names_are_written() {
        for pid in [0, 1, 9, 10, 99, 4_194_304, u32::MAX] {
            let mut name = [0; NAME_BYTES_MAX];
            assert_eq!(write_name(&mut name, pid, "cmdline"), format!("{pid}/cmdline").as_bytes());
        }
    }
}
