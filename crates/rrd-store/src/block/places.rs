//! Sets of a block's places: which are empty, which have an unusual flag.
//!
//! ```text
//! bit     0      1..2   3      4..9    10..15
//! run     0      kind   more   first   count      2 bytes
//! map     1      kind   more   a bit for each of the 60 places   8 bytes
//! ```
//!
//! `kind` is 0 for empty places, 1 for anomalous ones, 2 for those with a reset; kinds rise, and
//! `more` says that another set follows. A run is what a host that starts within a minute leaves.

use super::{Damaged, ROWS};

const ALL: u64 = (1 << ROWS) - 1;
const KINDS: usize = 3;
const MAP: u64 = 1;
const MORE: u64 = 8;
const SET_SHIFT: u32 = 4;

/// The places of a column that are not just a number, a bit for each place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) empty: u64,
    pub(super) anomalous: u64,
    pub(super) reset: u64,
}

impl Places {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Places with a number.
    pub(super) fn count(&self) -> usize {
        ROWS - self.empty.count_ones() as usize
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let sets = [self.empty, self.anomalous, self.reset];
        for (kind, &set) in sets.iter().enumerate().filter(|(_, set)| **set != 0) {
            let more = if sets[kind + 1..].iter().any(|&set| set != 0) { MORE } else { 0 };
            let head = (kind as u64) << 1 | more;
            let first = set.trailing_zeros();
            let run = set >> first;
            if run & (run + 1) == 0 {
                let run = head | u64::from(first) << SET_SHIFT | u64::from(run.count_ones()) << 10;
                out.extend_from_slice(&(run as u16).to_le_bytes());
            } else {
                out.extend_from_slice(&(head | MAP | set << SET_SHIFT).to_le_bytes());
            }
        }
    }

    /// Takes the sets off the front of `bytes`.
    pub(super) fn read(bytes: &mut &[u8]) -> Result<Self, Damaged> {
        let mut sets = [0; KINDS];
        let mut least = 0;
        loop {
            let (run, rest) = bytes.split_first_chunk::<2>().ok_or(Damaged)?;
            let run = u16::from_le_bytes(*run);
            let (head, set) = if u64::from(run) & MAP == 0 {
                *bytes = rest;
                (u64::from(run), run_set(run)?)
            } else {
                let (map, rest) = bytes.split_first_chunk::<8>().ok_or(Damaged)?;
                *bytes = rest;
                let map = u64::from_le_bytes(*map);
                (map, map >> SET_SHIFT)
            };
            let kind = (head >> 1 & 3) as usize;
            if kind < least || kind >= KINDS || set == 0 {
                return Err(Damaged);
            }
            sets[kind] = set;
            least = kind + 1;
            if head & MORE == 0 {
                let [empty, anomalous, reset] = sets;
                return if empty == ALL { Err(Damaged) } else { Ok(Self { empty, anomalous, reset }) };
            }
        }
    }
}

fn run_set(run: u16) -> Result<u64, Damaged> {
    let (first, count) = (run >> SET_SHIFT & 63, run >> 10);
    if usize::from(first + count) > ROWS {
        return Err(Damaged);
    }
    Ok(((1 << count) - 1) << first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets come back; a run takes two bytes, anything else eight.
    #[test]
    fn sets_round_trip() {
        let none = Places::default();
        let cases = [
            (Places { empty: 0b111, ..none }, 2),
            (Places { empty: ALL ^ 1, anomalous: 1, reset: 1 }, 6),
            (Places { anomalous: ALL, ..none }, 2),
            (Places { reset: 1 << 59, ..none }, 2),
            (Places { empty: 0b101, ..none }, 8),
            (Places { empty: 1, anomalous: 1 << 59 | 1 << 3, reset: 1 << 30 }, 12),
        ];
        for (places, length) in cases {
            let mut bytes = Vec::new();
            places.write(&mut bytes);
            assert_eq!(bytes.len(), length, "{places:x?}");
            bytes.push(0xff);
            let mut rest = &bytes[..];
            assert_eq!(Places::read(&mut rest), Ok(places));
            assert_eq!(rest, [0xff]);
        }
    }

    /// Sets that no writer makes are refused.
    #[test]
    fn impossible_sets_are_damage() {
        let run = |kind: u16, more: u16, first: u16, count: u16| {
            (kind << 1 | more << 3 | first << 4 | count << 10).to_le_bytes().to_vec()
        };
        let cases = [
            vec![],
            vec![0],
            run(0, 0, 0, 0),
            run(0, 0, 0, 60),
            run(0, 0, 59, 2),
            run(3, 0, 0, 1),
            [run(1, 1, 0, 1), run(0, 0, 0, 1)].concat(),
            [run(1, 1, 0, 1), run(1, 0, 0, 1)].concat(),
            run(0, 1, 0, 1),
            vec![1, 0, 0, 0, 0, 0, 0],
        ];
        for bytes in cases {
            assert_eq!(Places::read(&mut &bytes[..]), Err(Damaged), "{bytes:?}");
        }
    }
}
