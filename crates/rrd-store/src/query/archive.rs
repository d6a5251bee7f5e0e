//! Archives: what a chart had before its rows here begin, from somewhere else.
//!
//! An archive is one more level beside a chart's rows and its tiers ([`super::sources`]): it answers for the
//! seconds that no finer level here has. What it is asked for is settled before, from what the levels
//! cover, and it is asked while no lock is held. Meanwhile the oldest rows may go, so it is asked for some
//! more than that; where both have something, the rows here win.
//!
//! ```text
//! asked for      buckets of an answer's row ─────┤ points ──────┤
//! rows here                                           ├──────────────────
//! ```

use std::fmt;
use std::sync::Arc;

use row::{Guid, Packed, PointFlags};

use super::Query;
use super::fold::Sheet;
use super::group::Group;
use super::select::Picked;
use super::sources::plan_with;
use super::window::Window;
use crate::block::ROWS;
use crate::snapshot::Run;
use crate::tier::{Coverage, Summary, TIER_STEP_S_MAX};

/// Rows that may go while an archive answers.
const SPARE_ROWS: i64 = 2 * ROWS as i64;

/// Whoever has rows for longer than this store.
pub trait Archive: fmt::Debug {
    /// Seconds that its points stand for, of a chart whose rows are `every_s` apart: no less than those.
    /// Each point has the second at its end, a multiple of them.
    fn step_s(&self, every_s: i64) -> i64;

    /// The newest second that is there for sure, if anything is.
    fn end_s(&self) -> i64;

    /// What a chart had. Waits for the answer; is called without any lock.
    fn fetch(&self, asked: &Asked<'_>) -> Fetched;
}

/// What an archive is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Of which host.
    pub host: Guid,
    /// Of which chart, by its id.
    pub chart: &'a str,
    /// Dimensions that the chart is known to have.
    pub dimensions: u32,
    /// What a value tells of its seconds.
    pub what: What,
    /// Seconds that a value stands for: a multiple of the archive's own step.
    pub step_s: i64,
    /// The first value stands for the seconds after this,
    pub after_s: i64,
    /// the last one for those up to this: some steps later.
    pub before_s: i64,
}

/// What a value tells of the archive's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Their mean.
    Average,
    /// Their sum.
    Sum,
    /// The smallest.
    Least,
    /// The largest.
    Most,
}

/// What an archive answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fetched {
    /// Dimensions by id, each with as many values as were asked for: not a number where there is none.
    pub series: Vec<(Arc<str>, Vec<f64>)>,
    /// What could not be had.
    pub lack: Option<Lack>,
}

/// How much of what was asked for an archive did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Some of it, perhaps.
    Partial,
    /// Anything.
    Unavailable,
}

/// The seconds of an answer for which an archive was asked in vain. What is unavailable is more than what is partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// How much of them.
    pub lack: Lack,
    /// After this
    pub after_s: i64,
    /// up to this.
    pub before_s: i64,
}

/// Whether a query may ask an archive.
#[derive(Debug, Clone, Copy, Default)]
pub enum Elder<'a> {
    /// There is none.
    #[default]
    None,
    /// Not here: a query that needs it is refused with [`super::QueryError::Waits`].
    Elsewhere(&'a dyn Archive),
    /// It is asked.
    Asked(&'a dyn Archive),
}

/// What is to be asked of one chart: spans in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    spans: Vec<Wanted>,
    /// The archive's own step.
    step_s: i64,
    /// The first one begins where what matters for the window does.
    is_from_start: bool,
}

/// Seconds that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    after_s: i64,
    before_s: i64,
    step_s: i64,
    /// Up to here nothing else answers.
    needed_s: i64,
}

/// What an archive gave of a chart: buckets, then points.
#[derive(Debug, Default)]
pub(super) struct Older {
    pub(super) spans: Vec<Span>,
    /// What each of them answers for.
    pub(super) covers: Vec<Coverage>,
}

/// Values of one length, one after another.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) coverage: Coverage,
    /// By the chart's dimensions; empty where the archive has nothing of one.
    values: Vec<Values>,
}

#[derive(Debug, Default)]
struct Values {
    sums: Vec<f64>,
    /// Where they are other than the mean.
    extremes: Option<(Vec<f64>, Vec<f64>)>,
}

impl<'a> Elder<'a> {
    pub(super) fn archive(self) -> Option<&'a dyn Archive> {
        match self {
            Self::None => None,
            Self::Elsewhere(archive) | Self::Asked(archive) => Some(archive),
        }
    }
}

