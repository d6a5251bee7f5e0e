//! The lines `delay` and `repeat`.

use super::duration::parse_duration;
use super::lines::shown;

/// How long a notification waits, lest a status that goes to and fro sends one each time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delay {
    /// Seconds before it is told that things got worse.
    pub up_s: u32,
    /// Seconds before it is told that things got better.
    pub down_s: u32,
    /// Both grow by this where the status changes during a delay.
    pub multiplier: f32,
    /// Up to so many seconds.
    pub max_s: u32,
}

/// How often a notification is sent again while the status stays; 0 for not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repeat {
    /// Seconds between warnings.
    pub warning_s: u32,
    /// Seconds between critical ones.
    pub critical_s: u32,
}

impl Default for Delay {
    fn default() -> Self {
        Self { up_s: 0, down_s: 0, multiplier: 1.0, max_s: 0 }
    }
}

/// A duration that cannot be negative.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let seconds = parse_duration(text)?;
    u32::try_from(seconds).map_err(|_| format!("expected a duration from 0 on, found \"{}\"", shown(text)))
}

impl Delay {
    /// Reads `up 1m down 5m multiplier 1.5 max 1h`, each at most once and in any order.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut delay, mut max_s) = (Self::default(), None);
        each_pair(text, |word, value| {
            match word {
                "up" => delay.up_s = seconds(value)?,
                "down" => delay.down_s = seconds(value)?,
                "max" => max_s = Some(seconds(value)?),
                "multiplier" => {
                    let number = value.parse().ok().filter(|number: &f32| number.is_finite() && *number > 0.0);
                    delay.multiplier =
                        number.ok_or_else(|| format!("expected a multiplier above 0, found \"{}\"", shown(value)))?;
                }
                _ => return Err(format!("expected up, down, multiplier or max, found \"{}\"", shown(word))),
            }
            Ok(())
        })?;
        let longest_s = (delay.up_s.max(delay.down_s) as f32 * delay.multiplier) as u32;
        delay.max_s = max_s.unwrap_or(longest_s);
        Ok(delay)
    }
}

impl Repeat {
    /// Reads `off` or `warning 1h critical 10m`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut repeat = Self::default();
        if text.eq_ignore_ascii_case("off") {
            return Ok(repeat);
        }
        each_pair(text, |word, value| {
            match word {
                "warning" => repeat.warning_s = seconds(value)?,
                "critical" => repeat.critical_s = seconds(value)?,
                _ => return Err(format!("expected warning or critical, found \"{}\"", shown(word))),
            }
            Ok(())
        })?;
        Ok(repeat)
    }
}

fn each_pair(text: &str, mut take: impl FnMut(&str, &str) -> Result<(), String>) -> Result<(), String> {
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        let word = word.to_lowercase();
        let value = words.next().ok_or_else(|| format!("expected a value after \"{}\"", shown(&word)))?;
        take(&word, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a maximum a delay grows by its multiplier once.
    #[test]
    fn delays() {
        let delay = |up_s, down_s, multiplier, max_s| Ok(Delay { up_s, down_s, multiplier, max_s });
        assert_eq!(Delay::parse("up 1m down 15m multiplier 1.5 max 1h"), delay(60, 900, 1.5, 3_600));
        assert_eq!(Delay::parse("down 15m multiplier 1.5"), delay(0, 900, 1.5, 1_350));
        assert_eq!(Delay::parse("multiplier 2 up 3"), delay(3, 0, 2.0, 6));
        for text in ["up", "up x", "up -1m", "sideways 3s", "multiplier 0", "multiplier nan", "max -1"] {
            assert!(Delay::parse(text).is_err(), "{text}");
        }
        assert_eq!(Repeat::parse("off"), Ok(Repeat::default()));
        assert_eq!(Repeat::parse("critical 10m"), Ok(Repeat { warning_s: 0, critical_s: 600 }));
        assert!(Repeat::parse("clear 10m").is_err());
    }
}
