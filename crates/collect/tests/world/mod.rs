//! A `/proc` made of files, with processes that fork, work, end and are waited for as the kernel does it.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]
#![allow(dead_code, reason = "each test needs a part of it")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

use collect::{Collector, Config, Family, TickReport};
use row::{Guid, Now};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use tempfile::TempDir;

pub(crate) const START_S: i64 = 1_700_000_000;
/// Where pids go round.
const PIDS_END: u32 = 400;

/// A machine of processes, its collector and what that stored.
pub(crate) struct World {
    pub(crate) root: TempDir,
    pub(crate) processes: BTreeMap<u32, Fake>,
    pub(crate) collector: Collector,
    pub(crate) store: Store,
    pub(crate) feed: Feed,
    pub(crate) host: Arc<Host>,
    /// Seconds since the machine started.
    pub(crate) second: i64,
    /// Ticks that the machine says its cores were busy.
    pub(crate) busy: u64,
    /// Ticks that processes used.
    pub(crate) used: u64,
    next_pid: u32,
}

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) parent: u32,
    pub(crate) name: String,
    pub(crate) command_line: String,
    pub(crate) state: char,
    pub(crate) start: i64,
    pub(crate) used: [u64; 2],
    pub(crate) children: [u64; 2],
    pub(crate) faults: u64,
    pub(crate) children_faults: u64,
    pub(crate) moved: u64,
    pub(crate) threads: u32,
    pub(crate) private_pages: u64,
    pub(crate) shared_pages: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) is_kernel: bool,
    /// Its children are not waited for: they vanish.
    pub(crate) ignores_children: bool,
    /// How often it was on a processor.
    runs: u64,
    changed: bool,
}

