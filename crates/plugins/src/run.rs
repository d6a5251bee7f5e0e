//! The loop: finds plugins, runs each, and starts it again as its rules say.

use std::cell::RefCell;
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use patterns::SimplePattern;
use rrd_store::Reply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::Clock;
use crate::calls::{self, Desk, Desks};
use crate::discovery::{self, Found};
use crate::environment::{self, Facts};
use crate::flow::{Budget, COMPLAINTS_BYTES_PER_S, Lines, ROWS_BYTES_PER_S};
use crate::nodes::Nodes;
use crate::process::Process;
use crate::restart::{End, Next, Restart};
use crate::session::{Fault, Session};

/// How often is looked for new plugins.
const SEARCH_EVERY: Duration = Duration::from_secs(60);
/// What is read from a plugin at once; longer than the longest line.
const BUFFER_BYTES: usize = 32 * 1024;
/// A plugin that prints nothing for so many seconds hangs,
const SILENCE_S: u64 = 120;
/// and for so many of its intervals.
const SILENT_INTERVALS: u64 = 10;

/// Which plugins run, and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// Names of the plugins to run.
    pub plugins: SimplePattern,
    /// Seconds between rows, where nothing else is said.
    pub update_every_s: u32,
    /// What is set for single plugins.
    pub single: Vec<Single>,
    /// What plugins are told, their folders among it.
    pub facts: Facts,
}

/// What is set for one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Single {
    /// The plugin's name.
    pub name: String,
    /// Seconds between its rows.
    pub update_every_s: u32,
    /// Arguments behind the update every.
    pub arguments: Vec<String>,
}

/// What all plugins share.
struct Crew {
    config: Config,
    variables: Vec<(&'static str, String)>,
    nodes: Rc<Nodes>,
    desks: Desks,
    clock: Clock,
    stop: CancellationToken,
}

/// What all runs of a plugin have in common.
struct Runs<'a> {
    plugin: &'a Found,
    update_every_s: u32,
    arguments: Vec<String>,
    /// Lines of complaints that were logged.
    lines: Rc<RefCell<Lines>>,
}

/// Runs plugins until `stop`. Needs a `LocalSet` of tokio's.
pub async fn run(config: Config, nodes: Nodes, clock: Clock, stop: CancellationToken) {
    let variables = environment::variables(&config.facts, |name| std::env::var(name).ok());
    let (nodes, desks) = (Rc::new(nodes), RefCell::default());
    let crew = Rc::new(Crew { config, variables, nodes, desks, clock, stop: stop.clone() });
    let mut tasks = JoinSet::new();
    let search = search(&crew, &mut tasks);
    tokio::select! {
        () = stop.cancelled() => {}
        () = search => {}
        () = calls::serve(crew.nodes.own(), &crew.desks, clock) => {}
    }
    while tasks.join_next().await.is_some() {}
}

/// Looks for plugins now and then, and runs those that are new.
async fn search(crew: &Rc<Crew>, tasks: &mut JoinSet<(String, bool)>) {
    let mut known = HashSet::new();
    let mut failed: HashSet<PathBuf> = HashSet::new();
    loop {
        let folders = &crew.config.facts.plugins_dir;
        let found = discovery::find(folders, &crew.config.plugins, |folder, error| {
            if failed.insert(folder.to_owned()) {
                warn!("PLUGIN: folder {} cannot be read: {error}", folder.display());
            }
        });
        for plugin in found {
            if known.insert(plugin.name.clone()) {
                let crew = Rc::clone(crew);
                tasks.spawn_local(async move {
                    let is_gone = attend(&plugin, &crew).await;
                    (plugin.name, is_gone)
                });
            }
        }
        tokio::select! {
            () = sleep(SEARCH_EVERY) => {}
            // One that is gone may come back; one that is not run any more is not even if its file is new.
            Some(ended) = tasks.join_next() => if let Ok((name, true)) = ended { known.remove(&name); },
        }
    }
}

/// Runs a plugin, again and again. Returns whether its file is gone.
async fn attend(plugin: &Found, crew: &Crew) -> bool {
    let single = crew.config.single.iter().find(|single| single.name == plugin.name).cloned();
    let single = single.unwrap_or_default();
    let update_every_s = single.update_every_s.max(crew.config.update_every_s).max(1);
    let runs = Runs { plugin, update_every_s, arguments: single.arguments, lines: Rc::default() };
    let mut restart = Restart::new(update_every_s);
    let mut told = None;
    loop {
        if !plugin.path.exists() {
            info!("PLUGIN {}: its file is gone", plugin.file);
            return true;
        }
        let (end, rows) = crew.run_once(&runs, told.is_none()).await;
        let Some(end) = end else { return false };
        match restart.ended(&end, rows) {
            Next::Never => {
                warn!("PLUGIN {}: {end}; it is not run again", plugin.file);
                return false;
            }
            Next::After(wait_s) => {
                // One that ends each time is told of once.
                if told.as_ref() == Some(&end) {
                    debug!("PLUGIN {}: {end}; the next run is in {wait_s} s", plugin.file);
                } else {
                    info!("PLUGIN {}: {end} after {rows} rows; the next run is in {wait_s} s", plugin.file);
                }
                told = Some(end);
                tokio::select! {
                    () = crew.stop.cancelled() => return false,
                    () = sleep(Duration::from_secs(wait_s)) => {}
                }
            }
        }
    }
}

