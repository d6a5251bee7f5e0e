//! One standing query: its window, and the values of its row.

use std::ops::Range;

use super::chart::Asked;
use super::desk::{Desk, Taken, Wanted};
use crate::query::select::shown;
use crate::query::sources::{self, Part};
use crate::query::window::{Extent, Window, WindowRequest};
use crate::query::{Options, Query, covers_near};
use crate::view::ChartView;

/// A question.
#[derive(Debug, PartialEq)]
pub(super) struct Ask {
    request: WindowRequest,
    options: Options,
    /// Dimensions are named, and none of that name is there.
    is_vain: bool,
    pub(super) dimensions: Vec<Dimension>,
}

/// A dimension that a question wants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dimension {
    pub(super) index: u32,
    /// Its place among the columns.
    pub(super) place: u32,
    /// Otherwise it only counts for the total.
    is_shown: bool,
}

impl Ask {
    pub(super) fn new(chart: &ChartView<'_>, query: &Query<'_>) -> Self {
        let wanted = |(index, is_shown)| Dimension { index, place: 0, is_shown };
        let mut shown = shown(chart, query).map(|(index, _)| index).peekable();
        let is_vain = query.dimensions.is_some() && shown.peek().is_none();
        let dimensions = if query.options.percentage {
            let all = 0..chart.dimension_count() as u32;
            all.map(|index| wanted((index, shown.next_if_eq(&index).is_some()))).collect()
        } else {
            shown.map(|index| wanted((index, true))).collect()
        };
        Self { request: query.window, options: query.options, is_vain, dimensions }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.dimensions.capacity() * size_of::<Dimension>()
    }

    /// How far back it looks. A window that is aligned ends at a multiple of its length.
    pub(super) fn reach_s(&self) -> i64 {
        let WindowRequest { after_s, before_s, unaligned, .. } = self.request;
        after_s.abs() * if unaligned { 1 } else { 2 } + before_s.abs()
    }

    /// The window that is asked for; `Plain` where tiers have a part in it.
    pub(super) fn window(&self, chart: &ChartView<'_>, now_s: i64, parts: &mut Vec<Part>) -> Wanted {
        let levels = chart.levels();
        let last_s = levels.iter().map(|level| level.before_s).max().unwrap_or(0);
        if last_s <= 0 || self.is_vain {
            return Wanted::Nothing;
        }
        let extent = Extent { first_s: chart.oldest_s(), last_s, every_s: i64::from(chart.update_every_s()) };
        let window = Window::resolve(&self.request, extent, 1, now_s);
        if !covers_near(extent, &window) {
            return Wanted::Nothing;
        }
        if !sources::rows_suffice(&levels, &window, parts) {
            return Wanted::Plain;
        }
        Wanted::Rows(window, 0..0)
    }

    /// The values of the row, dimension by dimension.
    pub(super) fn values(
        &self,
        asked: &Asked,
        taken: &Taken,
        desk: &Desk,
        (window, whole): (&Window, &Range<i64>),
        values: &mut Vec<f64>,
    ) {
        values.clear();
        let mut total = 0.0;
        for dimension in &self.dimensions {
            let value = asked.value(dimension.place as usize, taken, desk, (window, whole));
            let value = if self.options.absolute { value.abs() } else { value };
            if !value.is_nan() {
                total += value;
            }
            if dimension.is_shown {
                values.push(value);
            }
        }
        let total = if total == 0.0 { 1.0 } else { total };
        for value in values {
            if self.options.percentage {
                *value = *value * 100.0 / total;
            }
            if self.options.null2zero && value.is_nan() {
                *value = 0.0;
            }
        }
    }
}
