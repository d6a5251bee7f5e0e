//! A simulated disk: forgets what was not synced, tears what was being written, fills up.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::{Disk, DiskFile};

#[derive(Debug, Default)]
pub(crate) struct SimulatedDisk {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Bytes that still fit; `None` for any number.
    room: Option<usize>,
}

#[derive(Debug, Default, Clone)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

impl SimulatedDisk {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets so many more bytes fit.
    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.state().room = room;
    }

    /// The power fails: of what was not synced, `keep` thousandths of each file stay.
    pub(crate) fn lose_power(&self, keep: usize) {
        let mut state = self.state();
        state.files.retain(|_, file| file.synced > 0 || keep > 0);
        for file in state.files.values_mut() {
            let torn = file.synced + (file.bytes.len() - file.synced) * keep / 1_000;
            file.bytes.truncate(torn);
        }
    }

    /// Changes one byte of a file.
    pub(crate) fn damage(&self, name: &str, place: usize, bits: u8) {
        if let Some(byte) = self.state().files.get_mut(name).and_then(|file| file.bytes.get_mut(place)) {
            *byte ^= bits;
        }
    }

    pub(crate) fn truncate(&self, name: &str, length: usize) {
        if let Some(file) = self.state().files.get_mut(name) {
            file.bytes.truncate(length);
        }
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.state();
        let file = state.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Opened(file.bytes.clone())))
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let fits = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut state.room {
            *room -= fits;
        }
        state.files.entry(name.to_owned()).or_default().bytes.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let file = state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.synced = file.bytes.len();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name);
        Ok(())
    }
}

/// The bytes that a file had when it was opened.
struct Opened(Vec<u8>);

impl DiskFile for Opened {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
