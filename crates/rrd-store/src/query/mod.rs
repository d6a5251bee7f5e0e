//! Queries: from a request for a time range to rows of values.
//!
//! ```text
//! Query ─> select: charts, dimensions ─> window: rows ─> archive ─> sources: rows, tiers ─> fold ─> Answer
//!          (some charts per lock)                      (no lock)   (a lock per chart, for its snapshots)
//! ```
//!
//! The host's lock is held to look charts up and to copy what is open of one; blocks are decoded
//! outside it. Between the locks rows may come; the window is settled before, and those that are
//! newer stay out. Options that only change how an answer looks are not here.

mod answer;
mod archive;
mod fold;
mod group;
mod method;
mod select;
mod sources;
mod standing;
mod window;

use patterns::SimplePattern;

pub use answer::{Answer, Column, Combine, Values};
pub use archive::{Archive, Asked, Elder, Fetched, Lack, Missing, What};
pub use group::Group;
pub use standing::{AskId, Desk, Due, Found, Standing};
pub use window::{Grid, POINTS_MAX, Window, WindowRequest};

use crate::host::{Host, MemoryMode};
use crate::view::ChartView;
use archive::Plan;
use fold::Sheet;
use select::Picked;
use window::Extent;

/// Values of an answer at most, as rows times dimensions: some 10 MB of text. A question for more
/// gets longer rows.
pub const VALUES_MAX: usize = 1_000_000;
/// Values between stored points that a query may ask for, summed up over its dimensions: what a
/// tenth of a second suffices for. A question for more gets one per stored point and row.
const VALUES_BETWEEN_MAX: i64 = 20_000_000;

/// What is asked of a host.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Of which charts.
    pub charts: Charts<'a>,
    /// Only charts with a label `name:value` that matches.
    pub labels: Option<&'a SimplePattern>,
    /// Only charts with a label whose name matches.
    pub label_keys: Option<&'a SimplePattern>,
    /// Which dimensions; `None` means all that are not hidden.
    pub dimensions: Option<&'a SimplePattern>,
    /// What patterns over charts and dimensions are held against.
    pub match_by: MatchBy,
    /// The time range.
    pub window: WindowRequest,
    /// How the points of a row become one value.
    pub group: Group,
    /// The argument of the group, such as a percentage or a condition; may be empty.
    pub group_options: &'a str,
    /// What becomes of the values then.
    pub options: Options,
    /// Values of the answer at most.
    pub values_max: usize,
    /// Charts at most.
    pub charts_max: usize,
    /// Stored values to be read at most.
    pub reads_max: u64,
    /// Tiers answer only for what is older than the chart's rows, even where they are less to read:
    /// their numbers are rounded.
    pub exact: bool,
    /// Who is asked for what is older than the store's rows.
    pub archive: Elder<'a>,
}

/// Which charts are asked.
#[derive(Debug, Clone, Copy)]
pub enum Charts<'a> {
    /// The chart with this id or, where there is none, this name.
    One(&'a str),
    /// All that match.
    Matching(&'a SimplePattern),
    /// All whose context matches the first pattern and which match the second.
    OfContexts(&'a SimplePattern, Option<&'a SimplePattern>),
}

/// What patterns over charts and dimensions are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchBy {
    /// Ids and names; one that matches suffices.
    #[default]
    IdOrName,
    /// Ids.
    Id,
    /// Names.
    Name,
}

/// What becomes of a row's values, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// They lose their sign.
    pub absolute: bool,
    /// They become percentages of the row's total over all dimensions of the charts, shown or not.
    pub percentage: bool,
    /// Where there is none, it is zero.
    pub null2zero: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such chart, no such dimension, or no row in the range.
    #[error("nothing matches")]
    NoMatch,
    /// More charts than may be asked at once.
    #[error("{0} charts match")]
    TooMany(usize),
    /// More stored values than may be read.
    #[error("{0} values are to be read")]
    TooLong(u64),
    /// An archive has to be asked, which is not to be done here.
    #[error("an archive is to be asked")]
    Waits,
}

impl<'a> Query<'a> {
    /// Asks charts for the averages of all rows and of all dimensions that are not hidden.
    #[must_use]
    pub fn new(charts: Charts<'a>) -> Self {
        Self {
            charts,
            labels: None,
            label_keys: None,
            dimensions: None,
            match_by: MatchBy::default(),
            window: WindowRequest::default(),
            group: Group::default(),
            group_options: "",
            options: Options::default(),
            values_max: VALUES_MAX,
            charts_max: usize::MAX,
            reads_max: u64::MAX,
            exact: false,
            archive: Elder::None,
        }
    }
}

