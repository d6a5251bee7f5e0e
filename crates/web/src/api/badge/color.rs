//! Colours of badges: by name or number, and chosen by the value that is shown.

use std::fmt;

/// A colour, of three bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Color(u32);

const NAMES: [(&str, u32); 12] = [
    ("brightgreen", 0x44cc11),
    ("green", 0x97ca00),
    ("yellow", 0xdfb317),
    ("yellowgreen", 0xa4a61d),
    ("orange", 0xfe7d37),
    ("red", 0xe05d44),
    ("blue", 0x007ec6),
    ("grey", 0x555555),
    ("gray", 0x555555),
    ("lightgrey", 0x9f9f9f),
    ("lightgray", 0x9f9f9f),
    ("white", 0xffffff),
];

/// What a value must be for a colour to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Above,
    AtLeast,
    Below,
    AtMost,
    Same,
    Other,
}

/// Longer spellings first. Some stand in for characters that are awkward in a URL.
const OPERATORS: [(&str, Operator); 13] = [
    ("!=", Operator::Other),
    ("<>", Operator::Other),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("}=", Operator::AtLeast),
    ("{=", Operator::AtMost),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("}", Operator::Above),
    ("{", Operator::Below),
    ("(", Operator::Below),
    (")", Operator::Above),
    ("!", Operator::Other),
];
const SAME: [char; 2] = ['=', ':'];

impl Color {
    /// A colour as `0xRRGGBB`.
    pub(super) const fn named(rgb: u32) -> Self {
        Self(rgb)
    }

    /// A name, or three or six hexadecimal digits; grey for anything else.
    pub(super) fn parse(text: &str) -> Self {
        if let Some((_, rgb)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Self(*rgb);
        }
        let number = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = number.and_then(|text| Some((text.len(), u32::from_str_radix(text, 16).ok()?)));
        match number {
            Some((3, short)) => Self((short >> 8) * 0x11_0000 + (short >> 4 & 15) * 0x11_00 + (short & 15) * 0x11),
            Some((6, rgb)) => Self(rgb),
            _ => Self(0x555555),
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

/// The colour for a value from a list such as `red>90|orange>=70|blue:null|green`: the first whose
/// condition holds. `value` is not a number where there is none.
pub(super) fn choose(list: &str, value: f64) -> Color {
    let fitting = list.split('|').find_map(|entry| {
        let (name, condition) = split(entry.trim());
        let fits = condition.is_none_or(|(operator, limit)| operator.holds(value, limit));
        fits.then(|| Color::parse(name))
    });
    fitting.unwrap_or(Color::parse(""))
}

/// The colour of an entry, and its condition if it has one.
fn split(entry: &str) -> (&str, Option<(Operator, f64)>) {
    let Some(at) = entry.find(|character| SAME.contains(&character) || "<>{}()!".contains(character)) else {
        return (entry, None);
    };
    let (name, rest) = entry.split_at(at);
    let known = OPERATORS.iter().find_map(|(word, operator)| Some((*operator, rest.strip_prefix(word)?)));
    let (operator, limit) = known.unwrap_or((Operator::Same, rest.trim_start_matches(SAME)));
    (name.trim(), Some((operator, number(limit.trim()))))
}

/// A limit; not a number where none is meant.
fn number(text: &str) -> f64 {
    let end = text.find(|character: char| !(character.is_ascii_digit() || ".-+".contains(character)));
    match text {
        "" | "null" | "nan" => f64::NAN,
        text => text[..end.unwrap_or(text.len())].parse().unwrap_or(0.0),
    }
}

impl Operator {
    fn holds(self, value: f64, limit: f64) -> bool {
        let are_same = value == limit || (value.is_nan() && limit.is_nan());
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit || (are_same && !value.is_nan()),
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Same => are_same,
            Self::Other => !are_same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every way to write a condition chooses the colour that it means.
    #[test]
    fn the_first_that_fits() {
        let nan = f64::NAN;
        for (list, value, color) in [
            ("red>90|orange>=70|green", 91.0, "red"),
            ("red>90|orange>=70|green", 90.0, "orange"),
            ("red>90|orange>=70|green", 69.9, "green"),
            ("red}90|orange}=70|green", 70.0, "orange"),
            ("red{5|green", 4.0, "red"),
            ("red(5|green)5|blue", 6.0, "green"),
            ("red<=-1.5|green", -1.5, "red"),
            ("red{=5|green", 5.0, "red"),
            ("red=0|green!=1|blue", 0.0, "red"),
            ("red:0|green<>1|blue", 1.0, "blue"),
            ("red!5|blue", 5.0, "blue"),
            ("blue:null|red>90|grey", nan, "blue"),
            ("green!null|red", nan, "red"),
            ("green!null|red", 1.0, "green"),
            ("red>5", 1.0, "grey"),
            ("", 1.0, "grey"),
            (" red > 5 | blue ", 6.0, "red"),
            ("red>9x|blue", 10.0, "red"),
            ("abc", 1.0, "abc"),
        ] {
            assert_eq!(choose(list, value), Color::parse(color), "{list} of {value}");
        }
    }

    /// Goal: names and numbers are colours, all else is grey and never part of the picture.
    #[test]
    fn colors() {
        for (text, shown) in [
            ("blue", "#007ec6"),
            ("abc", "#aabbcc"),
            ("0Fe12d", "#0fe12d"),
            ("abcd", "#555555"),
            ("\"><script>", "#555555"),
            ("+1234f", "#555555"),
        ] {
            assert_eq!(Color::parse(text).to_string(), shown, "{text}");
        }
    }
}
