//! Which hosts have which name: more than one may have the same.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use row::Guid;

/// The names of all hosts of a store, shared with the hosts, since a new feed may bring a new name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    hosts: Mutex<HashMap<Box<str>, Vec<Guid>>>,
}

impl Names {
    pub(crate) fn add(&self, guid: Guid, name: &str) {
        self.lock().entry(name.into()).or_default().push(guid);
    }

    pub(crate) fn remove(&self, guid: Guid, name: &str) {
        take(&mut self.lock(), guid, name);
    }

    /// A host that is known by one name has another one now.
    pub(crate) fn rename(&self, guid: Guid, before: &str, now: &str) {
        if before == now {
            return;
        }
        let mut hosts = self.lock();
        if take(&mut hosts, guid, before) {
            hosts.entry(now.into()).or_default().push(guid);
        }
    }

    /// The hosts of a name, in the order in which they got it.
    pub(crate) fn find(&self, name: &str) -> Vec<Guid> {
        self.lock().get(name).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Guid>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a name from a host; returns whether it had it.
fn take(hosts: &mut HashMap<Box<str>, Vec<Guid>>, guid: Guid, name: &str) -> bool {
    let Some(guids) = hosts.get_mut(name) else { return false };
    let before = guids.len();
    guids.retain(|&other| other != guid);
    let had = guids.len() < before;
    if guids.is_empty() {
        hosts.remove(name);
        if hosts.capacity() > 4 * hosts.len() + 64 {
            hosts.shrink_to(2 * hosts.len());
        }
    }
    had
}
