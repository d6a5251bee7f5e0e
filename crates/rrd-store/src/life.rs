//! Life: when charts, dimensions and hosts that nobody collects any more leave memory.
//!
//! ```text
//! chart      obsolete and without a row for so long, or without one while its host is streamed  -> goes
//! dimension  obsolete and without a value for so long  -> hidden;  none left in the ring  -> its index is free
//! host       fed by nobody for so long  -> goes, with its files if it is ephemeral; else it sleeps on the disk
//!            asleep, all its rows older than what is to be kept  -> goes with its files
//! ```
//!
//! [`Life`] is a plain state machine that is stepped now and then. A step looks at some hosts and
//! charts, a few under each hold of a host's lock, and notes there what it saw; so an age is counted
//! by the monotonic clock, from when something was last seen in this run, and a wall clock that is set
//! changes nothing. What was loaded at a start is as old as the start.
//!
//! Only the end of a sleeping host's retention is read from the wall clock, and that counts once it has
//! gone steadily for as long as an orphan stays.
//!
//! Left out: files. Those of hosts that left are removed, and hosts are put to sleep, by whoever steps.

use std::sync::Arc;

use row::{ChartOptions, ChartSlot, Guid, Now};

use crate::chart::{Chart, DimensionTexts, Leaving};
use crate::collection::Dimension;
use crate::host::{Host, HostState, MemoryMode};
use crate::intern;
use crate::ring::Ring;
use crate::store::Store;
use crate::tier::Tier;

/// Charts, with their hosts' share, that one step looks at.
const STEP_CHARTS: u32 = 4_096;
/// Slots that are looked at under one hold of a host's lock: some 20 µs.
const LOCK_SLOTS: u32 = 256;
/// What looking at a host costs beside its charts.
const HOST_CHARTS: u32 = 16;
/// Between the steps of a round others get their turn.
const STEP_US: u64 = 20_000;
/// Rounds begin so often within the shortest time that anything is kept.
const ROUNDS: u64 = 8;
const ROUND_US_MIN: u64 = 500_000;
const ROUND_US_MAX: u64 = 60_000_000;
/// A chart that is collected seldom is not gone between two rows.
const ROWS_MISSED: i64 = 2;
/// Blocks older than the ring that a disk may bring back.
const BLOCKS_SPARE: i64 = 3;
/// The wall clock was set where it parts from the monotonic one by more than this since it last was.
const CLOCK_JUMP_US: u64 = 10_000_000;
/// Texts that a chart takes with it, about.
const CHART_TEXTS: usize = 8;
/// Texts that nobody uses are looked for once they may be this part of all.
const TEXTS_PART: usize = 16;

/// How long things stay that nobody collects any more, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Charts and dimensions.
    pub charts_us: u64,
    /// Hosts.
    pub hosts_us: u64,
}

/// What left memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Charts of hosts that stay; told at the end of each round.
    pub charts: u64,
    /// Hosts.
    pub hosts: Vec<LeftHost>,
    /// Hosts that are to sleep on the disk: see [`Keeper::put_to_sleep`](crate::Keeper::put_to_sleep) and
    /// [`Store::put_to_sleep`].
    pub sleepy: Vec<Guid>,
}

/// A host that left memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftHost {
    /// Its machine GUID.
    pub guid: Guid,
    /// Its name.
    pub hostname: String,
    /// How it was kept.
    pub mode: MemoryMode,
}

/// Looks for what is to leave a store.
#[derive(Debug)]
pub struct Life {
    patience: Patience,
    due_us: u64,
    round_due_us: u64,
    /// Where the round is: the host's place in the store, and the slot.
    at: (usize, u32),
    charts: u64,
    steady: Steady,
    /// Texts that nobody may use any more, about.
    texts: usize,
    /// The part of the table of texts that comes next.
    part: Option<usize>,
}

