//! A host: one lock over its charts, and what is known about it beside them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use row::{ChartSlot, Guid, Now, Sample};

use crate::ask::Calls;
use crate::chart::{Chart, OwnedFunction, OwnedLabel, id_hash};
use crate::feed::{Feed, FeedKind};
use crate::figures::Figures;
use crate::files::{self, Damages, Journal, OnDisk};
use crate::intern::Interner;
use crate::late::Repairs;
use crate::life::Standing;
use crate::names::Names;
use crate::ring::Ring;
use crate::slab::Slabs;
use crate::slots::Slots;
use crate::tap::{Tap, TapId};
use crate::tier::TierSettings;
use crate::view::HostView;

/// What is known of a host from its handshake, or of the node itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInfo {
    /// The machine GUID: the host's identity.
    pub guid: Guid,
    /// The name to show.
    pub hostname: String,
    /// The name for the registry.
    pub registry_hostname: String,
    /// The operating system's family, such as `linux`.
    pub os: String,
    /// The time zone's name.
    pub timezone: String,
    /// and its short form.
    pub abbrev_timezone: String,
    /// Seconds east of UTC.
    pub utc_offset_s: i32,
    /// Nodes between the host and this one: 0 for the node itself, 1 for a child.
    pub hops: u32,
    /// Seconds between rows, where a chart says nothing else.
    pub update_every_s: u32,
    /// The program that collects, for instance `netdata`.
    pub program_name: String,
    /// and its version.
    pub program_version: String,
    /// Free text of older agents.
    pub tags: String,
    /// What the host says of its system, `NETDATA_*` names and values.
    pub system: Vec<(String, String)>,
    /// Changes with each boot of the machine, where it tells.
    pub boot_id: String,
    /// Tells machines with the same GUID apart, where it tells.
    pub fingerprint: String,
    /// Nodes that its stream passed, this one the last, as far as they tell; not kept on the disk.
    pub path: Vec<Guid>,
}

impl HostInfo {
    /// A host of which only the GUID is known, which serves as its name.
    #[must_use]
    pub fn unknown(guid: Guid) -> Self {
        let unknown = || "unknown".to_owned();
        Self {
            guid,
            hostname: guid.to_string(),
            registry_hostname: guid.to_string(),
            os: unknown(),
            timezone: unknown(),
            abbrev_timezone: "UTC".to_owned(),
            utc_offset_s: 0,
            hops: 1,
            update_every_s: 1,
            program_name: unknown(),
            program_version: unknown(),
            tags: String::new(),
            system: Vec::new(),
            boot_id: String::new(),
            fingerprint: String::new(),
            path: Vec::new(),
        }
    }
}

/// How a host's rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryMode {
    /// Not at all, but for what retransmission needs.
    None,
    /// In memory.
    Ram,
    /// In memory, saved at an orderly stop and loaded at the next start.
    Save,
    /// On the disk as they come, loaded at the next start, however this run ends.
    Map,
}

impl MemoryMode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::None, Self::Ram, Self::Save, Self::Map];

    /// The word of the settings and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ram => "ram",
            Self::Save => "save",
            Self::Map => "map",
        }
    }

    /// Reads the word of the settings and the API.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

/// How, and how many rows per chart, a host keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The memory mode.
    pub mode: MemoryMode,
    /// Rows per chart: the history, or the spool where the mode is `none`.
    pub history_rows: u32,
    /// Rows go to the disk as they come: mode `map`, or a spool that is to survive a kill.
    pub on_disk: bool,
}

impl Keep {
    /// Keeps so many rows as a memory mode says.
    #[must_use]
    pub const fn new(mode: MemoryMode, history_rows: u32) -> Self {
        Self { mode, history_rows, on_disk: matches!(mode, MemoryMode::Map) }
    }
}

/// Picks hosts by how they are kept.
pub type Which = fn(Keep) -> bool;

/// What a host is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostStatus {
    /// Whether somebody feeds it now.
    pub fed: bool,
    /// The second of its newest row; 0 without one.
    pub newest_s: i64,
    /// Charts that are known.
    pub charts: usize,
    /// Their dimensions.
    pub dimensions: usize,
    /// Bytes that its rows take.
    pub bytes: usize,
}