impl World {
    /// A machine with its first process only, and this list of applications.
    pub(crate) fn new(list: &str, change: impl FnOnce(&mut Config)) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        fs::create_dir_all(root.path().join("etc")).unwrap();
        fs::write(root.path().join("proc/stat"), "cpu 0 0 0 0 0 0 0 0 0 0\n").unwrap();
        fs::write(root.path().join("proc/uptime"), "1000.00 0.00\n").unwrap();
        fs::write(root.path().join("proc/swaps"), "Filename\n/x partition 9 4 -2\n").unwrap();
        let path = root.path().join("list");
        fs::write(&path, list).unwrap();
        let on = Family::default();
        let mut config = Config {
            root: root.path().to_owned(),
            apps: on,
            users: on,
            groups: on,
            apps_list: Some(path),
            stat: Family::OFF,
            uptime: Family::OFF,
            ..Config::default()
        };
        change(&mut config);
        let info = HostInfo { hostname: "fake".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
        let store = Store::new();
        let host = store.add(&info, Keep::new(MemoryMode::Ram, 60));
        let feed = host.claim(FeedKind::Local, info);
        let collector = Collector::new(config);
        let processes = BTreeMap::new();
        let mut world =
            Self { root, processes, collector, store, feed, host, second: 1000, busy: 0, used: 0, next_pid: 1 };
        assert_eq!(world.fork(0, "init"), 1);
        world
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// A new process; pids go round as those of the kernel do.
    pub(crate) fn fork(&mut self, parent: u32, name: &str) -> u32 {
        while self.processes.contains_key(&self.next_pid) {
            self.next_pid = self.next_pid % PIDS_END + 1;
        }
        let pid = self.next_pid;
        self.next_pid = self.next_pid % PIDS_END + 1;
        self.fork_as(pid, parent, name);
        pid
    }

    pub(crate) fn fork_as(&mut self, pid: u32, parent: u32, name: &str) {
        let fake = Fake {
            parent,
            name: name.to_owned(),
            command_line: format!("/bin/{name}\0"),
            state: 'S',
            start: self.second * 100 + 50,
            used: [0; 2],
            children: [0; 2],
            faults: 0,
            children_faults: 0,
            moved: 0,
            threads: 1,
            private_pages: 100,
            shared_pages: 20,
            uid: 0,
            gid: 0,
            is_kernel: false,
            ignores_children: false,
            runs: 1,
            changed: true,
        };
        self.processes.insert(pid, fake);
    }

    /// The process, about to be changed: for that it runs.
    pub(crate) fn change(&mut self, pid: u32) -> &mut Fake {
        let fake = self.processes.get_mut(&pid).unwrap();
        fake.changed = true;
        fake.runs += 1;
        fake
    }

    /// Lets a process use so many ticks, half of them in the kernel, and fault and move as much.
    pub(crate) fn work(&mut self, pid: u32, ticks: u64) {
        self.used += ticks;
        let fake = self.change(pid);
        fake.used[0] += ticks - ticks / 2;
        fake.used[1] += ticks / 2;
        fake.faults += ticks;
        fake.moved += ticks * 1000;
    }

    /// Ends a process; its parent waits for it later.
    pub(crate) fn end(&mut self, pid: u32) {
        let fake = self.change(pid);
        fake.state = 'Z';
        (fake.private_pages, fake.shared_pages) = (0, 0);
        // That takes no time of theirs.
        for orphan in self.processes.values_mut().filter(|fake| fake.parent == pid) {
            (orphan.parent, orphan.changed) = (1, true);
        }
    }

    /// A parent waits for its child that has ended.
    pub(crate) fn wait_for(&mut self, pid: u32) {
        let ended = self.processes.remove(&pid).unwrap();
        if let Some(parent) = self.processes.get_mut(&ended.parent).filter(|parent| !parent.ignores_children) {
            for at in 0..2 {
                parent.children[at] += ended.used[at] + ended.children[at];
            }
            parent.children_faults += ended.faults + ended.children_faults;
            parent.moved += ended.moved;
            parent.runs += 1;
            parent.changed = true;
        }
        self.vanish(pid);
    }

    /// Takes a process's files away; one that is open has nothing more to say.
    fn vanish(&self, pid: u32) {
        let folder = self.path(&format!("proc/{pid}"));
        for file in ["stat", "io", "schedstat"] {
            if folder.join(file).is_file() {
                fs::write(folder.join(file), "").unwrap();
            }
        }
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
    }

    /// Opens something in a process.
    pub(crate) fn open(&self, pid: u32, number: u32, target: &str) {
        let folder = self.path(&format!("proc/{pid}/fd"));
        fs::create_dir_all(&folder).unwrap();
        symlink(target, folder.join(number.to_string())).unwrap();
    }

    /// Writes the files of all that changed.
    pub(crate) fn write(&mut self) {
        for (pid, fake) in self.processes.iter_mut().filter(|(_, fake)| fake.changed) {
            fake.changed = false;
            fake.write(*pid, &self.root.path().join(format!("proc/{pid}")));
        }
        fs::write(self.path("proc/stat"), format!("cpu {} 0 0 9 0 0 0 0 0 0\n", self.busy)).unwrap();
        fs::write(self.path("proc/uptime"), format!("{}.00 0.00\n", self.second)).unwrap();
    }

    /// A second goes by, and the collector reads.
    pub(crate) fn tick(&mut self) -> TickReport {
        self.pass(1)
    }

    /// So many seconds go by, and the collector reads.
    pub(crate) fn pass(&mut self, seconds: i64) -> TickReport {
        self.second += seconds;
        self.write();
        self.read()
    }

    pub(crate) fn now(&self) -> Now {
        let wall_us = (START_S + self.second) * 1_000_000 + 20_000;
        Now { wall_us, mono_us: self.second.unsigned_abs() * 1_000_000 }
    }

    /// The collector reads what is there.
    pub(crate) fn read(&mut self) -> TickReport {
        let now = self.now();
        self.collector.tick(now, &mut self.feed)
    }

    /// What was collected last for a dimension.
    pub(crate) fn value(&self, chart: &str, dimension: &str) -> Option<i64> {
        self.host.read(|host| {
            let chart = host.find_chart(chart)?;
            let at = chart.dimensions().position(|one| one.id == dimension)?;
            Some(chart.dimension_state(at as u32)?.collected)
        })
    }

    /// The same of all dimensions in their order, as `id=value`.
    pub(crate) fn values(&self, chart: &str) -> String {
        self.host.read(|host| {
            let chart = host.find_chart(chart).unwrap();
            let value = |at: usize| chart.dimension_state(at as u32).unwrap().collected;
            let values = chart.dimensions().enumerate().map(|(at, one)| format!("{}={}", one.id, value(at)));
            values.collect::<Vec<_>>().join(" ")
        })
    }

    /// The sum of all dimensions.
    pub(crate) fn sum(&self, chart: &str) -> i64 {
        self.host.read(|host| {
            let Some(chart) = host.find_chart(chart) else { return 0 };
            (0..chart.dimensions().len()).map(|at| chart.dimension_state(at as u32).unwrap().collected).sum()
        })
    }
}

impl Fake {
    fn write(&self, pid: u32, folder: &std::path::Path) {
        fs::create_dir_all(folder).unwrap();
        let Self { parent, name, state, start, faults, children_faults, threads, moved, .. } = self;
        let ([user, system], [children_user, children_system]) = (self.used, self.children);
        let flags = if self.is_kernel { 0x20_0040 } else { 0x40_0000 };
        let resident = self.private_pages + self.shared_pages;
        let stat = format!(
            "{pid} ({name}) {state} {parent} {pid} {pid} 0 -1 {flags} {faults} {children_faults} 0 0 {user} {system} \
             {children_user} {children_system} 20 0 {threads} 0 {start} {} {resident} 18446744073709551615 1 1\n",
            resident * 8192,
        );
        let mut status =
            format!("Name:\t{name}\nUid:\t{0}\t{0}\t{0}\t{0}\nGid:\t{1}\t{1}\t{1}\t{1}\n", self.uid, self.gid);
        if !self.is_kernel {
            writeln!(status, "VmSwap:\t{} kB", self.private_pages).unwrap();
        }
        let io = format!(
            "rchar: {moved}\nwchar: {}\nsyscr: 1\nsyscw: 1\nread_bytes: {}\nwrite_bytes: {}\ncancelled_write_bytes: 0\n",
            moved * 2,
            moved * 3,
            moved * 4
        );
        for (file, text) in [
            ("stat", stat),
            ("statm", format!("{} {resident} {} 1 0 1 0\n", resident * 2, self.shared_pages)),
            ("status", status),
            ("io", io),
            ("cmdline", self.command_line.clone()),
            ("schedstat", format!("{} 7 9\n", self.runs * 1_000_000)),
        ] {
            // What a test put there instead of a file stays.
            if !folder.join(file).is_dir() {
                fs::write(folder.join(file), text).unwrap();
            }
        }
    }
}

/// Numbers that look random, the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}