impl Life {
    /// A life that begins with its first step.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Self {
            patience,
            due_us: 0,
            round_due_us: 0,
            at: (0, 0),
            charts: 0,
            steady: Steady::default(),
            texts: 0,
            part: None,
        }
    }

    /// When the next step is due, by the monotonic clock.
    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.due_us
    }

    /// Looks at some hosts and charts, if a step is due. Files of hosts that left are the caller's.
    pub fn step(&mut self, store: &Store, now: Now) -> Left {
        if now.mono_us < self.due_us {
            return Left::default();
        }
        self.due_us = now.mono_us + STEP_US;
        self.steady.note(now);
        if let Some(part) = self.part {
            store.interner().sweep(part);
            self.part = Some(part + 1).filter(|&part| part < intern::PARTS);
            return Left::default();
        }
        if self.at == (0, 0) {
            self.round_due_us = now.mono_us + self.round_us();
        }
        let mut left = self.visit_some(store, now);
        if self.at == (0, 0) {
            left.charts = std::mem::take(&mut self.charts);
            self.end_round(store);
        }
        left
    }

    /// Rounds are so close that what is to go does not stay much longer.
    fn round_us(&self) -> u64 {
        let shortest_us = self.patience.charts_us.min(self.patience.hosts_us);
        (shortest_us / ROUNDS).clamp(ROUND_US_MIN, ROUND_US_MAX)
    }

    fn visit_some(&mut self, store: &Store, now: Now) -> Left {
        let hosts = store.hosts();
        let (mut budget, mut orphans, mut sleepy) = (STEP_CHARTS, Vec::new(), Vec::new());
        while budget > 0 {
            let (place, slot) = self.at;
            let Some(host) = hosts.get(place) else {
                self.at = (0, 0);
                break;
            };
            let visit = host.visit(slot, &self.patience, now);
            self.charts += u64::from(visit.charts);
            self.texts += visit.charts as usize * CHART_TEXTS + visit.dimensions as usize;
            budget = budget.saturating_sub(LOCK_SLOTS.min(visit.slots) + HOST_CHARTS);
            // The first host is the node's own.
            let is_over = visit.is_orphan && self.steady.lasts_us(now) >= self.patience.hosts_us && is_over(host, now);
            if place > 0 && visit.is_orphan && (may_leave(host) || is_over) {
                budget = budget.saturating_sub(visit.charts_there);
                self.texts += visit.charts_there as usize * CHART_TEXTS;
                orphans.push(Arc::clone(host));
                self.at = (place + 1, 0);
            } else {
                if place > 0 && visit.is_sleepy && sleeps(host) {
                    sleepy.push(host.guid());
                }
                self.at = visit.next.map_or((place + 1, 0), |slot| (place, slot));
            }
        }
        let left = store.remove(&orphans);
        // The places of those that follow moved.
        self.at.0 -= left.len().min(self.at.0);
        let told = |host: &Arc<Host>| LeftHost {
            guid: host.guid(),
            hostname: host.info().hostname.clone(),
            mode: host.keep().mode,
        };
        Left { charts: 0, hosts: left.iter().map(told).collect(), sleepy }
    }

    fn end_round(&mut self, store: &Store) {
        if self.texts > 0 && self.texts * TEXTS_PART >= store.interner().len() {
            (self.texts, self.part) = (0, Some(0));
        }
        if self.part.is_none() {
            self.due_us = self.round_due_us;
        }
    }
}

/// Whether a host that nobody feeds may leave memory: nothing is lost that is to be kept.
fn may_leave(host: &Host) -> bool {
    match host.keep().mode {
        MemoryMode::None | MemoryMode::Ram => true,
        MemoryMode::Save | MemoryMode::Map => host.is_ephemeral(),
    }
}

/// Whether a host that nobody feeds sleeps on the disk then.
fn sleeps(host: &Host) -> bool {
    let keep = host.keep();
    keep.on_disk || keep.mode == MemoryMode::Save
}

/// Whether a host that sleeps has no row any more that is to be kept.
fn is_over(host: &Host, now: Now) -> bool {
    host.is_asleep() && host.newest_s() > 0 && host.newest_s().saturating_add(host.retention_s()) < now.wall_s()
}

/// Since when the wall clock goes like the monotonic one.
#[derive(Debug, Default)]
struct Steady {
    offset_us: i64,
    since_us: u64,
}

impl Steady {
    fn note(&mut self, now: Now) {
        let offset_us = now.wall_us.saturating_sub(now.mono_us as i64);
        if offset_us.abs_diff(self.offset_us) > CLOCK_JUMP_US {
            *self = Self { offset_us, since_us: now.mono_us };
        }
    }

