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
use config::Settings;
use health::engine::Transition;
use health::fleet::Fleet;
use health::notify::{ArgumentList, Message, arguments};
use row::Guid;
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
/// What stands for the exit status of a program that could not be started, or was killed.
const NO_STATUS: i32 = 128;

/// Takes messages, and has them told.
#[derive(Debug)]
pub(crate) struct Notifying {
    /// Dropped to end the thread, once all that waits is told.
    messages: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
}

/// What is run.
#[derive(Debug, Clone)]
struct Program {
    /// For alarms that name none; empty: those are told in the log only.
    default: PathBuf,
    list: ArgumentList,
}

/// A program at work.
struct Running {
    child: Child,
    until_us: u64,
    guid: Guid,
    transition: Transition,
}

impl Notifying {
    /// Starts the thread. What programs came to is told to `fleet`.
    pub(crate) fn start(settings: &Settings, fleet: Arc<Fleet>) -> anyhow::Result<Self> {
        let program = Program {
            default: settings.health.notify_exec.clone(),
            list: if settings.health.notify_arguments == "2" { ArgumentList::Two } else { ArgumentList::One },
        };
        let (messages, waiting) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("notify".into());
        let thread = thread.spawn(move || run(&program, &waiting, &fleet)).context("starting the notifying thread")?;
        Ok(Self { messages: Some(messages), thread: Some(thread) })
    }

    /// Has a message told, if there is room for it.
    pub(crate) fn tell(&self, message: Message) {
        let Some(messages) = &self.messages else { return };
        if let Err(TrySendError::Full(message)) = messages.try_send(message) {
            let name = &message.notice.transition.name;
            error!("health: {WAITING_MAX} notifications wait, that of {name} of {} is not sent", message.hostname);
        }
    }
}

impl Drop for Notifying {
    fn drop(&mut self) {
        drop(self.messages.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the notifying thread ended by a panic");
        }
    }
}

fn run(program: &Program, waiting: &Receiver<Message>, fleet: &Fleet) {
    let mut running: Vec<Running> = Vec::new();
    loop {
        let message = match (running.len(), waiting) {
            (0, waiting) => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (RUNNING_MAX.., _) => {
                std::thread::sleep(LOOK_EVERY);
                Err(RecvTimeoutError::Timeout)
            }
            (_, waiting) => waiting.recv_timeout(LOOK_EVERY),
        };
        match message {
            Ok(message) => running.extend(start(program, &message, fleet)),
            Err(RecvTimeoutError::Timeout) => {}
            // The node ends: what runs may go on without it.
            Err(RecvTimeoutError::Disconnected) => return,
        }
        running.retain_mut(|running| !has_ended(running, fleet));
    }
}

/// Starts the program of a message; `None` where there is none, or nobody to tell.
fn start(program: &Program, message: &Message, fleet: &Fleet) -> Option<Running> {
    let transition = &message.notice.transition;
    let exec = match &*transition.definition.exec {
        "" => &*program.default,
        exec => Path::new(exec),
    };
    if exec.as_os_str().is_empty() || !message.is_for_somebody() {
        return None;
    }
    let mut command = Command::new(exec);
    command.args(arguments(message, program.list)).env("NETDATA_HOSTNAME", &message.hostname);
    match command.stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
        Ok(child) => Some(Running {
            child,
            until_us: clock::now().mono_us + RUN_US_MAX,
            guid: message.guid,
            transition: transition.clone(),
        }),
        Err(err) => {
            error!("health: {} cannot be run: {err}", exec.display());
            fleet.told(message.guid, transition, clock::now(), NO_STATUS);
            None
        }
    }
}

fn has_ended(running: &mut Running, fleet: &Fleet) -> bool {
    let now = clock::now();
    let name = &running.transition.name;
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
    fleet.told(running.guid, &running.transition, now, code);
    true
}
