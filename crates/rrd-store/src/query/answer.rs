//! Answers: rows of values, and what is told of their columns.

use std::sync::Arc;

use row::Packed;

use super::archive::Missing;
use super::window::Window;

/// The answer to a query: rows of values.
#[derive(Debug)]
pub struct Answer {
    /// The range that was really used.
    pub window: Window,
    /// The oldest row of the charts, in seconds.
    pub first_s: i64,
    /// The newest row of the charts, in seconds.
    pub last_s: i64,
    /// Seconds between the charts' rows; of several charts, the least.
    pub update_every_s: u32,
    /// The dimensions: chart after chart, in each chart's order.
    pub columns: Vec<Column>,
    /// What an archive was asked for in vain.
    pub missing: Option<Missing>,
    pub(super) table: Table,
}

/// One dimension of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The id of its chart.
    pub chart: Arc<str>,
    /// The dimension's id.
    pub id: Arc<str>,
    /// The dimension's name.
    pub name: Arc<str>,
    /// Its newest stored value, which may be later than the window; not a number without one.
    pub newest: f64,
    /// No stored point in the window is anything but zero.
    pub is_zero: bool,
}

/// The values of all rows, oldest row first.
#[derive(Debug)]
pub(super) enum Table {
    Stored(Vec<Packed>),
    Computed(Vec<f64>),
}

/// Values of an answer, row after row. Where rows are single stored points and nothing changes
/// them, they stay as they are stored, which is quicker to write and exact.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Stored numbers, empty where there is none.
    Stored(&'a [Packed]),
    /// Numbers, not a number where there is none.
    Computed(&'a [f64]),
}

/// How the values of a row become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combine {
    /// Their sum.
    #[default]
    Sum,
    /// The largest less the smallest, zero always being among them.
    MinToMax,
}

impl Answer {
    /// The rows, oldest first: the second, and a value per column.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = (i64, Values<'_>)> + ExactSizeIterator {
        let width = self.columns.len();
        let values = self.values();
        (0..self.window.points).map(move |row| (self.window.row_s(row), values.part(row * width, width)))
    }

    /// The values of all rows, oldest row first, one per column.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        match &self.table {
            Table::Stored(values) => Values::Stored(values),
            Table::Computed(values) => Values::Computed(values),
        }
    }
}

impl<'a> Values<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::Stored(values) => values.len(),
            Self::Computed(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// One of them; not a number where there is none.
    #[must_use]
    pub fn get(self, place: usize) -> f64 {
        match self {
            Self::Stored(values) => values.get(place).map_or(f64::NAN, |value| value.unpack()),
            Self::Computed(values) => values.get(place).copied().unwrap_or(f64::NAN),
        }
    }

    /// All of them.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + use<'a> {
        (0..self.len()).map(move |place| self.get(place))
    }

    /// Makes one value of those of a row; `None` where there is none at all.
    #[must_use]
    pub fn combine(self, how: Combine) -> Option<f64> {
        let mut present = self.iter().filter(|value| !value.is_nan()).peekable();
        present.peek()?;
        Some(match how {
            Combine::Sum => present.sum(),
            Combine::MinToMax => {
                let (least, most) = present.fold((0.0_f64, 0.0_f64), |(least, most), v| (least.min(v), most.max(v)));
                most - least
            }
        })
    }

    fn part(self, begin: usize, count: usize) -> Self {
        match self {
            Self::Stored(values) => Self::Stored(&values[begin..begin + count]),
            Self::Computed(values) => Self::Computed(&values[begin..begin + count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zero takes part in the distance, and nothing in neither.
    #[test]
    fn rows_become_one_value() {
        let none = f64::NAN;
        for (values, sum, distance) in [
            (&[][..], None, None),
            (&[none, none], None, None),
            (&[3.0, none, 5.0], Some(8.0), Some(5.0)),
            (&[-3.0, 5.0], Some(2.0), Some(8.0)),
            (&[-3.0], Some(-3.0), Some(3.0)),
        ] {
            let row = Values::Computed(values);
            assert_eq!((row.combine(Combine::Sum), row.combine(Combine::MinToMax)), (sum, distance), "{values:?}");
        }
    }
}
