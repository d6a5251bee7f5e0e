//! The thread that runs the program of notifications.
//!
//! Alarms never wait for it: messages queue up, and what finds the queue full is told in the log
//! only. Some programs run at a time; one that takes too long is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use config::Health;
use health::notify::{ArgumentList, Message, arguments};
use notify::Ticket;
use tracing::{error, info, warn};

use crate::clock;

/// Messages that wait at most.
const WAITING_MAX: usize = 1_000;
/// Programs that run at a time.
const RUNNING_MAX: usize = 8;
/// How long one may take.
const RUN_US_MAX: u64 = 120_000_000;
/// How often those that run are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What names the program in the alarm log.
const WORD: &str = "program";
/// What stands for the exit status of a program that could not be started, or was killed.
const NO_STATUS: i32 = 128;

/// What is run, and the thread that does.
#[derive(Debug)]
pub(super) struct Program {
    /// For alarms that name none; empty: no program tells those.
    default: PathBuf,
    /// Dropped to end the thread, once all that waits is told.
    calls: Option<SyncSender<Call>>,
    thread: Option<JoinHandle<()>>,
}

/// A message, and the program's part in it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) message: Message,
    pub(super) ticket: Ticket,
}

/// A program at work.
struct Running {
    child: Child,
    until_us: u64,
    name: Arc<str>,
    ticket: Ticket,
}

/// The argument list of settings.
pub(super) fn list(settings: &Health) -> ArgumentList {
    if settings.notify_arguments == "2" { ArgumentList::Two } else { ArgumentList::One }
}

impl Program {
    /// Starts the thread.
    pub(super) fn start(settings: &Health) -> anyhow::Result<Self> {
        let (default, list) = (settings.notify_exec.clone(), list(settings));
        let (calls, waiting) = sync_channel(WAITING_MAX);
        let of_thread = default.clone();
        let thread = std::thread::Builder::new().name("notify".into());
        let thread = thread.spawn(move || run(&of_thread, list, &waiting)).context("starting the notifying thread")?;
        Ok(Self { default, calls: Some(calls), thread: Some(thread) })
    }

    /// The program that tells a message, by settings.
    pub(super) fn of(settings: &Health, message: &Message) -> Option<PathBuf> {
        exec(&settings.notify_exec, message).map(Path::to_owned)
    }

    /// Whether a program tells this message.
    pub(super) fn is_for(&self, message: &Message) -> bool {
        exec(&self.default, message).is_some() && !message.reached.iter().any(|who| &**who == WORD)
    }

    /// Has a message told, if there is room for it.
    pub(super) fn run(&self, call: Call) {
        let Some(calls) = &self.calls else { return };
        if let Err(TrySendError::Full(Call { message, ticket })) = calls.try_send(call) {
            let name = &message.notice.transition.name;
            error!("health: {WAITING_MAX} notifications wait, that of {name} of {} is not sent", message.hostname);
            ticket.settle(WORD, NO_STATUS);
        }
    }
}

/// The program of a message; `None` where there is none, or nobody to tell.
fn exec<'a>(default: &'a Path, message: &'a Message) -> Option<&'a Path> {
    let exec = match &*message.notice.transition.definition.exec {
        "" => default,
        exec => Path::new(exec),
    };
    (!exec.as_os_str().is_empty() && message.is_for_somebody()).then_some(exec)
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.calls.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the notifying thread ended by a panic");
        }
    }
}

fn run(default: &Path, list: ArgumentList, waiting: &Receiver<Call>) {
    let mut running: Vec<Running> = Vec::new();
    loop {
        let call = match (running.len(), waiting) {
            (0, waiting) => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (RUNNING_MAX.., _) => {
                std::thread::sleep(LOOK_EVERY);
                Err(RecvTimeoutError::Timeout)
            }
            (_, waiting) => waiting.recv_timeout(LOOK_EVERY),
        };
        match call {
            Ok(call) => running.extend(start(default, list, call)),
            Err(RecvTimeoutError::Timeout) => {}
            // The node ends: what runs may go on without it.
            Err(RecvTimeoutError::Disconnected) => return,
        }
        running.retain_mut(|running| !has_ended(running));
    }
}

/// Starts the program of a message, if it can be.
fn start(default: &Path, list: ArgumentList, Call { message, ticket }: Call) -> Option<Running> {
    let exec = exec(default, &message)?;
    let mut command = Command::new(exec);
    command.args(arguments(&message, list)).env("NETDATA_HOSTNAME", &message.hostname);
    match command.stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
        Ok(child) => {
            let name = Arc::clone(&message.notice.transition.name);
            Some(Running { child, until_us: clock::now().mono_us + RUN_US_MAX, name, ticket })
        }
        Err(err) => {
            error!("health: {} cannot be run: {err}", exec.display());
            ticket.settle(WORD, NO_STATUS);
            None
        }
    }
}

fn has_ended(running: &mut Running) -> bool {
    let now = clock::now();
    let name = &running.name;
    let code = match running.child.try_wait() {
        Ok(None) if now.mono_us < running.until_us => return false,
        Ok(Some(status)) => status.code().unwrap_or(NO_STATUS),
        Ok(None) | Err(_) => {
            warn!("health: the notification of {name} took too long and is ended");
            if let Err(err) = running.child.kill().and_then(|()| running.child.wait().map(drop)) {
                warn!("health: the notification of {name} does not end: {err}");
            }
            NO_STATUS
        }
    };
    match code {
        0 => info!("health: the notification of {name} was sent"),
        _ => warn!("health: the notification of {name} failed, with exit status {code}"),
    }
    running.ticket.settle(WORD, code);
    true
}
