//! Interfaces of containers: which of this machine's lead into which.
//!
//! A container has an end of a pair of interfaces, such as `eth0`; the other end is one of this machine's, such as
//! `veth12ab`. The kernel tells where ends are ([`networks`](super::networks)); what they are called inside is in
//! `/proc/PID/net` of any process of the container. What is found is claimed, and the interface then shown with the
//! container. Where several groups share a network, as those of a pod do, the first has it.
//!
//! Asked with a walk: of newcomers some times, of all when an interface came, and of each once in a minute.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::Reader;
use super::hierarchy::Controller;
use super::networks::{End, Name, Networks};
use super::walk::path_of;
use crate::charts::Owner;
use crate::claims::{Claim, Claims};
use crate::file::{Buffer, read_once};
use crate::names::text_of;
use crate::scan::{Words, lines};

/// Walks with which a newcomer is asked: its network may be made after it.
const LOOKS_SOON: u8 = 3;
/// Walks of which each asks a part of all others: six take a minute.
const WALKS_PER_ROUND: u32 = 6;
/// Folders of one group in which a process is looked for: those that a group has for its parts.
const FOLDERS_MAX: usize = 32;
/// Interfaces of one container.
const INTERFACES_MAX: usize = 64;
/// Lists the processes of a group.
const PROCESSES: &str = "cgroup.procs";
/// Trees of version 1 in which a group may be.
const TREES: [Controller; 3] = [Controller::Cpuacct, Controller::Memory, Controller::Pids];
/// Lines before the first interface of `dev`.
const HEADING_LINES: usize = 2;

/// Finds the interfaces of groups.
pub(super) struct Interfaces {
    root: PathBuf,
    claims: Claims,
    networks: Box<dyn Networks>,
    ends: Vec<End>,
    /// Whether `ends` are those of this walk.
    are_fresh: bool,
    /// Whether an interface came that may be anybody's.
    has_newcomers: bool,
    /// Of the group that is looked at: what its interfaces are called here and inside.
    found: Vec<(Name, Name)>,
    text: String,
}

impl Interfaces {
    /// Claims interfaces in `claims`; processes are below `root`.
    pub(super) fn new(root: &Path, claims: Claims, networks: Box<dyn Networks>) -> Self {
        Self {
            root: root.to_path_buf(),
            claims,
            networks,
            ends: Vec::new(),
            are_fresh: false,
            has_newcomers: false,
            found: Vec::new(),
            text: String::new(),
        }
    }

    /// Begins with the groups that a walk has seen.
    pub(super) fn begin(&mut self) {
        self.are_fresh = false;
        self.has_newcomers = self.claims.take_newcomers();
    }

    /// Looks for the interfaces of the group at `path`, the charts of which have this owner, if it is its turn: it
    /// has this number, and was looked at so often.
    pub(super) fn look(
        &mut self,
        (number, looks, walks): (usize, &mut u8, u32),
        (path, owner): (&[u8], &Owner),
        reader: &mut Reader,
        buffer: &mut Buffer,
    ) {
        let is_new = self.has_newcomers || *looks < LOOKS_SOON;
        if !is_new && !(number as u32).wrapping_add(walks).is_multiple_of(WALKS_PER_ROUND) {
            return;
        }
        *looks = looks.saturating_add(1);
        self.found.clear();
        // One that has none so far and is not new stays so, most likely: its parts are not searched.
        let has_some = !self.claims.are(&owner.group, std::iter::empty());
        if let Some(pid) = first_process(path, is_new || has_some, reader, buffer)
            && let Some(network) = self.networks.network_of(pid)
        {
            self.find(&owner.group, network, pid, &mut reader.path, buffer);
        }
        if !self.claims.are(&owner.group, self.found.iter().map(|(outer, inner)| (outer.bytes(), inner.bytes()))) {
            self.claim(owner);
        }
    }

    /// A group is gone.
    pub(super) fn leave(&self, section: &str) {
        if !self.claims.are(section, std::iter::empty()) {
            self.claims.replace(section, std::iter::empty());
        }
    }

    fn claim(&self, owner: &Owner) {
        let claim = |inner: &Name| Claim {
            section: owner.group.clone(),
            name: text_of(inner.bytes()),
            context_prefix: if owner.context_prefix.is_empty() { "cgroup." } else { "k8s.cgroup." },
            labels: owner.labels.clone(),
        };
        self.claims.replace(&owner.group, self.found.iter().map(|(outer, inner)| (outer.bytes().into(), claim(inner))));
    }

    /// Notes the interfaces that lead to where this process is.
    fn find(&mut self, section: &str, network: i32, pid: u32, path: &mut PathBuf, buffer: &mut Buffer) {
        let Self { root, claims, networks, ends, are_fresh, found, text, .. } = self;
        if !std::mem::replace(are_fresh, true) {
            ends.clear();
            // Of half an answer nothing is believed.
            if networks.ends(ends).is_err() {
                ends.clear();
            }
        }
        let mut inside = Inside { root, pid, path, text };
        let is_ours = |end: &&End| end.network == network && !claims.is_of_another(section, end.name.bytes());
        for end in ends.iter().filter(is_ours).take(INTERFACES_MAX) {
            found.extend(inside.name_of(end.number, buffer).map(|name| (end.name, name)));
        }
    }
}

