//! `data`: the rows of one chart, or of several side by side, in a time range.
//!
//! Here a URL becomes a query of the store; `table` writes the rows in some `format`, `wrap` what clients
//! want to know about them, and a `document` is all of it, made while it is written.

mod batch;
mod document;
mod format;
mod options;
mod selection;
mod table;
mod wrap;

use rrd_store::query::{self, Charts, Query, QueryError};

use crate::answer::Answer;
use crate::gate::Asked;
use crate::older::{Later, Means};
use crate::queries::{CHARTS_MAX, READS_MAX};
use document::{Document, Google, around_jsonp, plain};
use format::{CALL, Format};
use table::Table;

pub(super) use batch::answer as many;
pub(super) use options::DataOptions;
use selection::SEPARATORS;
pub(super) use selection::{Selection, pattern};

/// Bounds from here on are points in time, smaller ones relative: three years.
const ABSOLUTE_S_MIN: i64 = 3 * 365 * 86_400 + 1;

/// What a URL asks for, in words.
struct Question<'a> {
    asked: &'a Asked,
    chart: Option<&'a str>,
    context: Option<&'a str>,
    selection: Selection<'a>,
    means: Means<'a>,
}

/// What was found, and whether one chart was named.
struct Found {
    rows: query::Answer,
    is_one_chart: bool,
}

/// `offset_s` are seconds east of UTC, for dates.
pub(super) fn answer(asked: &Asked, now_s: i64, offset_s: i64, means: Means<'_>) -> Result<Answer, Later> {
    let params = &asked.params;
    let question = Question {
        asked,
        chart: params.text("chart"),
        context: params.text("context"),
        selection: Selection::of(params),
        means,
    };
    if question.chart.is_none() && question.context.is_none() {
        return Ok(Answer::bad_request("No chart or context is given."));
    }
    let window = question.selection.window;
    let is_lasting = [window.after_s, window.before_s].iter().all(|&s| s >= ABSOLUTE_S_MIN);
    Ok(match question.find(now_s) {
        Ok(found) => {
            let missing = found.rows.missing;
            question.write(found, offset_s).lasting(is_lasting).missing(missing)
        }
        Err(QueryError::NoMatch) => Answer::not_found("No metrics where matched to query."),
        Err(QueryError::TooMany(charts)) => {
            Answer::bad_question(format!("{charts} charts match, {CHARTS_MAX} are the most that can be asked at once."))
        }
        Err(error @ (QueryError::TooLong(_) | QueryError::Waits)) => {
            return Err(Later::of(error).unwrap_or(Later::IsLong));
        }
    })
}

/// More is asked than anybody should wait for.
pub(super) fn too_long() -> Answer {
    Answer::bad_question(format!(
        "More than {READS_MAX} stored values would have to be read: ask for a shorter time or fewer charts."
    ))
}

impl Question<'_> {
    /// Asks the store.
    fn find(&self, now_s: i64) -> Result<Found, QueryError> {
        let (charts, contexts) = (pattern(self.chart), pattern(self.context));
        let Means { reads_max, archive } = self.means;
        let limited = |charts| Query { charts_max: CHARTS_MAX, reads_max, archive, ..self.selection.query(charts) };
        let ask = |charts| self.asked.host.query(&limited(charts), now_s);
        if let Some(contexts) = &contexts {
            let rows = ask(Charts::OfContexts(contexts, charts.as_ref()))?;
            return Ok(Found { rows, is_one_chart: false });
        }
        match ask(Charts::One(self.chart.unwrap_or_default())) {
            Ok(rows) => Ok(Found { rows, is_one_chart: true }),
            Err(QueryError::NoMatch) => {
                let charts = charts.as_ref().ok_or(QueryError::NoMatch)?;
                Ok(Found { rows: ask(Charts::Matching(charts))?, is_one_chart: false })
            }
            Err(error) => Err(error),
        }
    }

    fn write(&self, found: Found, offset_s: i64) -> Answer {
        let params = &self.asked.params;
        let mut format = Format::from_word(params.text("format").unwrap_or_default());
        let google = Google::read(params);
        let mut file_name = params.text("filename").map(plain);
        if format == Format::DataSource {
            format = google.format.unwrap_or(format);
            file_name = file_name.or_else(|| google.file_name.clone());
        }
        if format == Format::DataSource && google.has_s >= found.rows.last_s {
            return Answer::new(CALL, google.not_modified());
        }
        let (last_s, held_bytes) = (found.rows.last_s, found.rows.values().len() * size_of::<f64>());
        let document = self.document(found, format, offset_s);
        let document = match format {
            Format::DataSource => document.called(google.around(last_s)),
            Format::Jsonp => document.called(around_jsonp(params)),
            _ => document,
        };
        let is_wrapped = self.selection.options.has(DataOptions::JSONWRAP);
        let answer = Answer::made(format.content_type(is_wrapped), document).of_bytes(held_bytes);
        file_name.into_iter().fold(answer, |answer, name| answer.attached(&name))
    }

    fn document(&self, Found { rows, is_one_chart }: Found, format: Format, offset_s: i64) -> Document {
        let (columns, options) = (self.columns(&rows), self.selection.options);
        let is_wrapped = options.has(DataOptions::JSONWRAP);
        let table = Table::new(rows, columns, options, format, is_wrapped, offset_s);
        if !is_wrapped {
            return Document::new(Vec::new(), table, false, Vec::new());
        }
        let (head, tail) = wrap::around(self, &table, is_one_chart, format);
        Document::new(head, table, format.is_text(), tail)
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
