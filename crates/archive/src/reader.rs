//! The reader: asks servers for what a query lacks, in pieces of time, and keeps what changes no more.
//!
//! ```text
//! Asked ─> pieces ─┬─ kept ──────────────────────────────┬─> Fetched
//!                  └─ requests, to each server ─> merged ┘
//! ```

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use row::{Guid, Now};
use rrd_store::query::{Archive, Asked, Fetched, Lack};
use tracing::{info, warn};
use web_client::{Client, Request, Trust};

use crate::answer::{self, Matrix, Rows, Wrong};
use crate::breaker::{Breaker, Change};
use crate::cache::{Cache, Key, Piece};
use crate::hosts::Elders;
use crate::request::{self, ROWS_MAX};

/// Rows of a piece; fewer where they are long.
const PIECE_ROWS: i64 = 1_000;
/// Seconds of a piece, unless a row is longer.
const PIECE_S_MAX: i64 = 86_400;
/// Pieces whose end is so long ago are kept: what comes late has come.
const SETTLED_S: i64 = 3_600;
/// Values that one request asks for, so that answers have some megabytes.
const VALUES_MAX: i64 = 200_000;
/// Values that are put together for one chart: 128 MB, which only a broken server reaches.
const TABLE_VALUES_MAX: usize = 16_000_000;
/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A query waits so many timeouts in all.
const TIMEOUTS_MAX: u64 = 4;
/// Requests of one query.
const REQUESTS_MAX: u32 = 1_000;

/// Reads both clocks.
pub type Clock = fn() -> Now;

/// What a reader is told.
#[derive(Clone)]
pub struct Config {
    /// Servers, each up to `/api/v1`, without users.
    pub urls: Vec<String>,
    /// Headers of each server's requests: who we are.
    pub headers: Vec<Vec<(String, String)>>,
    /// Whom to trust.
    pub trust: Trust,
    /// Seconds of the archive's points, 1 or more.
    pub every_s: i64,
    /// How long a request may take.
    pub timeout: Duration,
    /// What is younger is not asked for, in seconds.
    pub delay_s: i64,
    /// Points of a dimension that one question may be about.
    pub points_max: u32,
    /// Bytes of the cache.
    pub cache_bytes: usize,
    /// How long ago hosts wrote that are shown, in seconds; 0: none are.
    pub hosts_for_s: u64,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// An archive that can be asked.
#[derive(Debug)]
pub struct Reader {
    pub(crate) config: Config,
    servers: Vec<Server>,
    clock: Clock,
    cache: Mutex<Cache>,
    pub(crate) elders: Elders,
}

struct Server {
    url: String,
    headers: Vec<(String, String)>,
    client: Client,
    breaker: Mutex<Breaker>,
}

impl fmt::Debug for Server {
    /// Headers hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url).field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

/// One query's way to an archive: it has so much time, and no more.
#[derive(Debug)]
pub struct Session {
    reader: Arc<Reader>,
    end_s: i64,
    until_us: u64,
    requests: Cell<u32>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reader {
    /// A reader of these servers.
    ///
    /// # Errors
    /// Where the authorities cannot be read, in words.
    pub fn new(config: Config, clock: Clock) -> Result<Self, String> {
        let server = |(url, headers): (&String, &Vec<(String, String)>)| {
            let client = Client::new(&config.trust, url.starts_with("https:"))?;
            Ok(Server { url: url.clone(), headers: headers.clone(), client, breaker: Mutex::default() })
        };
        let servers = config.urls.iter().zip(&config.headers).map(server).collect::<Result<Vec<_>, String>>()?;
        let cache = Mutex::new(Cache::new(config.cache_bytes));
        Ok(Self { config, servers, clock, cache, elders: Elders::default() })
    }

    /// Begins a query of a host.
    #[must_use]
    pub fn session(self: &Arc<Self>, host: Guid) -> Session {
        let patience_us = self.config.timeout.as_micros() as u64 * TIMEOUTS_MAX;
        let now = self.now();
        let (end_s, until_us) = (now.wall_s() - self.config.delay_s, now.mono_us + patience_us);
        let end_s = self.newest_s(host).map_or(end_s, |newest_s| newest_s.min(end_s));
        Session { reader: Arc::clone(self), end_s, until_us, requests: Cell::new(0) }
    }

    pub(crate) fn now(&self) -> Now {
        (self.clock)()
    }

    /// Asks all servers; what those say that can be asked, and whether any cannot.
    pub(crate) fn ask<T>(&self, path: &str, read: impl Fn(&[u8]) -> Result<T, Wrong>) -> (Vec<T>, bool) {
        let answers: Vec<_> = self.servers.iter().map(|server| server.ask(self, path, &read)).collect();
        let is_short = answers.iter().any(Option::is_none);
        (answers.into_iter().flatten().collect(), is_short)
    }
}

impl Server {
    fn ask<T>(&self, reader: &Reader, path: &str, read: impl Fn(&[u8]) -> Result<T, Wrong>) -> Option<T> {
        if !lock(&self.breaker).may_ask(reader.now().mono_us) {
            return None;
        }
        let request = Request {
            method: "GET",
            url: &format!("{}{path}", self.url),
            headers: &self.headers,
            content_type: "",
            body: &[],
            timeout: reader.config.timeout,
            answer_bytes_max: ANSWER_BYTES_MAX + 1,
        };
        let found = self.client.ask(&request).map_err(|none| none.words).and_then(|answer| {
            if answer.body.len() as u64 > ANSWER_BYTES_MAX {
                return Err(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes"));
            }
            match (answer.status, read(&answer.body)) {
                (200..=299, Ok(found)) => Ok(found),
                (200..=299, Err(wrong)) => Err(wrong.words()),
                (status, Err(Wrong::Refused(error))) => Err(format!("status {status}: {error}")),
                (status, _) => Err(format!("status {status}")),
            }
        });
        let found = found.map_err(|why| self.without_secrets(why));
        let change = match &found {
            Ok(_) => lock(&self.breaker).answered(),
            Err(_) => lock(&self.breaker).failed(reader.now().mono_us),
        };
        match (&found, change) {
            (Err(why), Change::Opened) => warn!("archive {}: {why}; it is left alone for half a minute", self.url),
            (Err(why), _) => info!("archive {}: {why}", self.url),
            (Ok(_), Change::Closed) => info!("archive {}: it answers again", self.url),
            (Ok(_), _) => (),
        }
        found.ok()
    }

    /// Takes out of what a server says what it was shown.
    fn without_secrets(&self, mut why: String) -> String {
        for (_, value) in &self.headers {
            let secret = value.split_once(' ').map_or(&**value, |(_, secret)| secret);
            if !secret.is_empty() {
                why = why.replace(secret, "…");
            }
        }
        why
    }
}

/// How what is asked is cut.
#[derive(Debug, Clone, Copy)]
struct Pieces {
    step_s: i64,
    /// Pieces begin so many seconds after multiples of their length.
    phase_s: i64,
    rows: i64,
}

impl Pieces {
    fn of(step_s: i64, after_s: i64) -> Self {
        let rows = PIECE_ROWS.min(PIECE_S_MAX / step_s).max(1);
        Self { step_s, phase_s: after_s.rem_euclid(step_s), rows }
    }

