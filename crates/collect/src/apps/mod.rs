//! Processes, added up by application, by user and by group.
//!
//! One scan of `/proc` serves all three kinds ([`table`]). What processes used since the scan before is
//! added to the target that they belong to ([`targets`]): a group of the list ([`list`], [`kin`]), a
//! user, a group of users ([`accounts`]). What was used between a process's last reading and its end is
//! found in who waited for it ([`exits`]).
//!
//! What is deliberately not here: charts of single processes, guests' time apart (it is in that of
//! programs), and the table of processes that dashboards can call for elsewhere.

mod accounts;
mod descriptors;
mod exits;
mod folder;
mod forms;
mod kin;
mod list;
mod machine;
mod process;
mod table;
mod targets;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use row::Now;
use rustix::process::{Resource, getrlimit};
use tracing::warn;

use self::accounts::Accounts;
use self::descriptors::Counting;
use self::folder::{Folder, PATH, PROCESSES_MAX};
use self::forms::STATES;
use self::list::List;
use self::machine::Machine;
use self::process::{NONE, Process};
use self::table::{Sources, Table};
use self::targets::{OTHER, Scan, Share, Targets};
use crate::charts::{Batch, Chart, Owner};
use crate::config::{Config, Family};
use crate::file::Buffer;
use crate::module::{Module, ReadError};
use crate::page_size::page_size_bytes;

/// Files of processes that are kept open, at most; and at most a quarter of what this process may open.
const FILES_MAX: u64 = 2048;
/// Scans after which the files of names and of swap are looked at again.
const LOOK_EVERY: u32 = 10;
/// A list is this long at most.
const LIST_BYTES_MAX: u64 = 1024 * 1024;

/// Reads all processes.
pub(crate) struct Apps {
    folder: Folder,
    machine: Machine,
    table: Table,
    list: List,
    counting: Counting,
    apps: Option<Targets>,
    users: Option<Named>,
    groups: Option<Named>,
    states: (Chart, Owner),
    counts: [i64; 5],
    /// Of the scan before: when it was, and how busy the machine was so far.
    before: Option<(u64, Option<u64>)>,
    scans: u32,
    swap_is_used: bool,
    left_out_told: bool,
}

/// Targets whose names stand in a file.
struct Named {
    targets: Targets,
    accounts: Accounts,
}

/// The module, if `config` enables any of its three kinds.
pub(crate) fn modules(config: &Config) -> Option<(Box<dyn Module>, u32)> {
    let every_s = |family: &Family| family.update_every_s.max(config.update_every_s);
    let kinds = [&config.apps, &config.users, &config.groups];
    let every_s = kinds.into_iter().filter(|family| family.enabled).map(every_s).min()?;
    match Apps::open(config, every_s) {
        Ok(apps) => Some((Box::new(apps), every_s)),
        Err(error) => {
            warn!(file = PATH, root = %config.root.display(), %error, "processes cannot be listed, their charts are left out");
            None
        }
    }
}

impl Apps {
    fn open(config: &Config, update_every_s: u32) -> io::Result<Self> {
        let list = config.apps_list.as_deref().map_or_else(List::built_in, read_list);
        let every_s = |family: &Family| family.enabled.then(|| family.update_every_s.max(config.update_every_s));
        let named = |family, kind, path| {
            every_s(family).map(|every_s| Named {
                targets: Targets::found(kind, every_s),
                accounts: Accounts::new(&config.root, path),
            })
        };
        let names = || list.groups().iter().cloned().chain([OTHER.to_owned()]);
        let files = getrlimit(Resource::Nofile).current.map_or(FILES_MAX, |limit| FILES_MAX.min(limit / 4));
        Ok(Self {
            folder: Folder::open(&config.root)?,
            machine: Machine::open(&config.root),
            table: Table::new(files as usize, u64::from(page_size_bytes().unsigned_abs() / 1024)),
            counting: Counting::new(),
            apps: every_s(&config.apps).map(|every_s| Targets::listed(&targets::APPS, every_s, names())),
            users: named(&config.users, &targets::USERS, "/etc/passwd"),
            groups: named(&config.groups, &targets::GROUPS, "/etc/group"),
            list,
            states: (Chart::new(&STATES), Owner { plugin: forms::PLUGIN, update_every_s, ..Owner::default() }),
            counts: [0; 5],
            before: None,
            scans: 0,
            swap_is_used: true,
            left_out_told: false,
        })
    }

