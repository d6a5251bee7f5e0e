//! All metrics: what was sent of each since the last flush, and its row then.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use row::Now;
use rrd_store::Feed;
use tracing::{info, warn};

use crate::Config;
use crate::charts::{Chart, Dimensions};
use crate::line::{Kind, Line, number};
use crate::summary::Summary;

/// Values of all metrics that are kept within an interval.
const VALUES_MAX: usize = 200_000;
/// Different values of a dictionary; what is beyond counts together.
const WORDS_MAX: usize = 200;
/// Bytes of a dictionary's word.
const WORD_BYTES_MAX: usize = 200;
const OTHER: &str = "other";
/// A metric that was not sent for so long is forgotten.
const IDLE_US: u64 = 3_600 * 1_000_000;
/// A gauge is shown with three decimals.
pub(crate) const DECIMALS: f64 = 1_000.0;

/// All metrics.
pub(crate) struct Metrics {
    config: Config,
    all: Vec<Metric>,
    /// By kind and name as they are sent, and by chart: names that differ only in what ids leave out are one.
    sent: [HashMap<Box<[u8]>, usize>; Kind::COUNT],
    by_id: HashMap<Box<str>, usize>,
    hasher: RandomState,
    /// Values kept in this interval.
    values: usize,
    is_full_told: bool,
    /// Lines that made no sense, until they were told.
    nonsense: u64,
    is_nonsense_told: bool,
    row: Vec<i64>,
    removals: u64,
}

struct Metric {
    chart: Chart,
    value: Value,
    seen_us: u64,
}

enum Value {
    Gauge(f64),
    Count(i64),
    Summary(Summary),
    /// Hashes of the values.
    Set(HashSet<u64>),
    Dictionary(Vec<(Box<str>, i64)>),
}

impl Value {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Gauge => Self::Gauge(0.0),
            Kind::Counter | Kind::Meter => Self::Count(0),
            Kind::Timer | Kind::Histogram => Self::Summary(Summary::default()),
            Kind::Set => Self::Set(HashSet::new()),
            Kind::Dictionary => Self::Dictionary(Vec::new()),
        }
    }
}

