//! Tiers of retention: `RESOLUTION:TIME`, `RESOLUTION:BYTES` or `RESOLUTION:TIME:BYTES`, the finest first.

use std::time::Duration;

use crate::quantity::{duration_words, parse_duration, parse_size, size_words};

/// Tiers at most.
const TIERS_MAX: usize = 4;
/// The finest and the coarsest resolution, in milliseconds: a minute, a day.
const RESOLUTION_MS: std::ops::RangeInclusive<u64> = 60_000..=86_400_000;
/// Rows of a chart that a tier may keep.
const ROWS_MAX: u64 = 10_000_000;

/// The fewest bytes that a tier of a host may be limited to.
const BYTES_MIN: u64 = 64 * 1_024;

/// Summaries of rows, kept for longer than these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Time that a summary covers, whole seconds, 1 minute to 1 day.
    pub resolution: Duration,
    /// How long summaries are kept; at least one of this and `bytes` is there.
    pub retention: Option<Duration>,
    /// How many bytes they may take on each host, 64 KiB at least: then the oldest go.
    pub bytes: Option<u64>,
}

impl Tier {
    /// Reads a tier. A number without a unit is one of seconds.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (resolution, rest) = text.split_once(':')?;
        let resolution = parse_duration(resolution)?;
        let (retention, bytes) = match rest.split_once(':') {
            Some((retention, bytes)) => (Some(parse_duration(retention)?), Some(parse_size(bytes)?)),
            None => match parse_duration(rest) {
                Some(retention) => (Some(retention), None),
                None => (None, Some(parse_size(rest)?)),
            },
        };
        let is_sound = resolution > 0 && retention.is_none_or(|retention| resolution <= retention);
        is_sound.then_some(Self {
            resolution: Duration::from_millis(resolution),
            retention: retention.map(Duration::from_millis),
            bytes,
        })
    }

    fn resolution_ms(&self) -> u64 {
        self.resolution.as_millis() as u64
    }

    fn retention_ms(&self) -> u64 {
        self.retention.map_or(ROWS_MAX * self.resolution_ms(), |retention| retention.as_millis() as u64)
    }
}

/// What is wrong with tiers: the text of the first one that does not do, and what was expected of it.
pub(crate) fn fault(texts: &[String]) -> Option<(&str, String)> {
    let tiers: Vec<Tier> = texts.iter().filter_map(|text| Tier::parse(text)).collect();
    let before = std::iter::once(None).chain(tiers.iter().map(Some));
    for (number, ((text, tier), before)) in texts.iter().zip(&tiers).zip(before).enumerate() {
        if let Some(expected) = expected(number, tier, before, tiers.get(number + 1)) {
            return Some((text, expected));
        }
    }
    None
}

fn expected(number: usize, tier: &Tier, before: Option<&Tier>, next: Option<&Tier>) -> Option<String> {
    let resolution = tier.resolution_ms();
    if number >= TIERS_MAX {
        return Some(format!("{TIERS_MAX} tiers at most"));
    }
    if !RESOLUTION_MS.contains(&resolution) || !resolution.is_multiple_of(1_000) {
        return Some("a resolution of whole seconds, from 1 m to 1 d".into());
    }
    if let Some(before) = before.map(Tier::resolution_ms).filter(|before| *before > 0)
        && (resolution <= before || !resolution.is_multiple_of(before))
    {
        return Some(format!("a multiple of the resolution before it, {}", duration_words(before)));
    }
    if let Some(next) = next.map(Tier::resolution_ms).filter(|next| *next > tier.retention_ms()) {
        return Some(format!("a retention no shorter than the next resolution, {}", duration_words(next)));
    }
    if tier.retention_ms() / resolution > ROWS_MAX {
        return Some(format!("a retention of {ROWS_MAX} times the resolution at most"));
    }
    if tier.bytes.is_some_and(|bytes| bytes < BYTES_MIN) {
        return Some(format!("{} at least", size_words(BYTES_MIN)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tiers nest, have limits, and the fault says which one is wrong, and what would do.
    #[test]
    fn tiers_are_checked() {
        for (texts, expected) in [
            (&[][..], None),
            (&["1m:7d", "1h:1y"], None),
            (&["60:3600", "5m:1d", "1h:1y", "1d:10y"], None),
            (&["1m:1GiB", "1h:1y:64KiB", "1d:5MiB"], None),
            (&["1m:7d:1GiB", "1h:2000000B"], None),
            (&["1m:63KiB"], Some("64 KiB at least")),
            (&["1m:1d:9"], Some("64 KiB at least")),
            (&["1m:30m:1GiB", "1h:1y"], Some("the next resolution, 1 h")),
            (&["30s:7d"], Some("whole seconds, from 1 m")),
            (&["90500ms:7d"], Some("whole seconds")),
            (&["2d:1y"], Some("1 d")),
            (&["1h:1y", "1m:7d"], Some("a multiple of the resolution before it, 1 h")),
            (&["1m:7d", "1m:9d"], Some("before it, 1 m")),
            (&["1m:7d", "90s:9d"], Some("before it, 1 m")),
            (&["1m:30m", "1h:1y"], Some("the next resolution, 1 h")),
            (&["1m:100y"], Some("10000000 times")),
            (&["1m:1d", "2m:1d", "4m:1d", "8m:1d", "16m:1d"], Some("4 tiers at most")),
        ] {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            let found = fault(&texts).map(|(_, expected)| expected);
            let is_right = match (&found, expected) {
                (Some(found), Some(expected)) => found.contains(expected),
                (None, None) => true,
                _ => false,
            };
            assert!(is_right, "{texts:?}: {found:?}");
        }
        for text in
            ["1m", "1m:", "1m:x", "1m:1GiB:7d", "1m:7d:", "1m:7d:7d", "1m:7d:1GiB:1", "0:1GiB", "1m:1GB", "1m:1m5"]
        {
            assert_eq!(Tier::parse(text), None, "{text}");
        }
        assert_eq!(fault(&["1m:7d".into(), "7m:1y".into(), "9m:1y".into()]).unwrap().0, "9m:1y");
    }
}
