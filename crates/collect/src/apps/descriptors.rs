//! What processes have open: files, sockets, pipes.
//!
//! The kernel tells this by a folder per process and a link per descriptor, some 3 µs each, so
//! processes are counted in turn: a twentieth of them with each reading, and at most so many links. What
//! one process has more than that is counted on with the next reading. Links are read and not
//! followed: what they lead to may hang.

use std::ffi::CStr;
use std::fs::File;
use std::mem::MaybeUninit;

use rustix::fs::{RawDir, SeekFrom, readlinkat_raw, seek};
use rustix::io::Errno;

use super::exits::place;
use super::folder::Folder;
use super::process::{Descriptors, Process, descriptors_limit};
use crate::file::Buffer;

/// Readings in which each process is counted once, where there are not too many links.
const ROUND: usize = 20;
/// Links that are read with one reading, at most: less than two milliseconds.
const LINKS_MAX: u32 = 512;
/// What a folder costs, as links.
const LINKS_PER_FOLDER: u32 = 4;
/// Limits are read again after so many counts.
const COUNTS_PER_LIMIT: u8 = 16;
/// Room for the entries of a folder: some 160.
const LISTING_BYTES: usize = 4096;
/// What tells a link's kind stands at its beginning.
const LINK_BYTES: usize = 8;

/// Where the counting is.
#[derive(Debug)]
pub(super) struct Counting {
    /// The last process that was counted.
    last: u32,
    /// One that is counted half.
    half: Option<Half>,
    listing: Box<[MaybeUninit<u8>]>,
}

#[derive(Debug)]
struct Half {
    pid: u32,
    start: u64,
    folder: File,
    counts: Descriptors,
}

impl Counting {
    pub(super) fn new() -> Self {
        Self { last: 0, half: None, listing: Box::new_uninit_slice(LISTING_BYTES) }
    }

    /// Counts those whose turn it is; `processes` are in the order of pids.
    pub(super) fn step(&mut self, processes: &mut [Process], folder: &Folder, buffer: &mut Buffer) {
        let mut links = LINKS_MAX;
        let programs = processes.iter().filter(|process| !process.is_kernel).count();
        for _ in 0..programs.div_ceil(ROUND) {
            let next = self.half.take().map(Some).or_else(|| self.next(processes, folder));
            let Some(next) = next else { return };
            let Some(half) = next else { continue };
            self.count(half, processes, &mut links);
            if let Some(at) = place(processes, self.last).filter(|_| self.half.is_none()) {
                read_limit(&mut processes[at], folder, buffer);
            }
            links = links.saturating_sub(LINKS_PER_FOLDER);
            if links == 0 {
                return;
            }
        }
    }

    /// Begins with the next process that has descriptors and lets them be seen; `Some(None)` where those of the next
    /// are known: nobody else opens any for one that did not run.
    fn next(&mut self, processes: &mut [Process], folder: &Folder) -> Option<Option<Half>> {
        for _ in 0..processes.len() {
            let next = processes.partition_point(|process| process.pid <= self.last);
            let process = &mut processes[if next < processes.len() { next } else { 0 }];
            self.last = process.pid;
            if process.is_kernel {
                continue;
            }
            if !process.has_run {
                return Some(None);
            }
            if let Ok(folder) = folder.open_folder(process.pid, "fd") {
                let half = Half { pid: process.pid, start: process.start, folder, counts: Descriptors::default() };
                return Some(Some(half));
            }
            process.descriptors = Descriptors::default();
        }
        None
    }

    /// Counts one to its end, or until there are no links left, and keeps it then.
    fn count(&mut self, mut half: Half, processes: &mut [Process], links: &mut u32) {
        let mut entries = RawDir::new(&half.folder, &mut self.listing);
        let mut next_entry = None;
        while let Some(Ok(entry)) = entries.next() {
            if entry.file_name().to_bytes().first() == Some(&b'.') {
                continue;
            }
            if !half.counts.add(&half.folder, entry.file_name()) {
                break;
            }
            *links -= 1;
            if *links == 0 {
                next_entry = Some(entry.next_entry_cookie());
                break;
            }
        }
        if next_entry.is_some_and(|entry| seek(&half.folder, SeekFrom::Start(entry)).is_ok()) {
            self.half = Some(half);
            return;
        }
        if let Some(at) = place(processes, half.pid).filter(|&at| processes[at].start == half.start) {
            let Descriptors { limit, counted, .. } = processes[at].descriptors;
            processes[at].descriptors = Descriptors { limit, counted: counted.wrapping_add(1), ..half.counts };
            processes[at].has_run = false;
        }
    }
}

impl Descriptors {
    /// Counts one; returns whether the process lets its links be read. A descriptor may have been closed meanwhile.
    fn add(&mut self, folder: &File, name: &CStr) -> bool {
        let mut target = [MaybeUninit::uninit(); LINK_BYTES];
        let target = match readlinkat_raw(folder, name, &mut target) {
            Ok((target, _)) => target,
            Err(error) => return error == Errno::NOENT,
        };
        self.all += 1;
        match &*target {
            [b'/', ..] => self.files += 1,
            [b's', b'o', b'c', b'k', b'e', b't', b':', ..] => self.sockets += 1,
            [b'p', b'i', b'p', b'e', b':', ..] => self.pipes += 1,
            _ => {}
        }
        true
    }

