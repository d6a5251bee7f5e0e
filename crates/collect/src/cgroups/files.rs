//! The files of a control group: kept open as long as there are handles to spare.
//!
//! A file that is kept open is read in 2 to 3 µs, one that is opened anew in 7 to 8 µs, but a machine
//! may have a thousand groups of ten files each. So all groups together keep at most half of what this
//! program may have open; the files of groups beyond that are opened with each reading.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use rustix::process::{Resource, getrlimit};

use super::hierarchy::Hierarchy;
use super::reading::{Parsers, Reading, Source};
use super::walk::path_of;
use crate::file::{Buffer, KeptFile};

/// Files that are kept open where the system sets no limit.
const KEPT_MAX: i64 = 8192;
/// A file that is not there, or never held anything but zeros, is looked at each tenth time: an
/// empty group costs next to nothing.
const REST_READINGS: u8 = 9;
/// One that was not there so many times is looked at once in a minute: the group is not in that controller's tree.
const MISSES_MAX: u8 = 3;
const MISSING_REST_READINGS: u8 = 59;

/// How many more files may be kept open. Shared by all groups.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<AtomicI64>);

impl Budget {
    /// Half of what this program may have open.
    pub(crate) fn of_system() -> Self {
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| i64::try_from(limit).ok());
        Self::new(limit.map_or(KEPT_MAX, |limit| (limit / 2).min(KEPT_MAX)))
    }

    /// So many.
    pub(crate) fn new(files: i64) -> Self {
        Self(Arc::new(AtomicI64::new(files)))
    }

    fn take(&self) -> bool {
        let has_room = self.0.fetch_sub(1, Relaxed) > 0;
        if !has_room {
            self.give_back();
        }
        has_room
    }

    fn give_back(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// How many are left.
    #[cfg(test)]
    pub(crate) fn left(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// A file that takes its part of the budget.
#[derive(Debug)]
struct Counted(KeptFile, Budget);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.give_back();
    }
}

/// The files of one group, one per [`Source`].
#[derive(Debug)]
pub(crate) struct Files(Box<[Place]>);

#[derive(Debug, Default)]
struct Place {
    kept: Option<Counted>,
    /// Readings that it is left out of.
    rests: u8,
    /// Which of its names it has.
    name: u8,
    /// Whether it could be read when that was tried last.
    is_there: bool,
    /// How often in a row it was not there, up to [`MISSES_MAX`].
    misses: u8,
    /// Whether it ever held anything but zeros.
    had_values: bool,
}

/// What the reading of a group's files needs beside them.
pub(crate) struct Reader {
    /// The trees.
    pub hierarchy: Hierarchy,
    /// How many files may be kept open.
    pub budget: Budget,
    /// What reads their lines.
    pub parsers: Parsers,
    /// For names of files.
    pub path: PathBuf,
}

impl Files {
    /// So many files, none of them open.
    pub(crate) fn new(files: usize) -> Self {
        Self((0..files).map(|_| Place::default()).collect())
    }

    /// Reads what is due of the files of the group `name`; returns whether any is there.
    pub(crate) fn read<'s>(
        &mut self,
        sources: impl Iterator<Item = &'s Source>,
        name: &[u8],
        reader: &mut Reader,
        buffer: &mut Buffer,
        reading: &mut Reading,
    ) -> bool {
        let mut is_there = false;
        for (place, source) in self.0.iter_mut().zip(sources) {
            if (source.is_known)(reading) {
                continue;
            }
            if place.rests > 0 {
                place.rests -= 1;
            } else {
                place.read_into(source, name, reader, buffer, reading);
            }
            is_there |= place.is_there;
        }
        is_there
    }
}

impl Place {
    fn read_into(
        &mut self,
        source: &Source,
        name: &[u8],
        reader: &mut Reader,
        buffer: &mut Buffer,
        reading: &mut Reading,
    ) {
        let was_open = self.kept.is_some();
        let text = self.read(source, name, reader, buffer);
        self.is_there = text.is_ok();
        let has_values = (source.parse)(text.unwrap_or_default(), &mut reader.parsers, reading);
        self.had_values |= has_values;
        let is_idle = !has_values && (source.rests || !self.had_values);
        // One that was there may come back at once: a service that is started again.
        let may_rest = if self.is_there { is_idle } else { !was_open };
        self.misses = if self.is_there { 0 } else { (self.misses + 1).min(MISSES_MAX) };
        self.rests = match () {
            () if !may_rest => 0,
            () if self.misses < MISSES_MAX => REST_READINGS,
            () => MISSING_REST_READINGS,
        };
    }

    fn read<'b>(
        &mut self,
        source: &Source,
        name: &[u8],
        reader: &mut Reader,
        buffer: &'b mut Buffer,
    ) -> io::Result<&'b [u8]> {
        if let Some(Counted(file, _)) = &self.kept {
            match file.read_length(buffer) {
                Ok(length) => return Ok(buffer.text(length)),
                // The group is gone; there may be another by its name.
                Err(_) => self.kept = None,
            }
        }
        let file = self.open(source, name, reader)?;
        let length = file.read_length(buffer)?;
        if reader.budget.take() {
            self.kept = Some(Counted(file, reader.budget.clone()));
        }
        Ok(buffer.text(length))
    }

    fn open(&mut self, source: &Source, name: &[u8], reader: &mut Reader) -> io::Result<KeptFile> {
        let Reader { hierarchy, path, .. } = reader;
        let folder = hierarchy.folder(source.controller).ok_or(io::ErrorKind::NotFound)?;
        let first = usize::from(self.name);
        let mut result = Err(io::ErrorKind::NotFound.into());
        for at in (first..source.names.len()).chain(0..first) {
            path_of(path, folder, name, source.names[at]);
            result = KeptFile::open_path(path);
            if result.is_ok() {
                self.name = at as u8;
                break;
            }
        }
        result
    }
}
