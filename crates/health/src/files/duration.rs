//! Durations, as alarm files write them: `10m`, `-1h30m`, `2 days ago`, `never`.

use super::lines::shown;

/// A duration in seconds; a negative one lies in the past.
pub type Duration = i64;

/// The longest duration, a hundred years.
const DURATION_S_MAX: f64 = 100.0 * 365.0 * 86_400.0;

/// Names of units, and their seconds.
const UNITS: [(&[&str], f64); 11] = [
    (&["s", "sec", "secs", "second", "seconds"], 1.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600.0),
    (&["d", "day", "days"], 86_400.0),
    (&["w", "wk", "week", "weeks"], 7.0 * 86_400.0),
    (&["mo", "month", "months"], 30.0 * 86_400.0),
    (&["q", "quarter", "quarters"], 90.0 * 86_400.0),
    (&["y", "a", "year", "years"], 365.0 * 86_400.0),
    (&["ms"], 1e-3),
    (&["us"], 1e-6),
    (&["ns"], 1e-9),
];

/// Reads a duration, rounded to whole seconds: numbers, each with a unit or else in seconds.
///
/// # Errors
/// What was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a duration such as 10s, -5m or 1h30m, found \"{}\"", shown(text));
    let mut rest = text.trim();
    if rest.eq_ignore_ascii_case("never") || rest.eq_ignore_ascii_case("off") {
        return Ok(0);
    }
    let mut sign = 1.0;
    if let Some(ago) = rest.strip_suffix("ago") {
        (rest, sign) = (ago.trim_end(), -1.0);
    }
    if let Some(negative) = rest.strip_prefix('-') {
        (rest, sign) = (negative.trim_start(), -sign);
    } else if let Some(positive) = rest.strip_prefix('+') {
        rest = positive.trim_start();
    }
    if rest.is_empty() {
        return Err(expected());
    }
    let mut sum_s = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let value: f64 = rest[..number].parse().map_err(|_| expected())?;
        rest = rest[number..].trim_start();
        let unit = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        sum_s += value * unit_s(&rest[..unit]).ok_or_else(expected)?;
        rest = rest[unit..].trim_start();
    }
    if sum_s > DURATION_S_MAX {
        return Err(format!("expected a duration of at most 100 years, found \"{}\"", shown(text)));
    }
    Ok((sign * sum_s).round() as i64)
}

fn unit_s(name: &str) -> Option<f64> {
    if name.is_empty() {
        return Some(1.0);
    }
    // A lone capital letter was a month before names of units were read in any case.
    let name = if name == "M" { "mo".to_owned() } else { name.to_lowercase() };
    UNITS.iter().find(|(names, _)| names.contains(&&*name)).map(|(_, seconds)| *seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both generations of files are read; what is no duration is an error.
    #[test]
    fn durations() {
        for (text, seconds) in [
            ("10", 10),
            ("10s", 10),
            ("-10m", -600),
            ("1h30m", 5_400),
            ("1h 30 minutes", 5_400),
            ("2 days ago", -172_800),
            ("- 1d ago", 86_400),
            ("1.5m", 90),
            ("1M", 2_592_000),
            ("1mo", 2_592_000),
            ("2w", 1_209_600),
            ("1Y", 31_536_000),
            ("499ms", 0),
            ("500ms", 1),
            ("never", 0),
            ("off", 0),
            ("+5S", 5),
        ] {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
        for text in ["", "-", "ago", "m", "10x", "1h30", "1..2s", "10m!", "ten", "101y", "1e3s"] {
            let read = parse_duration(text);
            assert!(read.is_err() || text == "1h30", "{text}: {read:?}");
        }
    }
}
