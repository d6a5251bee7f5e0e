//! Definitions: what a chart and its dimensions are called and how their values are made.

/// How a collected value becomes a stored one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Algorithm {
    /// The value itself, times multiplier, by divisor.
    #[default]
    Absolute,
    /// The rate per second of a growing counter, times multiplier, by divisor.
    Incremental,
    /// The value in percent of the row's sum.
    PercentageOfAbsoluteRow,
    /// The increase in percent of the row's increase.
    PercentageOfIncrementalRow,
}

impl Algorithm {
    /// Reads the word of the wire; any other word means absolute.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Self {
        match word {
            b"incremental" => Self::Incremental,
            b"percentage-of-absolute-row" => Self::PercentageOfAbsoluteRow,
            b"percentage-of-incremental-row" => Self::PercentageOfIncrementalRow,
            _ => Self::Absolute,
        }
    }

    /// The word of the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Absolute => "absolute",
            Self::Incremental => "incremental",
            Self::PercentageOfAbsoluteRow => "percentage-of-absolute-row",
            Self::PercentageOfIncrementalRow => "percentage-of-incremental-row",
        }
    }
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum ChartType {
    /// One line per dimension.
    #[default]
    Line,
    /// One area per dimension, each from zero.
    Area,
    /// Areas on top of one another.
    Stacked,
    /// Colours by value.
    Heatmap,
}

impl ChartType {
    /// Reads the word of the wire; any other word means line.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Self {
        match word {
            b"area" => Self::Area,
            b"stacked" => Self::Stacked,
            b"heatmap" => Self::Heatmap,
            _ => Self::Line,
        }
    }

    /// The word of the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Area => "area",
            Self::Stacked => "stacked",
            Self::Heatmap => "heatmap",
        }
    }
}

/// Options of a chart, a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChartOptions(pub u8);

impl ChartOptions {
    /// Its collection stopped.
    pub const OBSOLETE: Self = Self(1);
    /// A detail, not of first interest.
    pub const DETAIL: Self = Self(2);
    /// The first collection is stored, too.
    pub const STORE_FIRST: Self = Self(4);
    /// Not listed.
    pub const HIDDEN: Self = Self(8);

    /// Reads the words of the wire by substring, as peers do.
    #[must_use]
    pub fn from_words(words: &[u8]) -> Self {
        let mut options = 0;
        for (bit, word) in Self::WORDS {
            if contains(words, word.as_bytes()) {
                options |= bit.0;
            }
        }
        Self(options)
    }

    /// The options with their words, in the order of the wire.
    pub const WORDS: [(Self, &'static str); 4] = [
        (Self::OBSOLETE, "obsolete"),
        (Self::DETAIL, "detail"),
        (Self::STORE_FIRST, "store_first"),
        (Self::HIDDEN, "hidden"),
    ];

    /// Whether all options of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These options and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Options of a dimension, a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DimensionOptions(pub u8);

impl DimensionOptions {
    /// Its collection stopped.
    pub const OBSOLETE: Self = Self(1);
    /// Not shown unless asked for by name; it counts in percentages.
    pub const HIDDEN: Self = Self(2);
    /// A counter that goes backwards marks no reset.
    pub const NO_RESET: Self = Self(4);

    /// Reads the words of the wire by substring, as peers do.
    #[must_use]
    pub fn from_words(words: &[u8]) -> Self {
        let mut options = 0;
        for (bit, word) in Self::WORDS {
            if contains(words, word.as_bytes()) {
                options |= bit.0;
            }
        }
        if contains(words, b"nooverflow") {
            options |= Self::NO_RESET.0;
        }
        Self(options)
    }

    /// The options with their words, in the order of the wire.
    pub const WORDS: [(Self, &'static str); 3] =
        [(Self::OBSOLETE, "obsolete"), (Self::HIDDEN, "hidden"), (Self::NO_RESET, "noreset")];

    /// Whether all options of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A chart as its source announces it. Texts may be any bytes that are UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ChartDefinition<'a> {
    /// `type.rest`, the identity within the host.
    pub id: &'a str,
    /// `type.name`, or empty where it is the id.
    pub name: &'a str,
    /// What it shows, for people.
    pub title: &'a str,
    /// The units of all its dimensions.
    pub units: &'a str,
    /// The group that it is shown in.
    pub family: &'a str,
    /// What kind of chart it is, the same on all hosts; empty means the id.
    pub context: &'a str,
    /// How it is drawn.
    pub chart_type: ChartType,
    /// Where it is shown: lower comes first.
    pub priority: i32,
    /// Seconds between rows, from 1.
    pub update_every_s: u32,
    /// Options.
    pub options: ChartOptions,
    /// The plugin that collects it.
    pub plugin: &'a str,
    /// The module of the plugin.
    pub module: &'a str,
}

/// A dimension as its source announces it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DimensionDefinition<'a> {
    /// The identity within the chart.
    pub id: &'a str,
    /// For people; empty means the id.
    pub name: &'a str,
    /// How collected values become stored ones.
    pub algorithm: Algorithm,
    /// Collected values are multiplied by it; never 0.
    pub multiplier: i32,
    /// and divided by it; never 0.
    pub divisor: i32,
    /// Options.
    pub options: DimensionOptions,
}

impl Default for DimensionDefinition<'_> {
    fn default() -> Self {
        Self {
            id: "",
            name: "",
            algorithm: Algorithm::Absolute,
            multiplier: 1,
            divisor: 1,
            options: DimensionOptions::default(),
        }
    }
}

/// A function that a host offers: something that it does, and answers with a table, when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionDefinition<'a> {
    /// Its name.
    pub name: &'a str,
    /// Seconds that a call may take, from 1.
    pub timeout_s: i64,
    /// What it does, for people.
    pub help: &'a str,
    /// What it is about, a word or two; empty where older agents do not tell.
    pub tags: &'a str,
    /// Who may call it, in the words of the agent; empty where older agents do not tell.
    pub access: &'a str,
    /// Where it is shown: lower comes first.
    pub priority: i32,
    /// Its version.
    pub version: i32,
}

/// A label of a host or of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
    /// Where it comes from, a set of bits: 1 automatic, 2 configured, 4 Kubernetes, 8 cloud.
    pub source: u32,
}

impl Label<'_> {
    /// The program found the label itself.
    pub const AUTOMATIC: u32 = 1;
    /// A person set the label.
    pub const CONFIGURED: u32 = 2;
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_as_substrings() {
        assert_eq!(ChartOptions::from_words(b"   "), ChartOptions(0));
        assert!(ChartOptions::from_words(b"obsolete detail ").has(ChartOptions::OBSOLETE.with(ChartOptions::DETAIL)));
        assert!(DimensionOptions::from_words(b" hidden  type=int").has(DimensionOptions::HIDDEN));
        assert!(DimensionOptions::from_words(b"nooverflow").has(DimensionOptions::NO_RESET));
    }

    #[test]
    fn words_round_trip() {
        for algorithm in [
            Algorithm::Absolute,
            Algorithm::Incremental,
            Algorithm::PercentageOfAbsoluteRow,
            Algorithm::PercentageOfIncrementalRow,
        ] {
            assert_eq!(Algorithm::from_word(algorithm.word().as_bytes()), algorithm);
        }
        assert_eq!(Algorithm::from_word(b"nonsense"), Algorithm::Absolute);
        for kind in [ChartType::Line, ChartType::Area, ChartType::Stacked, ChartType::Heatmap] {
            assert_eq!(ChartType::from_word(kind.word().as_bytes()), kind);
        }
    }
}
