//! The input: what the hostile side says, and what happens meanwhile.
//!
//! ```text
//! 4 bytes   the number that says what the peer can do, little-endian
//! 1 byte    settings of the node
//! the rest  text of the peer; in it 0xff and a byte: a turn, of which 3 bits are the kind,
//!           5 bits an amount
//! ```
//!
//! So real traffic with five bytes before it is a script, and one can be written by hand.

use protocol::Capabilities;
use row::{Now, US_PER_S};

/// No line of a stream holds it: it is no byte of UTF-8.
const MARK: u8 = 0xff;
/// The second at which scripts begin: a little later than the captures that some are made of.
pub(super) const START_S: i64 = 1_795_390_400;

pub(super) struct Script<'a> {
    /// What the peer offers or answers.
    pub(super) capabilities: Capabilities,
    pub(super) settings: u8,
    rest: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Text(&'a [u8]),
    /// The kind, below 8, and the amount, below 32.
    Turn(u8, u8),
}

impl<'a> Script<'a> {
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        let (number, rest) = data.split_first_chunk()?;
        let (&settings, rest) = rest.split_first()?;
        let capabilities = Capabilities::from_version(i64::from(u32::from_le_bytes(*number)));
        Some(Self { capabilities, settings, rest })
    }
}

impl<'a> Iterator for Script<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        match *self.rest {
            [] | [MARK] => None,
            [MARK, turn, ref rest @ ..] => {
                self.rest = rest;
                Some(Step::Turn(turn & 7, turn >> 3))
            }
            _ => {
                let end = memchr::memchr(MARK, self.rest).unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                Some(Step::Text(text))
            }
        }
    }
}

/// The node's clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Now);

impl Time {
    pub(super) const START: Self = Self(Now { wall_us: START_S * US_PER_S, mono_us: 1_000_000 });

    /// Goes on by quarters of a second.
    pub(super) fn pass(&mut self, quarters: u8) {
        let us = i64::from(quarters) * US_PER_S / 4;
        self.0.wall_us += us;
        self.0.mono_us += us as u64;
    }

    /// Somebody sets the wall clock, by up to 26 minutes.
    pub(super) fn jump(&mut self, amount: u8) {
        self.0.wall_us += (i64::from(amount) - 16) * 97 * US_PER_S;
    }
}