    fn lasts_us(&self, now: Now) -> u64 {
        now.mono_us.saturating_sub(self.since_us)
    }
}

/// Since when a host is fed as it is, or not.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    generation: u64,
    is_fed: bool,
    since_us: Option<u64>,
    /// Since when its charts are in memory.
    awake_since_us: Option<u64>,
}

impl Standing {
    /// Notes how the host is fed; returns for how many microseconds it has been so.
    fn lasts_us(&mut self, generation: u64, is_fed: bool, now: Now) -> u64 {
        if (self.generation, self.is_fed) != (generation, is_fed) {
            (self.generation, self.is_fed, self.since_us) = (generation, is_fed, None);
        }
        now.mono_us.saturating_sub(*self.since_us.get_or_insert(now.mono_us))
    }

    /// Notes whether the host sleeps; returns for how many microseconds it has been awake.
    fn awake_us(&mut self, is_asleep: bool, now: Now) -> u64 {
        if is_asleep {
            self.awake_since_us = None;
            return 0;
        }
        now.mono_us.saturating_sub(*self.awake_since_us.get_or_insert(now.mono_us))
    }
}

/// What a visit to a host's charts came to.
#[derive(Debug, Default)]
struct Visit {
    /// Slots that were looked at.
    slots: u32,
    /// Charts that went.
    charts: u32,
    /// Dimensions whose index is free.
    dimensions: u32,
    /// The slot to go on with; `None` after the last.
    next: Option<u32>,
    /// Charts of the host.
    charts_there: u32,
    /// Nobody has fed the host for long,
    is_orphan: bool,
    /// nor taps it, nor asked for its rows since it slept last.
    is_sleepy: bool,
}

impl Host {
    /// Looks at some charts, from a slot on. A host that sleeps goes on to do so.
    fn visit(&self, slot: u32, patience: &Patience, now: Now) -> Visit {
        let mut state = self.lock_asleep();
        let is_fed = self.is_fed();
        let generation = state.generation;
        let lasts_us = state.standing.lasts_us(generation, is_fed, now);
        let awake_us = state.standing.awake_us(self.is_asleep(), now);
        let end = (slot + LOCK_SLOTS).min(state.charts.len() as u32);
        let mut visit = Visit {
            slots: end.saturating_sub(slot),
            next: Some(end).filter(|&end| end < state.charts.len() as u32),
            charts_there: state.chart_count() as u32,
            is_orphan: !is_fed && lasts_us >= patience.hosts_us,
            is_sleepy: !is_fed && lasts_us.min(awake_us) >= patience.hosts_us && state.taps.is_empty(),
            ..Visit::default()
        };
        let is_streamed = is_fed && lasts_us >= patience.charts_us;
        for slot in (slot..end).map(ChartSlot) {
            state.visit_chart(slot, is_streamed, patience.charts_us, now, &mut visit);
        }
        if visit.charts > 0 {
            let HostState { changed_charts, charts, .. } = &mut *state;
            changed_charts.retain(|slot| charts[slot.0 as usize].changed);
        }
        if visit.next.is_none() {
            state.tidy();
        }
        visit
    }
}

impl HostState {
    fn visit_chart(&mut self, slot: ChartSlot, is_streamed: bool, patience_us: u64, now: Now, visit: &mut Visit) {
        let is_open = self.scratch.open == Some(slot);
        let Some(chart) = self.chart_mut(slot) else { return };
        if is_open || !chart.is_done(is_streamed, patience_us, now) {
            if !is_open && !chart.texts.life.leaving.is_empty() {
                visit.dimensions += self.visit_dimensions(slot, patience_us, now);
            }
            return;
        }
        self.remove_chart(slot);
        visit.charts += 1;
    }

