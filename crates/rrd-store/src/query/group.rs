//! Grouping: how the points of one row become one value.

/// A grouping method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Group {
    /// The mean.
    #[default]
    Average,
    /// The value with the smallest magnitude, with its sign.
    Min,
    /// The value with the largest magnitude, with its sign.
    Max,
    /// The sum.
    Sum,
}

impl Group {
    /// Reads the word of the API; any other word means average.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "min" => Self::Min,
            "max" => Self::Max,
            "sum" => Self::Sum,
            _ => Self::Average,
        }
    }

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
        }
    }

    pub(super) fn add(self, cell: &mut Cell, value: f64) {
        cell.value = match self {
            _ if cell.count == 0 => value,
            Self::Average | Self::Sum => cell.value + value,
            Self::Min if value.abs() < cell.value.abs() => value,
            Self::Max if value.abs() > cell.value.abs() => value,
            Self::Min | Self::Max => cell.value,
        };
        cell.count += 1;
    }

    pub(super) fn result(self, cell: &Cell) -> f64 {
        match self {
            _ if cell.count == 0 => f64::NAN,
            Self::Average => cell.value / f64::from(cell.count),
            Self::Min | Self::Max | Self::Sum => cell.value,
        }
    }
}

/// The points of one row and dimension so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    value: f64,
    count: u32,
}
