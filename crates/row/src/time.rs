//! Time as an argument: the shell reads both clocks once per batch and passes them on.

/// Microseconds in a second.
pub const US_PER_S: i64 = 1_000_000;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock in microseconds since 1970 UTC. It dates rows, and may jump.
    pub wall_us: i64,
    /// The monotonic clock in microseconds since some fixed moment. It drives deadlines.
    pub mono_us: u64,
}

impl Now {
    /// The wall clock's whole seconds.
    #[must_use]
    pub const fn wall_s(self) -> i64 {
        self.wall_us.div_euclid(US_PER_S)
    }
}