impl Plan {
    /// What of the window only the archive has.
    pub(super) fn of(archive: &dyn Archive, chart: &Picked, window: &Window, query: &Query<'_>) -> Option<Self> {
        let step_s = archive.step_s(chart.every_s).max(chart.every_s).max(1);
        let cut = |time_s: i64| time_s.div_euclid(step_s) * step_s;
        let (start_s, end_s) = Sheet::span(window, chart.every_s);
        let newest_s = cut(archive.end_s().min(end_s + step_s - 1));
        let start_s = cut(start_s);
        if start_s >= newest_s {
            return None;
        }
        let all = Coverage { step_s, after_s: start_s, before_s: newest_s };
        let parts = plan_with(&chart.levels, &[all.and_before()], window, query, (start_s, end_s));
        let mut plan = Self { spans: Vec::new(), step_s, is_from_start: false };
        for part in parts.iter().filter(|part| part.level >= chart.levels.len()) {
            let after_s = cut(part.after_s).max(start_s);
            plan.is_from_start |= after_s == start_s;
            let spare_s = SPARE_ROWS * chart.every_s + step_s;
            let spared_s = cut(part.before_s + spare_s).min(newest_s);
            let (first_s, last_s) = plan.buckets(chart, window, query, after_s, part.before_s);
            plan.want(after_s, first_s, step_s, first_s);
            plan.want(first_s, last_s, window.step_s, last_s);
            plan.want(last_s, spared_s, step_s, part.before_s);
        }
        (!plan.spans.is_empty()).then_some(plan)
    }

    fn want(&mut self, after_s: i64, before_s: i64, step_s: i64, needed_s: i64) {
        if after_s < before_s {
            self.spans.push(Wanted { after_s, before_s, step_s, needed_s });
        }
    }

    /// The rows of the answer within some seconds that can be had as they are: they are made of whole points, and
    /// what they come to is known from what the archive can say.
    fn buckets(&self, chart: &Picked, window: &Window, query: &Query<'_>, after_s: i64, before_s: i64) -> (i64, i64) {
        let is_had = matches!(query.group, Group::Average | Group::Sum | Group::Min | Group::Max)
            && chart.every_s == window.quantum_s
            && window.step_s > self.step_s
            && window.step_s % self.step_s == 0
            && window.start_s() % self.step_s == 0;
        let row =
            |time_s: i64| (time_s - window.start_s()).div_euclid(window.step_s) * window.step_s + window.start_s();
        let (first_s, last_s) = (row(after_s + window.step_s - 1), row(before_s));
        if is_had && first_s < last_s { (first_s, last_s) } else { (after_s, after_s) }
    }

    /// Values to be asked for, of one dimension.
    pub(super) fn values(&self) -> i64 {
        self.spans.iter().map(|span| (span.before_s - span.after_s) / span.step_s).sum()
    }

    /// Asks for it.
    pub(super) fn fetch(
        &self,
        archive: &dyn Archive,
        host: Guid,
        chart: &Picked,
        window: &Window,
        query: &Query<'_>,
    ) -> (Older, Option<Missing>) {
        let mut older = Older::default();
        let mut missing: Option<Missing> = None;
        for (number, &wanted) in self.spans.iter().enumerate() {
            let (span, lack) = self.fetch_span(&wanted, archive, host, chart, window, query);
            if lack != Some(Lack::Unavailable) {
                let is_first = self.is_from_start && number == 0;
                older.covers.push(if is_first { span.coverage.and_before() } else { span.coverage });
                older.spans.push(span);
            }
            let Wanted { after_s, needed_s, .. } = wanted;
            let (first_s, last_s) = (after_s.max(window.start_s()), needed_s.min(window.before_s));
            if let Some(lack) = lack.filter(|_| first_s < last_s) {
                let this = Missing { lack, after_s: first_s, before_s: last_s };
                missing = Some(missing.map_or(this, |before| before.and(this)));
            }
        }
        (older, missing)
    }

