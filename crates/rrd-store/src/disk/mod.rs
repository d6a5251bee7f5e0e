//! The disk as the store sees it: a few operations on named files.
//!
//! A name is `FOLDER/FILE`, one level deep. The real side is a folder of the system; the simulated
//! one, for tests, tears writes, forgets what was not synced, fills up and fails.

#[cfg(feature = "memory-disk")]
pub mod memory;
mod real;
#[cfg(test)]
pub(crate) mod simulated;

use std::io;

pub use real::RealDisk;

/// What the store asks of a disk.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// The names of all files.
    ///
    /// # Errors
    /// Where the disk says so, as everywhere here.
    fn list(&self) -> io::Result<Vec<String>>;
    /// The names of the files of one folder, which may be missing.
    ///
    /// # Errors
    /// Where the disk says so.
    fn list_folder(&self, folder: &str) -> io::Result<Vec<String>> {
        let is_there = |name: &String| name.split_once('/').is_some_and(|(there, _)| there == folder);
        Ok(self.list()?.into_iter().filter(is_there).collect())
    }
    /// Opens a file for reading.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Adds to the end of a file, which is made where it is missing.
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes sure that a file, and its name, survive a power loss.
    fn sync(&self, name: &str) -> io::Result<()>;
    /// Removes a file; one that is missing is no error. A folder goes with its last file.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// A file that is read. It stays readable when it is removed meanwhile.
pub trait DiskFile: Send {
    /// Its bytes.
    ///
    /// # Errors
    /// Where the disk says so, as everywhere here.
    fn length(&self) -> io::Result<u64>;
    /// Reads at `offset`, up to the length of `buffer` or the end of the file; returns how much.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}
