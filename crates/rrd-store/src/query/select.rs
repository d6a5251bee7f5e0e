//! Selection: which charts and dimensions a query means.
//!
//! Charts are looked through some at a time, so that nobody waits long for the host's lock; what is
//! needed of those that match is copied.

use std::sync::Arc;

use patterns::SimplePattern;
use row::{ChartSlot, DimensionDefinition, DimensionIndex, DimensionOptions};

use super::answer::Column;
use super::{Charts, MatchBy, Query};
use crate::host::Host;
use crate::tier::Levels;
use crate::view::{ChartView, HostView};

/// Slots that are looked at while the host's lock is held once.
const CHARTS_PER_LOCK: u32 = 256;

/// A chart that is asked, with the dimensions to show.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) slot: ChartSlot,
    laid_out: u64,
    pub(super) id: Arc<str>,
    /// Of its rows or, where they reach back farther, of its tiers.
    pub(super) first_s: i64,
    pub(super) rows_first_s: i64,
    pub(super) last_s: i64,
    pub(super) every_s: i64,
    /// What its rows and its tiers cover.
    pub(super) levels: Levels,
    /// With an archive: the ids of all its dimensions.
    pub(super) ids: Vec<Arc<str>>,
    /// All its dimensions, shown or not.
    pub(super) dimensions: u32,
    /// The places of those to show, in rising order, and a column for each.
    pub(super) shown: Vec<u32>,
    pub(super) columns: Vec<Column>,
}

/// The charts that match and have rows.
pub(super) fn pick(host: &Host, query: &Query<'_>) -> Vec<Picked> {
    if let Charts::One(id_or_name) = query.charts {
        let picked = host.read(|view| Picked::of(&view.find_chart(id_or_name)?, query));
        return picked.into_iter().collect();
    }
    let mut all = Vec::new();
    for from in (0..).step_by(CHARTS_PER_LOCK as usize) {
        let end = host.read(|view| {
            let slots = (from..view.slots_end().min(from + CHARTS_PER_LOCK)).map(ChartSlot);
            let some = slots.filter_map(|slot| view.chart(slot)).filter(|chart| matches(chart, query));
            all.extend(some.filter_map(|chart| Picked::of(&chart, query)));
            view.slots_end()
        });
        if from + CHARTS_PER_LOCK >= end {
            break;
        }
    }
    all
}

fn matches(chart: &ChartView<'_>, query: &Query<'_>) -> bool {
    let by = query.match_by;
    let is_named = |pattern: &SimplePattern| by.matches(pattern, chart.id(), chart.name());
    match query.charts {
        Charts::One(id_or_name) => chart.id() == id_or_name || chart.name() == id_or_name,
        Charts::Matching(pattern) => is_named(pattern),
        Charts::OfContexts(contexts, charts) => {
            contexts.matches(chart.definition().context) && charts.is_none_or(is_named)
        }
    }
}

/// The dimensions to show, in rising order.
pub(super) fn shown<'a>(
    chart: &ChartView<'a>,
    query: &Query<'_>,
) -> impl Iterator<Item = (DimensionIndex, DimensionDefinition<'a>)> {
    (0..).zip(chart.dimensions()).filter(|(index, dimension)| {
        let is_shown = match query.dimensions {
            None => !dimension.options.has(DimensionOptions::HIDDEN),
            Some(pattern) => query.match_by.matches(pattern, dimension.id, dimension.name),
        };
        is_shown && !chart.is_gone(*index)
    })
}

/// Whether a chart has the labels that are asked for.
fn has_labels(chart: &ChartView<'_>, query: &Query<'_>) -> bool {
    let is_there = |pattern: Option<&SimplePattern>, text: &dyn Fn(row::Label<'_>) -> String| {
        pattern.is_none_or(|pattern| chart.labels().any(|label| pattern.matches(&text(label))))
    };
    is_there(query.labels, &|label| format!("{}:{}", label.name, label.value))
        && is_there(query.label_keys, &|label| label.name.into())
}

impl Picked {
    /// `None` for a chart without rows, unless an archive may have some, without the labels that are asked for, or
    /// without any dimension that is asked for and counts.
    fn of(chart: &ChartView<'_>, query: &Query<'_>) -> Option<Self> {
        let levels = chart.levels();
        let archive = query.archive.archive();
        let last_s = levels.iter().map(|level| level.before_s).max().unwrap_or(0);
        if (last_s <= 0 && archive.is_none()) || !has_labels(chart, query) {
            return None;
        }
        let mut picked = Self {
            slot: chart.slot(),
            laid_out: chart.laid_out(),
            id: chart.id().into(),
            first_s: if last_s > 0 { chart.oldest_s() } else { 0 },
            rows_first_s: chart.first_s(),
            last_s,
            every_s: i64::from(chart.update_every_s()),
            levels,
            ids: archive.map_or(Vec::new(), |_| chart.dimensions().map(|dimension| dimension.id.into()).collect()),
            dimensions: chart.dimension_count() as u32,
            shown: Vec::new(),
            columns: Vec::new(),
        };
        for (index, dimension) in shown(chart, query) {
            picked.show(chart, index, dimension.id, dimension.name);
        }
        let counts = query.dimensions.is_none() || query.options.percentage || !picked.shown.is_empty();
        counts.then_some(picked)
    }

    fn show(&mut self, chart: &ChartView<'_>, index: DimensionIndex, id: &str, name: &str) {
        let id: Arc<str> = id.into();
        let name = if name == &*id { Arc::clone(&id) } else { name.into() };
        let newest = chart.dimension_state(index).map_or(f64::NAN, |state| state.stored.unpack());
        self.shown.push(index);
        self.columns.push(Column { chart: Arc::clone(&self.id), id, name, newest, is_zero: true });
    }

    /// The chart again, under another lock; `None` where it went away meanwhile.
    pub(super) fn find<'a>(&self, view: &HostView<'a>) -> Option<ChartView<'a>> {
        view.chart(self.slot).filter(|chart| chart.laid_out() == self.laid_out)
    }
}

impl MatchBy {
    fn matches(self, pattern: &SimplePattern, id: &str, name: &str) -> bool {
        match self {
            Self::IdOrName => pattern.matches(id) || (name != id && pattern.matches(name)),
            Self::Id => pattern.matches(id),
            Self::Name => pattern.matches(name),
        }
    }
}