/// What hosts of one store share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    pub(crate) interner: Arc<Interner>,
    pub(crate) names: Arc<Names>,
    pub(crate) damages: Arc<Damages>,
    /// Of all that keep rows.
    pub(crate) tiers: Arc<[TierSettings]>,
}

/// One monitored machine.
pub struct Host {
    guid: Guid,
    mode: AtomicU8,
    history_rows: AtomicU32,
    on_disk: AtomicBool,
    /// Its charts and rows are on the disk only, until somebody asks for them.
    asleep: AtomicBool,
    waking: Mutex<()>,
    /// Where its files are.
    folders: Mutex<Vec<OnDisk>>,
    shared: Shared,
    info: RwLock<Arc<HostInfo>>,
    /// What settings say, as the place in [`EPHEMERAL`].
    ephemeral: AtomicU8,
    /// The generation of the feed in force; 0 while nobody feeds.
    fed: AtomicU64,
    pub(crate) newest_s: AtomicI64,
    /// It is in no store any more; changes under the lock.
    has_left: AtomicBool,
    figures: Figures,
    /// Locked alone, or within the state's lock.
    pub(crate) calls: Mutex<Calls>,
    state: Mutex<HostState>,
}

/// What settings may say of whether a host comes and goes.
const EPHEMERAL: [Option<bool>; 3] = [None, Some(false), Some(true)];
/// The label by which a host says so itself.
pub(crate) const EPHEMERAL_LABEL: (&str, &str) = ("_is_ephemeral", "true");

/// What the host's lock guards.
#[derive(Default)]
pub(crate) struct HostState {
    pub(crate) generation: u64,
    pub(crate) kind: FeedKind,
    pub(crate) charts: Vec<Chart>,
    /// From an id's hash to the first chart that had it.
    pub(crate) by_hash: HashMap<u32, u32>,
    pub(crate) dimensions: usize,
    /// The number of the next chart.
    pub(crate) next_number: u32,
    pub(crate) slots: Slots,
    /// Bytes of all rings beside their blocks.
    pub(crate) ring_bytes: usize,
    pub(crate) standing: Standing,
    /// Charts and dimensions when it went to sleep.
    before_sleep: (usize, usize),
    pub(crate) slabs: Slabs,
    pub(crate) repairs: Repairs,
    pub(crate) scratch: Scratch,
    /// What the disk is to be told, where rows go there as they come.
    pub(crate) journal: Option<Box<Journal>>,
    pub(crate) taps: Vec<(TapId, Box<dyn Tap>)>,
    next_tap: u64,
    pub(crate) labels: Vec<OwnedLabel>,
    pub(crate) variables: Vec<(Arc<str>, f64)>,
    /// Its identity with its maker's cloud.
    pub(crate) claimed_id: Option<Guid>,
    /// What the feed in force offers.
    pub(crate) functions: Vec<OwnedFunction>,
    /// Labels, variables, identity or functions changed since taps were shown them.
    pub(crate) host_changed: bool,
    /// Charts whose definition changed since taps were shown it.
    pub(crate) changed_charts: Vec<ChartSlot>,
    /// Counts how often the wall clock was set, as seen by writers.
    pub(crate) clock_epoch: u32,
    /// Wall minus monotonic clock at the last writer.
    pub(crate) clock_offset_us: Option<i64>,
}

/// Space that a row is made in, kept from row to row.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The chart whose row is open: a stream's row may come in several batches.
    pub(crate) open: Option<ChartSlot>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) values: Vec<f64>,
    pub(crate) block: Vec<u8>,
}

/// The clock was set where wall and monotonic clock part by more than this.
const CLOCK_JUMP_US: i64 = 500_000;

impl Host {
    pub(crate) fn new(info: HostInfo, keep: Keep, shared: &Shared) -> Self {
        Self {
            guid: info.guid,
            mode: AtomicU8::new(keep.mode as u8),
            history_rows: AtomicU32::new(keep.history_rows),
            on_disk: AtomicBool::new(keep.on_disk),
            asleep: AtomicBool::new(false),
            waking: Mutex::new(()),
            folders: Mutex::new(Vec::new()),
            shared: shared.clone(),
            info: RwLock::new(Arc::new(info)),
            ephemeral: AtomicU8::new(0),
            fed: AtomicU64::new(0),
            newest_s: AtomicI64::new(0),
            has_left: AtomicBool::new(false),
            figures: Figures::default(),
            calls: Mutex::default(),
            state: Mutex::new(HostState::default()),
        }
    }

