//! `data`: the rows of one chart, or of several side by side, in a time range, as JSON.
//!
//! Here a URL becomes a query of the store; `table` writes the rows, `wrap` what clients want to
//! know about them.

mod batch;
mod options;
mod table;
mod wrap;

use patterns::SimplePattern;
use rrd_store::query::{self, Charts, Grid, Group, MatchBy, Query, WindowRequest};

use crate::answer::Answer;
use crate::gate::Asked;
use crate::params::Params;
pub(super) use batch::answer as many;
use options::DataOptions;
use table::Table;

/// Bounds from here on are points in time, smaller ones relative: three years.
const ABSOLUTE_S_MIN: i64 = 3 * 365 * 86_400 + 1;
/// What separates the words of a list: names may hold blanks.
const SEPARATORS: &[char] = &[',', '|', '\t', '\r', '\n', '\x0c', '\x0b'];
const DIMENSIONS: [&str; 4] = ["dimension", "dim", "dimensions", "dims"];

/// What a URL asks for, in words.
struct Question<'a> {
    asked: &'a Asked,
    chart: Option<&'a str>,
    context: Option<&'a str>,
    dimensions: String,
    options: DataOptions,
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
        dimensions: params.all(&DIMENSIONS).collect::<Vec<_>>().join("|"),
        options: DataOptions::read(params.all(&["options"])),
    };
    if question.chart.is_none() && question.context.is_none() {
        return Answer::bad_request("No chart or context is given.");
    }
    let window = window(params, question.options);
    let Some(found) = question.find(window, now_s) else {
        return Answer::not_found("No metrics where matched to query.");
    };
    let body = question.write(&found, window);
    Answer::json(body).lasting([window.after_s, window.before_s].iter().all(|&s| s >= ABSOLUTE_S_MIN))
}

fn window(params: &Params, options: DataOptions) -> WindowRequest {
    WindowRequest {
        after_s: params.number("after", -600),
        before_s: params.number("before", 0),
        points: params.number("points", 0),
        gtime_s: params.number("gtime", 0),
        unaligned: options.has(DataOptions::UNALIGNED),
        grid: match () {
            () if options.has(DataOptions::VIRTUAL_POINTS) => Grid::Virtual,
            () if options.has(DataOptions::NATURAL_POINTS) => Grid::Natural,
            () => Grid::ByRequest,
        },
    }
}

fn pattern(list: Option<&str>) -> Option<SimplePattern> {
    list.filter(|list| !list.is_empty()).map(|list| SimplePattern::with_separators(list, SEPARATORS))
}

impl Question<'_> {
    fn group(&self) -> Group {
        Group::from_word(self.asked.params.text("group").unwrap_or_default())
    }

    /// Asks the store; `None` where nothing matches.
    fn find(&self, window: WindowRequest, now_s: i64) -> Option<Found> {
        let params = &self.asked.params;
        let (charts, contexts) = (pattern(self.chart), pattern(self.context));
        let (dimensions, labels) = (pattern(Some(&self.dimensions)), pattern(params.text("chart_labels_filter")));
        let query = |charts| Query {
            dimensions: dimensions.as_ref(),
            labels: labels.as_ref(),
            match_by: self.match_by(),
            window,
            group: self.group(),
            group_options: params.text("group_options").unwrap_or_default(),
            options: self.options.of_query(),
            ..Query::new(charts)
        };
        let ask = |charts| self.asked.host.query(&query(charts), now_s).ok();
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

    fn match_by(&self) -> MatchBy {
        match (self.options.has(DataOptions::MATCH_IDS), self.options.has(DataOptions::MATCH_NAMES)) {
            (true, false) => MatchBy::Id,
            (false, true) => MatchBy::Name,
            _ => MatchBy::IdOrName,
        }
    }

    fn write(&self, found: &Found, window: WindowRequest) -> Vec<u8> {
        let table = Table { rows: &found.rows, columns: self.columns(&found.rows), options: self.options };
        if self.options.has(DataOptions::JSONWRAP) { wrap::write(self, found, &table, window) } else { table.json() }
    }

    /// The places of the columns to show.
    fn columns(&self, rows: &query::Answer) -> Vec<usize> {
        let all = 0..rows.columns.len();
        if !self.options.has(DataOptions::NONZERO) || rows.columns.iter().all(|column| column.is_zero) {
            return all.collect();
        }
        let named: Vec<&str> = self.dimensions.split(SEPARATORS).collect();
        let is_named = |column: &query::Column| named.contains(&&*column.id) || named.contains(&&*column.name);
        all.filter(|&place| !rows.columns[place].is_zero || is_named(&rows.columns[place])).collect()
    }
}
