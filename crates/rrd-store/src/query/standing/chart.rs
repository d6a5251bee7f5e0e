//! The standing queries of one chart for one group, and what is remembered for them.

use std::collections::VecDeque;
use std::ops::Range;

use row::ChartSlot;

use super::ask::Ask;
use super::blocks::{self, States};
use super::desk::{Desk, Taken, Wanted, part};
use super::{BLOCKS_MIN, Due, Found, STATES_PER_CHART_MAX, argument};
use crate::block::ROWS;
use crate::files::Blocks;
use crate::query::Query;
use crate::query::group::{Condition, Group};
use crate::query::window::Window;
use crate::ring::Ring;
use crate::slab::BlockAt;
use crate::view::{ChartView, HostView};

/// Runs of rows that an answer is put together from, beside remembered blocks: at most so many before
/// them, and so many after. Blocks that lie partly in a window are its ends; open rows are two runs.
const RUNS_MAX: usize = 6;

/// What is asked of one chart for one group.
#[derive(Debug)]
pub(super) struct Asked {
    slot: ChartSlot,
    laid_out: u64,
    group: Group,
    condition: Condition,
    every_s: i64,
    /// How far back any question looks.
    reach_s: i64,
    asks: Vec<Ask>,
    /// All dimensions that any question wants.
    columns: Vec<u32>,
    /// The number of the first block that is remembered: so many came before it since 1970.
    first: i64,
    /// Where the blocks lay.
    blocks: VecDeque<BlockAt>,
    states: Box<dyn States>,
}

impl Asked {
    /// `None` where the query's group wants all values.
    pub(super) fn new(chart: &ChartView<'_>, query: &Query<'_>) -> Option<Self> {
        let (group, condition) = (query.group, Condition::read(argument(query)));
        Some(Self {
            slot: chart.slot(),
            laid_out: chart.laid_out(),
            group,
            condition,
            reach_s: 0,
            every_s: i64::from(chart.update_every_s()),
            asks: Vec::new(),
            columns: Vec::new(),
            first: 0,
            blocks: VecDeque::new(),
            states: blocks::of_group(group, condition)?,
        })
    }

    pub(super) const fn slot(&self) -> ChartSlot {
        self.slot
    }

    /// Adds a question, unless it is there; returns its place.
    pub(super) fn ask(&mut self, ask: Ask) -> u32 {
        let known = self.asks.iter().position(|known| *known == ask);
        known.unwrap_or_else(|| {
            self.asks.push(ask);
            self.asks.len() - 1
        }) as u32
    }

    /// All questions are there: dimensions are given columns.
    pub(super) fn lay_out(&mut self) {
        let indexes = self.asks.iter().flat_map(|ask| ask.dimensions.iter().map(|dimension| dimension.index));
        self.columns = indexes.collect();
        self.columns.sort_unstable();
        self.columns.dedup();
        self.columns.shrink_to_fit();
        self.reach_s = self.asks.iter().map(Ask::reach_s).max().unwrap_or(0) + self.every_s * ROWS as i64;
        self.asks.shrink_to_fit();
        for dimension in self.asks.iter_mut().flat_map(|ask| &mut ask.dimensions) {
            dimension.place = self.columns.partition_point(|&column| column < dimension.index) as u32;
        }
    }

    /// Whether what is remembered for `known` is what this one would remember.
    pub(super) fn goes_on_from(&self, known: &Self) -> bool {
        (self.slot, self.laid_out, self.every_s) == (known.slot, known.laid_out, known.every_s)
            && (self.group, self.condition) == (known.group, known.condition)
            && self.columns == known.columns
    }

    pub(super) fn take_over(&mut self, known: Self) {
        (self.first, self.blocks, self.states) = (known.first, known.blocks, known.states);
        self.blocks.shrink_to_fit();
        self.states.shrink();
    }

    pub(super) fn bytes(&self) -> usize {
        self.asks.iter().map(Ask::bytes).sum::<usize>()
            + self.columns.capacity() * size_of::<u32>()
            + self.blocks.capacity() * size_of::<BlockAt>()
            + self.states.bytes()
    }

