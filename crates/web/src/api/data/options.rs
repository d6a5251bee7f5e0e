//! The options of `data`: words that change how rows are shown.

use rrd_store::query::Options;

/// A set of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::api) struct DataOptions(u32);

impl DataOptions {
    /// Dimensions that are zero all the time are left out.
    pub(super) const NONZERO: Self = Self(1);
    /// Oldest row first.
    pub(super) const FLIP: Self = Self(2);
    /// The answer tells about itself.
    pub(super) const JSONWRAP: Self = Self(4);
    /// Times in milliseconds.
    pub(super) const MS: Self = Self(8);
    /// Values without their sign.
    pub(super) const ABSOLUTE: Self = Self(16);
    /// Zero in place of nothing.
    pub(super) const NULL2ZERO: Self = Self(32);
    /// Rows as objects.
    pub(super) const OBJECTROWS: Self = Self(64);
    /// Rows need not fall on multiples of their length.
    pub(super) const UNALIGNED: Self = Self(128);

    /// Percentages of all dimensions together.
    pub(in crate::api) const PERCENTAGE: Self = Self(256);
    /// Of the values of a row, the distance between the outer ones in place of the sum; of use
    /// only where a row is one value.
    pub(in crate::api) const MIN2MAX: Self = Self(512);
    /// Patterns are held against ids.
    pub(super) const MATCH_IDS: Self = Self(1_024);
    /// Patterns are held against names.
    pub(super) const MATCH_NAMES: Self = Self(2_048);
    /// Rows are made of stored points.
    pub(super) const NATURAL_POINTS: Self = Self(4_096);
    /// Rows are made of seconds.
    pub(super) const VIRTUAL_POINTS: Self = Self(8_192);

    /// Times as numbers where a format has dates.
    pub(super) const SECONDS: Self = Self(1 << 14);
    /// Formats of Google's charts as Google's scripts read them: keys without quotes, dates as objects.
    pub(super) const GOOGLE_JSON: Self = Self(1 << 15);
    /// The wrapper lists all dimensions, shown or not.
    pub(super) const ALL_DIMENSIONS: Self = Self(1 << 16);
    /// Values are told without their sign; of use only in pictures.
    pub(in crate::api) const DISPLAY_ABSOLUTE: Self = Self(1 << 17);
    /// Words that clients may say, and that change nothing here: values are never anomalous.
    const ANOMALY_BIT: Self = Self(1 << 18);
    const SELECTED_TIER: Self = Self(1 << 19);
    const RAW: Self = Self(1 << 20);
    const ANOMALY_RATES: Self = Self(1 << 21);

    /// The words of the API; the first of an option is the one to tell.
    /// In the order in which they are told.
    const WORDS: [(&str, Self); 35] = [
        ("nonzero", Self::NONZERO),
        ("flip", Self::FLIP),
        ("reversed", Self::FLIP),
        ("reverse", Self::FLIP),
        ("jsonwrap", Self::JSONWRAP),
        ("min2max", Self::MIN2MAX),
        ("ms", Self::MS),
        ("milliseconds", Self::MS),
        ("absolute", Self::ABSOLUTE),
        ("abs", Self::ABSOLUTE),
        ("absolute_sum", Self::ABSOLUTE),
        ("absolute-sum", Self::ABSOLUTE),
        ("display_absolute", Self::DISPLAY_ABSOLUTE),
        ("display-absolute", Self::DISPLAY_ABSOLUTE),
        ("seconds", Self::SECONDS),
        ("null2zero", Self::NULL2ZERO),
        ("objectrows", Self::OBJECTROWS),
        ("google_json", Self::GOOGLE_JSON),
        ("google-json", Self::GOOGLE_JSON),
        ("percentage", Self::PERCENTAGE),
        ("unaligned", Self::UNALIGNED),
        ("match_ids", Self::MATCH_IDS),
        ("match-ids", Self::MATCH_IDS),
        ("match_names", Self::MATCH_NAMES),
        ("match-names", Self::MATCH_NAMES),
        ("anomaly-bit", Self::ANOMALY_BIT),
        ("selected-tier", Self::SELECTED_TIER),
        ("raw", Self::RAW),
        ("jw-anomaly-rates", Self::ANOMALY_RATES),
        ("natural-points", Self::NATURAL_POINTS),
        ("virtual-points", Self::VIRTUAL_POINTS),
        ("all-dimensions", Self::ALL_DIMENSIONS),
        ("all_dimensions", Self::ALL_DIMENSIONS),
        ("show_dimensions", Self::ALL_DIMENSIONS),
        ("show-dimensions", Self::ALL_DIMENSIONS),
    ];

    /// Reads lists of words; unknown ones mean nothing.
    pub(in crate::api) fn read<'a>(lists: impl Iterator<Item = &'a str>) -> Self {
        let words = lists.flat_map(|list| list.split([',', '|', ' ']));
        let known = words.filter_map(|word| Self::WORDS.iter().find(|(known, _)| *known == word));
        Self(known.fold(0, |bits, (_, option)| bits | option.0))
    }

    pub(in crate::api) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The same, and what rows are made of.
    pub(super) const fn with_grid(self, natural: bool) -> Self {
        let neither = self.0 & !(Self::NATURAL_POINTS.0 | Self::VIRTUAL_POINTS.0);
        Self(neither | if natural { Self::NATURAL_POINTS.0 } else { Self::VIRTUAL_POINTS.0 })
    }

    /// What the store has to do.
    pub(super) const fn of_query(self) -> Options {
        Options {
            absolute: self.has(Self::ABSOLUTE),
            percentage: self.has(Self::PERCENTAGE),
            null2zero: self.has(Self::NULL2ZERO),
        }
    }

    /// The words of what is set.
    pub(super) fn words(self) -> Vec<&'static str> {
        let mut told = Self(0);
        let mut words = Vec::new();
        for (word, option) in Self::WORDS {
            if self.has(option) && !told.has(option) {
                told.0 |= option.0;
                words.push(word);
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All separators, other spellings, unknown words.
    #[test]
    fn words_are_read_from_any_list() {
        let options = DataOptions::read(["ms|flip,nonsense abs", "", "reversed"].into_iter());
        assert_eq!(options.words(), ["flip", "ms", "absolute"]);
        assert_eq!(DataOptions::read(std::iter::empty()), DataOptions(0));
    }
}
