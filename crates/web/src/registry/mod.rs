//! The registry: which nodes a person has visited, so that each dashboard can show the way to all others.
//!
//! A person is a browser, known by a cookie that the registry gave it. `people` holds who visited
//! what and answers; `journal` keeps it on the disk. Both are bounded, and forget the oldest.

mod journal;
mod people;

use std::sync::{Arc, Mutex, PoisonError};

use row::Guid;
use rrd_store::Disk;
use tracing::warn;

use journal::Journal;
use people::People;
pub(crate) use people::{Asking, SwitchError, Visit};

/// Bytes of a URL and of a name at most; longer ones are cut.
pub(crate) const URL_BYTES_MAX: usize = 1_024;
pub(crate) const NAME_BYTES_MAX: usize = 100;

/// The registry of a node.
#[derive(Debug)]
pub(crate) struct Registry {
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    people: People,
    /// `None` where nothing is kept on the disk.
    journal: Option<Journal>,
    /// The disk refused, and the log was told.
    is_in_trouble: bool,
}

/// One change of what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A visit: all that is known of it.
    Visited(Guid, Visit),
    /// A person does not want to see a URL again.
    Deleted(Guid, String),
    /// A person is forgotten.
    Forgotten(Guid),
}

impl Registry {
    /// Reads what a disk has of earlier runs.
    pub(crate) fn open(disk: Option<Arc<dyn Disk>>, now_s: i64) -> Self {
        let mut people = People::default();
        let journal = disk.and_then(|disk| match Journal::open(disk, &mut people) {
            Ok(journal) => Some(journal),
            Err(error) => {
                warn!("registry: what was kept cannot be read, and nothing is kept: {error}");
                None
            }
        });
        people.forget_old(now_s);
        Self { kept: Mutex::new(Kept { people, journal, is_in_trouble: false }) }
    }

    /// Notes a visit; `new` makes an identity where the person is not known. Says who it is, and what
    /// they know, newest last.
    pub(crate) fn access(
        &self,
        person: Option<Guid>,
        asking: &Asking<'_>,
        name: &str,
        now_s: i64,
        new: impl FnOnce() -> Guid,
    ) -> (Guid, Vec<Visit>) {
        self.change(|people| {
            let (person, changes) = people.access(person, asking, name, now_s, new);
            ((person, people.visits(person).to_vec()), changes)
        })
    }

    /// Lets a person forget a URL; whether they knew it.
    pub(crate) fn delete(&self, person: Option<Guid>, asking: &Asking<'_>, url: &str) -> bool {
        self.change(|people| {
            let changes = people.delete(person, asking, url);
            (changes.is_some(), changes.into_iter().collect())
        })
    }

    /// All URLs of a machine; `None` where it is not known, or the person is not.
    pub(crate) fn search(&self, person: Option<Guid>, asking: &Asking<'_>, machine: &str) -> Option<Vec<Visit>> {
        self.change(|people| (people.search(person, asking, machine), Vec::new()))
    }

    /// Makes one person another, who knows the machine, too.
    pub(crate) fn switch(&self, person: Option<Guid>, asking: &Asking<'_>, to: &str) -> Result<Guid, SwitchError> {
        self.change(|people| (people.switch(person, asking, to), Vec::new()))
    }

    fn change<R>(&self, f: impl FnOnce(&mut People) -> (R, Vec<Change>)) -> R {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        let (answer, changes) = f(&mut kept.people);
        if let Some(journal) = &mut kept.journal
            && !changes.is_empty()
        {
            let written = journal.write(&changes, &kept.people);
            if let Err(error) = &written
                && !kept.is_in_trouble
            {
                warn!("registry: visits cannot be kept on the disk: {error}");
            }
            kept.is_in_trouble = written.is_err();
        }
        answer
    }
}