    /// Looks now and then at what changes rarely.
    fn look_around(&mut self, buffer: &mut Buffer) {
        if self.scans.is_multiple_of(LOOK_EVERY) {
            self.swap_is_used = self.machine.swap_is_used(buffer);
            for named in [&mut self.users, &mut self.groups].into_iter().flatten() {
                if named.accounts.was_changed() {
                    named.targets.rename(&mut |id| named.accounts.name(id, buffer));
                }
            }
        }
        self.scans = self.scans.wrapping_add(1);
    }

    /// Gives each process its targets.
    fn find_targets(&mut self, buffer: &mut Buffer) {
        if self.apps.is_some() && self.table.changed {
            kin::find_groups(&mut self.table.processes, self.list.groups().len() as u16);
        }
        for process in &mut self.table.processes {
            if let Some(users) = self.users.as_mut().filter(|_| process.user == NONE) {
                process.user = users.targets.find(process.uid, |id| users.accounts.name(id, buffer));
            }
            if let Some(groups) = self.groups.as_mut().filter(|_| process.group == NONE) {
                process.group = groups.targets.find(process.gid, |id| groups.accounts.name(id, buffer));
            }
        }
    }

    fn tell_left_out(&mut self, left_out: bool) {
        if left_out && !std::mem::replace(&mut self.left_out_told, true) {
            warn!(limit = PROCESSES_MAX, "too many processes, those beyond are left out");
        }
    }
}

impl Module for Apps {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        self.look_around(buffer);
        let uptime = self.machine.uptime_ticks(buffer);
        let busy = self.machine.busy_ticks(buffer);
        let Self { folder, list, swap_is_used, .. } = self;
        let mut sources = Sources { folder, list, buffer: &mut *buffer, uptime, swap_is_used: *swap_is_used };
        let left_out = self.table.scan(&mut sources)?;
        self.tell_left_out(left_out);
        if self.table.processes.is_empty() {
            return Err(ReadError::Expected("processes"));
        }
        self.find_targets(buffer);
        self.counting.step(&mut self.table.processes, &self.folder, buffer);
        self.counts = states(&self.table.processes);
        let (mono_us, busy_before) = self.before.replace((now.mono_us, busy)).unwrap_or((now.mono_us, busy));
        let busy = busy.zip(busy_before).map(|(now, before)| now.saturating_sub(before));
        let scan = Scan {
            processes: &self.table.processes,
            share: believed(&self.table.processes, busy),
            us: now.mono_us.saturating_sub(mono_us),
            busy,
            uptime: uptime.unwrap_or(0),
            now,
        };
        let named = [&mut self.users, &mut self.groups].into_iter().flatten().map(|named| &mut named.targets);
        self.apps.iter_mut().chain(named).for_each(|targets| targets.add_up(&scan));
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let named = [&mut self.users, &mut self.groups].into_iter().flatten().map(|named| &mut named.targets);
        self.apps.iter_mut().chain(named).for_each(|targets| targets.write(batch));
        batch.row(&mut self.states.0, &self.states.1, &self.counts);
    }
}

/// How much of what ended children used is believed: what was seen of the living comes first, and
/// both together are no more than the machine was busy.
fn believed(processes: &[Process], busy: Option<u64>) -> Share {
    let Some(busy) = busy else { return Share::ALL };
    let ticks = |used: &[u64; 4]| used[0].saturating_add(used[1]);
    let of_living = processes.iter().map(|process| ticks(&process.used_growth)).fold(0, u64::saturating_add);
    let of_ended = processes.iter().map(|process| ticks(&process.children_growth)).fold(0, u64::saturating_add);
    Share::of(busy.saturating_sub(of_living), of_ended)
}

/// How many are running, waiting for a device, waiting, ended but not waited for, stopped.
fn states(processes: &[Process]) -> [i64; 5] {
    let mut counts = [0; 5];
    for process in processes {
        let state = match process.state {
            b'R' => 0,
            b'D' => 1,
            b'S' => 2,
            b'Z' => 3,
            b'T' | b't' => 4,
            _ => continue,
        };
        counts[state] += 1;
    }
    counts
}

fn read_list(path: &Path) -> List {
    let mut text = Vec::new();
    if let Err(error) = File::open(path).and_then(|file| file.take(LIST_BYTES_MAX).read_to_end(&mut text)) {
        warn!(file = %path.display(), %error, "list of applications cannot be read, the built-in one is used");
        return List::built_in();
    }
    let list = List::parse(&String::from_utf8_lossy(&text));
    if list.left_out() > 0 {
        warn!(file = %path.display(), left_out = list.left_out(), "parts of the list of applications were not understood");
    }
    list
}
