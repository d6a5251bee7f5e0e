//! A limit for the log: one host cannot fill it.
//!
//! Lines about a stream count for their host (or, before a host is known, for the address that it
//! connects from) and for their kind, the first word of what they say: a parent that is away for
//! hours must not use up the line that tells what was lost. After [`LINES_MAX`] of a kind within a
//! minute the rest of that minute is only counted; the count is a line of its own as soon as the
//! minute is over. Lines about anything else are never held back. Plain: the time is an argument.

use std::collections::HashMap;

/// Lines of one kind and host in one minute.
pub const LINES_MAX: u32 = 15;
/// Kinds and hosts that are told apart within one minute; further ones count together.
const KEYS_MAX: usize = 20_000;
const MINUTE_US: u64 = 60_000_000;
/// What every line about a stream has in front of the host.
const STREAM: &str = "STREAM ";

/// Counts the lines of the running minute.
#[derive(Debug, Default)]
pub struct Flood {
    started_us: u64,
    lines: HashMap<Box<str>, u32>,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is written.
    pub writes: bool,
    /// What is to be written before it: of which host and kind how many lines were left out.
    pub left_out: Vec<(String, u32)>,
}

impl Flood {
    /// Decides about a line.
    pub fn judge(&mut self, line: &str, now_us: u64) -> Verdict {
        let left_out = self.turn(now_us);
        let writes = key(line).is_none_or(|key| self.count(&key) <= LINES_MAX);
        Verdict { writes, left_out }
    }

    /// Ends the minute if it is over, and says who went beyond the limit in it.
    fn turn(&mut self, now_us: u64) -> Vec<(String, u32)> {
        if now_us.saturating_sub(self.started_us) < MINUTE_US {
            return Vec::new();
        }
        self.started_us = now_us;
        let beyond = |(key, lines): (Box<str>, u32)| (lines > LINES_MAX).then(|| (key.into(), lines - LINES_MAX));
        let mut left_out: Vec<_> = self.lines.drain().filter_map(beyond).collect();
        left_out.sort();
        left_out
    }

    fn count(&mut self, key: &str) -> u32 {
        let key = if self.lines.len() < KEYS_MAX || self.lines.contains_key(key) { key } else { "further hosts" };
        match self.lines.get_mut(key) {
            Some(lines) => {
                *lines = lines.saturating_add(1);
                *lines
            }
            None => {
                self.lines.insert(key.into(), 1);
                1
            }
        }
    }
}

/// Whom and what a line counts for: the host of a stream, or the address without its port, and the
/// first word of what is said.
fn key(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(STREAM)?;
    let (who, what) = rest.split_once("]: ").unwrap_or((rest, ""));
    let who =
        who.split_once(" [").map_or_else(|| who.rsplit_once(':').map_or(who, |(address, _)| address), |(host, _)| host);
    let mut words = what.split(|letter: char| !letter.is_ascii_alphabetic());
    let kind = words.find(|word| !word.is_empty()).unwrap_or_default();
    Some(format!("{who}: {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAPPING: &str = "STREAM web-1 [receive from 10.0.0.5:1234]: closed after 0 s";

    /// Goal: a host that flaps takes nothing but its own share; how much was left out is told once.
    #[test]
    fn a_flapping_host_has_its_share() {
        let mut flood = Flood::default();
        let written = (0..1_000).filter(|_| flood.judge(FLAPPING, 61_000_000).writes).count();
        assert_eq!(written, LINES_MAX as usize);
        for other in [
            "STREAM web-1 [receive from 10.0.0.5:1]: 12 rows lost",
            "STREAM web-2 [receive from 10.0.0.5:1234]: closed",
            "listening on 127.0.0.1:19999",
        ] {
            assert_eq!(flood.judge(other, 62_000_000), Verdict { writes: true, left_out: Vec::new() });
        }
        let next = flood.judge(FLAPPING, 121_000_000);
        assert_eq!(next, Verdict { writes: true, left_out: vec![("web-1: closed".into(), 1_000 - LINES_MAX)] });
        assert_eq!(flood.judge(FLAPPING, 181_000_000).left_out, []);
    }

    /// Goal: who gives no name is known by the address, whatever port it comes from.
    #[test]
    fn strangers_are_told_apart_by_address() {
        for (line, expected) in [
            ("STREAM [receive from 10.0.0.5:1234]: refused", Some("[receive from 10.0.0.5: refused")),
            ("STREAM [receive from 10.0.0.5:9]: refused", Some("[receive from 10.0.0.5: refused")),
            ("STREAM my box [send to b:1]: connecting...", Some("my box: connecting")),
            ("STREAM my box [send to b:1]: 7 rows lost", Some("my box: rows")),
            ("STREAM ", Some(": ")),
            ("settings: x", None),
        ] {
            assert_eq!(key(line).as_deref(), expected, "{line}");
        }
    }

    /// Goal: any number of names takes bounded memory.
    #[test]
    fn names_are_bounded() {
        let mut flood = Flood::default();
        for number in 0..2 * KEYS_MAX {
            flood.judge(&format!("STREAM {number} [receive from x]: y"), 61_000_000);
        }
        assert!(flood.lines.len() <= KEYS_MAX + 1);
    }
}
