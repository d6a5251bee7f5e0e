//! The outbox: text on its way to the wire, compressed where the parent takes that.
//!
//! ```text
//! tap ──> text ──(encoder, frame by frame)──> wire ──> socket
//! tap ─────────────────── plain ────────────> wire ──> socket
//! ```
//!
//! Frames want to be long: half of what compression saves is lost where each chart's row is a frame
//! of its own. A host that is written once per tick gives long frames by itself. Where a frame left
//! a moment ago, what comes next waits for company, until it fills a frame or 100 ms have passed;
//! so a host that trickles costs ten frames a second, and one that ticks never waits.

use crate::codec::{EncodeError, Encoder};
use protocol::frame::SENT_PLAIN_BYTES_MAX;

/// How long after a frame text may wait for company, in microseconds.
const COMPANY_US: u64 = 100_000;
/// Text that goes at once.
const COMPANY_BYTES: usize = SENT_PLAIN_BYTES_MAX;
/// What a buffer for text keeps in any case.
const KEPT_BYTES: usize = 32 * 1024;
/// A buffer that is so many times longer than texts lately were is cut to half of that. One that grows is
/// at most twice as long as its text, so texts of about one length never have it cut and grown in turn.
const SPARE: usize = 4;
/// With each shorter text the longest one counts for so much less, in parts of itself: history that was
/// sent is forgotten after some tens of texts.
const FADES: usize = 8;
/// Frames are made while fewer bytes of them wait: a long text need not be there twice.
const WIRE_BYTES: usize = 32 * 1024;

pub(super) struct Outbox {
    encoder: Option<Encoder>,
    /// Text, and how much of it is in frames.
    text: Vec<u8>,
    framed: usize,
    /// What is being written, and how much of it is.
    wire: Vec<u8>,
    sent: usize,
    /// When the last frame was made, while that makes the next text wait.
    framed_us: Option<u64>,
    has_frames: bool,
    /// How long texts lately were at most, in bytes.
    longest: usize,
}

impl Outbox {
    pub(super) fn new(encoder: Option<Encoder>) -> Self {
        let (text, wire) = (Vec::new(), Vec::new());
        Self { encoder, text, framed: 0, wire, sent: 0, framed_us: None, has_frames: false, longest: 0 }
    }