    /// Lets go of a chart and all that is kept of it.
    pub(crate) fn remove_chart(&mut self, slot: ChartSlot) {
        let mut chart = std::mem::replace(&mut self.charts[slot.0 as usize], Chart::vacant());
        self.dimensions -= chart.dimensions.iter().filter(|dimension| !dimension.is_vacant()).count();
        chart.release(&mut self.slabs, &mut self.repairs);
        if self.by_hash.get(&chart.id_hash) == Some(&slot.0) {
            self.by_hash.remove(&chart.id_hash);
            let alike = || self.charts.iter().position(|other| other.id_hash == chart.id_hash);
            if chart.ambiguous
                && let Some(other) = alike()
            {
                self.by_hash.insert(chart.id_hash, other as u32);
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.gone(chart.number);
        }
        self.slots.vacate(slot.0);
        self.taps.iter_mut().for_each(|(_, tap)| tap.removed(slot));
    }

    /// Returns how many indexes became free.
    fn visit_dimensions(&mut self, slot: ChartSlot, patience_us: u64, now: Now) -> u32 {
        let chart = &mut self.charts[slot.0 as usize];
        let before = chart.texts.life.leaving.len();
        let mut leaving = std::mem::take(&mut chart.texts.life.leaving);
        leaving.retain_mut(|dimension| {
            let place = dimension.index as usize;
            let was_gone = chart.dimensions[place].is_gone;
            let has_left = dimension.has_left(chart, patience_us, now);
            self.changes += u64::from(chart.dimensions[place].is_gone != was_gone);
            if has_left {
                chart.dimensions[place] = Dimension::vacant();
                chart.texts.dimensions[place] = DimensionTexts { id: Arc::default(), name: Arc::default() };
            }
            !has_left
        });
        let freed = before - leaving.len();
        chart.texts.life.leaving = leaving;
        if freed > 0 {
            chart.texts.life.laid_out = self.slots.birth();
            self.slots.note_removal();
            self.dimensions -= freed;
        }
        freed as u32
    }

    /// Gives back what vacant slots take.
    fn tidy(&mut self) {
        if self.slots.vacant() == 0 {
            return;
        }
        while self.charts.pop_if(|chart| chart.is_vacant()).is_some() {}
        self.slots.truncate(self.charts.len());
        if self.charts.capacity() > 2 * self.charts.len() {
            let room = self.charts.len() + self.charts.len() / 4;
            self.charts.shrink_to(room);
            self.by_hash.shrink_to(room);
            self.changed_charts.shrink_to(room);
        }
    }
}

impl Chart {
    /// Whether it is to go.
    fn is_done(&mut self, is_streamed: bool, patience_us: u64, now: Now) -> bool {
        let life = &mut self.texts.life;
        if std::mem::take(&mut self.seen) || life.idle_since_us == 0 {
            life.idle_since_us = now.mono_us.max(1);
            return false;
        }
        let idle_us = now.mono_us.saturating_sub(life.idle_since_us);
        let missed_us = (ROWS_MISSED * self.ring.every_s * row::US_PER_S) as u64;
        let is_obsolete = self.texts.options.has(ChartOptions::OBSOLETE);
        if is_obsolete { idle_us >= patience_us } else { is_streamed && idle_us >= patience_us + missed_us }
    }
}

impl Leaving {
    /// Whether neither the ring nor any tier has a value of it any more. On the way there it is gone:
    /// nobody sees it.
    fn has_left(&mut self, chart: &mut Chart, patience_us: u64, now: Now) -> bool {
        let dimension = &mut chart.dimensions[self.index as usize];
        if std::mem::take(&mut dimension.seen) || self.idle_since_us == 0 {
            (self.idle_since_us, self.gone_s) = (now.mono_us.max(1), None);
        } else if self.gone_s.is_none() && now.mono_us.saturating_sub(self.idle_since_us) >= patience_us {
            self.gone_s = Some(chart.ring.last_s());
        }
        dimension.is_gone = self.gone_s.is_some();
        // After a start rings may reach further back by some blocks.
        let is_past =
            |ring: &Ring, gone_s: i64| ring.is_empty() || ring.start_s() - BLOCKS_SPARE * ring.block_s() > gone_s;
        let Some(gone_s) = self.gone_s else { return false };
        let is_summed = |tier: &Tier| tier.current_s <= gone_s || !is_past(&tier.ring, gone_s);
        is_past(&chart.ring, gone_s) && !chart.tiers.iter().any(is_summed)
    }
}
