//! Queries: from a request for a time range to rows of values.
//!
//! `window` is the arithmetic of the time range, `group` how several points become one; this
//! module takes a snapshot under the host's lock and folds it outside.

mod group;
mod window;

use std::sync::Arc;

use patterns::SimplePattern;
use row::DimensionOptions;

pub use group::Group;
pub use window::{Window, WindowRequest};

use crate::host::{Host, MemoryMode};
use crate::snapshot::Snapshot;

/// What is asked of one chart.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The chart's id or name.
    pub chart: &'a str,
    /// Which dimensions, by id or name; `None` means all that are not hidden.
    pub dimensions: Option<&'a SimplePattern>,
    /// The time range.
    pub window: WindowRequest,
    /// How the points of a row become one value.
    pub group: Group,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such chart, no such dimension, or no row in the range.
    #[error("nothing matches")]
    NoMatch,
}

/// One dimension of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The dimension's id.
    pub id: Arc<str>,
    /// The dimension's name.
    pub name: Arc<str>,
}

/// The answer to a query: rows of values.
#[derive(Debug)]
pub struct Answer {
    /// The range that was really used.
    pub window: Window,
    /// The chart's oldest row, in seconds.
    pub first_s: i64,
    /// The chart's newest row, in seconds.
    pub last_s: i64,
    /// Seconds between the chart's rows.
    pub update_every_s: u32,
    /// The dimensions, in the chart's order.
    pub columns: Vec<Column>,
    values: Vec<f64>,
}

impl Answer {
    /// The rows, oldest first: the second and a value per column, not a number where there is none.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = (i64, &[f64])> + ExactSizeIterator {
        let (first_s, step_s) = (self.window.after_s, self.window.step_s);
        let rows = (0..self.window.points).map(move |number| first_s + (number as i64) * step_s);
        rows.zip(self.values.chunks_exact(self.columns.len().max(1)))
    }
}

/// What is read under the host's lock.
struct Selection {
    window: Window,
    first_s: i64,
    last_s: i64,
    update_every_s: u32,
    wanted: Vec<usize>,
    columns: Vec<Column>,
    snapshot: Snapshot,
}

impl Host {
    /// Answers a query. The lock is held only to copy what is still open; all else is decoded
    /// outside it. `now_s` is the wall clock in seconds.
    ///
    /// # Errors
    /// [`QueryError::NoMatch`] where there is nothing to show.
    pub fn query(&self, query: &Query<'_>, now_s: i64) -> Result<Answer, QueryError> {
        if self.keep().mode == MemoryMode::None {
            return Err(QueryError::NoMatch);
        }
        let selection = self.select(query, now_s)?;
        let values = selection.fold(query.group);
        let Selection { window, first_s, last_s, update_every_s, columns, .. } = selection;
        Ok(Answer { window, first_s, last_s, update_every_s, columns, values })
    }

    fn select(&self, query: &Query<'_>, now_s: i64) -> Result<Selection, QueryError> {
        self.read(|host| {
            let chart = host.find_chart(query.chart).ok_or(QueryError::NoMatch)?;
            let (first_s, last_s, update_every_s) = (chart.first_s(), chart.last_s(), chart.update_every_s());
            if last_s == 0 {
                return Err(QueryError::NoMatch);
            }
            let window = Window::resolve(&query.window, first_s, last_s, update_every_s, now_s);
            let slack_s = 2 * i64::from(update_every_s);
            if first_s - slack_s > window.before_s || last_s + slack_s < window.after_s {
                return Err(QueryError::NoMatch);
            }
            let (mut wanted, mut columns) = (Vec::new(), Vec::new());
            for (index, dimension) in chart.dimensions().enumerate() {
                let shown = match query.dimensions {
                    None => !dimension.options.has(DimensionOptions::HIDDEN),
                    Some(pattern) => pattern.matches(dimension.id) || pattern.matches(dimension.name),
                };
                if shown {
                    wanted.push(index);
                    columns.push(Column { id: dimension.id.into(), name: dimension.name.into() });
                }
            }
            if wanted.is_empty() && query.dimensions.is_some() {
                return Err(QueryError::NoMatch);
            }
            let snapshot = chart.snapshot(window.after_s - window.step_s, window.before_s);
            Ok(Selection { window, first_s, last_s, update_every_s, wanted, columns, snapshot })
        })
    }
}

impl Selection {
    /// Folds the points of each row and dimension into one value.
    fn fold(&self, group: Group) -> Vec<f64> {
        let width = self.wanted.len();
        let mut cells = vec![group::Cell::default(); self.window.points * width];
        self.snapshot.values(&self.wanted, |column, time_s, value| {
            if let Some(row) = self.window.row_of(time_s) {
                group.add(&mut cells[row * width + column], value);
            }
        });
        cells.iter().map(|cell| group.result(cell)).collect()
    }
}
