//! One started program: its session, its log, its figures, and a certain end.
//!
//! A program runs in a session of its own, so that all it starts can be found and ended with it.
//! The kernel kills it when the thread that started it ends (`setpriv --pdeathsig`): even a test
//! run that is killed leaves nothing running. So start a program from the thread of the test.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// How many lines of a log a failure shows.
const TAIL_LINES: usize = 40;

/// A running program; ended, with all it started, when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program`; both its outputs are appended to the file `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, program: &Path, adjust: impl FnOnce(&mut Command), log: &Path) -> Self {
        assert!(program.exists(), "{} is missing", program.display());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "setsid", "--"]).arg(program);
        adjust(&mut command);
        command.stdin(Stdio::null()).stdout(appending(log)).stderr(appending(log));
        let child = command.spawn().expect("setpriv and setsid of util-linux are on every Linux");
        Self { name: name.to_owned(), child, log: log.to_path_buf() }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours can be waited for")
    }

    /// Waits for the end that comes by itself.
    ///
    /// # Panics
    /// When it still runs after `limit`.
    pub fn wait_for_end(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} to end", self.name);
        wait::until(limit, &what, || self.ended())
    }

    /// Asks it to stop (SIGTERM).
    ///
    /// # Panics
    /// When it still runs after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait_for_end(limit)
    }

    /// Kills it (SIGKILL) together with all that it started.
    pub fn kill(&mut self) {
        for pid in session_of(self.id()) {
            send(pid, Signal::KILL);
        }
        self.signal(Signal::KILL);
        self.child.wait().expect("a child of ours can be waited for");
    }

    /// Sends a signal; nothing happens if it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            send(i32::try_from(self.id()).expect("process ids fit an i32"), signal);
        }
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        read_lossy(&self.log)
    }

    /// CPU time spent by all its threads, user and system.
    pub fn cpu_time(&self) -> Duration {
        let [user, system] = self.cpu_times();
        user + system
    }

    /// The same in its own code, and in the kernel for it.
    pub fn cpu_times(&self) -> [Duration; 2] {
        let stat = read_lossy(Path::new(&format!("/proc/{}/stat", self.id())));
        let (_, fields) = stat.rsplit_once(')').unwrap_or_else(|| panic!("{} is not running", self.name));
        let tick = |index| fields.split_whitespace().nth(index).and_then(|text: &str| text.parse::<u64>().ok());
        let per_second = u32::try_from(rustix::param::clock_ticks_per_second()).expect("100");
        [11, 12].map(|index| Duration::from_secs(tick(index).expect("stat has at least 15 fields")) / per_second)
    }

    /// CPU time of the threads that run now, to the nanosecond; what threads that have ended have
    /// spent is not in it. For programs that keep their threads and cost less than a tick.
    pub fn cpu_time_of_threads(&self) -> Duration {
        self.cpu_time_of_threads_called(|_| true)
    }

    /// The same of some threads, by their names.
    pub fn cpu_time_of_threads_called(&self, is_wanted: impl Fn(&str) -> bool) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).into_iter().flatten().flatten();
        let wanted = tasks.filter(|task| is_wanted(read_lossy(&task.path().join("comm")).trim_end()));
        let spent = |file: PathBuf| read_lossy(&file).split(' ').next()?.parse::<u64>().ok();
        Duration::from_nanos(wanted.filter_map(|task| spent(task.path().join("schedstat"))).sum())
    }

    /// How often its threads of now went to sleep, and so were woken.
    pub fn sleeps(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).into_iter().flatten().flatten();
        let slept = |status: String| {
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        };
        tasks.filter_map(|task| slept(read_lossy(&task.path().join("status")))).sum()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    /// The part of the resident memory that no file backs, in bytes.
    pub fn anonymous_bytes(&self) -> u64 {
        self.status("RssAnon:") * 1024
    }

    /// How many threads it has.
    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    fn status(&self, field: &str) -> u64 {
        let status = read_lossy(Path::new(&format!("/proc/{}/status", self.id())));
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let line = line.unwrap_or_else(|| panic!("{} has no {field} (has it ended?)", self.name));
        line.split_whitespace().next().and_then(|text| text.parse().ok()).expect("a number follows the name")
    }

    fn print_tail(&self) {
        eprintln!("--- the last lines of {} ({}):", self.name, self.log.display());
        eprintln!("{}", tail(&self.log()));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            self.print_tail();
        }
    }
}

/// Starts `program` behind the words of another one that becomes it, if there are any.
///
/// # Panics
/// When it cannot be started.
pub fn start_inside(
    words: &[String],
    name: &str,
    program: &Path,
    adjust: impl FnOnce(&mut Command),
    log: &Path,
) -> Process {
    let Some((first, more)) = words.split_first() else { return Process::start(name, program, adjust, log) };
    let adjust = |command: &mut Command| adjust(command.args(more).arg(program));
    Process::start(name, &self::program(first, "util-linux"), adjust, log)
}

/// The last lines of a log.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// A program of `PATH` or of the folders for administrators.
///
/// # Panics
/// When there is none, naming the Debian package that has it.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    let found = folders.map(|folder| Path::new(folder).join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("this test needs `{name}`: install the Debian package {package} (make test does)"))
}

fn appending(path: &Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.unwrap_or_else(|err| panic!("opening {}: {err}", path.display()))
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may have ended in between, which is what a signal is for.
        kill_process(pid, signal).ok();
    }
}

/// The processes of a session, found in /proc.
fn session_of(leader: u32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| session(*id) == Some(leader)).collect()
}

fn session(pid: i32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()
}
