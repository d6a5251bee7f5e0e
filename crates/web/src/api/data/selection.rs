//! What a URL selects: which dimensions, when, and what becomes of their values.

use patterns::SimplePattern;
use rrd_store::query::{Charts, Grid, Group, MatchBy, Query, WindowRequest};

use super::DataOptions;
use crate::params::Params;

/// What separates the words of a list: names may hold blanks.
pub(super) const SEPARATORS: &[char] = &[',', '|', '\t', '\r', '\n', '\x0c', '\x0b'];
const DIMENSIONS: [&str; 4] = ["dimension", "dim", "dimensions", "dims"];

/// A selection.
#[derive(Debug)]
pub(in crate::api) struct Selection<'a> {
    /// The list of dimensions, as it was told; empty for all that are shown.
    pub(in crate::api) dimensions: String,
    pub(in crate::api) options: DataOptions,
    pub(in crate::api) window: WindowRequest,
    pub(super) group: Group,
    group_options: &'a str,
    named: Option<SimplePattern>,
    labels: Option<SimplePattern>,
    /// Names of labels, of which the answer tells the values.
    pub(super) label_keys: Option<SimplePattern>,
}

impl<'a> Selection<'a> {
    pub(in crate::api) fn of(params: &'a Params) -> Self {
        let dimensions = params.all(&DIMENSIONS).collect::<Vec<_>>().join("|");
        let shown = params.word("show_dimensions").map(|_| "all-dimensions");
        let options = DataOptions::read(params.all(&["options"]).chain(shown));
        Self {
            named: pattern(Some(&dimensions)),
            labels: pattern(params.text("chart_labels_filter")),
            label_keys: pattern(params.text("chart_label_key")),
            dimensions,
            options,
            window: window(params, options),
            group: Group::from_word(params.text("group").unwrap_or_default()),
            group_options: params.text("group_options").unwrap_or_default(),
        }
    }

    pub(in crate::api) fn query<'q>(&'q self, charts: Charts<'q>) -> Query<'q> {
        Query {
            dimensions: self.named.as_ref(),
            labels: self.labels.as_ref(),
            label_keys: self.label_keys.as_ref(),
            match_by: self.match_by(),
            window: self.window,
            group: self.group,
            group_options: self.group_options,
            options: self.options.of_query(),
            ..Query::new(charts)
        }
    }

    fn match_by(&self) -> MatchBy {
        match (self.options.has(DataOptions::MATCH_IDS), self.options.has(DataOptions::MATCH_NAMES)) {
            (true, false) => MatchBy::Id,
            (false, true) => MatchBy::Name,
            _ => MatchBy::IdOrName,
        }
    }
}

/// A list of names, of which there must be some.
pub(in crate::api) fn pattern(list: Option<&str>) -> Option<SimplePattern> {
    list.filter(|list| !list.is_empty()).map(|list| SimplePattern::with_separators(list, SEPARATORS))
}

pub(super) fn window(params: &Params, options: DataOptions) -> WindowRequest {
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
