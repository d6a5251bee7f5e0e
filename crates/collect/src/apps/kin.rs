//! Which group of the list a process counts for.
//!
//! Its own, if its name or command line is on the list; else that of its parent, or of the nearest
//! ancestor that has one. A process that has none so either, but whose children all belong to one
//! group, is taken to be what started them (a script, a supervisor) and belongs there, too. All
//! others are others. Nobody inherits from the first process, which is the parent of all.

use super::exits::place;
use super::process::{NONE, Process};

/// Ancestors that are looked at.
const GENERATIONS_MAX: usize = 64;
/// How far up a group of children goes.
const STARTERS_MAX: usize = 8;
/// The parent of all that have none.
const INIT: u32 = 1;

/// Finds the groups of all; `processes` are in the order of pids, `other` is the group of those who have none.
pub(super) fn find_groups(processes: &mut [Process], other: u16) {
    for process in processes.iter_mut() {
        process.app = process.matched;
    }
    for at in 0..processes.len() {
        if processes[at].app == NONE {
            processes[at].app = inherited(processes, processes[at].parent).unwrap_or(other);
        }
    }
    for _ in 0..STARTERS_MAX {
        if !take_from_children(processes, other) {
            break;
        }
    }
}

fn inherited(processes: &[Process], parent: u32) -> Option<u16> {
    let mut parent = parent;
    for _ in 0..GENERATIONS_MAX {
        let process = &processes[place(processes, parent).filter(|_| parent > INIT)?];
        if process.app != NONE {
            return Some(process.app);
        }
        parent = process.parent;
    }
    None
}

/// Gives parents without a group that of their children; returns whether there was one.
fn take_from_children(processes: &mut [Process], other: u16) -> bool {
    for process in processes.iter_mut() {
        process.of_children = NONE;
    }
    for at in 0..processes.len() {
        let Process { parent, app, .. } = processes[at];
        if let Some(parent) = place(processes, parent).filter(|_| parent > INIT) {
            let of_children = &mut processes[parent].of_children;
            *of_children = if *of_children == NONE || *of_children == app { app } else { other };
        }
    }
    let mut found = false;
    for process in processes.iter_mut() {
        if process.app == other && !process.is_kernel && process.of_children != NONE && process.of_children != other {
            process.app = process.of_children;
            found = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::process::Stat;

    const OTHER: u16 = 9;

    /// Groups of processes `(pid, parent, own group or 0)`.
    fn groups(processes: &[(u32, u32, u16)]) -> Vec<u16> {
        let mut processes: Vec<Process> = processes
            .iter()
            .map(|&(pid, parent, matched)| {
                let text = format!("{pid} (x) S {parent} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 0 0 0");
                let matched = if matched == 0 { NONE } else { matched };
                Process { matched, ..Process::new(pid, &Stat::parse(text.as_bytes()).unwrap()) }
            })
            .collect();
        find_groups(&mut processes, OTHER);
        processes.iter().map(|process| process.app).collect()
    }

    /// Goal: children and grandchildren belong to their ancestor's group unless they have their own, also where pids
    /// went round; nobody inherits from the first process.
    #[test]
    fn children_inherit() {
        assert_eq!(
            groups(&[(1, 0, 5), (3, 10, 0), (10, 1, 2), (11, 10, 0), (12, 11, 0), (13, 11, 3), (20, 1, 0)]),
            [5, 2, 2, 2, 2, 3, OTHER]
        );
        assert_eq!(groups(&[(4, 8, 0), (6, 4, 0), (8, 10, 0), (10, 1, 2)]), [2, 2, 2, 2]);
    }

    /// Goal: who starts only processes of one group belongs to it; who starts several does not.
    #[test]
    fn starters() {
        assert_eq!(groups(&[(10, 1, 0), (11, 10, 0), (12, 11, 2), (13, 11, 2)]), [2, 2, 2, 2]);
        assert_eq!(groups(&[(10, 1, 0), (11, 10, 2), (12, 10, 3)]), [OTHER, 2, 3]);
        assert_eq!(groups(&[(10, 1, 0), (11, 10, 2), (12, 10, 0)]), [OTHER, 2, OTHER]);
        assert_eq!(groups(&[(1, 0, 0), (11, 1, 2)]), [OTHER, 2], "not the first process");
    }

    /// Goal: processes that are their own ancestors belong to none, and nothing hangs.
    #[test]
    fn circles() {
        assert_eq!(groups(&[(2, 3, 0), (3, 2, 0), (4, 4, 0), (7, 99, 0)]), [OTHER; 4]);
    }
}