    /// Whether all was written.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == self.wire.len() && self.framed == self.text.len()
    }

    /// Whether compressed frames were made.
    pub(super) fn has_frames(&self) -> bool {
        self.has_frames
    }

    /// How long, in microseconds, `waiting` bytes of text still wait for more; `None` where they go
    /// at once, or there are none.
    pub(super) fn gathers_us(&self, now_us: u64, waiting: impl FnOnce() -> usize) -> Option<u64> {
        let left_us = (self.framed_us? + COMPANY_US).checked_sub(now_us).filter(|&left_us| left_us > 0)?;
        (1..COMPANY_BYTES).contains(&waiting()).then_some(left_us)
    }

    /// The wait is over: what there is goes now.
    pub(super) fn gathered(&mut self) {
        self.framed_us = None;
    }

    /// The empty buffer for the next text, once the last one is written. It takes turns with the tap's.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.is_empty());
        (self.framed, self.sent) = (0, 0);
        let text = if self.encoder.is_some() {
            self.wire.clear();
            &mut self.text
        } else {
            &mut self.wire
        };
        if !text.is_empty() {
            self.longest = text.len().max(self.longest - self.longest / FADES);
            text.clear();
        }
        let spare = (SPARE * self.longest).max(KEPT_BYTES);
        if text.capacity() > spare {
            text.shrink_to(spare / 2);
        }
        text
    }

    /// Makes the next frames, once the last ones are written.
    pub(super) fn pack(&mut self, now_us: u64) -> Result<(), EncodeError> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        if self.sent < self.wire.len() || self.framed == self.text.len() {
            return Ok(());
        }
        self.sent = 0;
        self.wire.clear();
        while self.framed < self.text.len() && self.wire.len() < WIRE_BYTES {
            self.framed += encoder.frame(&self.text[self.framed..], &mut self.wire)?;
        }
        self.framed_us = Some(now_us);
        self.has_frames = true;
        Ok(())
    }

    /// What is to be written.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire[self.sent..]
    }

    /// So many bytes of it were.
    pub(super) fn written(&mut self, count: usize) {
        self.sent += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;

    fn outbox() -> Outbox {
        Outbox::new(Some(Encoder::new(Codec::Lz4, 1 << 17, true)))
    }

    fn send(outbox: &mut Outbox, text: &[u8], now_us: u64) -> usize {
        outbox.text().extend_from_slice(text);
        outbox.pack(now_us).unwrap();
        let length = outbox.wire().len();
        outbox.written(length);
        length
    }

    /// The goal: plain text goes as it is, at any time.
    #[test]
    fn plain_text_never_waits() {
        let mut outbox = Outbox::new(None);
        assert_eq!(send(&mut outbox, b"BEGIN a.b\n", 5), 10);
        assert_eq!(outbox.gathers_us(5, || 1), None);
        assert!(outbox.is_empty() && !outbox.has_frames());
    }

    /// The goal: text waits only where a frame left within 100 ms, and less than a frame waits.
    #[test]
    fn text_that_trickles_is_gathered() {
        let mut outbox = outbox();
        assert_eq!(outbox.gathers_us(1_000, || 10), None, "the first goes at once");
        send(&mut outbox, b"first\n", 1_000);
        assert_eq!(outbox.gathers_us(1_001, || 10), Some(99_999));
        assert_eq!(outbox.gathers_us(101_000, || 10), None, "100 ms are over");
        assert_eq!(outbox.gathers_us(1_000_000, || panic!("nobody is asked")), None);
        assert_eq!(outbox.gathers_us(1_001, || COMPANY_BYTES), None, "a whole frame");
        assert_eq!(outbox.gathers_us(1_001, || 0), None, "nothing to wait for");
        outbox.gathered();
        assert_eq!(outbox.gathers_us(1_001, || 10), None);
    }

    /// The goal: what a long text needed is given back once texts are short again, and not for one of them;
    /// texts that stay as they are have their buffer left alone.
    #[test]
    fn room_for_a_long_text_is_given_back() {
        for mut outbox in [outbox(), Outbox::new(None)] {
            let mut turn = |length: usize| {
                let text = outbox.text();
                text.resize(length, b'x');
                let capacity = text.capacity();
                while !outbox.is_empty() {
                    outbox.pack(1).unwrap();
                    let count = outbox.wire().len();
                    outbox.written(count);
                }
                capacity
            };
            assert!(turn(800_000) >= 800_000);
            assert!(turn(10_000) >= 800_000, "the next one may be as long");
            assert!((0..40).any(|_| turn(10_000) <= 40_000));
            turn(100_000);
            let grown = turn(100_000);
            assert!((0..100).all(|number| turn(60_000 + number % 2 * 40_000) == grown));
        }
    }

    /// The goal: a long text becomes frames bit by bit, and all of it.
    #[test]
    fn a_long_text_is_packed_in_parts() {
        let mut outbox = outbox();
        // Text that does not compress.
        let mut state = 1_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as u8
        };
        let text: Vec<u8> = std::iter::repeat_with(next).take(500_000).collect();
        outbox.text().extend_from_slice(&text);
        let (mut wire, mut parts) = (Vec::new(), 0);
        while !outbox.is_empty() {
            outbox.pack(1).unwrap();
            let piece = outbox.wire()[..outbox.wire().len().min(10_000)].to_vec();
            assert!(outbox.wire().len() <= WIRE_BYTES + 16_400);
            outbox.written(piece.len());
            wire.extend_from_slice(&piece);
            parts += 1;
        }
        assert!(parts > 50 && wire.len() > text.len());
        #[cfg(feature = "receiver")]
        {
            let (mut decoder, mut back) = (crate::codec::Decoder::new(Codec::Lz4), Vec::new());
            let taken = decoder.push(&wire, &mut crate::codec::Plain::default(), |text| {
                back.extend_from_slice(text);
                Ok::<_, ()>(())
            });
            assert!(taken == Ok(Ok(())) && back == text);
        }
    }
}
