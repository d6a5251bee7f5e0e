//! The line `lookup`: a query over the database whose result is one number.

use patterns::SimplePattern;
use rrd_store::query::Group;

use super::delay::seconds;
use super::duration::parse_duration;
use super::lines::shown;

/// How the values of dimensions become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combine {
    /// Added up.
    #[default]
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The largest less the smallest.
    Range,
}

/// What a pattern over dimensions is held against.
pub use rrd_store::query::MatchBy;

/// A query over the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// How the points of a dimension become one value.
    pub group: Group,
    /// The argument of the group; may be empty.
    pub group_options: String,
    /// How long the time range is, in seconds; 0 is one point.
    pub length_s: u32,
    /// How far its end lies back, in seconds.
    pub back_s: u32,
    /// How often it is asked, where the line says so.
    pub every_s: Option<u32>,
    /// How dimensions are combined.
    pub combine: Combine,
    /// What patterns are held against.
    pub match_by: MatchBy,
    /// Values lose their sign before.
    pub absolute: bool,
    /// Values become percentages of all dimensions' sum before.
    pub percentage: bool,
    /// No value counts as zero.
    pub null2zero: bool,
    /// The range ends now, and not at a whole multiple of its length.
    pub unaligned: bool,
    /// Asks how many points were odd; nothing here counts them, so the answer is zero.
    pub anomaly_bit: bool,
    /// Which dimensions; `None` for all that are not hidden.
    pub dimensions: Option<Words>,
    /// One alarm per dimension that matches.
    pub foreach: Option<Words>,
    /// The options by their words, as the line has them.
    pub options: String,
}

/// A list of names, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// As it was written.
    pub text: String,
    /// What it matches.
    pub pattern: SimplePattern,
}

impl Words {
    fn new(text: &str, separators: &[char]) -> Option<Self> {
        let is_all = text.eq_ignore_ascii_case("all") || text.is_empty();
        (!is_all).then(|| Self { text: text.into(), pattern: SimplePattern::with_separators(text, separators) })
    }
}

impl Lookup {
    /// Reads `METHOD[(OPTIONS)] AFTER [at BEFORE] [every DURATION] [OPTION ...] [of DIMENSIONS] [foreach DIMENSIONS]`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (group, group_options, rest) = method(text)?;
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        let after = words.next().ok_or_else(|| "expected a duration after the method".to_owned())?;
        let mut lookup = Self {
            group,
            group_options,
            length_s: past(parse_duration(after)?),
            back_s: 0,
            every_s: None,
            combine: Combine::Sum,
            match_by: MatchBy::IdOrName,
            absolute: false,
            percentage: false,
            null2zero: false,
            unaligned: false,
            anomaly_bit: false,
            dimensions: None,
            foreach: None,
            options: String::new(),
        };
        while let Some(word) = words.next() {
            let word = word.to_lowercase();
            match &*word {
                "at" | "every" => {
                    let value = words.next().ok_or_else(|| format!("expected a duration after \"{word}\""))?;
                    if word == "at" {
                        lookup.back_s = past(parse_duration(value)?);
                    } else {
                        lookup.every_s = Some(seconds(value)?);
                    }
                }
                // What remains is a list of names, which may hold blanks.
                "of" | "foreach" => {
                    lookup.names(&word, &words.collect::<Vec<_>>().join(" "));
                    break;
                }
                _ => lookup.option(&word)?,
            }
        }
        Ok(lookup)
    }

    fn names(&mut self, keyword: &str, rest: &str) {
        let (of, foreach) = match (keyword, rest.split_once(" foreach ")) {
            ("foreach", _) => ("", Some(rest)),
            (_, Some((of, foreach))) => (of, Some(foreach)),
            _ => (rest, None),
        };
        self.dimensions = Words::new(of, &[',', '|', '\t']);
        self.foreach = foreach.map(|text| Words {
            text: text.into(),
            pattern: SimplePattern::with_separators(text, &[' ', ',', '|', '\t']),
        });
    }

    fn option(&mut self, word: &str) -> Result<(), String> {
        match word {
            "absolute" | "abs" | "absolute_sum" | "absolute-sum" => self.absolute = true,
            "percentage" => self.percentage = true,
            "null2zero" => self.null2zero = true,
            "unaligned" => self.unaligned = true,
            "anomaly-bit" => self.anomaly_bit = true,
            "match-ids" | "match_ids" => self.match_by = MatchBy::Id,
            "match-names" | "match_names" => self.match_by = MatchBy::Name,
            "min2max" => self.combine = Combine::Range,
            "sum" => self.combine = Combine::Sum,
            "average" => self.combine = Combine::Average,
            "min" => self.combine = Combine::Min,
            "max" => self.combine = Combine::Max,
            _ => return Err(format!("expected an option of a lookup, found \"{}\"", shown(word))),
        }
        if !self.options.is_empty() {
            self.options.push(' ');
        }
        self.options.push_str(word);
        Ok(())
    }
}

/// The method, its argument, and what follows.
fn method(text: &str) -> Result<(Group, String, &str), String> {
    let end = text.find([' ', '(']).unwrap_or(text.len());
    let (word, mut rest) = text.split_at(end);
    let mut options = String::new();
    if let Some(within) = rest.strip_prefix('(') {
        let (argument, after) =
            within.split_once(')').ok_or_else(|| "expected \")\" after the method's argument".to_owned())?;
        options = argument.split(' ').collect();
        rest = after;
    }
    let lower = word.to_lowercase();
    // An old name.
    let known = if lower == "variance" { "stddev" } else { &*lower };
    let group = Group::of_word(known)
        .ok_or_else(|| format!("expected a method such as average, sum, min or max, found \"{}\"", shown(word)))?;
    Ok((group, options, rest))
}

/// Whatever its sign, a duration is one into the past.
fn past(seconds: i64) -> u32 {
    u32::try_from(seconds.unsigned_abs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lookups of both generations.
    #[test]
    fn lookups() {
        let lookup = Lookup::parse("average -10m unaligned of user,system").unwrap();
        assert_eq!((lookup.group, lookup.length_s, lookup.unaligned), (Group::Average, 600, true));
        let dimensions = lookup.dimensions.unwrap();
        assert!(dimensions.pattern.matches("system") && !dimensions.pattern.matches("idle"));

        let lookup =
            Lookup::parse("max -1h at -10m every 1m absolute percentage match-names of stale disconnected|a b")
                .unwrap();
        assert_eq!((lookup.back_s, lookup.every_s, lookup.match_by), (600, Some(60), MatchBy::Name));
        assert!(lookup.absolute && lookup.percentage && lookup.foreach.is_none());
        assert_eq!(lookup.options, "absolute percentage match-names");
        assert!(lookup.dimensions.unwrap().pattern.matches("stale disconnected"));

        let lookup = Lookup::parse("sum -5m of all foreach sent,received").unwrap();
        assert!(lookup.dimensions.is_none() && lookup.foreach.unwrap().pattern.matches("received"));
        let lookup = Lookup::parse("sum -5m foreach *").unwrap();
        assert_eq!(lookup.foreach.unwrap().text, "*");

        let lookup = Lookup::parse("countif(>= 10) -5m min of x").unwrap();
        assert_eq!((&*lookup.group_options, lookup.combine), (">=10", Combine::Min));
        assert_eq!(Lookup::parse("AVERAGE 10s min2max").unwrap().combine, Combine::Range);
        for text in
            ["", "average", "medium -5m", "average soon", "average -5m at", "average -5m sideways", "countif(>5 -5m"]
        {
            assert!(Lookup::parse(text).is_err(), "{text}");
        }
    }
}
