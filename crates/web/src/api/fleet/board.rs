//! The board: what is told of each host, gathered once a second for all who look on.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use archive::Elder;
use bytes::Bytes;
use row::Guid;
use rrd_store::Host;

use super::vital::{self, Vitals};
use super::write::{self, write_labels};
use super::{Form, PAGE_HOSTS};
use crate::Node;
use crate::api::alarms;

/// How long an answer is good for.
const GOOD_US: u64 = 1_000_000;
/// Hosts looked at before others may have the thread.
const HOSTS_AT_ONCE: usize = 32;
/// A host whose newest row is older than so many seconds, and than so many of its intervals, is stale.
const STALE_S: i64 = 10;
const STALE_INTERVALS: i64 = 3;

/// What is told of a fleet.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// By the monotonic clock; `None` before the first time.
    gathered_us: Option<u64>,
    pub(super) now_s: i64,
    pub(super) hosts: Arc<Vec<Arc<Host>>>,
    pub(super) entries: HashMap<Guid, Entry>,
    /// Hosts that only an archive knows.
    pub(super) elders: Vec<Elder>,
    pub(super) totals: Totals,
    /// The answers that were written of it.
    bodies: Vec<(Form, Bytes)>,
}

/// What is told of a host.
#[derive(Debug)]
pub(super) struct Entry {
    /// Another host may come back under the same GUID.
    host: Weak<Host>,
    pub(super) status: Status,
    pub(super) newest_s: i64,
    pub(super) alarms: Alarms,
    pub(super) vitals: Vitals,
    /// Its labels, as JSON.
    pub(super) labels: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It is streamed, and its newest row is young.
    Live,
    /// It is streamed, but its newest row is old.
    Stale,
    /// Nobody streams it.
    Offline,
    /// Nor is anything of it in memory: the disk or an archive has it.
    Archived,
}

/// Alarms of a host, or of all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alarms {
    pub(super) critical: usize,
    pub(super) warning: usize,
    /// Neither.
    pub(super) normal: usize,
}

#[derive(Debug, Default)]
pub(super) struct Totals {
    /// Hosts by status, in the order of [`Status::ALL`].
    pub(super) hosts: [usize; 4],
    pub(super) alarms: Alarms,
}

impl Board {
    /// Gathers what is told anew, where it is older than a second.
    pub(super) async fn refresh(&mut self, node: &Node) {
        let now = node.now();
        if self.gathered_us.is_some_and(|gathered_us| now.mono_us.saturating_sub(gathered_us) < GOOD_US) {
            return;
        }
        (self.gathered_us, self.now_s, self.hosts) = (Some(now.mono_us), now.wall_s(), node.store.hosts());
        self.totals = Totals::default();
        self.elders = node.elders();
        self.totals.hosts[Status::Archived as usize] = self.elders.len();
        self.bodies.clear();
        let hosts = Arc::clone(&self.hosts);
        for (place, host) in hosts.iter().enumerate() {
            if place % HOSTS_AT_ONCE == HOSTS_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let entry = self.entries.entry(host.guid()).or_insert_with(|| Entry::new(host));
            entry.gather(node, host, self.now_s);
            self.totals.add(entry);
        }
        if self.entries.len() > hosts.len() {
            self.entries.retain(|_, entry| entry.host.upgrade().is_some_and(|host| !host.has_left()));
        }
    }

    /// How many pages there are: one even of nothing.
    pub(super) fn pages(&self) -> usize {
        (self.hosts.len() + self.elders.len()).div_ceil(PAGE_HOSTS).max(1)
    }

    /// The answer in a form, written where nobody has asked for it yet; `None` where there is no such page.
    pub(super) fn body(&mut self, form: Form) -> Option<Bytes> {
        if form.page >= self.pages() {
            return None;
        }
        if let Some((_, body)) = self.bodies.iter().find(|(known, _)| *known == form) {
            return Some(body.clone());
        }
        let body = Bytes::from(write::body(self, form));
        self.bodies.push((form, body.clone()));
        Some(body)
    }
}

impl Entry {
    fn new(host: &Arc<Host>) -> Self {
        Self {
            host: Arc::downgrade(host),
            status: Status::Offline,
            newest_s: 0,
            alarms: Alarms::default(),
            vitals: Vitals::default(),
            labels: b"{}".as_slice().into(),
        }
    }

    fn gather(&mut self, node: &Node, host: &Arc<Host>, now_s: i64) {
        if !std::ptr::eq(self.host.as_ptr(), Arc::as_ptr(host)) {
            *self = Self::new(host);
        }
        let newest_s = host.newest_s();
        self.status = Status::of(host, newest_s, now_s);
        let (normal, warning, critical) = alarms::by_level(node, host);
        self.alarms = Alarms { critical, warning, normal };
        let end_s = vital::end_s(now_s);
        // What sleeps is not woken, and what nobody streams is looked at once.
        let is_known = newest_s == self.newest_s && newest_s > 0;
        self.newest_s = newest_s;
        if self.status == Status::Archived || (self.status == Status::Offline && is_known) {
            return self.vitals.rest(end_s);
        }
        let replicated = host.figures().rows_replicated.get();
        let (labels, taken) = host.read(|view| {
            let copy = || view.labels().map(|label| (label.name.to_owned(), label.value.to_owned())).collect();
            let labels: Option<Vec<_>> = self.vitals.follow(view).then(copy);
            (labels, self.vitals.take(view, end_s, replicated))
        });
        if let Some(labels) = labels {
            self.labels = write_labels(&labels).into();
        }
        if let Some(taken) = taken {
            self.vitals.add(&taken);
        }
        if self.status == Status::Offline {
            self.vitals.rest(end_s);
        }
    }
}

impl Status {
    pub(super) const ALL: [Self; 4] = [Self::Live, Self::Stale, Self::Offline, Self::Archived];

    fn of(host: &Host, newest_s: i64, now_s: i64) -> Self {
        let patience_s = STALE_S.max(STALE_INTERVALS * i64::from(host.info().update_every_s));
        match () {
            () if host.is_fed() && now_s - newest_s <= patience_s => Self::Live,
            () if host.is_fed() => Self::Stale,
            () if host.is_asleep() => Self::Archived,
            () => Self::Offline,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Offline => "offline",
            Self::Archived => "archived",
        }
    }
}

impl Totals {
    fn add(&mut self, entry: &Entry) {
        self.hosts[entry.status as usize] += 1;
        self.alarms.critical += entry.alarms.critical;
        self.alarms.warning += entry.alarms.warning;
        self.alarms.normal += entry.alarms.normal;
    }
}
