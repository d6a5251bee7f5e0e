//! A host: one lock over its charts, and what is known about it beside them.

mod info;
mod keep;
mod sleep;
mod state;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use row::Guid;

pub use self::info::HostInfo;
pub use self::keep::{AlarmPolicy, Keep, MemoryMode, Which};
pub(crate) use self::state::HostState;
use crate::ask::Calls;
use crate::chart::{Chart, id_hash};
use crate::feed::{Feed, FeedKind};
use crate::figures::Figures;
use crate::files::{Damages, OnDisk};
use crate::intern::Interner;
use crate::levels::Levels;
use crate::names::Names;
use crate::tap::{Tap, TapId};
use crate::tier::TierSettings;
use crate::view::HostView;

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
    alarms: Mutex<AlarmPolicy>,
    /// The generation of the feed in force; 0 while nobody feeds.
    fed: AtomicU64,
    pub(crate) newest_s: AtomicI64,
    /// While it sleeps: the oldest row of the tiers that are kept by bytes; 0 where none is known.
    pub(crate) oldest_s: AtomicI64,
    /// It is in no store any more; changes under the lock.
    has_left: AtomicBool,
    figures: Figures,
    /// Locked alone, or within the state's lock.
    pub(crate) calls: Arc<Mutex<Calls>>,
    levels: Levels,
    state: Mutex<HostState>,
}

/// What settings may say of whether a host comes and goes.
const EPHEMERAL: [Option<bool>; 3] = [None, Some(false), Some(true)];
/// The label by which a host says so itself.
pub(crate) const EPHEMERAL_LABEL: (&str, &str) = ("_is_ephemeral", "true");

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
            alarms: Mutex::default(),
            fed: AtomicU64::new(0),
            newest_s: AtomicI64::new(0),
            oldest_s: AtomicI64::new(0),
            has_left: AtomicBool::new(false),
            figures: Figures::default(),
            calls: Arc::default(),
            levels: Levels::default(),
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

    /// For how many seconds the rows of a host that sleeps, or what tiers made of them, are kept. A tier
    /// with a retention in bytes keeps its rows for as long as it reached back when the last one came.
    pub(crate) fn retention_s(&self) -> i64 {
        let rows_s = i64::from(self.keep().history_rows) * i64::from(self.info().update_every_s.max(1));
        let reach_s = self.newest_s().saturating_sub(self.oldest_s.load(Ordering::Relaxed));
        let tier_s = |tier: &TierSettings| {
            let rows_s = i64::from(tier.step_s) * i64::from(tier.rows);
            if tier.bytes.is_some() { rows_s.min(reach_s) } else { rows_s }
        };
        let tiers_s = self.tiers().iter().map(tier_s);
        tiers_s.max().unwrap_or(0).max(rows_s)
    }

    /// The second of its newest row; 0 without one.
    #[must_use]
    pub fn newest_s(&self) -> i64 {
        self.newest_s.load(Ordering::Relaxed)
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

    /// What nodes above and below say of its alarms.
    #[must_use]
    pub const fn levels(&self) -> &Levels {
        &self.levels
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
        let (charts, dimensions) =
            if self.is_asleep() { state.before_sleep } else { (state.chart_count(), state.dimensions) };
        HostStatus { fed: self.is_fed(), newest_s: self.newest_s.load(Ordering::Relaxed), charts, dimensions }
    }

    /// Bytes that its rows take in memory. Looks at each chart.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let state = self.lock_asleep();
        let of_chart = |chart: &Chart| chart.ring.bytes() + chart.tier_bytes();
        state.slabs.bytes() + state.charts.iter().map(of_chart).sum::<usize>()
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

    /// Takes over what settings say of its alarms.
    pub fn set_alarm_policy(&self, policy: AlarmPolicy) {
        *self.alarms.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// What settings say of its alarms.
    #[must_use]
    pub fn alarm_policy(&self) -> AlarmPolicy {
        *self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The host's share of the open block's spare rows.
    pub(crate) fn phase(&self) -> usize {
        id_hash(self.guid.as_bytes()) as usize % 20
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("guid", &self.guid).finish_non_exhaustive()
    }
}