    fn fetch_span(
        &self,
        wanted: &Wanted,
        archive: &dyn Archive,
        host: Guid,
        chart: &Picked,
        window: &Window,
        query: &Query<'_>,
    ) -> (Span, Option<Lack>) {
        let Wanted { after_s, before_s, step_s, .. } = *wanted;
        let mut lack = None;
        let mut fetch = |what| {
            let Picked { dimensions, .. } = *chart;
            let asked = Asked { host, chart: &chart.id, dimensions, what, step_s, after_s, before_s };
            let fetched = archive.fetch(&asked);
            lack = lack.max(fetched.lack);
            fetched
        };
        let is_bucket = step_s > self.step_s;
        let mut span = Span::new(chart, Coverage { step_s, after_s, before_s });
        match query.group {
            Group::Min | Group::Max if is_bucket => {
                span.put_extremes(chart, fetch(What::Least), fetch(What::Most));
            }
            _ if is_bucket && (query.group == Group::Sum || window.divisor.is_some()) => {
                span.put(chart, fetch(What::Sum), self.step_s as f64 / chart.every_s as f64);
            }
            _ => span.put(chart, fetch(What::Average), step_s as f64 / chart.every_s as f64),
        }
        (span, lack)
    }
}

impl Coverage {
    /// With what lies before the window, so that no longer row of a tier reaches into it.
    fn and_before(self) -> Self {
        let rows = i64::from(TIER_STEP_S_MAX) / self.step_s + 1;
        Self { after_s: self.after_s - rows * self.step_s, ..self }
    }
}

impl Missing {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            lack: self.lack.max(other.lack),
            after_s: self.after_s.min(other.after_s),
            before_s: self.before_s.max(other.before_s),
        }
    }
}

impl Span {
    fn new(chart: &Picked, coverage: Coverage) -> Self {
        let values = (0..chart.dimensions).map(|_| Values::default()).collect();
        Self { coverage, values }
    }

    /// Takes sums, or what makes sums if it is multiplied.
    fn put(&mut self, chart: &Picked, fetched: Fetched, factor: f64) {
        for (id, mut sums) in fetched.series {
            if let Some(values) = self.of_dimension(chart, &id) {
                sums.iter_mut().for_each(|sum| *sum *= factor);
                values.sums = sums;
            }
        }
    }

    fn put_extremes(&mut self, chart: &Picked, least: Fetched, most: Fetched) {
        for (id, least) in least.series {
            if let Some(values) = self.of_dimension(chart, &id) {
                values.sums.clone_from(&least);
                values.extremes = Some((least, Vec::new()));
            }
        }
        for (id, most) in most.series {
            if let Some(Values { extremes: Some((_, place)), .. }) = self.of_dimension(chart, &id) {
                *place = most;
            }
        }
    }

    fn of_dimension(&mut self, chart: &Picked, id: &str) -> Option<&mut Values> {
        self.values.get_mut(chart.ids.iter().position(|known| **known == *id)?)
    }

    /// How many values there are of a dimension.
    pub(super) fn rows(&self) -> i64 {
        (self.coverage.before_s - self.coverage.after_s) / self.coverage.step_s
    }

    /// Values that are rows of the chart, as it would have stored them.
    pub(super) fn runs(&self, wanted: &[u32], mut f: impl FnMut(Run<'_>)) {
        for (place, values) in self.wanted(wanted) {
            let bits: Vec<u32> =
                values.sums.iter().map(|&value| Packed::pack(value, PointFlags::NORMAL).to_bits()).collect();
            f(Run { place, start_s: self.coverage.after_s + self.coverage.step_s, bits: &bits });
        }
    }

    /// What values sum up that stand for several rows each, `every_s` apart.
    pub(super) fn summaries(&self, wanted: &[u32], every_s: i64, mut f: impl FnMut(usize, &[(i64, Summary)])) {
        let Coverage { step_s, after_s, .. } = self.coverage;
        let count = u32::try_from(step_s / every_s.max(1)).unwrap_or(u32::MAX).max(1);
        let mut all = Vec::new();
        for (place, values) in self.wanted(wanted) {
            all.clear();
            for (number, &sum) in values.sums.iter().enumerate().filter(|(_, sum)| !sum.is_nan()) {
                let mean = sum / f64::from(count);
                let extreme = |values: &Vec<f64>| values.get(number).copied().filter(|value| !value.is_nan());
                let extremes = values.extremes.as_ref();
                let least = extremes.map_or(Some(mean), |(least, _)| extreme(least)).unwrap_or(sum);
                let most = extremes.map_or(Some(mean), |(_, most)| extreme(most)).unwrap_or(least);
                all.push((after_s + (number as i64 + 1) * step_s, Summary { least, most, sum, count }));
            }
            f(place, &all);
        }
    }

    fn wanted<'a>(&'a self, wanted: &'a [u32]) -> impl Iterator<Item = (usize, &'a Values)> {
        let values = |&dimension: &u32| self.values.get(dimension as usize).filter(|values| !values.sums.is_empty());
        wanted.iter().enumerate().filter_map(move |(place, dimension)| Some((place, values(dimension)?)))
    }
}
