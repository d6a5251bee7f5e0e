//! The store: hosts, their charts, and the rows of each, newest in memory.
//!
//! Whoever has rows for a host claims its [`Feed`] and opens a [`Writer`]: one lock for all rows
//! of one read or one tick. The writer brings collected values to stored ones, puts each row into
//! the chart's ring and shows it to the host's [`Tap`]s; when it is dropped, readers are woken
//! once. Queries take a [`Snapshot`] under the lock and decode it outside.
//!
//! ```text
//! Store ─> Host ─> one Mutex ─> charts in slot order: clock, ring, dimensions (hot), texts (cold)
//!                               slabs: sealed blocks, immutable once full, shared with readers
//!                               taps: who is shown each row as it is written
//! ```
//!
//! Hosts are saved to a [`Disk`] at an orderly stop, or kept there as their rows come ([`Keeper`]). At
//! the next start they are known at once, and sleep until somebody asks for their charts. Charts,
//! dimensions and hosts that nobody collects any more leave memory ([`Life`]).
#![forbid(unsafe_code)]

mod ask;
#[doc(hidden)]
pub mod block;
mod chart;
mod collection;
mod disk;
mod feed;
mod figures;
mod files;
mod host;
mod intern;
mod late;
mod levels;
mod life;
mod names;
pub mod query;
mod ring;
mod slab;
mod slots;
mod snapshot;
mod store;
mod tap;
mod tier;
mod view;
mod writer;

pub use ask::{CALL_MAX_S, CALLS_MAX, Call, News, Notice, OnNews, OpenCall, PAYLOAD_BYTES_MAX, Payload, Reply, Wake};
pub use collection::Elapsed;
#[cfg(feature = "memory-disk")]
pub use disk::memory;
pub use disk::{Disk, DiskFile, RealDisk};
pub use feed::{Feed, FeedKind};
pub use figures::{Count, Figures, Level, Totals};
pub use files::{Damage, Keeper, Trouble, remove_hosts};
pub use host::{AlarmPolicy, Host, HostInfo, HostStatus, Keep, MemoryMode, Which};
pub use levels::{HELD_MAX, Heard, Held, Levels, Link, SaidAbove, SaidBelow};
pub use life::{Left, LeftHost, Life, Patience};
pub use snapshot::Snapshot;
pub use store::Store;
pub use tap::{Tap, TapId};
pub use tier::{TIER_BYTES_MIN, TIER_ROWS_MAX, TIER_STEP_S_MAX, TIER_STEP_S_MIN, TIERS_MAX, TierSettings};
pub use view::{ChartState, ChartView, DimensionState, HostView};
pub use writer::{DefineError, Writer};

/// Rows of a block: a minute of one-second rows.
pub const BLOCK_ROWS: u32 = 60;
/// Charts that one host may have.
pub const CHARTS_PER_HOST_MAX: usize = 100_000;
/// Dimensions that one chart may have; the wire numbers them with 16 bits.
pub const DIMENSIONS_PER_CHART_MAX: usize = 65_535;
/// Dimensions that one host may have.
pub const DIMENSIONS_PER_HOST_MAX: usize = 1_000_000;
/// Bytes of an id, a name or any other text of a definition.
pub const TEXT_BYTES_MAX: usize = 1_200;
/// Labels, and likewise variables, of one host or of one chart.
pub const LABELS_MAX: usize = 256;
/// Functions that one host may offer.
pub const FUNCTIONS_MAX: usize = 256;
/// Rows that are dated so many seconds ahead of this node's clock, or more, are counted: the clocks disagree.
pub const AHEAD_S: i64 = 5;
/// The longest update every: an hour.
pub const UPDATE_EVERY_MAX_S: u32 = 3_600;
