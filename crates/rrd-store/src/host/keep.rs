//! How a host's rows are kept.

/// How a host's rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryMode {
    /// Not at all, but for what retransmission needs.
    None,
    /// In memory.
    Ram,
    /// In memory, saved at an orderly stop and loaded at the next start.
    Save,
    /// On the disk as they come, loaded at the next start, however this run ends.
    Map,
}

impl MemoryMode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::None, Self::Ram, Self::Save, Self::Map];

    /// The word of the settings and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ram => "ram",
            Self::Save => "save",
            Self::Map => "map",
        }
    }

    /// Reads the word of the settings and the API.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

/// How, and how many rows per chart, a host keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The memory mode.
    pub mode: MemoryMode,
    /// Rows per chart: the history, or the spool where the mode is `none`.
    pub history_rows: u32,
    /// Rows go to the disk as they come: mode `map`, or a spool that is to survive a kill.
    pub on_disk: bool,
}

impl Keep {
    /// Keeps so many rows as a memory mode says.
    #[must_use]
    pub const fn new(mode: MemoryMode, history_rows: u32) -> Self {
        Self { mode, history_rows, on_disk: matches!(mode, MemoryMode::Map) }
    }
}

/// How a host is watched for alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlarmPolicy {
    /// Whether it is; `None`: while somebody streams it.
    pub enabled: Option<bool>,
    /// Seconds after it connected in which nothing is evaluated.
    pub postpone_s: u32,
}

/// Picks hosts by how they are kept.
pub type Which = fn(Keep) -> bool;