    /// How much of what the process may have is in use, in percent.
    pub(super) fn percent(&self) -> f64 {
        if self.limit == 0 { 0.0 } else { f64::from(self.all) * 100.0 / f64::from(self.limit) }
    }
}

fn read_limit(process: &mut Process, folder: &Folder, buffer: &mut Buffer) {
    if process.descriptors.counted % COUNTS_PER_LIMIT == 1 {
        let text = folder.read(process.pid, "limits", buffer).unwrap_or_default();
        process.descriptors.limit = descriptors_limit(text).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::process::Stat;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn process(pid: u32) -> Process {
        let text = format!("{pid} (x) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 {pid} 0 0");
        Process::new(pid, &Stat::parse(text.as_bytes()).unwrap())
    }

    fn open(root: &Path, pid: u32, from: usize, targets: &[&str]) {
        let folder = root.join(format!("proc/{pid}/fd"));
        fs::create_dir_all(&folder).unwrap();
        for (at, target) in targets.iter().enumerate() {
            symlink(target, folder.join((from + at).to_string())).unwrap();
        }
    }

    /// Goal: descriptors are told apart, each process has its turn within a round, and one that may not be seen has none.
    #[test]
    fn all_are_counted_in_a_round() {
        let root = tempfile::tempdir().unwrap();
        let mut processes: Vec<Process> = (1..=25).map(process).collect();
        for pid in (1..=25).filter(|pid| *pid != 7) {
            open(root.path(), pid, 0, &["/dev/null", "/nowhere", "socket:[7]", "pipe:[8]", "anon_inode:[eventfd]"]);
        }
        fs::write(root.path().join("proc/3/limits"), "Max open files   20  30 files\n").unwrap();
        let (folder, mut buffer) = (Folder::open(root.path()).unwrap(), Buffer::new());
        let mut counting = Counting::new();
        for _ in 0..ROUND {
            counting.step(&mut processes, &folder, &mut buffer);
        }
        for process in &processes {
            let Descriptors { files, sockets, pipes, all, .. } = process.descriptors;
            let expected = if process.pid == 7 { (0, 0, 0, 0) } else { (2, 1, 1, 5) };
            assert_eq!((files, sockets, pipes, all), expected, "{}", process.pid);
        }
        assert_eq!((processes[2].descriptors.percent(), processes[3].descriptors.percent()), (25.0, 0.0));
    }

    /// Goal: one that was on no processor since is not counted again before it was.
    #[test]
    fn who_rests_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let mut processes = vec![process(5), process(6)];
        open(root.path(), 5, 0, &["/a"]);
        open(root.path(), 6, 0, &["/b"]);
        let (folder, mut buffer) = (Folder::open(root.path()).unwrap(), Buffer::new());
        let mut counting = Counting::new();
        for _ in 0..ROUND {
            counting.step(&mut processes, &folder, &mut buffer);
        }
        open(root.path(), 5, 1, &["/c"]);
        open(root.path(), 6, 1, &["/d"]);
        processes[1].has_run = true;
        for _ in 0..ROUND {
            counting.step(&mut processes, &folder, &mut buffer);
        }
        let counts = processes.iter().map(|process| (process.descriptors.files, process.descriptors.counted));
        assert_eq!(counts.collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    }

    /// Goal: a process with very many is counted over several readings, and rightly.
    #[test]
    fn many_are_counted_bit_by_bit() {
        let root = tempfile::tempdir().unwrap();
        let mut processes = vec![process(5), process(6)];
        for bunch in 0..30 {
            open(root.path(), 5, bunch * 100, &["socket:[1]"; 100]);
        }
        open(root.path(), 6, 0, &["/x"]);
        let (folder, mut buffer) = (Folder::open(root.path()).unwrap(), Buffer::new());
        let mut counting = Counting::new();
        let readings = (1..100).find(|_| {
            counting.step(&mut processes, &folder, &mut buffer);
            processes[0].descriptors.counted == 1
        });
        assert_eq!(readings, Some(6), "3,000 links, 512 at a time");
        assert_eq!(processes[0].descriptors.sockets, 3000);
        counting.step(&mut processes, &folder, &mut buffer);
        assert_eq!(processes[1].descriptors.files, 1);
    }

    /// Goal: without processes there is nothing to do.
    #[test]
    fn nobody() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("proc")).unwrap();
        let folder = Folder::open(root.path()).unwrap();
        Counting::new().step(&mut [], &folder, &mut Buffer::new());
        let mut kernel = [Process { is_kernel: true, ..process(2) }];
        Counting::new().step(&mut kernel, &folder, &mut Buffer::new());
    }
}
