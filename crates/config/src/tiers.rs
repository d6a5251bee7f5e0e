//! Tiers of retention: `RESOLUTION:RETENTION`, the finest first.

use std::time::Duration;

use crate::quantity::{duration_words, parse_duration};

/// Tiers at most.
const TIERS_MAX: usize = 4;
/// The finest and the coarsest resolution, in milliseconds: a minute, a day.
const RESOLUTION_MS: std::ops::RangeInclusive<u64> = 60_000..=86_400_000;
/// Rows of a chart that a tier may keep.
const ROWS_MAX: u64 = 10_000_000;

/// Summaries of rows, kept for longer than these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Time that a summary covers, whole seconds, 1 minute to 1 day.
    pub resolution: Duration,
    /// How long summaries are kept.
    pub retention: Duration,
}

impl Tier {
    /// Reads `RESOLUTION:RETENTION`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (resolution, retention) = text.split_once(':')?;
        let (resolution, retention) = (parse_duration(resolution)?, parse_duration(retention)?);
        let is_sound = resolution > 0 && resolution <= retention;
        is_sound.then_some(Self {
            resolution: Duration::from_millis(resolution),
            retention: Duration::from_millis(retention),
        })
    }

    fn resolution_ms(&self) -> u64 {
        self.resolution.as_millis() as u64
    }

    fn retention_ms(&self) -> u64 {
        self.retention.as_millis() as u64
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
        assert_eq!(fault(&["1m:7d".into(), "7m:1y".into(), "9m:1y".into()]).unwrap().0, "9m:1y");
    }
}