    /// Takes to the desk what the questions that are due need. Runs under the host's lock.
    pub(super) fn take(&mut self, view: &HostView<'_>, now_s: i64, due: &[Due], desk: &mut Desk) {
        let (windows, blocks) = (desk.windows.len(), desk.blocks.len());
        let mut taken = Taken::default();
        let chart = view.chart(self.slot).filter(|chart| chart.laid_out() == self.laid_out);
        for ask in due.chunk_by(|one, next| one.ask == next.ask).map(|same| &self.asks[same[0].ask.ask as usize]) {
            let window = chart.as_ref().map_or(Wanted::Nothing, |chart| ask.window(chart, now_s, &mut desk.parts));
            desk.windows.push(window);
        }
        if let Some(chart) = chart {
            let (ring, slabs) = chart.rows();
            self.remember(ring, now_s, &mut desk.windows[windows..]);
            let (mut from_s, mut to_s) = (i64::MAX, i64::MIN);
            for place in windows..desk.windows.len() {
                let Wanted::Rows(window, whole) = &desk.windows[place] else { continue };
                let (window, whole) = (*window, whole.clone());
                let (first_s, last_s) = (window.start_s() + ring.every_s, window.before_s);
                (from_s, to_s) = (from_s.min(first_s), to_s.max(last_s));
                for number in touched(ring, first_s, last_s) {
                    if !whole.contains(&number) || !self.is_known(number, ring) {
                        desk.need(blocks, number, whole.contains(&number), ring, slabs);
                    }
                }
            }
            desk.blocks[blocks..].sort_unstable_by_key(|needed| needed.number);
            if from_s <= to_s {
                desk.copy_open(&mut taken, ring, &self.columns, (from_s, to_s));
            }
        }
        (taken.windows, taken.blocks) = (windows..desk.windows.len(), blocks..desk.blocks.len());
        desk.charts.push(taken);
    }

    /// Whether what a block comes to is known.
    fn is_known(&self, number: i64, ring: &Ring) -> bool {
        let start_s = number * ring.block_s();
        ring.sealed_at(start_s).is_some_and(|at| self.blocks[(number - self.first) as usize] == at)
            && !ring.late.iter().any(|late| late.start_s == start_s)
    }

    /// Makes room for what is to be remembered for these windows, and forgets what no question wants any
    /// more. Where it would be too much, the newest blocks have precedence.
    fn remember(&mut self, ring: &Ring, now_s: i64, windows: &mut [Wanted]) {
        if self.every_s != ring.every_s {
            self.every_s = ring.every_s;
            self.forget();
        }
        let (mut begin, mut end) = (i64::MAX, i64::MIN);
        for wanted in &mut *windows {
            let Wanted::Rows(window, whole) = wanted else { continue };
            *whole = whole_blocks(ring, window);
            if whole.end - whole.start < BLOCKS_MIN {
                *whole = 0..0;
                continue;
            }
            (begin, end) = (begin.min(whole.start), end.max(whole.end));
        }
        if begin >= end {
            return;
        }
        let begin = begin.max(end - (STATES_PER_CHART_MAX / self.columns.len().max(1)) as i64);
        let keep = (ring.last_s().min(now_s) - self.reach_s).div_euclid(ring.block_s()).min(begin);
        if begin < self.first || keep > self.end() {
            self.forget();
            self.first = begin;
        }
        while self.first < keep && self.blocks.pop_front().is_some() {
            self.states.pop_block(self.columns.len());
            self.first += 1;
        }
        while self.end() < end {
            self.blocks.push_back(BlockAt::NOWHERE);
            self.states.push_block(self.columns.len());
        }
        for wanted in windows {
            if matches!(wanted, Wanted::Rows(_, whole) if whole.start < begin && !whole.is_empty()) {
                *wanted = Wanted::Plain;
            }
        }
    }

    /// The number of the block after the last that is remembered.
    fn end(&self) -> i64 {
        self.first + self.blocks.len() as i64
    }

    fn forget(&mut self) {
        self.blocks.clear();
        self.states.clear();
    }