    const fn length_s(self) -> i64 {
        self.step_s * self.rows
    }

    /// The number of the piece with the row after a second.
    fn number(self, after_s: i64) -> i64 {
        (after_s - self.phase_s).div_euclid(self.length_s())
    }

    fn begin_s(self, number: i64) -> i64 {
        number * self.length_s() + self.phase_s
    }

    /// Pieces of one request.
    fn at_once(self, dimensions: u32) -> i64 {
        (VALUES_MAX / i64::from(dimensions).max(1) / self.rows).clamp(1, (ROWS_MAX as i64 / self.rows).max(1))
    }
}

impl Archive for Session {
    fn step_s(&self, every_s: i64) -> i64 {
        self.reader.config.every_s.max(every_s)
    }

    fn end_s(&self) -> i64 {
        self.end_s
    }

    fn fetch(&self, asked: &Asked<'_>) -> Fetched {
        let unavailable = Fetched { series: Vec::new(), lack: Some(Lack::Unavailable) };
        let rows = (asked.before_s - asked.after_s) / asked.step_s;
        if rows > i64::from(self.reader.config.points_max) {
            info!("archive: a query needs {rows} points of {}, more than archive.max_points", asked.chart);
            return unavailable;
        }
        let pieces = Pieces::of(asked.step_s, asked.after_s);
        let (first, last) = (pieces.number(asked.after_s), pieces.number(asked.before_s - asked.step_s));
        let mut table = Table { asked: *asked, rows: rows as usize, series: HashMap::new() };
        let mut lack = None;
        let (mut begin, mut gave) = (first, false);
        while begin <= last {
            if let Some(piece) = self.kept(&pieces, asked, begin) {
                table.add(pieces.begin_s(begin), &piece);
                (begin, gave) = (begin + 1, true);
                continue;
            }
            let most = last.min(begin + pieces.at_once(asked.dimensions) - 1);
            let end =
                (begin + 1..=most).find(|&number| self.kept(&pieces, asked, number).is_some()).unwrap_or(most + 1);
            let lack_now = self.request(&pieces, asked, begin..end, &mut table);
            (begin, gave) = (end, gave || lack_now != Some(Lack::Unavailable));
            lack = lack.max(lack_now);
        }
        if lack == Some(Lack::Unavailable) && gave {
            lack = Some(Lack::Partial);
        }
        Fetched { series: table.series.into_iter().collect(), lack }
    }
}

impl Session {
    /// The same query's way for another host: the time is that of all.
    #[must_use]
    pub fn for_host(&self, host: Guid) -> Self {
        let requests = Cell::new(self.requests.get());
        Self { until_us: self.until_us, requests, ..self.reader.session(host) }
    }

