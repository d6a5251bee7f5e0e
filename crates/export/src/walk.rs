//! Walks: from chart to chart of a host, some of them copied under each hold of its lock.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use row::{ChartOptions, ChartSlot};
use rrd_store::{ChartView, Host};

use crate::chart::{Chart, Copies, Texts};
use crate::span::Span;

/// Charts that are looked at, and charts that are copied, while the host's lock is held once: some
/// 20 µs each.
const LOOKED_AT_ONCE: u32 = 256;
const COPIED_AT_ONCE: usize = 32;
/// Charts that are brought into the caches together, and rows of each: most windows are of ten, told two or three later.
const FETCHED_AT_ONCE: usize = 8;
const ROWS_FETCHED: usize = 14;

/// In which order charts are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the host lists them.
    Listed,
    /// Those of one context after one another, contexts as they are met.
    ByContext,
}

/// What is read beside the newest values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Nothing.
    Newest,
    /// Sums over the rows of a span.
    Sums(Span),
}

/// A walk over the charts of a host.
#[derive(Debug)]
pub struct Walk {
    host: Arc<Host>,
    next: usize,
    room: Room,
}

/// Memory of a walk, for the next one.
#[derive(Debug, Default)]
pub struct Room {
    plan: Vec<Planned>,
    /// Charts that had a window.
    again: Vec<Planned>,
    copies: Copies,
}

#[derive(Debug, Clone, Copy)]
struct Planned {
    group: u32,
    slot: ChartSlot,
    born: u64,
}

impl Walk {
    /// Plans a walk over the charts that are wanted. Charts that are obsolete, and those without
    /// dimensions, are left out.
    pub fn new(host: Arc<Host>, order: Order, is_wanted: impl Fn(&ChartView<'_>) -> bool) -> Self {
        Self::within(Room::default(), host, order, is_wanted)
    }

    /// The same with the memory of another walk.
    pub fn within(mut room: Room, host: Arc<Host>, order: Order, is_wanted: impl Fn(&ChartView<'_>) -> bool) -> Self {
        room.clear();
        let plan = &mut room.plan;
        let mut contexts: HashMap<Box<str>, u32> = HashMap::new();
        let mut group = |context: &str| match contexts.get(context) {
            _ if order == Order::Listed => 0,
            Some(&group) => group,
            None => {
                let group = contexts.len() as u32;
                contexts.insert(context.into(), group);
                group
            }
        };
        for start in (0..).step_by(LOOKED_AT_ONCE as usize) {
            let end = host.read(|view| {
                let slots = (start..view.slots_end().min(start + LOOKED_AT_ONCE)).map(ChartSlot);
                for chart in slots.filter_map(|slot| view.chart(slot)).filter(is_told).filter(&is_wanted) {
                    let group = group(chart.definition().context);
                    plan.push(Planned { group, slot: chart.slot(), born: chart.born() });
                }
                view.slots_end()
            });
            if start + LOOKED_AT_ONCE >= end {
                break;
            }
        }
        if order == Order::ByContext {
            plan.sort_by_key(|planned| planned.group);
        }
        Self { host, next: 0, room }
    }

    /// Copies no other texts than these.
    #[must_use]
    pub fn of(mut self, texts: Texts) -> Self {
        self.room.copies.texts_of = texts;
        self
    }

    /// Ends it, and leaves its memory to the next.
    #[must_use]
    pub fn into_room(self) -> Room {
        self.room
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Reads the next charts; returns whether there were any.
    pub fn step(&mut self, reading: Reading) -> bool {
        self.read(|chart| match reading {
            Reading::Newest => Some(None),
            Reading::Sums(span) => {
                Some(span.of_chart(i64::from(chart.update_every_s()), chart.first_s(), chart.last_s()))
            }
        })
    }

    /// Reads of the next charts the window that `window_of` says, by its first and its last second; leaves out
    /// those without. Returns whether there were charts.
    pub fn step_windows(&mut self, mut window_of: impl FnMut(&ChartView<'_>) -> Option<(i64, i64)>) -> bool {
        let mut again = mem::take(&mut self.room.again);
        let is_more = self.read(|chart| {
            let window = window_of(chart)?;
            again.push(Planned { group: 0, slot: chart.slot(), born: chart.born() });
            Some(Some(window))
        });
        self.room.again = again;
        is_more
    }

    /// Reads the next charts: those of which `window_of` says something.
    fn read(&mut self, mut window_of: impl FnMut(&ChartView<'_>) -> Option<Option<(i64, i64)>>) -> bool {
        let Room { plan, copies, .. } = &mut self.room;
        let rest = &plan[self.next..];
        let some = &rest[..rest.len().min(COPIED_AT_ONCE)];
        self.next += some.len();
        copies.clear();
        self.host.read(|view| {
            for some in some.chunks(FETCHED_AT_ONCE) {
                view.fetch(some.iter().map(|planned| planned.slot), ROWS_FETCHED);
                for planned in some {
                    // Another chart may have the slot by now.
                    let chart = view.chart(planned.slot).filter(|chart| chart.born() == planned.born);
                    if let Some((chart, window)) = chart.and_then(|chart| Some((chart, window_of(&chart)?))) {
                        copies.take(&chart, planned.group, window);
                    }
                }
            }
        });
        copies.fold();
        !some.is_empty()
    }

    /// Begins again with the charts that had a window; returns whether there were any.
    pub fn again(&mut self) -> bool {
        let Room { plan, again, .. } = &mut self.room;
        mem::swap(plan, again);
        again.clear();
        self.next = 0;
        !plan.is_empty()
    }

    /// The charts that were read last.
    pub fn charts(&self) -> impl Iterator<Item = Chart<'_>> {
        self.room.copies.iter()
    }
}

impl Room {
    fn clear(&mut self) {
        self.plan.clear();
        self.again.clear();
        self.copies.clear();
    }
}

fn is_told(chart: &ChartView<'_>) -> bool {
    !chart.definition().options.has(ChartOptions::OBSOLETE) && chart.dimension_count() > 0
}
