//! All processes, in the order of their pids, read anew with each tick.
//!
//! The listing of `/proc` is in that order, too, so both are walked once, side by side: who is in
//! both is read again, who is only in the listing came, who is only in the table has gone. A pid whose
//! start has changed is another process.
//!
//! What costs is the kernel writing texts: with the file kept open about 3 µs for `stat` and 1 to 2
//! for `io`, some 5 more to open one. So `stat` is read of all who may have done something, and `io` where it is open
//! already or the process did something; `statm` only after a change of what is in memory; `status` of those that are
//! new and now and then. Now and then has its turn by pid, so that it is spread over the ticks.
//!
//! Most processes rest most of the time. Of one that did nothing for some readings, and has one thread, only
//! `schedstat` is read, for less than 1 µs: if it was on no processor since, nothing of it has changed.

use std::io;

use super::exits::Exits;
use super::folder::Folder;
use super::list::List;
use super::process::{NONE, Process, Stat, Status, moved, private_pages};
use crate::file::{Buffer, KeptFile};
use crate::scan::Words;

/// Ticks after which a process that does nothing has its `io` read where it is not kept open.
const IO_EVERY: u32 = 16;
/// Ticks after which `statm` is read without a change, and `status` where something is in swap.
const MEMORY_EVERY: u32 = 32;
/// Ticks after which `status` is read in any case, and `io` tried again where it was refused.
const STATUS_EVERY: u32 = 64;

/// Readings without a change after which a process is asked first whether it was on a processor.
const QUIET_READINGS: u8 = 4;

/// All processes.
#[derive(Debug)]
pub(super) struct Table {
    /// In the order of pids.
    pub(super) processes: Vec<Process>,
    /// Whether processes came, went, or changed their names or parents with the last scan.
    pub(super) changed: bool,
    arrivals: Vec<Process>,
    pids: Vec<u32>,
    exits: Exits,
    /// Counts scans.
    round: u32,
    /// When the last scan was, in ticks after the machine's start; nothing before the first.
    scanned: Option<u64>,
    files_kept: usize,
    files_max: usize,
    page_kib: u64,
}

/// What a scan needs beside the table.
pub(super) struct Sources<'a> {
    pub(super) folder: &'a mut Folder,
    pub(super) list: &'a List,
    pub(super) buffer: &'a mut Buffer,
    /// Ticks after the machine's start.
    pub(super) uptime: Option<u64>,
    pub(super) swap_is_used: bool,
}

impl Table {
    /// No processes so far; keeps at most `files_max` files open.
    pub(super) fn new(files_max: usize, page_kib: u64) -> Self {
        Self {
            processes: Vec::new(),
            changed: false,
            arrivals: Vec::new(),
            pids: Vec::new(),
            exits: Exits::default(),
            round: 0,
            scanned: None,
            files_kept: 0,
            files_max,
            page_kib,
        }
    }

    /// Reads all processes; returns whether some were left out.
    pub(super) fn scan(&mut self, sources: &mut Sources<'_>) -> io::Result<bool> {
        let left_out = sources.folder.list(&mut self.pids)?;
        self.round = self.round.wrapping_add(1);
        self.changed = false;
        let mut reader = Reader {
            round: self.round,
            // A process that started after the last scan used all that it used since then.
            fresh_from: self.scanned,
            room: self.files_max.saturating_sub(self.files_kept),
            page_kib: self.page_kib,
            changed: &mut self.changed,
            pids: &self.pids,
            sources,
        };
        let mut known = self.processes.iter_mut().peekable();
        for &pid in &self.pids {
            while let Some(gone) = known.next_if(|process| process.pid < pid) {
                gone.gone = true;
            }
            if let Some(process) = known.next_if(|process| process.pid == pid) {
                process.gone = reader.refresh(process).is_none();
                if !process.gone {
                    continue;
                }
            }
            self.arrivals.extend(reader.meet(pid));
        }
        known.for_each(|gone| gone.gone = true);
        self.scanned = Some(sources.uptime.unwrap_or(0));
        self.take_over();
        Ok(left_out)
    }