impl Host {
    /// Answers a query. `now_s` is the wall clock in seconds.
    ///
    /// # Errors
    /// [`QueryError::NoMatch`] where there is nothing to show, others where a limit of the query is passed.
    pub fn query(&self, query: &Query<'_>, now_s: i64) -> Result<Answer, QueryError> {
        if self.keep().mode == MemoryMode::None {
            return Err(QueryError::NoMatch);
        }
        let archive = query.archive.archive();
        let mut charts = select::pick(self, query);
        let extent = extent(&charts, archive);
        let points_max = query.values_max / width(&charts).max(1);
        let window = Window::resolve(&query.window, extent, points_max, now_s);
        let plan = |chart: &Picked| Plan::of(archive?, chart, &window, query);
        charts.retain(|chart| takes_part(chart, &window) || plan(chart).is_some());
        let width = width(&charts);
        if charts.is_empty() || (query.dimensions.is_some() && width == 0) {
            return Err(QueryError::NoMatch);
        }
        if charts.len() > query.charts_max {
            return Err(QueryError::TooMany(charts.len()));
        }
        let is_older = charts.iter().any(|chart| plan(chart).is_some());
        if is_older && matches!(query.archive, Elder::Elsewhere(_)) {
            return Err(QueryError::Waits);
        }
        let reads = charts.iter().map(|chart| reads(query, chart, &window, plan(chart).as_ref())).sum();
        if reads > query.reads_max {
            return Err(QueryError::TooLong(reads));
        }
        let coarse = seconds_between(query, &charts, &window) > VALUES_BETWEEN_MAX;
        let stored = Sheet::may_be_stored(query, &window, charts.iter().map(|chart| chart.every_s))
            && !is_older
            && !charts.iter().any(|chart| needs_tiers(chart, &window));
        let mut sheet = Sheet::new(window, width, query.options, stored, coarse);
        let mut columns = Vec::with_capacity(width);
        let mut missing = None;
        for chart in &mut charts {
            let older = archive.zip(plan(chart)).map(|(archive, plan)| {
                let (older, lack) = plan.fetch(archive, self.guid(), chart, &window, query);
                missing = missing.map(|before: Missing| lack.map_or(before, |lack| before.and(lack))).or(lack);
                older
            });
            let older = older.unwrap_or_default();
            let first = columns.len();
            columns.append(&mut chart.columns);
            let span = Sheet::span(&window, chart.every_s);
            let take = |found: ChartView<'_>| sources::take(&found, &window, query, span, !stored, &older);
            let sources = self.read(|view| chart.find(view).map(take));
            if let Some(sources) = sources {
                sheet.fold(query, chart, &sources, &mut columns[first..], first);
            }
        }
        let Extent { first_s, last_s, every_s } = extent;
        Ok(Answer { window, first_s, last_s, update_every_s: every_s as u32, columns, missing, table: sheet.finish() })
    }
}

/// Dimensions that are shown.
fn width(charts: &[Picked]) -> usize {
    charts.iter().map(|chart| chart.shown.len()).sum()
}

/// Charts without rows here end with what an archive has.
fn extent(charts: &[Picked], archive: Option<&dyn Archive>) -> Extent {
    let with_rows = || charts.iter().filter(|chart| chart.last_s > 0);
    let none_s = archive.map_or(0, |archive| archive.end_s());
    Extent {
        first_s: with_rows().map(|chart| chart.first_s).min().unwrap_or(none_s),
        last_s: with_rows().map(|chart| chart.last_s).max().unwrap_or(none_s),
        every_s: charts.iter().map(|chart| chart.every_s).min().unwrap_or(1),
    }
}

/// Stored values of a chart that lie in the window, and those that an archive is asked for.
fn reads(query: &Query<'_>, chart: &Picked, window: &Window, plan: Option<&Plan>) -> u64 {
    let seconds = chart.last_s.min(window.before_s) - chart.rows_first_s.max(window.start_s());
    let dimensions = if query.options.percentage { u64::from(chart.dimensions) } else { chart.shown.len() as u64 };
    let elsewhere = plan.map_or(0, Plan::values);
    (seconds.max(0) / chart.every_s.max(1) + elsewhere) as u64 * dimensions
}

/// Seconds between stored points that are to be filled, times dimensions.
fn seconds_between(query: &Query<'_>, charts: &[Picked], window: &Window) -> i64 {
    let between = |chart: &Picked| {
        let seconds = chart.last_s.min(window.before_s) - chart.rows_first_s.max(window.after_s);
        let dimensions = if query.options.percentage { i64::from(chart.dimensions) } else { chart.shown.len() as i64 };
        seconds.max(0) / window.quantum_s * dimensions
    };
    charts.iter().filter(|chart| chart.every_s != window.quantum_s).map(between).sum()
}

/// Whether tiers have anything of the window that the chart's rows do not.
fn needs_tiers(chart: &Picked, window: &Window) -> bool {
    chart.first_s < chart.rows_first_s && window.start_s() < chart.rows_first_s - chart.every_s
}

/// Whether a chart has rows in the window, or not far from it.
fn takes_part(chart: &Picked, window: &Window) -> bool {
    // One without rows is there for what an archive has.
    if chart.last_s <= 0 {
        return false;
    }
    covers_near(Extent { first_s: chart.first_s, last_s: chart.last_s, every_s: chart.every_s }, window)
}

fn covers_near(chart: Extent, window: &Window) -> bool {
    let slack_s = 2 * chart.every_s;
    chart.first_s - slack_s <= window.before_s && chart.last_s + slack_s >= window.after_s
}