    /// The machine GUID.
    #[must_use]
    pub fn guid(&self) -> Guid {
        self.guid
    }

    pub(crate) fn interner(&self) -> &Interner {
        &self.shared.interner
    }

    /// How its rows are kept.
    #[must_use]
    pub fn keep(&self) -> Keep {
        let mode = self.mode.load(Ordering::Relaxed);
        let mode = MemoryMode::ALL.into_iter().find(|&known| known as u8 == mode).unwrap_or(MemoryMode::Ram);
        let history_rows = self.history_rows.load(Ordering::Relaxed);
        Keep { mode, history_rows, on_disk: self.on_disk.load(Ordering::Relaxed) }
    }

    /// Changes how its rows are kept from now on; the next blocks that are sealed make room.
    pub(crate) fn set_keep(&self, keep: Keep) {
        self.mode.store(keep.mode as u8, Ordering::Relaxed);
        self.history_rows.store(keep.history_rows, Ordering::Relaxed);
        if self.on_disk.swap(keep.on_disk, Ordering::Relaxed) && !keep.on_disk && !self.is_asleep() {
            // Nobody takes a journal of the mode before any more.
            self.lock().journal = None;
        }
    }

    /// The tiers of its charts: none, where it keeps no rows of its own.
    pub(crate) fn tiers(&self) -> &[TierSettings] {
        if self.keep().mode == MemoryMode::None { &[] } else { &self.shared.tiers }
    }

    /// For how many seconds its rows, or what tiers made of them, are kept.
    pub(crate) fn retention_s(&self) -> i64 {
        let rows_s = i64::from(self.keep().history_rows) * i64::from(self.info().update_every_s.max(1));
        let tiers_s = self.tiers().iter().map(|tier| i64::from(tier.step_s) * i64::from(tier.rows));
        tiers_s.max().unwrap_or(0).max(rows_s)
    }