    /// Lets those go that are gone and takes in those that came.
    fn take_over(&mut self) {
        self.exits.settle(&mut self.processes);
        let before = self.processes.len();
        self.processes.retain(|process| !process.gone);
        self.changed |= self.processes.len() < before || !self.arrivals.is_empty();
        if !self.arrivals.is_empty() {
            self.processes.append(&mut self.arrivals);
            self.processes.sort_unstable_by_key(|process| process.pid);
        }
        let kept = |process: &Process| {
            let files = [&process.stat_file, &process.io_file, &process.run_file];
            files.into_iter().filter(|file| file.is_some()).count()
        };
        self.files_kept = self.processes.iter().map(kept).sum();
    }
}

/// Reads one process after the other.
struct Reader<'r, 's> {
    round: u32,
    fresh_from: Option<u64>,
    /// Files that may be kept open beside those that are.
    room: usize,
    page_kib: u64,
    changed: &'r mut bool,
    /// All that are there.
    pids: &'r [u32],
    sources: &'r mut Sources<'s>,
}

impl Reader<'_, '_> {
    /// Reads a process that is new; nothing where it has gone already or may not be seen.
    fn meet(&mut self, pid: u32) -> Option<Process> {
        let file = self.sources.folder.open_file(pid, "stat").ok()?;
        let stat = Stat::parse(file.read(self.sources.buffer).ok()?)?;
        let mut process = Process::new(pid, &stat);
        let is_fresh = self.fresh_from.is_some_and(|from| stat.start >= from);
        if is_fresh {
            process.used_growth = stat.used;
            process.children_growth = stat.children;
        }
        process.stat_file = self.keep(file);
        self.find_name(&mut process);
        self.read_memory(&mut process);
        self.read_status(&mut process);
        self.read_moved(&mut process, is_fresh);
        Some(process)
    }

    /// Reads a process that is known; nothing where it has gone.
    fn refresh(&mut self, process: &mut Process) -> Option<()> {
        if process.quiet >= QUIET_READINGS && self.has_rested(process) {
            process.rest();
            return Some(());
        }
        process.has_run = true;
        if process.stat_file.is_none() && self.room > 0 {
            let file = self.sources.folder.open_file(process.pid, "stat").ok()?;
            process.stat_file = self.keep(file);
        }
        let text = match &process.stat_file {
            Some(file) => file.read(self.sources.buffer),
            None => self.sources.folder.read(process.pid, "stat", self.sources.buffer),
        };
        let stat = Stat::parse(text.ok()?).filter(|stat| stat.start == process.start)?;
        *self.changed |= stat.parent != process.parent;
        let is_busy = process.update(&stat);
        process.age = process.age.saturating_add(1);
        if !process.is_kernel {
            self.look_closer(process, &stat);
        }
        self.follow_moved(process, is_busy);
        Some(())
    }

    /// Whether a process was on no processor since it was last read, so that nothing of it has changed. What others
    /// change of it is its parent, by ending, and what of it is in memory: that is looked at in its turn.
    fn has_rested(&mut self, process: &mut Process) -> bool {
        let is_turn = process.pid.wrapping_add(self.round).is_multiple_of(MEMORY_EVERY);
        if process.threads != 1 || is_turn || !process.tells_run {
            return false;
        }
        if process.run_file.is_none() && self.room > 0 {
            let file = self.sources.folder.open_file(process.pid, "schedstat").ok();
            process.tells_run = file.is_some();
            process.run_file = file.and_then(|file| self.keep(file));
        }
        let Some(file) = &process.run_file else { return false };
        let run_ns = file.read(self.sources.buffer).ok().and_then(|text| Words::new(text).number());
        let before_ns = std::mem::replace(&mut process.run_ns, run_ns);
        run_ns.is_some()
            && run_ns == before_ns
            && (process.parent == 0 || self.pids.binary_search(&process.parent).is_ok())
    }

