//! The logs: one line per event, for people and for grep.
//!
//! ```text
//! 2026-11-23 01:57:44: tributary-collector: INFO : STREAM web-1 [send to 10.0.0.5:19999]: connecting...
//! ```
//!
//! The error log goes to standard error, or to `error.log` of the log folder; what one host may
//! write to it in a minute is limited ([`crate::flood`]). The access log, one line per connection
//! and disconnect of a stream or an HTTP client and one per request, is `access.log` of that folder;
//! without one it is not written. Both are opened again on SIGHUP. Times are UTC.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::flood::Flood;

/// The target of the events that are lines of the access log.
#[cfg(any(feature = "sender", feature = "parent"))]
const ACCESS: &str = stream::ACCESS;
#[cfg(not(any(feature = "sender", feature = "parent")))]
const ACCESS: &str = "access";

/// The target of those that are lines of requests.
#[cfg(feature = "parent")]
const REQUESTS: &str = web::ACCESS;
#[cfg(not(feature = "parent"))]
const REQUESTS: &str = "access.http";

static LOGS: OnceLock<Logs> = OnceLock::new();
static FLOOD: Mutex<Option<(&'static str, Flood)>> = Mutex::new(None);

/// The logs of a log folder.
struct Logs {
    error: LogFile,
    access: LogFile,
}

struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl LogFile {
    fn open(folder: &str, name: &str) -> anyhow::Result<Self> {
        let path = Path::new(folder).join(name);
        let file = open(&path).with_context(|| format!("opening {}", path.display()))?;
        Ok(Self { path, file: Mutex::new(file) })
    }

    fn lock(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reopen(&self) {
        match open(&self.path) {
            Ok(file) => *self.lock() = file,
            Err(err) => tracing::error!("opening {} again: {err}", self.path.display()),
        }
    }
}

/// Starts the logs. `folder` empty means standard error, and no access log.
///
/// # Errors
/// Where a file cannot be opened, or a log was started before.
pub fn start(program: &'static str, folder: &str) -> anyhow::Result<()> {
    if !folder.is_empty() {
        std::fs::create_dir_all(folder).with_context(|| format!("making the log folder {folder}"))?;
        let logs = Logs { error: LogFile::open(folder, "error.log")?, access: LogFile::open(folder, "access.log")? };
        if LOGS.set(logs).is_err() {
            anyhow::bail!("the log was started twice");
        }
    }
    *FLOOD.lock().unwrap_or_else(PoisonError::into_inner) = Some((program, Flood::default()));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_writer(Destinations)
        .event_format(Line { program })
        .finish();
    tracing::subscriber::set_global_default(subscriber).context("starting the log")
}

/// Whether a log was started that standard error shows.
#[must_use]
pub fn is_on_stderr() -> bool {
    LOGS.get().is_none() && tracing::dispatcher::has_been_set()
}

/// Opens the log files again, after they were moved away.
pub fn reopen() {
    if let Some(logs) = LOGS.get() {
        logs.error.reopen();
        logs.access.reopen();
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

struct Destinations;

/// Where a line goes.
enum Destination {
    Error,
    Access,
}

impl<'a> MakeWriter<'a> for Destinations {
    type Writer = Destination;

    fn make_writer(&'a self) -> Destination {
        Destination::Error
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Destination {
        if [ACCESS, REQUESTS].contains(&event.target()) { Destination::Access } else { Destination::Error }
    }
}

impl Write for Destination {
    /// Takes one line, which comes in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match (self, LOGS.get()) {
            (Self::Access, None) => Ok(line.len()),
            (Self::Access, Some(logs)) => logs.access.lock().write(line),
            (Self::Error, _) => limited(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a line to the error log, unless its host has written too many.
fn limited(line: &[u8]) -> io::Result<usize> {
    let now = crate::clock::now();
    let mut flood = FLOOD.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((program, flood)) = flood.as_mut() else { return write_error(line) };
    let verdict = flood.judge(&String::from_utf8_lossy(line), now.mono_us);
    for (whose, lines) in verdict.left_out {
        let mut text = String::new();
        if row::write_time(&mut text, now.wall_s()).is_ok() {
            text += &format!(
                ": {program}: WARN : STREAM {whose} ...: {lines} more lines like this within a minute were left out\n"
            );
            write_error(text.as_bytes())?;
        }
    }
    if verdict.writes { write_error(line) } else { Ok(line.len()) }
}

fn write_error(line: &[u8]) -> io::Result<usize> {
    match LOGS.get() {
        Some(logs) => logs.error.lock().write(line),
        None => io::stderr().write(line),
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
        // Tools read lines of requests, and know them without program and level.
        match event.metadata().target() {
            REQUESTS => out.write_str(": ")?,
            _ => write!(out, ": {}: {level}: ", self.program)?,
        }
        context.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}
