//! The devices that a file lists: found by name, added when new, dropped when no longer listed.
//!
//! A file lists its devices in the same order each time, so the device after the one found last is
//! tried first; only a change costs a search.

/// Devices by name.
#[derive(Debug)]
pub(crate) struct Roster<T> {
    entries: Vec<Entry<T>>,
    /// The place that is tried first.
    next: usize,
    /// Counts readings; a device of an older round is no longer listed.
    round: u32,
}

#[derive(Debug)]
struct Entry<T> {
    name: Box<[u8]>,
    round: u32,
    device: T,
}

impl<T> Roster<T> {
    /// A roster without devices.
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), next: 0, round: 0 }
    }

    /// Begins a reading: from here on devices are found or added.
    pub(crate) fn begin(&mut self) {
        self.next = 0;
        self.round = self.round.wrapping_add(1);
    }

    /// Finds the device `name`, which is listed in this reading.
    pub(crate) fn find(&mut self, name: &[u8]) -> Option<&mut T> {
        let expected = self.entries.get(self.next).is_some_and(|entry| *entry.name == *name);
        let at = if expected { self.next } else { self.entries.iter().position(|entry| *entry.name == *name)? };
        self.next = at + 1;
        let entry = &mut self.entries[at];
        entry.round = self.round;
        Some(&mut entry.device)
    }

    /// Adds a device that was not found.
    pub(crate) fn add(&mut self, name: &[u8], device: T) {
        self.entries.push(Entry { name: name.into(), round: self.round, device });
        self.next = self.entries.len();
    }

    /// How many devices there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All devices, to look at.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> + Clone {
        self.entries.iter().map(|entry| &entry.device)
    }

    /// All devices.
    pub(crate) fn devices(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|entry| &mut entry.device)
    }

    /// Drops the devices of which `is_lost` says so, each after `farewell`.
    pub(crate) fn drop_lost(&mut self, is_lost: impl Fn(&T) -> bool, mut farewell: impl FnMut(&mut T)) {
        self.entries.retain_mut(|entry| {
            let lost = is_lost(&entry.device);
            if lost {
                farewell(&mut entry.device);
            }
            !lost
        });
    }

    /// Drops the devices that the last reading did not list, each after `farewell`.
    pub(crate) fn drop_unlisted(&mut self, mut farewell: impl FnMut(&mut T)) {
        let round = self.round;
        self.entries.retain_mut(|entry| {
            if entry.round != round {
                farewell(&mut entry.device);
            }
            entry.round == round
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a list of devices; returns which were dropped.
    fn read(roster: &mut Roster<String>, names: &str) -> Vec<String> {
        roster.begin();
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            if roster.find(name.as_bytes()).is_none() {
                roster.add(name.as_bytes(), name.to_owned());
            }
            assert_eq!(roster.find(name.as_bytes()).unwrap(), name);
        }
        let mut dropped = Vec::new();
        roster.drop_unlisted(|device| dropped.push(device.clone()));
        dropped
    }

    /// Devices come, go, come back and change places.
    #[test]
    fn devices_come_and_go() {
        let mut roster = Roster::new();
        assert!(read(&mut roster, "a b c").is_empty());
        assert!(read(&mut roster, "c x a b").is_empty());
        assert_eq!(read(&mut roster, "x c"), ["a", "b"]);
        assert!(read(&mut roster, "a x c c").is_empty());
        assert_eq!(roster.len(), 3);
        assert_eq!(read(&mut roster, ""), ["c", "x", "a"]);
        assert_eq!(roster.devices().count(), 0);
    }
}
