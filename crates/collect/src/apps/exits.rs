//! What processes used that have ended.
//!
//! When a parent waits for a child that has ended, the kernel adds all that the child used, and all
//! that it had taken over itself, to the parent's counters of children; what it read and wrote to the
//! parent's own. So these grow by what was shown second by second while the child lived, and by
//! more: its last moments, and children that came and went unseen. Only the latter is news. What
//! was known of the one who ended is taken off the growth of the one who waited: its parent, or the
//! next ancestor above that lives and has grown by at least that much. Where no ancestor has, one may
//! have been read before it waited, and the next reading is tried, too; where none has then, nobody
//! waited (a parent that ignores SIGCHLD), and nothing was added anywhere.

use super::process::{Moved, Process, Used};

/// Ancestors that are looked at.
const GENERATIONS_MAX: usize = 64;
/// Ended processes that wait for the next reading.
const WAITING_MAX: usize = 4096;
/// The parent of all that have none.
const INIT: u32 = 1;

/// Those that ended and were not found in an ancestor so far.
#[derive(Debug, Default)]
pub(super) struct Exits {
    waiting: Vec<Ended>,
}

#[derive(Debug)]
struct Ended {
    /// The ancestor to begin with.
    ancestor: u32,
    used: Used,
    moved: Moved,
}

impl Exits {
    /// Leaves in the growth of all who live only what is news. `processes` are in the order of pids, those that
    /// are gone among them.
    pub(super) fn settle(&mut self, processes: &mut [Process]) {
        for ended in &self.waiting {
            ended.hand_over(processes);
        }
        self.waiting.clear();
        for at in 0..processes.len() {
            if !processes[at].gone {
                continue;
            }
            let mut ended = Ended::of(&processes[at]);
            if !ended.hand_over(processes) && self.waiting.len() < WAITING_MAX {
                ended.ancestor = ancestors(processes, ended.ancestor)
                    .find(|&at| !processes[at].gone)
                    .map_or(INIT, |at| processes[at].pid);
                self.waiting.push(ended);
            }
        }
    }
}

impl Ended {
    fn of(process: &Process) -> Self {
        let used = std::array::from_fn(|at| process.used[at].saturating_add(process.children[at]));
        Self { ancestor: process.parent, used, moved: process.moved.unwrap_or_default() }
    }

    /// Takes it off the growth of the ancestor that waited for it; returns whether there is one.
    fn hand_over(&self, processes: &mut [Process]) -> bool {
        let waited = |process: &Process| {
            !process.gone && process.children_growth.iter().zip(&self.used).all(|(growth, used)| growth >= used)
        };
        let Some(heir) = ancestors(processes, self.ancestor).find(|&at| waited(&processes[at])) else { return false };
        let heir = &mut processes[heir];
        take_off(&mut heir.children_growth, &self.used);
        take_off(&mut heir.moved_growth, &self.moved);
        true
    }
}

fn take_off(growth: &mut [u64; 4], known: &[u64; 4]) {
    for (growth, known) in growth.iter_mut().zip(known) {
        *growth = growth.saturating_sub(*known);
    }
}

/// The places of `pid` and its ancestors, as far as they are known, and of the first process of all.
fn ancestors(processes: &[Process], pid: u32) -> impl Iterator<Item = usize> {
    let next = |at: &usize| place(processes, processes[*at].parent);
    std::iter::successors(place(processes, pid), next).take(GENERATIONS_MAX).chain(place(processes, INIT))
}

/// The place of a process.
pub(super) fn place(processes: &[Process], pid: u32) -> Option<usize> {
    processes.binary_search_by_key(&pid, |process| process.pid).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::process::Stat;

    fn process(pid: u32, parent: u32, used: u64) -> Process {
        let text = format!("{pid} (x) S {parent} 0 0 0 0 0 {used} 0 0 0 {used} 0 0 0 0 0 1 0 0 0 0");
        let process = Process::new(pid, &Stat::parse(text.as_bytes()).unwrap());
        Process { moved: Some([used; 4]), ..process }
    }

    fn grown(pid: u32, parent: u32, growth: u64) -> Process {
        Process { children_growth: [growth, 0, growth, 0], moved_growth: [growth; 4], ..process(pid, parent, 0) }
    }

    fn gone(pid: u32, parent: u32, used: u64) -> Process {
        Process { gone: true, ..process(pid, parent, used) }
    }

    fn rests(processes: &[Process]) -> Vec<u64> {
        processes.iter().map(|process| process.children_growth[0]).collect()
    }

    /// Goal: a parent that waited keeps of its growth what nobody had seen.
    #[test]
    fn a_parent_waits() {
        let mut processes = [grown(1, 0, 0), grown(5, 1, 120), gone(6, 5, 100), gone(7, 5, 15)];
        Exits::default().settle(&mut processes);
        assert_eq!(rests(&processes), [0, 5, 0, 0]);
        assert_eq!(processes[1].moved_growth, [5; 4]);
    }

    /// Goal: where the parents ended with their children, an ancestor that lives or the first process has all.
    #[test]
    fn an_ancestor_waits() {
        let mut processes = [grown(1, 0, 0), grown(5, 1, 230), gone(6, 5, 100), gone(7, 6, 99), gone(8, 7, 30)];
        Exits::default().settle(&mut processes);
        assert_eq!(rests(&processes)[1], 1);
        let mut processes = [grown(1, 0, 1003), grown(5, 1, 7), gone(6, 5, 1000)];
        Exits::default().settle(&mut processes);
        assert_eq!(rests(&processes), [3, 7, 0], "an orphan goes to the first process");
    }

    /// Goal: one who is seen to wait a reading later gives nothing twice; one who never waits is not charged for ever.
    #[test]
    fn a_late_ancestor() {
        let mut exits = Exits::default();
        exits.settle(&mut [grown(1, 0, 0), grown(5, 1, 0), gone(6, 5, 100)]);
        assert_eq!(exits.waiting.len(), 1);
        let mut processes = [grown(1, 0, 0), grown(5, 1, 104)];
        exits.settle(&mut processes);
        assert_eq!(rests(&processes), [0, 4]);
        exits.settle(&mut [grown(1, 0, 0), grown(5, 1, 0), gone(6, 5, 100)]);
        exits.settle(&mut [grown(1, 0, 0), grown(5, 1, 0)]);
        let mut processes = [grown(1, 0, 0), grown(5, 1, 100)];
        exits.settle(&mut processes);
        assert_eq!(rests(&processes), [0, 100]);
    }

    /// Goal: processes that are their own ancestors end nothing.
    #[test]
    fn circles() {
        let mut processes = [gone(2, 3, 5), gone(3, 2, 5), gone(9, 9, 5)];
        Exits::default().settle(&mut processes);
    }
}