    fn look_closer(&mut self, process: &mut Process, stat: &Stat) {
        // Between its first two readings a process may have become another program, of another user.
        let is_young = process.age == 1 && stat.state != b'Z';
        let is_renamed = process.name != stat.name;
        if is_renamed || is_young {
            process.name = stat.name;
            self.find_name(process);
        }
        let is_turn = |every| process.pid.wrapping_add(self.round).is_multiple_of(every);
        let status = is_renamed || is_young || is_turn(STATUS_EVERY);
        let status = status || (self.sources.swap_is_used && is_turn(MEMORY_EVERY));
        if process.resident_pages != stat.resident_pages || is_turn(MEMORY_EVERY) {
            process.resident_pages = stat.resident_pages;
            self.read_memory(process);
        }
        if status {
            self.read_status(process);
        }
    }

    /// Looks the process up on the list.
    fn find_name(&mut self, process: &mut Process) {
        let Sources { folder, list, buffer, .. } = &mut *self.sources;
        // The kernel reads a command line from the process's memory: one that waits for a device may hold that.
        let wants = list.wants_command_lines() && !process.is_kernel && process.state != b'D';
        let command_line = if wants { folder.read(process.pid, "cmdline", buffer).unwrap_or_default() } else { &[] };
        let matched = list.find(process.name.bytes(), command_line).unwrap_or(NONE);
        *self.changed |= matched != process.matched;
        process.matched = matched;
    }

    fn read_memory(&mut self, process: &mut Process) {
        if process.resident_pages == 0 {
            process.private_kib = 0;
        } else if let Some(pages) = private_pages(self.read(process.pid, "statm")) {
            process.private_kib = pages.saturating_mul(self.page_kib);
        }
    }

    fn read_status(&mut self, process: &mut Process) {
        if process.is_kernel {
            return;
        }
        let status = Status::parse(self.read(process.pid, "status"));
        process.swap_kib = status.swap_kib;
        if let Some(uid) = status.uid.filter(|uid| *uid != process.uid) {
            (process.uid, process.user) = (uid, NONE);
        }
        if let Some(gid) = status.gid.filter(|gid| *gid != process.gid) {
            (process.gid, process.group) = (gid, NONE);
        }
    }

    /// Reads what a new process moved: all of it counts if the process is fresh.
    fn read_moved(&mut self, process: &mut Process, is_fresh: bool) {
        if let Some(now) = moved(self.read(process.pid, "io")) {
            process.update_moved(now, is_fresh.then_some([0; 4]));
        }
    }

    /// Reads what a known process moved, if it is time.
    fn follow_moved(&mut self, process: &mut Process, is_busy: bool) {
        process.moved_growth = [0; 4];
        let is_turn = |every| process.pid.wrapping_add(self.round).is_multiple_of(every);
        let is_time = match (process.moved, &process.io_file) {
            (Some(_), Some(_)) => true,
            (Some(_), None) => is_busy || is_turn(IO_EVERY) || (self.room > 0 && !process.is_kernel),
            (None, _) => is_turn(STATUS_EVERY),
        };
        if !is_time {
            return;
        }
        if process.io_file.is_none() && self.room > 0 && !process.is_kernel {
            process.io_file = self.sources.folder.open_file(process.pid, "io").ok().and_then(|file| self.keep(file));
        }
        let text = match &process.io_file {
            Some(file) => file.read(self.sources.buffer).unwrap_or_default(),
            None => self.read(process.pid, "io"),
        };
        if let Some(now) = moved(text) {
            process.update_moved(now, process.moved);
        }
    }

    fn keep(&mut self, file: KeptFile) -> Option<KeptFile> {
        self.room = self.room.checked_sub(1)?;
        Some(file)
    }

    /// The beginning of a file; nothing where it may not be read.
    fn read(&mut self, pid: u32, file: &str) -> &[u8] {
        self.sources.folder.read(pid, file, self.sources.buffer).unwrap_or_default()
    }
}
