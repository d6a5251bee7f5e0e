//! The frame of a program: command line, settings, log, runtime, and the wait for its end.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use config::{Command, Invocation, Role, Settings};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::exit::{FAILURE, USAGE};
use crate::signals::{Asked, Signals};
use crate::{Reload, VERSION, limits, logging};

/// Tells all parts of a program to end.
pub type Stop = CancellationToken;

/// How long the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// The whole program of a role: does what the command line asks for, and for a run calls `run`
/// with the settings, after the log was started.
pub fn program(role: Role, run: impl FnOnce(Settings) -> anyhow::Result<()>) -> ExitCode {
    heap::share_among_threads();
    let name = name(role);
    let invocation = match Invocation::parse(role, std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(err) => {
            eprintln!("{name}: {err}");
            return ExitCode::from(USAGE);
        }
    };
    match invocation.command {
        Command::Help => return print(&config::help(role)),
        Command::Version => return print(&format!("{name} {VERSION}\n")),
        #[cfg(feature = "parent")]
        Command::Eval => return crate::alarms::evaluate(name, &invocation),
        _ => {}
    }
    let settings = match Settings::load(role, &invocation, config::environment()) {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(USAGE);
        }
    };
    match invocation.command {
        Command::Check => return check(role, &settings),
        #[cfg(feature = "parent")]
        Command::TestNotification => return crate::notifying::test(name, &settings, &invocation.told_role),
        _ => {}
    }
    #[cfg(feature = "parent")]
    if let Some(status) = mistaken(
        &[
            crate::notifying::problems(&settings.health),
            crate::exporting::Plan::new(&settings).problems(),
            crate::reading_back::problems(&settings),
        ]
        .concat(),
    ) {
        return status;
    }
    match start(name, settings, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            if !logging::is_on_stderr() {
                eprintln!("{name}: {err:#}");
            }
            ExitCode::from(FAILURE)
        }
    }
}

/// `check`: prints what is wrong with alarm files, or the settings in force.
fn check(role: Role, settings: &Settings) -> ExitCode {
    #[cfg(feature = "parent")]
    {
        let of_files = crate::alarms::problems(&settings.health);
        let mut problems: Vec<String> = of_files.iter().map(ToString::to_string).collect();
        problems.extend(crate::notifying::problems(&settings.health));
        problems.extend(crate::management::problem(&settings.global.lib_dir));
        problems.extend(crate::exporting::Plan::new(settings).problems());
        problems.extend(crate::reading_back::problems(settings));
        if let Some(status) = mistaken(&problems) {
            return status;
        }
    }
    print(&settings.print(role))
}

/// Says what is wrong, if anything is.
#[cfg(feature = "parent")]
fn mistaken(problems: &[String]) -> Option<ExitCode> {
    problems.iter().for_each(|problem| eprintln!("{problem}"));
    (!problems.is_empty()).then(|| ExitCode::from(USAGE))
}

fn start(
    name: &'static str,
    settings: Settings,
    run: impl FnOnce(Settings) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    logging::start(name, &settings.global.log_dir.to_string_lossy())?;
    let files = limits::raise_open_files();
    info!(
        "{name} {VERSION} starts; it may open {} files",
        files.map_or("any number of".into(), |count| count.to_string())
    );
    for note in &settings.notes {
        info!("settings: {note}");
    }
    let ended = run(settings);
    match &ended {
        Ok(()) => info!("{name} ends"),
        Err(err) => error!("{name} ends: {err:#}"),
    }
    ended
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Collector => "tributary-collector",
        Role::Proxy => "tributary-proxy",
        Role::Master => "tributary-master",
    }
}

/// Prints to standard output; a reader that closed it early is no failure.
fn print(text: &str) -> ExitCode {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILURE),
    }
}

/// The main thread's runtime.
///
/// # Errors
/// Where the system refuses.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_io().enable_time().build().context("starting the runtime")
}

/// Runs `work` until a signal asks for the end; then tells `stop`, and gives `work` its grace. Where
/// a signal asks for it, logs are opened and settings read again.
///
/// # Errors
/// Where signals cannot be listened to, or `work` does not end in time.
pub async fn run_until_stopped(stop: &Stop, reload: Reload, work: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("listening to signals")?;
    let mut work = std::pin::pin!(work);
    let mut done = false;
    std::future::poll_fn(|context| {
        if work.as_mut().poll(context).is_ready() {
            done = true;
            return std::task::Poll::Ready(());
        }
        while let std::task::Poll::Ready(asked) = std::pin::pin!(signals.next()).poll(context) {
            match asked {
                Asked::Stop => return std::task::Poll::Ready(()),
                Asked::Reload => {
                    logging::reopen();
                    info!("asked to open logs and read settings again");
                    reload.now();
                }
            }
        }
        std::task::Poll::Pending
    })
    .await;
    stop.cancel();
    if done {
        return Ok(());
    }
    info!("asked to end");
    tokio::time::timeout(GRACE, work).await.context("not everything ended in time")
}
