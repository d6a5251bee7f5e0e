//! A simulated disk: forgets what was not synced, tears what was being written, fills up.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::{Disk, DiskFile};

#[derive(Debug, Default)]
pub(crate) struct SimulatedDisk {
    state: Mutex<State>,
    /// Whoever holds it makes the disk wait.
    pub(crate) gate: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Bytes that still fit; `None` for any number.
    room: Option<usize>,
    /// What was done, in its order.
    done: Vec<Done>,
}

/// Something that was done.
#[derive(Debug, Clone)]
enum Done {
    Appended(String, Vec<u8>),
    Synced(String),
    Removed(String),
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

    /// How much was done so far.
    pub(crate) fn done(&self) -> usize {
        self.state().done.len()
    }

    /// What is there when the power fails after so much was done: of what was not synced, each file
    /// has lost a part that `random` decides, and files that were removed may be there again.
    pub(crate) fn after_power_loss(&self, done: usize, mut random: impl FnMut(usize) -> usize) -> Self {
        let after = Self::default();
        let mut removed = BTreeMap::new();
        for done in &self.state().done[..done] {
            let mut state = after.state();
            match done {
                Done::Appended(name, bytes) => {
                    state.files.entry(name.clone()).or_default().bytes.extend_from_slice(bytes);
                }
                Done::Synced(name) => {
                    let file = state.files.get_mut(name).expect("what is synced is there");
                    file.synced = file.bytes.len();
                    removed.clear();
                }
                Done::Removed(name) => removed.extend(state.files.remove_entry(name)),
            }
        }
        let mut state = after.state();
        for (name, file) in removed {
            if random(2) == 0 {
                state.files.entry(name).or_insert(file);
            }
        }
        for file in state.files.values_mut() {
            let lost = random(file.bytes.len() - file.synced + 1);
            file.bytes.truncate(file.bytes.len() - lost);
        }
        state.files.retain(|_, file| file.synced > 0 || !file.bytes.is_empty());
        drop(state);
        after
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
        drop(self.gate.lock());
        let mut state = self.state();
        let fits = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut state.room {
            *room -= fits;
        }
        state.files.entry(name.to_owned()).or_default().bytes.extend_from_slice(&bytes[..fits]);
        state.done.push(Done::Appended(name.into(), bytes[..fits].into()));
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let file = state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.synced = file.bytes.len();
        state.done.push(Done::Synced(name.into()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.files.remove(name).is_some() {
            state.done.push(Done::Removed(name.into()));
        }
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
