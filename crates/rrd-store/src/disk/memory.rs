//! A disk in memory, for tests of whoever keeps something: it outlives the process that it plays, and can be full.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};

/// The files of a disk by their names.
pub type Files = BTreeMap<String, Arc<Vec<u8>>>;

/// A disk that is nothing but memory.
#[derive(Debug, Default)]
pub struct MemoryDisk(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    files: Files,
    /// Bytes that still fit; `None` for any number.
    room: Option<usize>,
}

/// A file as it was when it was opened.
struct File(Arc<Vec<u8>>);

impl MemoryDisk {
    /// These files are there.
    #[must_use]
    pub fn of(files: Files) -> Self {
        Self(Mutex::new(State { files, room: None }))
    }

    /// What is there.
    #[must_use]
    pub fn files(&self) -> Files {
        self.state().files.clone()
    }

    /// Lets so many more bytes fit; `None` for any number.
    pub fn set_room(&self, room: Option<usize>) {
        self.state().room = room;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let bytes = self.state().files.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(File(bytes)))
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        // What fits is written, as a real disk does.
        let fits = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        let (written, rest) = bytes.split_at(fits);
        Arc::make_mut(state.files.entry(name.to_owned()).or_default()).extend_from_slice(written);
        state.room = state.room.map(|room| room - fits);
        if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn sync(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name);
        Ok(())
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
