//! The query behind a `lookup`, and what its values come to.

use rrd_store::query::{Charts, Options, Query, Values, Window, WindowRequest};

use super::alarm::{Alarm, State};
use crate::files::{Combine, Lookup};

/// What a lookup came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answer {
    /// Not a number where the range has no value.
    pub(super) value: f64,
    /// The range that was really used.
    pub(super) window_s: (i64, i64),
}

impl Answer {
    /// Where there is nothing to ask.
    pub(super) const NONE: Self = Self { value: f64::NAN, window_s: (0, 0) };

    /// Of the values of all dimensions.
    pub(super) fn of(lookup: &Lookup, window: &Window, values: Values<'_>) -> Self {
        let value = if lookup.anomaly_bit { 0.0 } else { combine(values, lookup.combine) };
        Self { value, window_s: (window.after_s, window.before_s) }
    }

    /// Makes it an alarm's value.
    pub(super) const fn put(self, state: &mut State) {
        (state.value, state.window_s) = (self.value, self.window_s);
    }
}

/// The query of an alarm's lookup.
pub(super) fn query<'a>(alarm: &'a Alarm, lookup: &'a Lookup) -> Query<'a> {
    let only = alarm.only.as_ref().map(|(_, only)| only);
    Query {
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
        exact: true,
        ..Query::new(Charts::One(&alarm.chart))
    }
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