impl Crew {
    /// Runs a plugin once; returns how it ended (`None`: it was stopped), and how many rows came.
    async fn run_once(&self, runs: &Runs<'_>, is_first: bool) -> (Option<End>, u64) {
        let Runs { plugin, update_every_s, arguments, lines } = runs;
        let mut process = match Process::start(plugin, *update_every_s, arguments, &self.variables, lines) {
            Ok(process) => process,
            Err(error) => return (Some(End::Error(format!("it cannot be started: {error}"))), 0),
        };
        if is_first {
            info!("PLUGIN {}: runs as process {}, every {update_every_s} s", plugin.file, process.id());
        }
        let session = Session::new(Rc::clone(&self.nodes), &plugin.file, *update_every_s);
        let desk = Rc::new(Desk::new(session));
        self.desks.borrow_mut().push(Rc::clone(&desk));
        let ended = self.listen(&mut process, &desk).await;
        self.desks.borrow_mut().retain(|other| !Rc::ptr_eq(other, &desk));
        self.finish(&desk);
        let status = process.end(self.clock).await;
        let end = ended.map(|fault| match (fault, status) {
            (Some(fault), _) => end_of(fault),
            (None, Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => End::Status(code),
                (None, signal) => End::Signal(signal.unwrap_or_default()),
            },
            (None, Err(error)) => End::Error(format!("its end is not known: {error}")),
        });
        let rows = desk.session.borrow().rows();
        (end, rows)
    }

    /// Takes what the plugin prints until it, or somebody, has enough; `None`: it was stopped,
    /// `Some(None)`: there is no more.
    async fn listen(&self, process: &mut Process, desk: &Desk) -> Option<Option<Ended>> {
        let Process { stdin, stdout, complaints, .. } = process;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut filled = 0;
        let mut out = Vec::new();
        let mut budget = Budget::new(ROWS_BYTES_PER_S);
        let mut complaints_budget = Budget::new(COMPLAINTS_BYTES_PER_S);
        let mut heard_us = (self.clock)().mono_us;
        let (mut goes_on_us, mut complains_us) = (0, 0);
        loop {
            let now_us = (self.clock)().mono_us;
            let silence_us = desk.session.borrow().longest_every_s().max(1) * SILENT_INTERVALS;
            let silent_us = heard_us + silence_us.max(SILENCE_S) * 1_000_000;
            let is_paused = goes_on_us > now_us;
            let is_quiet = complains_us > now_us;
            let until_us = if is_paused { goes_on_us } else { silent_us };
            let until_us = if is_quiet { until_us.min(complains_us) } else { until_us };
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = sleep(Duration::from_micros(until_us.saturating_sub(now_us))) => {
                    if (self.clock)().mono_us >= silent_us && !is_paused {
                        return Some(Some(Ended::Silent));
                    }
                }
                read = stdout.read(&mut buffer[filled..]), if !is_paused => {
                    let Ok(count @ 1..) = read else { return Some(None) };
                    filled += count;
                    let now = (self.clock)();
                    heard_us = now.mono_us;
                    goes_on_us = budget.take(count, now).map_or(0, |pause_us| now.mono_us + pause_us);
                    let taken = desk.session.borrow_mut().receive(&buffer[..filled], now);
                    desk.pass_news(self.nodes.own(), self.clock);
                    let taken = match taken {
                        Ok(taken) => taken,
                        Err(fault) => return Some(Some(Ended::Fault(fault))),
                    };
                    buffer.copy_within(taken..filled, 0);
                    filled -= taken;
                }
                count = complaints.log_some(self.clock), if complaints.goes_on() && !is_quiet => {
                    let now = (self.clock)();
                    complains_us = complaints_budget.take(count, now).map_or(0, |pause_us| now.mono_us + pause_us);
                }
                () = desk.wake.notified() => out.extend(desk.take_out()),
                written = write(stdin.as_mut(), &out), if !out.is_empty() => { out.drain(..written); }
            }
        }
    }

    /// Answers what a plugin that ended left open.
    fn finish(&self, desk: &Desk) {
        for number in desk.session.borrow_mut().finish((self.clock)()) {
            let reply = Reply::error(503, "the plugin that has this function ended");
            self.nodes.own().answer_call(number, reply);
        }
    }
}

/// Why a plugin is not listened to any more.
#[derive(Debug)]
enum Ended {
    Fault(Fault),
    Silent,
}

fn end_of(ended: Ended) -> End {
    match ended {
        Ended::Fault(Fault::Disabled) => End::Disabled,
        Ended::Fault(Fault::Exit) => End::Status(0),
        Ended::Fault(fault @ (Fault::Malformed { .. } | Fault::FeedLost)) => End::Malformed(fault.to_string()),
        Ended::Fault(fault @ (Fault::Garbage { .. } | Fault::TooLong { .. })) => End::Error(fault.to_string()),
        Ended::Silent => End::Error("it printed nothing for too long".into()),
    }
}

/// Writes some bytes to a plugin; returns how many. One that reads no more is told nothing.
async fn write<W: tokio::io::AsyncWrite + Unpin>(to: Option<&mut W>, bytes: &[u8]) -> usize {
    match to {
        Some(to) => to.write(bytes).await.unwrap_or(bytes.len()),
        None => bytes.len(),
    }
}
