//! Groups: the ways in which the points of one row become one value, and their words.

/// A way to make one value of a row's points. Points without a value do not take part; where there
/// is none at all, there is no value.
///
/// Some take an argument, a text beside them: see [`Group::from_word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Group {
    /// The mean; with `gtime`, the sum per that time.
    #[default]
    Average,
    /// The sum.
    Sum,
    /// The value with the smallest magnitude, with its sign.
    Min,
    /// The value with the largest magnitude, with its sign.
    Max,
    /// The middle one of the sorted values, or the mean of the two in the middle.
    Median,
    /// The median of what is left when so many percent of the range, 0 to 50, are cut off at both
    /// ends. The argument replaces the number.
    TrimmedMedian(u8),
    /// The mean of what is left when so many percent of the values, 0 to 50, are cut off at both
    /// ends. The argument replaces the number.
    TrimmedMean(u8),
    /// The mean of the lowest so many percent of the values, or of the highest, if any is negative.
    /// The argument replaces the number.
    Percentile(u8),
    /// The standard deviation of the sample.
    Stddev,
    /// The standard deviation as a percentage of the mean's magnitude; none where that is zero.
    Cv,
    /// The last value less the first.
    IncrementalSum,
    /// Exponential smoothing, which goes on from row to row.
    Ses,
    /// Double exponential smoothing, which goes on from row to row.
    Des,
    /// The percentage of values that meet the argument, such as `>=5` or `!=0`; `=0` without one.
    CountIf,
}

impl Group {
    /// The words of the API; the first of a group is the one to tell.
    const WORDS: [(&str, Self); 46] = [
        ("average", Self::Average),
        ("mean", Self::Average),
        ("avg", Self::Average),
        ("sum", Self::Sum),
        ("min", Self::Min),
        ("max", Self::Max),
        ("median", Self::Median),
        ("trimmed-median1", Self::TrimmedMedian(1)),
        ("trimmed-median2", Self::TrimmedMedian(2)),
        ("trimmed-median3", Self::TrimmedMedian(3)),
        ("trimmed-median5", Self::TrimmedMedian(5)),
        ("trimmed-median10", Self::TrimmedMedian(10)),
        ("trimmed-median15", Self::TrimmedMedian(15)),
        ("trimmed-median20", Self::TrimmedMedian(20)),
        ("trimmed-median25", Self::TrimmedMedian(25)),
        ("trimmed-median", Self::TrimmedMedian(5)),
        ("trimmed-mean1", Self::TrimmedMean(1)),
        ("trimmed-mean2", Self::TrimmedMean(2)),
        ("trimmed-mean3", Self::TrimmedMean(3)),
        ("trimmed-mean5", Self::TrimmedMean(5)),
        ("trimmed-mean10", Self::TrimmedMean(10)),
        ("trimmed-mean15", Self::TrimmedMean(15)),
        ("trimmed-mean20", Self::TrimmedMean(20)),
        ("trimmed-mean25", Self::TrimmedMean(25)),
        ("trimmed-mean", Self::TrimmedMean(5)),
        ("percentile25", Self::Percentile(25)),
        ("percentile50", Self::Percentile(50)),
        ("percentile75", Self::Percentile(75)),
        ("percentile80", Self::Percentile(80)),
        ("percentile90", Self::Percentile(90)),
        ("percentile95", Self::Percentile(95)),
        ("percentile97", Self::Percentile(97)),
        ("percentile98", Self::Percentile(98)),
        ("percentile99", Self::Percentile(99)),
        ("percentile", Self::Percentile(95)),
        ("stddev", Self::Stddev),
        ("cv", Self::Cv),
        ("rsd", Self::Cv),
        ("coefficient-of-variation", Self::Cv),
        ("incremental_sum", Self::IncrementalSum),
        ("incremental-sum", Self::IncrementalSum),
        ("ses", Self::Ses),
        ("ema", Self::Ses),
        ("ewma", Self::Ses),
        ("des", Self::Des),
        ("countif", Self::CountIf),
    ];

    /// Reads the word of the API; any other word means average.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::of_word(word).unwrap_or(Self::Average)
    }

    /// The group of a word of the API.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, group)| *group)
    }

    /// The word of the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        let known = |group: Self| Self::WORDS.iter().find(|(_, known)| *known == group).map(|(word, _)| *word);
        known(self).unwrap_or(match self {
            Self::TrimmedMedian(_) => "trimmed-median",
            Self::TrimmedMean(_) => "trimmed-mean",
            _ => "percentile",
        })
    }

    /// Whether a row of one point has the point's value.
    pub(super) fn keeps_single_points(self) -> bool {
        use Group::{Average, Max, Median, Min, Percentile, Sum, TrimmedMean, TrimmedMedian};
        matches!(self, Average | Sum | Min | Max | Median | TrimmedMedian(_) | TrimmedMean(_) | Percentile(_))
    }
}

