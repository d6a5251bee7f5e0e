//! What a chart, a dimension and a row are, and the packed number that a stored value is.
//!
//! Everything that speaks of metrics speaks these words: `protocol` reads and writes them as
//! bytes, `rrd-store` keeps them. The crate knows no socket, no clock and no file, and holds no
//! state: definitions are borrowed texts, a [`Row`] borrows the writer's scratch space.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod alarm;
mod definition;
mod guid;
mod packed;
pub mod text;
mod time;

pub use alarm::{AlarmWord, Told};
pub use definition::{
    Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, FunctionDefinition,
    Label,
};
pub use guid::{Guid, InvalidGuid};
pub use packed::{Packed, PointFlags};
pub use time::{Now, US_PER_S, write_time};

/// The place of a chart in its host, counted from 0 in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChartSlot(pub u32);

/// The place of a dimension in its chart, counted from 0 in the order of creation.
pub type DimensionIndex = u32;

/// One dimension's part of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The integer that was read last, before algorithm, multiplier and divisor.
    pub collected: i64,
    /// What is stored; [`Packed::EMPTY`] where there is nothing.
    pub value: Packed,
    /// Whether this row brings a collected value for the dimension.
    pub updated: bool,
}

impl Sample {
    /// A dimension that the row does not mention.
    pub const ABSENT: Self = Self { collected: 0, value: Packed::EMPTY, updated: false };
}

/// One chart at one second.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The chart.
    pub chart: ChartSlot,
    /// The second that the row is stored at, a multiple of update every; `None` for a collection
    /// that reached no new second (the first of a chart, or a second one within a second).
    pub time_s: Option<i64>,
    /// Microseconds since the chart's previous collection, on the row that ends a collection;
    /// `None` on rows that interpolation put before it. A stream of the v1 form carries only the
    /// rows that have it, one of the v2 form only those that have a time.
    pub elapsed_us: Option<u64>,
    /// One sample per dimension, in the order of the chart's dimensions.
    pub samples: &'a [Sample],
}
