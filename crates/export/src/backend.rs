//! One backend: which hosts and charts it is told, in which windows, as which records.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use patterns::SimplePattern;
use row::{Guid, Now};
use rrd_store::{ChartView, Host, MemoryMode};

use crate::format::{FormatOptions, Writer};
use crate::progress::{Cut, Progress, Rows};
use crate::records::Records;
use crate::source::Source;
use crate::walk::{Order, Reading, Room, Walk};

/// Records and bytes that are sent together at most.
pub(crate) const RECORDS_MAX: usize = 10_000;
pub(crate) const BYTES_MAX: usize = 1024 * 1024;
/// and so much of either is enough to be sent.
const RECORDS_ENOUGH: usize = RECORDS_MAX / 4 * 3;
const BYTES_ENOUGH: usize = BYTES_MAX / 4 * 3;
/// Windows of a chart that are told at one time, where it came late.
const LATE_MAX: usize = 60;

/// What a backend is told.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// Its name.
    pub name: String,
    /// Seconds of a window.
    pub every_s: i64,
    /// Which rows a window has.
    pub cut: Cut,
    /// How records look.
    pub format: FormatOptions,
    /// Hosts that are told; the node's own is called `localhost`.
    pub hosts: SimplePattern,
    /// Charts that are told, by id or by name.
    pub charts: SimplePattern,
    /// What the node's own host is called; empty: as it is.
    pub hostname: String,
}

/// A backend, and what it was told.
#[derive(Debug)]
pub struct Backend {
    config: BackendConfig,
    writer: Writer,
    own: Guid,
    /// Up to when it was told.
    told_s: i64,
    begin_s: i64,
    progress: HashMap<Guid, Progress>,
    /// Hosts that cannot be told, for they keep no rows.
    bare: HashSet<Guid>,
    room: Room,
}

/// What came of a turn.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The end of its window.
    pub told_s: i64,
    /// Hosts that cannot be told, and were not known before: their names.
    pub left_out: Vec<String>,
}

impl Backend {
    /// A backend that was told up to `told_s`, or nothing before now. `own` is the node's own host.
    #[must_use]
    pub fn new(config: BackendConfig, own: Guid, told_s: Option<i64>, now: Now) -> Self {
        let config = BackendConfig { every_s: config.every_s.max(1), ..config };
        let newest_s = now.wall_s() - config.cut.delay_s();
        let begin_s = config.cut.end_before(told_s.map_or(newest_s, |told_s| told_s.min(newest_s)), config.every_s);
        let writer = Writer::new(config.format.clone());
        Self {
            config,
            writer,
            own,
            told_s: begin_s,
            begin_s,
            progress: HashMap::new(),
            bare: HashSet::new(),
            room: Room::default(),
        }
    }

    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &BackendConfig {
        &self.config
    }

    /// The end of the newest window that it was told.
    #[must_use]
    pub const fn told_s(&self) -> i64 {
        self.told_s
    }

    /// When there is something to tell next: a second of the wall clock.
    #[must_use]
    pub const fn due_s(&self) -> i64 {
        self.told_s + self.config.every_s + self.config.cut.delay_s()
    }

    /// Tells what is due of all hosts; `tell` takes it in parts, with the end of the window. `None` where nothing is due.
    pub fn turn(&mut self, hosts: &[Arc<Host>], now: Now, mut tell: impl FnMut(i64, Records)) -> Option<Turn> {
        let BackendConfig { cut, every_s, .. } = self.config;
        let told_s = cut.end_before(now.wall_s() - cut.delay_s(), every_s);
        if told_s < self.told_s - 10 * self.config.every_s {
            // The clock was set back: what was told stays told.
            self.told_s = told_s;
        }
        if told_s <= self.told_s {
            return None;
        }
        let mut tell = |records| tell(told_s, records);
        let mut turn = Turn { told_s, left_out: Vec::new() };
        let mut out = Records::default();
        for host in hosts {
            // A host that sleeps has nothing new.
            if host.is_asleep() || !self.is_wanted(host) {
                continue;
            }
            if self.config.format.source != Source::AsCollected && host.keep().mode == MemoryMode::None {
                if self.bare.insert(host.guid()) {
                    turn.left_out.push(host.info().hostname.to_string());
                }
                continue;
            }
            self.host(host, told_s, now, &mut out, &mut tell);
        }
        if !out.is_empty() {
            out.shrink();
            tell(out);
        }
        self.told_s = told_s;
        let there: HashSet<Guid> = hosts.iter().map(|host| host.guid()).collect();
        self.progress.retain(|guid, _| there.contains(guid));
        self.bare.retain(|guid| there.contains(guid));
        Some(turn)
    }

    fn is_wanted(&self, host: &Host) -> bool {
        let hosts = &self.config.hosts;
        if host.guid() == self.own { hosts.matches("localhost") } else { hosts.matches(&host.info().hostname) }
    }

    fn host(&mut self, host: &Arc<Host>, told_s: i64, now: Now, out: &mut Records, tell: &mut impl FnMut(Records)) {
        let called = (host.guid() == self.own && !self.config.hostname.is_empty()).then_some(&*self.config.hostname);
        self.writer.host(out, host, called, now.wall_us / 1_000);
        let charts = &self.config.charts;
        let is_wanted = |chart: &ChartView<'_>| charts.matches(chart.id()) || charts.matches(chart.name());
        let room = mem::take(&mut self.room);
        let mut walk = Walk::within(room, Arc::clone(host), Order::Listed, is_wanted).of(self.config.format.texts());
        let since_s = self.told_s;
        if self.config.format.source == Source::AsCollected {
            while walk.step(Reading::Newest) {
                walk.charts().for_each(|chart| self.writer.chart(out, &chart, since_s));
                cut(out, tell);
            }
            self.room = walk.into_room();
            return;
        }
        let BackendConfig { every_s, cut: windows, .. } = self.config;
        let begin_s = self.begin_s;
        let progress = self.progress.entry(host.guid()).or_insert_with(|| Progress::new(every_s, begin_s, windows));
        let mut next = |chart: &ChartView<'_>| {
            let every_s = i64::from(chart.update_every_s());
            let rows = Rows { every_s, first_s: chart.first_s(), last_s: chart.last_s() };
            progress.next(chart.slot(), chart.born(), rows, told_s)
        };
        for _ in 0..LATE_MAX {
            while walk.step_windows(&mut next) {
                walk.charts().for_each(|chart| self.writer.chart(out, &chart, since_s));
                cut(out, tell);
            }
            if !walk.again() {
                break;
            }
        }
        self.room = walk.into_room();
    }
}

/// Hands over what is enough for a request.
fn cut(out: &mut Records, tell: &mut impl FnMut(Records)) {
    while out.len() > RECORDS_MAX || out.bytes().len() > BYTES_MAX {
        let half = out.len().div_ceil(2).min(RECORDS_MAX);
        let rest = out.split_off(half);
        tell(mem::replace(out, rest));
        if out.len() <= 1 {
            return;
        }
    }
    if out.len() > RECORDS_ENOUGH || out.bytes().len() > BYTES_ENOUGH {
        let next = Records::with_room_of(out);
        tell(mem::replace(out, next));
    }
}

#[cfg(test)]
mod tests;
