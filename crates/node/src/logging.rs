//! The error log: one line per event, for people and for grep.
//!
//! ```text
//! 2026-11-23 01:57:44: tributary-collector: INFO : STREAM web-1 [send to 10.0.0.5:19999]: connecting...
//! ```
//!
//! It goes to standard error, or to `error.log` of the log folder, which is opened again on
//! SIGHUP. Times are UTC.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::Context;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

static LOG_FILE: OnceLock<LogFile> = OnceLock::new();

struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
}

/// Starts the log. `folder` empty means standard error.
///
/// # Errors
/// Where the file cannot be opened, or a log was started before.
pub fn start(program: &'static str, folder: &str) -> anyhow::Result<()> {
    if !folder.is_empty() {
        let path = Path::new(folder).join("error.log");
        std::fs::create_dir_all(folder).with_context(|| format!("making the log folder {folder}"))?;
        let file = open(&path).with_context(|| format!("opening {}", path.display()))?;
        if LOG_FILE.set(LogFile { path, file: Mutex::new(file) }).is_err() {
            anyhow::bail!("the log was started twice");
        }
    }
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_writer(Destination)
        .event_format(Line { program })
        .finish();
    tracing::subscriber::set_global_default(subscriber).context("starting the log")
}

/// Whether a log was started that standard error shows.
#[must_use]
pub fn is_on_stderr() -> bool {
    LOG_FILE.get().is_none() && tracing::dispatcher::has_been_set()
}

/// Opens the log file again, after it was moved away.
pub fn reopen() {
    let Some(log) = LOG_FILE.get() else { return };
    match open(&log.path) {
        Ok(file) => *log.file.lock().unwrap_or_else(PoisonError::into_inner) = file,
        Err(err) => tracing::error!("opening {} again: {err}", log.path.display()),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

struct Destination;

impl<'a> MakeWriter<'a> for Destination {
    type Writer = Destination;

    fn make_writer(&'a self) -> Destination {
        Destination
    }
}

impl Write for Destination {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match LOG_FILE.get() {
            Some(log) => log.file.lock().unwrap_or_else(PoisonError::into_inner).write(line),
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Line {
    program: &'static str,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARN ",
            Level::INFO => "INFO ",
            _ => "DEBUG",
        };
        row::write_time(&mut out, crate::clock::now().wall_s())?;
        write!(out, ": {}: {level}: ", self.program)?;
        context.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}