    /// Whether its charts and rows are on the disk only. It wakes when anybody asks for them.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Acquire)
    }

    /// The second of its newest row; 0 without one.
    #[must_use]
    pub fn newest_s(&self) -> i64 {
        self.newest_s.load(Ordering::Relaxed)
    }

    /// It was found in this folder, and sleeps.
    pub(crate) fn found_in(&self, folder: OnDisk, newest_s: i64) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
        self.newest_s.fetch_max(newest_s, Ordering::Relaxed);
        self.asleep.store(true, Ordering::Release);
    }

    /// Lets its charts and rows go from memory, as far as the disk has them and nobody feeds or taps
    /// it, nor has fed it since `generation`; they come back from there. Returns whether it sleeps.
    pub(crate) fn sleep(&self, folder: OnDisk, generation: u64) -> bool {
        let mut state = self.lock();
        let is_written = state.journal.as_ref().is_some_and(|journal| journal.is_empty()) || !self.keep().on_disk;
        if self.is_fed() || state.generation != generation || !state.taps.is_empty() || !is_written {
            return false;
        }
        *state = HostState {
            generation: state.generation,
            next_tap: state.next_tap,
            slots: state.slots.asleep(),
            before_sleep: (state.chart_count(), state.dimensions),
            standing: std::mem::take(&mut state.standing),
            claimed_id: state.claimed_id,
            ..HostState::default()
        };
        *self.folders.lock().unwrap_or_else(PoisonError::into_inner) = vec![folder];
        self.asleep.store(true, Ordering::Release);
        true
    }

    /// Reads what the disk has.
    fn wake(&self) {
        let _waking = self.waking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_asleep() {
            let folders = std::mem::take(&mut *self.folders.lock().unwrap_or_else(PoisonError::into_inner));
            self.shared.damages.add(files::restore(self, &folders));
            self.asleep.store(false, Ordering::Release);
        }
    }

    /// What is known of it.
    #[must_use]
    pub fn info(&self) -> Arc<HostInfo> {
        Arc::clone(&self.info.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Its counters.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Whether somebody feeds it now.
    #[must_use]
    pub fn is_fed(&self) -> bool {
        self.fed.load(Ordering::Acquire) != 0
    }

    /// What it is doing. Of a host that sleeps, which this does not wake, it tells the charts that it
    /// had before; none where it sleeps since the start.
    #[must_use]
    pub fn status(&self) -> HostStatus {
        let state = self.lock_asleep();
        debug_assert_eq!(state.ring_bytes, state.charts.iter().map(|chart| chart.ring.bytes()).sum::<usize>());
        let (charts, dimensions) =
            if self.is_asleep() { state.before_sleep } else { (state.chart_count(), state.dimensions) };
        let tiers = if self.shared.tiers.is_empty() { 0 } else { state.charts.iter().map(Chart::tier_bytes).sum() };
        HostStatus {
            fed: self.is_fed(),
            newest_s: self.newest_s.load(Ordering::Relaxed),
            charts,
            dimensions,
            bytes: state.slabs.bytes() + state.ring_bytes + tiers,
        }
    }

    /// Takes over what settings say of whether the host comes and goes; `None`: as it says itself.
    pub fn set_ephemeral(&self, ephemeral: Option<bool>) {
        let place = EPHEMERAL.iter().position(|&known| known == ephemeral);
        self.ephemeral.store(place.unwrap_or_default() as u8, Ordering::Relaxed);
    }

    /// Whether the host comes and goes, so that nothing of it is to stay: as settings say or, where
    /// they leave it to the host, its label `_is_ephemeral`.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        let said = EPHEMERAL[usize::from(self.ephemeral.load(Ordering::Relaxed))];
        let label = || self.lock_asleep().labels.iter().any(|label| (&*label.name, &*label.value) == EPHEMERAL_LABEL);
        said.unwrap_or_else(label)
    }

    /// Its identity with its maker's cloud, where it has told one. Does not wake it.
    #[must_use]
    pub fn claimed_id(&self) -> Option<Guid> {
        self.lock_asleep().claimed_id
    }

    /// Whether the store let go of it: it comes back as a new one.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Acquire)
    }

    /// Lets go of it, unless somebody feeds it. Returns whether nobody does.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.lock_asleep();
        if self.is_fed() {
            return false;
        }
        self.has_left.store(true, Ordering::Release);
        state.taps.iter_mut().for_each(|(_, tap)| tap.wake());
        true
    }

    /// Claims the feed, from whoever has it, and takes over what is now known of the host. Of a host
    /// that may have left its store, [`Store::claim`](crate::Store::claim) finds or makes the one that is there.
    #[must_use]
    pub fn claim(self: &Arc<Self>, kind: FeedKind, info: HostInfo) -> Feed {
        self.claim_locked(&mut self.lock(), kind, info)
    }

    /// The same, but `None` once the host has left.
    pub(crate) fn claim_if_there(self: &Arc<Self>, kind: FeedKind, info: &HostInfo) -> Option<Feed> {
        let mut state = self.lock();
        (!self.has_left()).then(|| self.claim_locked(&mut state, kind, info.clone()))
    }

    fn claim_locked(self: &Arc<Self>, state: &mut HostState, kind: FeedKind, info: HostInfo) -> Feed {
        debug_assert_eq!(info.guid, self.guid);
        let info = Arc::new(info);
        let mut known = self.info.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, Arc::clone(&info));
        drop(known);
        self.shared.names.rename(self.guid, &before.hostname, &info.hostname);
        state.generation += 1;
        let generation = state.generation;
        self.fed.store(generation, Ordering::Release);
        state.kind = kind;
        state.scratch.open = None;
        state.host_changed |= !state.functions.is_empty();
        state.functions = Vec::new();
        if kind != FeedKind::Local {
            // The first duration of a new connection does not reach back to the old one.
            state.charts.iter_mut().for_each(|chart| chart.clock.resync = true);
        }
        state.taps.iter_mut().for_each(|(_, tap)| tap.wake());
        self.end_calls(generation);
        Feed::new(Arc::clone(self), generation)
    }

    pub(crate) fn release(&self, generation: u64) {
        self.end_calls(generation);
        let mut state = self.lock();
        if self.fed.compare_exchange(generation, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            state.settle(self);
            state.taps.iter_mut().for_each(|(_, tap)| tap.wake());
        }
    }

    /// Adds a tap, made from what the host holds at that moment: it misses nothing that comes after.
    pub fn attach<T: Tap>(&self, make: impl FnOnce(&HostView<'_>) -> T) -> TapId {
        let mut state = self.lock();
        let tap = make(&HostView::new(&state));
        let id = TapId(state.next_tap);
        state.next_tap += 1;
        state.taps.push((id, Box::new(tap)));
        id
    }

    /// Removes a tap.
    pub fn detach(&self, id: TapId) {
        self.lock().taps.retain(|(other, _)| *other != id);
    }

    /// Runs `f` on a tap under the host's lock, so that no row is written meanwhile; `None` where
    /// there is no such tap of this type.
    pub fn with_tap<T: Tap, R>(&self, id: TapId, f: impl FnOnce(&mut T, &HostView<'_>) -> R) -> Option<R> {
        let mut state = self.lock();
        let place = state.taps.iter().position(|(other, _)| *other == id)?;
        // The tap leaves the list while the view borrows the rest.
        let (id, mut tap) = state.taps.swap_remove(place);
        let any: &mut dyn std::any::Any = tap.as_mut();
        let result = any.downcast_mut::<T>().map(|tap| f(tap, &HostView::new(&state)));
        state.taps.push((id, tap));
        result
    }

    /// Runs `f` on what the host holds, under its lock: for look-ups and copies only.
    pub fn read<R>(&self, f: impl FnOnce(&HostView<'_>) -> R) -> R {
        f(&HostView::new(&self.lock()))
    }

    /// The number of the feed in force or, without one, of the last: it rises with every claim.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Whether a panic left the host's state in doubt.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.state.is_poisoned()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, HostState> {
        loop {
            if self.is_asleep() {
                self.wake();
            }
            let state = self.lock_asleep();
            // It may have gone to sleep meanwhile.
            if !self.is_asleep() {
                return state;
            }
        }
    }

    /// The lock, for whoever fills a host that sleeps.
    pub(crate) fn lock_asleep(&self) -> MutexGuard<'_, HostState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host's share of the open block's spare rows.
    pub(crate) fn phase(&self) -> usize {
        id_hash(self.guid.as_bytes()) as usize % 20
    }
}

impl HostState {
    /// Notes whether the wall clock was set since the last writer.
    pub(crate) fn note_clock(&mut self, now: Now) {
        let offset_us = now.wall_us - now.mono_us as i64;
        let before_us = self.clock_offset_us.replace(offset_us);
        if before_us.is_some_and(|before_us| before_us.abs_diff(offset_us) > CLOCK_JUMP_US as u64) {
            self.clock_epoch += 1;
        }
    }

    /// The chart in a slot.
    pub(crate) fn chart(&self, slot: ChartSlot) -> Option<&Chart> {
        self.charts.get(slot.0 as usize).filter(|chart| !chart.is_vacant())
    }

    /// The chart in a slot.
    pub(crate) fn chart_mut(&mut self, slot: ChartSlot) -> Option<&mut Chart> {
        self.charts.get_mut(slot.0 as usize).filter(|chart| !chart.is_vacant())
    }

    /// Forgets a chart's rows: it has another update every.
    pub(crate) fn empty_ring(&mut self, slot: ChartSlot, every_s: u32) {
        let ring = &mut self.charts[slot.0 as usize].ring;
        self.ring_bytes -= ring.bytes();
        ring.release(&mut self.slabs, &mut self.repairs);
        *ring = Ring::new(every_s);
        self.ring_bytes += ring.bytes();
    }

    /// How many charts there are.
    pub(crate) fn chart_count(&self) -> usize {
        self.charts.len() - self.slots.vacant()
    }

    /// The chart with this id, tried first right after `previous`.
    pub(crate) fn find_chart(&self, id: &[u8], previous: Option<ChartSlot>) -> Option<ChartSlot> {
        let hash = id_hash(id);
        if let Some(ChartSlot(previous)) = previous
            && let next = (previous as usize + 1) % self.charts.len().max(1)
            && let Some(chart) = self.charts.get(next)
            && chart.is(hash, id)
        {
            return Some(ChartSlot(next as u32));
        }
        let &slot = self.by_hash.get(&hash)?;
        if self.charts[slot as usize].texts.id.as_bytes() == id {
            return Some(ChartSlot(slot));
        }
        let place = self.charts.iter().position(|chart| chart.id_hash == hash && chart.texts.id.as_bytes() == id)?;
        Some(ChartSlot(place as u32))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("guid", &self.guid).finish_non_exhaustive()
    }
}
