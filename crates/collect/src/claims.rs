//! Interfaces that belong to containers: who finds out, and who shows them.
//!
//! Control groups find out which interfaces of this machine lead into a container; the list of interfaces is read
//! elsewhere. Both hold the same claims, which change when a container comes or goes and are only looked at then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// All claims, by the name of the interface on this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    by_interface: Mutex<BTreeMap<Box<[u8]>, Claim>>,
    version: AtomicU64,
    has_newcomers: AtomicBool,
}

/// Whose an interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The section of charts of the container.
    pub section: String,
    /// What the interface is called inside.
    pub name: String,
    /// What precedes contexts of the container's charts.
    pub context_prefix: &'static str,
    /// Labels of the container's charts.
    pub labels: Vec<(&'static str, String)>,
}

impl Claims {
    /// Rises with each change.
    pub(crate) fn version(&self) -> u64 {
        self.0.version.load(Relaxed)
    }

    /// Who claims an interface.
    pub(crate) fn of(&self, interface: &[u8]) -> Option<Claim> {
        self.with(|all| all.get(interface).cloned())
    }

    /// Whether `section` claims just these interfaces.
    pub(crate) fn are<'a>(&self, section: &str, mut claimed: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> bool {
        self.with(|all| {
            let of_section = all.values().filter(|claim| claim.section == section).count();
            let mut count = 0;
            let known = claimed.all(|(interface, name)| {
                count += 1;
                all.get(interface).is_some_and(|claim| claim.section == section && claim.name.as_bytes() == name)
            });
            known && count == of_section
        })
    }

    /// Whether somebody else than `section` claims an interface.
    pub(crate) fn is_of_another(&self, section: &str, interface: &[u8]) -> bool {
        self.with(|all| all.get(interface).is_some_and(|claim| claim.section != section))
    }

    /// `section` claims these interfaces, and no others any more.
    pub(crate) fn replace(&self, section: &str, claims: impl Iterator<Item = (Box<[u8]>, Claim)>) {
        self.with(|all| {
            all.retain(|_, claim| claim.section != section);
            all.extend(claims);
        });
        self.0.version.fetch_add(1, Relaxed);
    }

    /// An interface came that may be somebody's.
    pub(crate) fn tell_newcomer(&self) {
        self.0.has_newcomers.store(true, Relaxed);
    }

    /// Whether one came since this was asked last.
    pub(crate) fn take_newcomers(&self) -> bool {
        self.0.has_newcomers.swap(false, Relaxed)
    }

    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<Box<[u8]>, Claim>) -> T) -> T {
        f(&mut self.0.by_interface.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
