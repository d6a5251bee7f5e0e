//! What is told of a dimension.

/// Which values of a dimension are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// The newest collected value.
    AsCollected,
    /// The average of the stored values since it was told last.
    #[default]
    Average,
    /// Their sum.
    Sum,
}

impl Source {
    /// Reads the word of settings and URLs.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "as collected" | "as-collected" | "as_collected" | "ascollected" | "raw" => Some(Self::AsCollected),
            "average" => Some(Self::Average),
            "sum" | "volume" => Some(Self::Sum),
            _ => None,
        }
    }
}