/// The network that a process is in, as its files tell.
struct Inside<'a> {
    root: &'a Path,
    pid: u32,
    path: &'a mut PathBuf,
    text: &'a mut String,
}

impl Inside<'_> {
    /// What the interface with this number is called there. An interface that listens to nothing has no number in
    /// any file: then it is the only one, or not known.
    fn name_of(&mut self, number: u32, buffer: &mut Buffer) -> Option<Name> {
        name_by_number(self.read("dev_mcast", buffer), number).or_else(|| only_name(self.read("dev", buffer)))
    }

    fn read<'b>(&mut self, file: &str, buffer: &'b mut Buffer) -> &'b [u8] {
        self.text.clear();
        write!(self.text, "proc/{}/net/{file}", self.pid).expect("a String takes everything");
        self.path.as_mut_os_string().clear();
        self.path.push(self.root);
        self.path.push(&*self.text);
        read_once(self.path, buffer).unwrap_or_default()
    }
}

/// Lines are `NUMBER NAME …`, one for each address that the interface listens to.
fn name_by_number(text: &[u8], number: u32) -> Option<Name> {
    lines(text).find_map(|line| {
        let mut words = Words::new(line);
        let is_it = words.number() == Some(i64::from(number));
        words.next().filter(|_| is_it).and_then(Name::new)
    })
}

/// The one interface beside the loopback, if there is one only.
fn only_name(text: &[u8]) -> Option<Name> {
    let name =
        |line: &'_ [u8]| Words::new(&line[..line.iter().position(|&byte| byte == b':')?]).next().and_then(Name::new);
    let mut names = lines(text).skip(HEADING_LINES).filter_map(name).filter(|name| name.bytes() != b"lo");
    names.next().filter(|_| names.next().is_none())
}

/// The first process of a group, or where `with_parts` of a part of it.
fn first_process(group: &[u8], with_parts: bool, reader: &mut Reader, buffer: &mut Buffer) -> Option<u32> {
    let Reader { hierarchy, path, .. } = reader;
    let trees = if hierarchy.unified { &TREES[..1] } else { &TREES[..] };
    for tree in trees.iter().filter_map(|&controller| hierarchy.folder(controller)) {
        path_of(path, tree, group, PROCESSES);
        if let Some(pid) = first_number(path, buffer) {
            return Some(pid);
        }
    }
    let mut trees = trees.iter().filter(|_| with_parts).filter_map(|&controller| hierarchy.folder(controller));
    trees.find_map(|tree| {
        path_of(path, tree, group, "");
        first_of_parts(path, buffer)
    })
}

/// The first process below a folder.
fn first_of_parts(folder: &Path, buffer: &mut Buffer) -> Option<u32> {
    let mut folders = vec![folder.to_path_buf()];
    let mut at = 0;
    while at < folders.len() {
        for entry in fs::read_dir(&folders[at]).ok()?.flatten() {
            if folders.len() < FOLDERS_MAX && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let folder = entry.path();
                if let Some(pid) = first_number(&folder.join(PROCESSES), buffer) {
                    return Some(pid);
                }
                folders.push(folder);
            }
        }
        at += 1;
    }
    None
}

/// A process of another machine's numbering is 0.
fn first_number(path: &Path, buffer: &mut Buffer) -> Option<u32> {
    let pid = Words::new(read_once(path, buffer).ok()?).number()?;
    u32::try_from(pid).ok().filter(|&pid| pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: names inside come from the list with numbers, else from one that has no other.
    #[test]
    fn names_inside() {
        let listed = b"2    eth0            1     0     333300000001\n2    eth0  1 0 01005e000001\n13 net1 1 0 0\n";
        let name = |text: &[u8]| Name::new(text).unwrap();
        assert_eq!(name_by_number(listed, 2), Some(name(b"eth0")));
        assert_eq!(name_by_number(listed, 13), Some(name(b"net1")));
        assert_eq!((name_by_number(listed, 3), name_by_number(b"2", 2), name_by_number(b"", 0)), (None, None, None));
        let heading = "Inter-|   Receive\n face |bytes\n";
        let only = |text: &str| only_name(format!("{heading}{text}").as_bytes());
        assert_eq!(only("    lo: 1 2\n  eth0: 1 2\n"), Some(name(b"eth0")));
        assert_eq!((only("lo: 1\n"), only("eth0: 1\neth1: 1\n"), only("eth0")), (None, None, None));
        crate::tests::mutate(listed, |text| {
            assert_eq!((name_by_number(text, 2), only_name(text)), (name_by_number(text, 2), only_name(text)));
        });
    }
}