impl Metrics {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            all: Vec::new(),
            sent: Default::default(),
            by_id: HashMap::new(),
            hasher: RandomState::new(),
            values: 0,
            is_full_told: false,
            nonsense: 0,
            is_nonsense_told: false,
            row: Vec::new(),
            removals: 0,
        }
    }

    /// Seconds between rows.
    pub(crate) fn update_every_s(&self) -> u32 {
        self.config.update_every_s.max(1)
    }

    /// Takes the lines of a packet.
    pub(crate) fn take(&mut self, text: &[u8], now: Now) {
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.for_each(|line| self.line(line, now));
    }

    /// Takes a line.
    pub(crate) fn line(&mut self, line: &[u8], now: Now) {
        match Line::read(line) {
            Some(line) => {
                if self.add(&line, now).is_none() {
                    self.nonsense += 1;
                }
            }
            None => self.nonsense += 1,
        }
    }

    /// Adds what a line says; `None` where its value makes no sense.
    fn add(&mut self, line: &Line<'_>, now: Now) -> Option<()> {
        let is_empty = line.value == b"zinit";
        let value = number(line.value);
        let is_text = matches!(line.kind, Kind::Set | Kind::Dictionary);
        // A name alone counts one event.
        let counts = matches!(line.kind, Kind::Counter | Kind::Meter) && line.value.is_empty();
        if !is_empty && !counts && if is_text { line.value.is_empty() } else { value.is_none() } {
            return None;
        }
        let Some(place) = self.find(line) else { return Some(()) };
        let Self { all, hasher, values, .. } = self;
        let metric = &mut all[place];
        metric.seen_us = now.mono_us;
        if is_empty {
            return Some(());
        }
        let number = value.unwrap_or(1.0);
        let room = VALUES_MAX.saturating_sub(*values);
        match &mut metric.value {
            Value::Gauge(gauge) if matches!(line.value.first(), Some(b'+' | b'-')) => *gauge += number * line.times,
            Value::Gauge(gauge) => *gauge = number,
            Value::Count(count) => *count = count.wrapping_add((number.trunc() * line.times).round() as i64),
            Value::Summary(summary) => *values += summary.add(number, line.times, room),
            Value::Set(set) => {
                if room > 0 && set.insert(hasher.hash_one(line.value)) {
                    *values += 1;
                }
            }
            Value::Dictionary(words) => count_word(words, line.value, line.times.round() as i64),
        }
        Some(())
    }

    /// The metric of a line; `None` where it is not to be taken.
    fn find(&mut self, line: &Line<'_>) -> Option<usize> {
        if let Some(&place) = self.sent[line.kind as usize].get(line.name) {
            return Some(place);
        }
        let name = String::from_utf8_lossy(line.name);
        if !self.config.metrics.matches(&name) {
            return None;
        }
        let chart = Chart::new(line, &name, self.update_every_s(), self.config.labels);
        let place = self.by_id.get(chart.id()).copied().or_else(|| self.insert(chart, line.kind))?;
        // Other spellings of one name are remembered, but not any number of them.
        let sent = &mut self.sent[line.kind as usize];
        if sent.len() < 2 * self.config.metrics_max {
            sent.insert(line.name.into(), place);
        }
        Some(place)
    }

    fn insert(&mut self, chart: Chart, kind: Kind) -> Option<usize> {
        if self.all.len() >= self.config.metrics_max {
            if !std::mem::replace(&mut self.is_full_told, true) {
                warn!("statsd: metrics beyond {} are left out (collect.statsd.metrics_max)", self.config.metrics_max);
            }
            return None;
        }
        self.by_id.insert(chart.id().into(), self.all.len());
        self.all.push(Metric { chart, value: Value::new(kind), seen_us: 0 });
        Some(self.all.len() - 1)
    }

    /// Writes a row of each metric and begins a new interval. Returns whether the host is still ours.
    pub(crate) fn flush(&mut self, feed: &mut Feed, now: Now) -> bool {
        if self.nonsense > 0 && !std::mem::replace(&mut self.is_nonsense_told, true) {
            info!("statsd: {} lines made no sense, and further ones may", self.nonsense);
        }
        let Some(mut writer) = feed.writer(now) else { return false };
        let removals = writer.view().removals();
        if std::mem::replace(&mut self.removals, removals) != removals {
            // Charts left the host: slots may be others' now.
            self.all.iter_mut().for_each(|metric| metric.chart.forget());
        }
        let mut is_any_idle = false;
        for metric in &mut self.all {
            let is_idle = now.mono_us.saturating_sub(metric.seen_us) > IDLE_US;
            is_any_idle |= is_idle;
            if is_idle {
                metric.chart.obsolete(&mut writer);
                continue;
            }
            self.row.clear();
            let words = metric.value.row(&mut self.row);
            metric.chart.row(&mut writer, words, &self.row);
        }
        drop(writer);
        if is_any_idle {
            self.forget_idle(now);
        }
        self.values = 0;
        true
    }

    fn forget_idle(&mut self, now: Now) {
        self.all.retain(|metric| now.mono_us.saturating_sub(metric.seen_us) <= IDLE_US);
        self.sent.iter_mut().for_each(HashMap::clear);
        self.by_id = self.all.iter().enumerate().map(|(place, metric)| (metric.chart.id().into(), place)).collect();
        self.is_full_told = false;
    }
}

impl Value {
    /// The values of a row, and which dimensions they are of; what counts within an interval begins anew.
    fn row(&mut self, row: &mut Vec<i64>) -> Dimensions<'_> {
        let decimal = |value: f64| (value * DECIMALS).round() as i64;
        match self {
            Self::Gauge(gauge) => row.push(decimal(*gauge)),
            Self::Count(count) => row.push(*count),
            Self::Set(set) => {
                row.push(set.len() as i64);
                set.clear();
                set.shrink_to(64);
            }
            Self::Summary(summary) => {
                let shown = summary.take();
                let values =
                    [shown.least, shown.greatest, shown.average, shown.percentile, shown.median, shown.deviation];
                row.extend(values.map(decimal));
            }
            Self::Dictionary(words) => {
                row.extend(words.iter().map(|(_, count)| *count));
                return Dimensions::Words(words);
            }
        }
        Dimensions::OfKind
    }
}

fn count_word(words: &mut Vec<(Box<str>, i64)>, word: &[u8], times: i64) {
    let word = String::from_utf8_lossy(&word[..word.len().min(WORD_BYTES_MAX)]);
    let known = words.iter().position(|(known, _)| **known == *word);
    let known = known.or_else(|| {
        let is_full = words.len() >= WORDS_MAX;
        is_full.then(|| words.iter().position(|(known, _)| &**known == OTHER)).flatten()
    });
    match known {
        Some(place) => words[place].1 = words[place].1.wrapping_add(times),
        None if words.len() >= WORDS_MAX => words.push((OTHER.into(), times)),
        None => words.push((word.into(), times)),
    }
}
