//! What a URL asks of many hosts.

use patterns::SimplePattern;
use rrd_store::ChartView;
use rrd_store::query::{Grid, Group, Options, POINTS_MAX, WindowRequest};

use super::{Refusal, Scope, pattern};
use crate::api::v2::{means, words};
use crate::params::Params;

/// Bounds up to this magnitude are relative: three years.
const RELATIVE_S_MAX: i64 = 3 * 365 * 86_400;
/// How far back a question may reach: ten years.
const PAST_S_MAX: i64 = 10 * 366 * 86_400;

/// What is asked.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) scope: Scope,
    instances: Option<SimplePattern>,
    pub(super) dimensions: Option<SimplePattern>,
    labels: Option<SimplePattern>,
    pub(super) window: WindowRequest,
    /// Seconds of a row.
    pub(super) step_s: i64,
    pub(super) points: usize,
    pub(super) time_group: Group,
    pub(super) time_group_options: String,
    /// By what values are grouped, in the order of [`GroupBy::ALL`]; nothing: all into one.
    pub(super) group_by: Vec<GroupBy>,
    pub(super) group_by_labels: Vec<String>,
    pub(super) aggregation: Aggregation,
    pub(super) options: Shown,
}

/// By what the values of many dimensions are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupBy {
    Dimension,
    Instance,
    Label,
    Node,
    Context,
    Units,
}

impl GroupBy {
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("dimension", Self::Dimension),
        ("instance", Self::Instance),
        ("label", Self::Label),
        ("node", Self::Node),
        ("context", Self::Context),
        ("units", Self::Units),
    ];

    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// How the values of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregation {
    Average,
    Min,
    Max,
    Sum,
    /// The share of the sum of all groups, in percent.
    Percentage,
    /// The value that is farthest from zero.
    Extremes,
}

impl Aggregation {
    const ALL: [(&'static str, Self); 7] = [
        ("avg", Self::Average),
        ("average", Self::Average),
        ("min", Self::Min),
        ("max", Self::Max),
        ("sum", Self::Sum),
        ("percentage", Self::Percentage),
        ("extremes", Self::Extremes),
    ];

    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// Options of how rows are shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    /// Oldest row first.
    pub(super) flip: bool,
    pub(super) in_ms: bool,
    pub(super) absolute: bool,
    pub(super) null2zero: bool,
    /// Groups that are zero all the time are left out.
    pub(super) nonzero: bool,
}

impl Ask {
    pub(super) fn of(params: &Params, now_s: i64) -> Result<Self, Refusal> {
        if let Some(format) = params.text("format").filter(|format| *format != "json2") {
            return Err(format!("format={format} is not supported: json2 is."));
        }
        for key in ["group_by[1]", "aggregation[1]", "group_by_label[1]"] {
            if params.text(key).is_some() {
                return Err(format!("{key} is not supported: values are grouped once."));
            }
        }
        if params.number("time_resampling", 0) > 0 {
            return Err("time_resampling is not supported.".into());
        }
        let has = |names: &[&str]| words(params, &["options"]).any(|word| names.contains(&word));
        let unaligned = has(&["unaligned"]);
        let (window, step_s, points) = window(params, unaligned, now_s);
        Ok(Self {
            scope: Scope::of(params),
            instances: pattern(params, &["instances"]),
            dimensions: pattern(params, &["dimensions"]),
            labels: pattern(params, &["labels"]),
            window,
            step_s,
            points,
            time_group: Group::from_word(params.text("time_group").unwrap_or_default()),
            time_group_options: params.text("time_group_options").unwrap_or_default().into(),
            group_by: group_by(params)?,
            group_by_labels: words(params, &["group_by_label", "group_by_label[0]"]).map(Into::into).collect(),
            aggregation: aggregation(params)?,
            options: Shown {
                flip: has(&["flip", "reversed", "reverse"]),
                in_ms: has(&["ms", "milliseconds"]),
                absolute: has(&["absolute", "abs", "absolute-sum", "absolute_sum"]),
                null2zero: has(&["null2zero"]),
                nonzero: has(&["nonzero"]),
            },
        })
    }

    pub(super) const fn query_options(&self) -> Options {
        Options { absolute: self.options.absolute, percentage: false, null2zero: false }
    }

    /// Whether a chart is meant.
    pub(super) fn has_chart(&self, chart: &ChartView<'_>) -> bool {
        let is_named = |pattern: &SimplePattern| means(pattern, [chart.id(), chart.name()]);
        let has_label = |pattern: &SimplePattern| {
            chart.labels().any(|label| pattern.matches(&format!("{}:{}", label.name, label.value)))
        };
        self.scope.has_context(chart.definition().context)
            && self.instances.as_ref().is_none_or(is_named)
            && self.labels.as_ref().is_none_or(has_label)
    }