    /// Works out what the desk holds, and tells each who asked. Needs no lock. `disk` reads blocks that
    /// are not in memory.
    pub(super) fn work(
        &mut self,
        due: &[Due],
        desk: &mut Desk,
        disk: Option<&mut Blocks<'_>>,
        tell: &mut impl FnMut(usize, Found<'_>),
    ) {
        let taken = std::mem::take(&mut desk.charts[desk.next]);
        desk.next += 1;
        self.decode(&taken, desk, disk);
        let mut values = std::mem::take(&mut desk.values);
        for (same, place) in due.chunk_by(|one, next| one.ask == next.ask).zip(taken.windows.clone()) {
            let found = match &desk.windows[place] {
                Wanted::Nothing => Found::Nothing,
                Wanted::Plain => Found::AskPlain,
                Wanted::Rows(window, whole) => {
                    self.asks[same[0].ask.ask as usize].values(self, &taken, desk, (window, whole), &mut values);
                    Found::Row(window, &values)
                }
            };
            same.iter().for_each(|due| tell(due.by, found));
        }
        desk.values = values;
    }

    /// Decodes the blocks on the desk, and remembers what whole ones come to.
    fn decode(&mut self, taken: &Taken, desk: &mut Desk, mut disk: Option<&mut Blocks<'_>>) {
        desk.decoded.clear();
        for block in taken.blocks.clone() {
            let (number, is_whole) = (desk.blocks[block].number, desk.blocks[block].is_whole);
            let row = (number - self.first) as usize;
            let states = &mut self.states;
            let width = self.columns.len();
            let at = desk.decode(block, &self.columns, disk.as_deref_mut(), |place, column| {
                if is_whole {
                    states.set(row * width + place, column);
                }
            });
            if is_whole {
                self.blocks[row] = at;
            }
        }
    }

    /// The value of one dimension.
    pub(super) fn value(
        &self,
        place: usize,
        taken: &Taken,
        desk: &Desk,
        (window, whole): (&Window, &Range<i64>),
    ) -> f64 {
        let (mut before, mut after): ([&[u32]; RUNS_MAX], [&[u32]; RUNS_MAX]) = ([&[]; RUNS_MAX], [&[]; RUNS_MAX]);
        let (mut befores, mut afters) = (0, 0);
        let rows = (window.start_s() + self.every_s, window.before_s);
        let block_s = self.every_s * ROWS as i64;
        for needed in desk.blocks[taken.blocks.clone()].iter().filter(|needed| needed.is_part) {
            let start_s = needed.number * block_s;
            if whole.contains(&needed.number) || start_s + block_s <= rows.0 || start_s > rows.1 {
                continue;
            }
            let run = desk.part(needed, place, self.every_s, rows);
            if whole.is_empty() || needed.number < whole.start {
                before[befores] = run;
                befores += 1;
            } else {
                after[afters] = run;
                afters += 1;
            }
        }
        if taken.open_rows > 0 {
            let open = &desk.open[taken.open + place * taken.open_rows..][..taken.open_rows];
            let seconds = [(rows.0, rows.1.min(taken.spare_s - 1)), (rows.0.max(taken.spare_s), rows.1)];
            for seconds in seconds {
                after[afters] = part(open, taken.open_s, self.every_s, seconds);
                afters += 1;
            }
        }
        let width = self.columns.len();
        let states = if whole.is_empty() {
            0..0
        } else {
            (whole.start - self.first) as usize * width + place..(whole.end - self.first) as usize * width
        };
        self.states.fold(&before[..befores], states, width, &after[..afters])
    }
}

/// The sealed blocks that have rows from one second to another.
fn touched(ring: &Ring, first_s: i64, last_s: i64) -> Range<i64> {
    let block_s = ring.block_s();
    let begin = first_s.max(ring.start_s()).div_euclid(block_s);
    let end = last_s.min(ring.open_start_s - 1).div_euclid(block_s) + 1;
    begin..end.max(begin)
}

/// The sealed blocks that lie in a window as a whole.
fn whole_blocks(ring: &Ring, window: &Window) -> Range<i64> {
    let block_s = ring.block_s();
    let begin = -(-(window.start_s() + ring.every_s)).div_euclid(block_s);
    let end = (window.before_s + ring.every_s).div_euclid(block_s);
    let begin = begin.max(ring.start_s().div_euclid(block_s));
    let end = end.min(ring.open_start_s.div_euclid(block_s));
    begin..end.max(begin)
}
