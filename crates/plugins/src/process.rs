//! A plugin's process: started without a shell, in a process group of its own, and ended with all that
//! it started itself.

use std::cell::RefCell;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::complaints::Complaints;
use crate::discovery::Found;
use crate::environment;
use crate::flow::Lines;

/// How long a plugin may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(3);

/// A process, and what it says.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
    /// Open for as long as the plugin is to run: many take its end for the order to leave.
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: ChildStdout,
    pub(crate) complaints: Complaints<ChildStderr>,
}

impl Process {
    /// Starts a plugin: `PATH UPDATE_EVERY ARGUMENTS…`
    pub(crate) fn start(
        plugin: &Found,
        update_every_s: u32,
        arguments: &[String],
        variables: &[(&'static str, String)],
        lines: &Rc<RefCell<Lines>>,
    ) -> io::Result<Self> {
        let mut command = Command::new(&plugin.path);
        command.arg(update_every_s.to_string()).args(arguments);
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for secret in inherited.filter(|name| environment::is_secret(&name.to_string_lossy())) {
            command.env_remove(secret);
        }
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pipe = || io::Error::other("a pipe is missing");
        let (stdout, stderr) = (child.stdout.take().ok_or_else(pipe)?, child.stderr.take().ok_or_else(pipe)?);
        let complaints = Complaints::new(&plugin.file, stderr, lines);
        Ok(Self { group, stdin: child.stdin.take(), stdout, complaints, child })
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Ends the process and all that it started; returns how it ended.
    pub(crate) async fn end(mut self, clock: crate::Clock) -> io::Result<ExitStatus> {
        self.stdin = None;
        self.signal(Signal::TERM);
        let Self { child, complaints, .. } = &mut self;
        let ending = async {
            loop {
                tokio::select! {
                    biased;
                    _ = complaints.log_some(clock), if complaints.goes_on() => {}
                    status = child.wait() => return status,
                }
            }
        };
        let ended = timeout(GRACE, ending).await;
        // What the plugin started may still run, even where itself is gone.
        self.signal(Signal::KILL);
        match ended {
            Ok(status) => status,
            Err(_) => self.child.wait().await,
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It fails where nobody is left.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.signal(Signal::KILL);
        }
    }
}