    /// The second of a row.
    pub(super) fn row_s(&self, row: usize) -> i64 {
        self.window.before_s - (self.points - 1 - row) as i64 * self.step_s
    }
}

/// The rows, on seconds: how long one is, how many there are, and from where to where.
fn window(params: &Params, unaligned: bool, now_s: i64) -> (WindowRequest, i64, usize) {
    let newest_s = now_s - 1;
    let is_relative = |bound: i64| bound.abs() <= RELATIVE_S_MAX;
    let (after, before) = (params.number("after", -600), params.number("before", 0));
    let before_s = if is_relative(before) { newest_s - before.abs() } else { before.min(newest_s) };
    let before_s = before_s.max(newest_s - PAST_S_MAX);
    let after_s = if is_relative(after) { before_s - after.abs().max(1) + 1 } else { after };
    let (after_s, before_s) = (after_s.min(before_s).max(newest_s - PAST_S_MAX), before_s.max(after_s).min(newest_s));
    let duration_s = (before_s - after_s + 1).max(1);
    let most = duration_s.min(POINTS_MAX as i64);
    let wanted = match params.number("points", 0) {
        points if points > 0 => points.min(most),
        _ => most,
    };
    let least_s = (duration_s + POINTS_MAX as i64 - 1) / POINTS_MAX as i64;
    let step_s = ((duration_s + wanted / 2) / wanted).max(least_s);
    let points = (duration_s / step_s).max(1);
    // The last row is a whole one.
    let before_s = if unaligned { before_s } else { before_s.div_euclid(step_s) * step_s };
    let after_s = before_s - points * step_s + 1;
    let request = WindowRequest { after_s, before_s, points, gtime_s: 0, unaligned: true, grid: Grid::Virtual };
    (request, step_s, points as usize)
}

fn group_by(params: &Params) -> Result<Vec<GroupBy>, Refusal> {
    let names = ["group_by", "group_by[0]"];
    let mut wanted = Vec::new();
    for word in words(params, &names) {
        match GroupBy::ALL.iter().find(|(known, _)| *known == word) {
            Some((_, by)) => wanted.push(*by),
            None if word == "selected" => return Ok(Vec::new()),
            None => {
                let known = GroupBy::ALL.map(|(known, _)| known).join(", ");
                return Err(format!("group_by={word} is not supported: {known} and selected are."));
            }
        }
    }
    if wanted.is_empty() {
        wanted.push(GroupBy::Dimension);
    }
    Ok(GroupBy::ALL.iter().map(|(_, by)| *by).filter(|by| wanted.contains(by)).collect())
}

fn aggregation(params: &Params) -> Result<Aggregation, Refusal> {
    let word = params.text("aggregation").or_else(|| params.text("aggregation[0]")).unwrap_or("avg");
    let known = Aggregation::ALL.iter().find(|(known, _)| *known == word).map(|(_, aggregation)| *aggregation);
    known.ok_or_else(|| format!("aggregation={word} is not supported."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_795_387_680;

    fn rows(query: &str) -> (i64, i64, i64, usize) {
        let params = Params::parse(query).unwrap();
        let (window, step_s, points) = window(&params, query.contains("unaligned"), NOW_S);
        assert_eq!(window.before_s - window.after_s + 1, points as i64 * step_s, "{query}");
        (window.after_s - NOW_S, window.before_s - NOW_S, step_s, points)
    }

    /// Rows are whole, and neither later than what has come nor more than are asked for by far.
    #[test]
    fn windows_are_whole_rows() {
        for (query, expected) in [
            ("", (-600, -1, 1, 600)),
            ("after=-60", (-60, -1, 1, 60)),
            ("after=-600&points=60", (-609, -10, 10, 60)),
            ("after=-600&points=60&unaligned", (-600, -1, 10, 60)),
            ("after=-10&points=100", (-10, -1, 1, 10)),
            ("after=-7&points=1", (-7, -1, 7, 1)),
            ("after=0", (-1, -1, 1, 1)),
            (&format!("after={}&before={}&points=4", NOW_S - 100, NOW_S - 61), (-109, -70, 10, 4)),
            (&format!("after={}&before={}", NOW_S - 60, NOW_S - 100), (-100, -60, 1, 41)),
            (&format!("after={}&before={}", NOW_S + 50, NOW_S + 100), (-1, -1, 1, 1)),
        ] {
            let found = rows(query);
            if query == "after=-7&points=1" {
                assert_eq!((found.2, found.3), (7, 1), "{query}");
                continue;
            }
            assert_eq!(found, expected, "{query}");
        }
        let (_, _, step_s, points) = rows("after=-94000000");
        assert!(points <= POINTS_MAX && step_s * points as i64 > 93_000_000, "{step_s} {points}");
    }

    /// What is not understood is named.
    #[test]
    fn words_that_are_not_known_are_refused() {
        for (query, names) in [
            ("group_by=percentage-of-instance", "percentage-of-instance"),
            ("aggregation=nosuch", "nosuch"),
            ("group_by[1]=node", "group_by[1]"),
            ("format=csv", "csv"),
            ("time_resampling=60", "time_resampling"),
        ] {
            let refusal = Ask::of(&Params::parse(query).unwrap(), NOW_S).unwrap_err();
            assert!(refusal.contains(names), "{refusal}");
        }
        let ask = Ask::of(&Params::parse("group_by=node|dimension&aggregation=max").unwrap(), NOW_S).unwrap();
        assert_eq!((ask.group_by, ask.aggregation), (vec![GroupBy::Dimension, GroupBy::Node], Aggregation::Max));
        assert!(Ask::of(&Params::parse("group_by=selected").unwrap(), NOW_S).unwrap().group_by.is_empty());
    }
}