    fn key(pieces: &Pieces, asked: &Asked<'_>, number: i64) -> Key {
        let Asked { host, chart, what, step_s, .. } = *asked;
        Key { host, chart: chart.into(), what, step_s, after_s: pieces.begin_s(number) }
    }

    fn kept(&self, pieces: &Pieces, asked: &Asked<'_>, number: i64) -> Option<Arc<Piece>> {
        lock(&self.reader.cache).get(&Self::key(pieces, asked, number), self.reader.now().mono_us)
    }

    /// Whether a piece changes no more.
    fn is_settled(&self, pieces: &Pieces, number: i64) -> bool {
        pieces.begin_s(number + 1) <= self.reader.now().wall_s() - self.reader.config.delay_s - SETTLED_S
    }

    /// Asks for pieces that follow one another: those that are settled as a whole, else what was asked for.
    fn request(&self, pieces: &Pieces, asked: &Asked<'_>, numbers: Range<i64>, table: &mut Table<'_>) -> Option<Lack> {
        let last = numbers.end - 1;
        let is_whole = |number| self.is_settled(pieces, number);
        let whole_s = pieces.begin_s(numbers.start);
        let after_s = if is_whole(numbers.start) { whole_s } else { whole_s.max(asked.after_s) };
        let before_s = pieces.begin_s(numbers.end);
        let before_s = if is_whole(last) { before_s } else { before_s.min(asked.before_s) };
        let is_late = self.reader.now().mono_us >= self.until_us || self.requests.get() >= REQUESTS_MAX;
        if is_late {
            return Some(Lack::Unavailable);
        }
        self.requests.set(self.requests.get() + 1);
        let Asked { host, chart, what, step_s, .. } = *asked;
        let rows = Rows { after_s, step_s, count: ((before_s - after_s) / step_s) as usize };
        let path = request::rows(host, chart, what, step_s, after_s, before_s);
        let (answers, is_short) = self.reader.ask(&path, |body| answer::matrix(body, rows));
        if answers.is_empty() {
            return Some(Lack::Unavailable);
        }
        let mut matrix = Matrix::default();
        answers.into_iter().for_each(|answer| matrix.merge(answer));
        let lack = (is_short || matrix.is_partial).then_some(Lack::Partial);
        let series: Vec<(Arc<str>, Vec<f64>)> = matrix.series.into_iter().collect();
        let came_us = self.reader.now().mono_us;
        for number in numbers {
            let begin_s = pieces.begin_s(number).max(after_s);
            let end_s = pieces.begin_s(number + 1).min(before_s);
            let row = |time_s: i64| ((time_s - after_s) / step_s) as usize;
            let part = |(id, values): &(Arc<str>, Vec<f64>)| (Arc::clone(id), values[row(begin_s)..row(end_s)].into());
            let piece = Arc::new(Piece { series: series.iter().map(part).collect(), came_us });
            table.add(begin_s, &piece);
            if lack.is_none() && is_whole(number) {
                lock(&self.reader.cache).put(Self::key(pieces, asked, number), piece);
            }
        }
        lack
    }
}

/// What was asked for, as it comes.
struct Table<'a> {
    asked: Asked<'a>,
    rows: usize,
    series: HashMap<Arc<str>, Vec<f64>>,
}

impl Table<'_> {
    /// Adds rows, the first of which ends a step after `begin_s`.
    fn add(&mut self, begin_s: i64, piece: &Piece) {
        let Self { asked, rows, series } = self;
        let offset = (begin_s - asked.after_s) / asked.step_s;
        for (id, values) in &piece.series {
            if !series.contains_key(id) && (series.len() + 1) * *rows > TABLE_VALUES_MAX {
                continue;
            }
            let to = series.entry(Arc::clone(id)).or_insert_with(|| vec![f64::NAN; *rows]);
            let skipped = usize::try_from(-offset).unwrap_or(0);
            let begin = usize::try_from(offset).unwrap_or(0).min(to.len());
            to[begin..].iter_mut().zip(values.iter().skip(skipped)).for_each(|(place, value)| *place = *value);
        }
    }
}

#[cfg(test)]
mod tests;
