//! The query behind a `lookup`.

use rrd_store::Host;
use rrd_store::query::{Charts, Options, Query, Values, WindowRequest};

use crate::files::{Combine, Lookup};
use patterns::SimplePattern;

/// What a lookup came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// Not a number where the range has no value.
    pub(super) value: f64,
    /// The range that was really used.
    pub(super) window_s: (i64, i64),
}

/// Asks a chart; takes the host's lock. `None` where there is nothing to ask.
pub(super) fn ask(
    host: &Host,
    chart: &str,
    lookup: &Lookup,
    only: Option<&SimplePattern>,
    now_s: i64,
) -> Option<Found> {
    let query = Query {
        dimensions: only.or(lookup.dimensions.as_ref().map(|words| &words.pattern)),
        match_by: lookup.match_by,
        window: WindowRequest {
            after_s: -i64::from(lookup.length_s.max(1)),
            before_s: -i64::from(lookup.back_s),
            points: 1,
            unaligned: lookup.unaligned,
            ..WindowRequest::default()
        },
        group: lookup.group,
        group_options: &lookup.group_options,
        options: Options { absolute: lookup.absolute, percentage: lookup.percentage, null2zero: lookup.null2zero },
        ..Query::new(Charts::One(chart))
    };
    let answer = host.query(&query, now_s).ok()?;
    let window_s = (answer.window.after_s, answer.window.before_s);
    if lookup.anomaly_bit {
        return Some(Found { value: 0.0, window_s });
    }
    Some(Found { value: combine(answer.values(), lookup.combine), window_s })
}

/// Makes one value of those of all dimensions; not a number where there is none.
fn combine(values: Values<'_>, how: Combine) -> f64 {
    let present = || values.iter().filter(|value| !value.is_nan());
    let count = present().count();
    if count == 0 {
        return f64::NAN;
    }
    let (least, most) = (|| present().fold(f64::INFINITY, f64::min), || present().fold(f64::NEG_INFINITY, f64::max));
    match how {
        Combine::Sum => present().sum(),
        Combine::Average => present().sum::<f64>() / count as f64,
        Combine::Min => least(),
        Combine::Max => most(),
        // Zero is always among them, as the API has it.
        Combine::Range => most().max(0.0) - least().min(0.0),
    }
}
