//! Standing queries: questions for one row of one chart that are asked again and again, as those of
//! alarms are, and of which each answer must be that of [`Host::query`], to the last bit.
//!
//! An alarm that looks back an hour every ten seconds needs ten new rows, and no longer needs ten old
//! ones; a plain query decodes all 3600. So what each sealed block comes to is remembered, by dimension
//! (a sum and a count, say: 16 bytes; see [`super::method::ByBlock`]), and an answer is put together:
//!
//! ```text
//! sealed blocks   |  60 rows  |  60 rows  |  60 rows  |  60 rows  | open block
//! window                 [────┼───────────┼───────────┼───────────┼──────]
//! taken from       block bytes, remembered ...                      open rows
//!                  decoded                                          copied
//! ```
//!
//! A block is remembered together with the place where it lies. Blocks are never changed there: late
//! rows, a clock that was set back, and a history that was replicated put other blocks in their places,
//! elsewhere; so what lies where it lay is what it was, and nobody needs to tell. While a block's late
//! rows wait beside it, it is decoded each time. The last rows of all are read each time: they may be
//! filled, and are few.
//!
//! Questions of one chart and one group share what is remembered, and each block that they need is
//! decoded once for all that are due. Those that are the same share their answer.
//!
//! Of the host's lock: some charts are looked at under one hold ([`CHARTS_AT_ONCE`]); open rows are
//! copied, and places compared. All the rest is done outside. With all that is remembered nothing is
//! allocated: what is copied goes to a [`Desk`], which all hosts share.
//!
//! A plain query answers instead where medians and smoothing want all values, where tiers are to answer
//! for what is older than the rows, and where there would be too much to remember
//! ([`STATES_PER_CHART_MAX`]). What is asked of which dimensions is found out once; who asks begins anew
//! ([`Standing::renew`]) when [`HostView::changes`](crate::HostView::changes) moves.

mod ask;
mod blocks;
mod chart;
mod desk;

use std::collections::HashMap;

use self::ask::Ask;
use self::chart::Asked;
pub use self::desk::Desk;
use super::group::Group;
use super::window::{Grid, Window, is_natural};
use super::{Charts, Query};
use crate::files::OnDisk;
use crate::host::{Host, MemoryMode};

/// Charts that are looked at under one hold of the host's lock: some ten microseconds.
const CHARTS_AT_ONCE: usize = 32;
/// What is remembered of one chart for one group at most, as blocks times dimensions: 256 KiB of sums.
const STATES_PER_CHART_MAX: usize = 16 * 1024;
/// Where fewer whole blocks lie in a window, none is remembered.
const BLOCKS_MIN: i64 = 2;

/// The standing queries of one host.
#[derive(Debug, Default)]
pub struct Standing {
    charts: Vec<Asked>,
}

/// A standing query of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskId {
    chart: u32,
    ask: u32,
}

/// A question that is due, and who asks it.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// The question.
    pub ask: AskId,
    /// Who asks, in the caller's own numbers.
    pub by: usize,
}

/// What came of a question.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// A plain query would say that nothing matches.
    Nothing,
    /// The row: the value of each dimension, not a number where there is none.
    Row(&'a Window, &'a [f64]),
    /// Only a plain query can tell now.
    AskPlain,
}

/// The questions that share what is remembered: those of one chart and one group.
type Key = (u32, Group, String);

impl Standing {
    /// Begins anew with these queries; what was remembered and still serves is kept. Returns, query by
    /// query, what to ask for; `None` where only a plain query can answer. Takes the host's lock, some
    /// queries at a time.
    pub fn renew(&mut self, host: &Host, queries: &[Query<'_>]) -> Vec<Option<AskId>> {
        let before = std::mem::take(&mut self.charts);
        let mut places: HashMap<Key, u32> = HashMap::new();
        let mut ids = Vec::with_capacity(queries.len());
        for some in queries.chunks(CHARTS_AT_ONCE) {
            host.read(|view| {
                ids.extend(some.iter().map(|query| {
                    let Charts::One(id_or_name) = query.charts else { return None };
                    let chart = view.find_chart(id_or_name).filter(|_| can_stand(query))?;
                    let key = (chart.slot().0, query.group, argument(query).to_owned());
                    let place = match places.get(&key) {
                        Some(&place) => place,
                        None => {
                            let place = self.charts.len() as u32;
                            self.charts.push(Asked::new(&chart, query)?);
                            places.insert(key, place);
                            place
                        }
                    };
                    let ask = self.charts[place as usize].ask(Ask::new(&chart, query));
                    Some(AskId { chart: place, ask })
                }));
            });
        }
        self.charts.iter_mut().for_each(Asked::lay_out);
        self.remember(before, &places);
        ids
    }

    /// Hands on what is remembered of charts that are still asked for the same.
    fn remember(&mut self, before: Vec<Asked>, places: &HashMap<Key, u32>) {
        let mut slots: HashMap<u32, Vec<u32>> = HashMap::new();
        places.iter().for_each(|((slot, ..), &place)| slots.entry(*slot).or_default().push(place));
        for known in before {
            for &place in slots.get(&known.slot().0).into_iter().flatten() {
                let chart = &mut self.charts[place as usize];
                if chart.goes_on_from(&known) {
                    chart.take_over(known);
                    break;
                }
            }
        }
    }

    /// Answers the questions that are due, in an order of its own, and tells each who asked. `now_s` is
    /// the wall clock in seconds. Takes the host's lock.
    pub fn answer(
        &mut self,
        host: &Host,
        now_s: i64,
        due: &mut [Due],
        desk: &mut Desk,
        mut tell: impl FnMut(usize, Found<'_>),
    ) {
        if host.keep().mode == MemoryMode::None {
            due.iter().for_each(|due| tell(due.by, Found::Nothing));
            return;
        }
        due.sort_unstable_by_key(|due| due.ask);
        let mut rest = &*due;
        while !rest.is_empty() {
            desk.clear();
            let mut left = rest;
            host.read(|view| {
                while let Some(first) = left.first().filter(|_| !desk.is_full()) {
                    let count = left.iter().take_while(|due| due.ask.chart == first.ask.chart).count();
                    let (of_chart, others) = left.split_at(count);
                    self.charts[first.ask.chart as usize].take(view, now_s, of_chart, desk);
                    left = others;
                }
            });
            let folder = desk.on_disk.take();
            let mut disk = folder.as_ref().map(OnDisk::blocks);
            for of_chart in rest[..rest.len() - left.len()].chunk_by(|one, next| one.ask.chart == next.ask.chart) {
                self.charts[of_chart[0].ask.chart as usize].work(of_chart, desk, disk.as_mut(), &mut tell);
            }
            rest = left;
        }
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.charts.capacity() * size_of::<Asked>() + self.charts.iter().map(Asked::bytes).sum::<usize>()
    }
}

/// What of a query's argument matters for what is remembered.
fn argument<'a>(query: &Query<'a>) -> &'a str {
    if query.group == Group::CountIf { query.group_options } else { "" }
}

/// Whether a query is for one row that ends near now, of rows as they are.
fn can_stand(query: &Query<'_>) -> bool {
    let window = &query.window;
    window.points == 1
        && window.gtime_s == 0
        && window.grid != Grid::Virtual
        && is_natural(window)
        && query.labels.is_none()
        && query.reads_max == u64::MAX
        && query.exact
}