/// What values are compared with, for [`Group::CountIf`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Condition {
    pub(super) is: Comparison,
    pub(super) than: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Reads a sign and a number. No sign means equal, no number zero.
    pub(super) fn read(text: &str) -> Self {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let text = text.trim_start();
        let signs = [
            (">=", GreaterOrEqual),
            ("<=", LessOrEqual),
            ("<>", NotEqual),
            ("!=", NotEqual),
            ("==", Equal),
            (">", Greater),
            ("<", Less),
            ("!", NotEqual),
            ("=", Equal),
            (":", Equal),
        ];
        let found = signs.iter().find_map(|(sign, is)| text.strip_prefix(sign).map(|rest| (*is, rest)));
        let (is, rest) = found.unwrap_or((Equal, text));
        Self { is, than: leading_number(rest).unwrap_or(0.0) }
    }

    pub(super) fn holds(self, value: f64) -> bool {
        match self.is {
            Comparison::Equal => value == self.than,
            Comparison::NotEqual => value != self.than,
            Comparison::Less => value < self.than,
            Comparison::LessOrEqual => value <= self.than,
            Comparison::Greater => value > self.than,
            Comparison::GreaterOrEqual => value >= self.than,
        }
    }
}

/// The share, 0 to 1, that an argument or else the group's own number of percent means.
pub(super) fn share(argument: &str, own: u8, percent_max: f64) -> f64 {
    leading_number(argument).unwrap_or(f64::from(own)).clamp(0.0, percent_max) / 100.0
}

/// The finite number that a text begins with.
fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let is_part = |(at, byte): (usize, u8)| byte.is_ascii_digit() || byte == b'.' || (at == 0 && b"+-".contains(&byte));
    let end = text.bytes().enumerate().take_while(|&part| is_part(part)).count();
    text[..end].parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word means its group and is told by the first word of the group.
    #[test]
    fn words_are_read_and_told() {
        for (word, group, told) in [
            ("average", Group::Average, "average"),
            ("mean", Group::Average, "average"),
            ("avg", Group::Average, "average"),
            ("", Group::Average, "average"),
            ("AVERAGE", Group::Average, "average"),
            ("nonsense", Group::Average, "average"),
            ("percentile42", Group::Average, "average"),
            ("sum", Group::Sum, "sum"),
            ("trimmed-median", Group::TrimmedMedian(5), "trimmed-median5"),
            ("trimmed-mean25", Group::TrimmedMean(25), "trimmed-mean25"),
            ("percentile", Group::Percentile(95), "percentile95"),
            ("percentile50", Group::Percentile(50), "percentile50"),
            ("rsd", Group::Cv, "cv"),
            ("incremental-sum", Group::IncrementalSum, "incremental_sum"),
            ("ewma", Group::Ses, "ses"),
            ("des", Group::Des, "des"),
            ("countif", Group::CountIf, "countif"),
        ] {
            assert_eq!((Group::from_word(word), group.word()), (group, told), "{word}");
        }
        assert_eq!(Group::Percentile(42).word(), "percentile");
    }

    #[test]
    fn conditions_are_read_leniently() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        for (text, is, than) in [
            (">5", Greater, 5.0),
            (">=5", GreaterOrEqual, 5.0),
            ("<-1.5", Less, -1.5),
            ("<=.5", LessOrEqual, 0.5),
            ("=3", Equal, 3.0),
            ("==3", Equal, 3.0),
            (":3", Equal, 3.0),
            ("!3", NotEqual, 3.0),
            ("!=3", NotEqual, 3.0),
            ("<>3", NotEqual, 3.0),
            (" > 3 apples", Greater, 3.0),
            ("7", Equal, 7.0),
            ("", Equal, 0.0),
            (">", Greater, 0.0),
            (">nan", Greater, 0.0),
            (">1-2", Greater, 1.0),
            (">ä", Greater, 0.0),
        ] {
            assert_eq!(Condition::read(text), Condition { is, than }, "{text}");
        }
    }

    #[test]
    fn arguments_replace_the_percentage() {
        for (argument, expected) in [("", 0.05), ("20", 0.2), ("99", 0.5), ("-3", 0.0), ("2.5%", 0.025), ("x", 0.05)] {
            assert_eq!(share(argument, 5, 50.0), expected, "{argument}");
        }
    }
}
