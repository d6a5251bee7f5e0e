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
        write_time(&mut out, crate::clock::now().wall_s())?;
        write!(out, ": {}: {level}: ", self.program)?;
        context.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}

/// Writes seconds since 1970 as `YYYY-MM-DD HH:MM:SS`, UTC.
///
/// # Errors
/// Where `out` refuses.
pub fn write_time(out: &mut dyn fmt::Write, time_s: i64) -> fmt::Result {
    let (days, second) = (time_s.div_euclid(86_400), time_s.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The calendar date of a day counted from 1970-01-01. Years are taken to begin in March, so that
/// the leap day is the last one.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_400_YEARS: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(DAYS_PER_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_PER_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    (year, if month < 10 { month + 3 } else { month - 9 }, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (time_s, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_795_387_698, "2026-11-22 22:48:18"),
            (-1, "1969-12-31 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            let mut out = String::new();
            write_time(&mut out, time_s).unwrap();
            assert_eq!(out, text);
        }
    }
}
