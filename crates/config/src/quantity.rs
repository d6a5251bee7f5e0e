//! Durations and sizes as people write them: `"10m"`, `"64KiB"`, and back.

/// Units of durations in milliseconds, largest first.
const DURATION_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Units of sizes in bytes, largest first.
const SIZE_UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a duration in milliseconds; a number without a unit is one of seconds.
pub(crate) fn parse_duration(text: &str) -> Option<u64> {
    parse(text, &DURATION_UNITS, 1_000)
}

/// Reads seconds with a decimal point, to the millisecond; what is finer is cut off.
pub(crate) fn parse_seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.')?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ms: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(ms.parse().ok()?)
}

/// Reads a size in bytes; a number without a unit is one of bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    parse(text, &SIZE_UNITS, 1)
}

fn parse(text: &str, units: &[(&str, u64)], without_unit: u64) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => without_unit,
        None => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes milliseconds with the largest unit that leaves no rest: `10m`, `50ms`, `0`.
pub(crate) fn duration_text(ms: u64) -> String {
    text(ms, &DURATION_UNITS[1..], "")
}

/// Writes bytes with the largest unit that leaves no rest: `1MiB`, `0`.
pub(crate) fn size_text(bytes: u64) -> String {
    text(bytes, &SIZE_UNITS, "")
}

/// [`duration_text`] for a sentence: `10 m`.
pub(crate) fn duration_words(ms: u64) -> String {
    text(ms, &DURATION_UNITS, " ")
}

/// [`size_text`] for a sentence: `1 MiB`.
pub(crate) fn size_words(bytes: u64) -> String {
    text(bytes, &SIZE_UNITS, " ")
}

fn text(number: u64, units: &[(&str, u64)], between: &str) -> String {
    match units.iter().find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{between}{unit}", number / factor),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every unit is read and written; overflow and other texts are refused.
    #[test]
    fn durations_and_sizes() {
        for (text, ms) in [
            ("5", Some(5_000)),
            ("5s", Some(5_000)),
            (" 5 s ", Some(5_000)),
            ("50ms", Some(50)),
            ("10m", Some(600_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("1w", Some(604_800_000)),
            ("1y", Some(31_536_000_000)),
            ("0", Some(0)),
            ("", None),
            ("s", None),
            ("five", None),
            ("-5s", None),
            ("5 minutes", None),
            ("1.5s", None),
            ("5S", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(parse_duration(text), ms, "{text:?}");
        }
        for (text, bytes) in [
            ("17", Some(17)),
            ("17B", Some(17)),
            ("64KiB", Some(65_536)),
            ("1 MiB", Some(1 << 20)),
            ("2GiB", Some(2 << 30)),
            ("1TiB", Some(1 << 40)),
            ("1MB", None),
            ("1mib", None),
            ("-1", None),
            ("99999999TiB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
        for (text, ms) in [
            ("0.05", Some(50)),
            ("1.0", Some(1_000)),
            ("2.9999", Some(2_999)),
            ("-1.0", None),
            ("1e3", None),
            ("1.5e3", None),
            ("nan", None),
            ("99999999999999999.0", None),
        ] {
            assert_eq!(parse_seconds(text), ms, "{text}");
        }
        for text in ["10m", "50ms", "1500ms", "90s", "1h", "7d"] {
            let ms = parse_duration(text).unwrap();
            assert_eq!(parse_duration(&duration_text(ms)), Some(ms), "{text}");
        }
        assert_eq!(
            [duration_text(0), duration_text(600_000), size_text(1 << 20), duration_words(3_600_000)],
            ["0", "10m", "1MiB", "1 h"]
        );
    }
}
