//! `data`: the rows of one chart, or of several side by side, in a time range, as JSON.
//!
//! Here a URL becomes a query of the store; `table` writes the rows, `wrap` what clients want to
//! know about them.

mod batch;
mod options;
mod selection;
mod table;
mod wrap;

use rrd_store::query::{self, Charts};

use crate::answer::Answer;
use crate::gate::Asked;
use table::Table;

pub(super) use batch::answer as many;
pub(super) use options::DataOptions;
pub(super) use selection::Selection;
use selection::{SEPARATORS, pattern};

/// Bounds from here on are points in time, smaller ones relative: three years.
const ABSOLUTE_S_MIN: i64 = 3 * 365 * 86_400 + 1;

/// What a URL asks for, in words.
struct Question<'a> {
    asked: &'a Asked,
    chart: Option<&'a str>,
    context: Option<&'a str>,
    selection: Selection<'a>,
}

/// What was found, and whether one chart was named.
struct Found {
    rows: query::Answer,
    is_one_chart: bool,
}

pub(super) fn answer(asked: &Asked, now_s: i64) -> Answer {
    let params = &asked.params;
    let question = Question {
        asked,
        chart: params.text("chart"),
        context: params.text("context"),
        selection: Selection::of(params),
    };
    if question.chart.is_none() && question.context.is_none() {
        return Answer::bad_request("No chart or context is given.");
    }
    let window = question.selection.window;
    let Some(found) = question.find(now_s) else {
        return Answer::not_found("No metrics where matched to query.");
    };
    let body = question.write(&found);
    Answer::json(body).lasting([window.after_s, window.before_s].iter().all(|&s| s >= ABSOLUTE_S_MIN))
}

impl Question<'_> {
    /// Asks the store; `None` where nothing matches.
    fn find(&self, now_s: i64) -> Option<Found> {
        let (charts, contexts) = (pattern(self.chart), pattern(self.context));
        let ask = |charts| self.asked.host.query(&self.selection.query(charts), now_s).ok();
        if let Some(contexts) = &contexts {
            let rows = ask(Charts::OfContexts(contexts, charts.as_ref()))?;
            return Some(Found { rows, is_one_chart: false });
        }
        if let Some(rows) = ask(Charts::One(self.chart?)) {
            return Some(Found { rows, is_one_chart: true });
        }
        let rows = ask(Charts::Matching(charts.as_ref()?))?;
        Some(Found { rows, is_one_chart: false })
    }

    fn write(&self, found: &Found) -> Vec<u8> {
        let table = Table { rows: &found.rows, columns: self.columns(&found.rows), options: self.selection.options };
        if self.selection.options.has(DataOptions::JSONWRAP) { wrap::write(self, found, &table) } else { table.json() }
    }

    /// The places of the columns to show.
    fn columns(&self, rows: &query::Answer) -> Vec<usize> {
        let all = 0..rows.columns.len();
        if !self.selection.options.has(DataOptions::NONZERO) || rows.columns.iter().all(|column| column.is_zero) {
            return all.collect();
        }
        let named: Vec<&str> = self.selection.dimensions.split(SEPARATORS).collect();
        let is_named = |column: &query::Column| named.contains(&&*column.id) || named.contains(&&*column.name);
        all.filter(|&place| !rows.columns[place].is_zero || is_named(&rows.columns[place])).collect()
    }
}
