//! The window of linked LZ4 blocks: the last 64 KiB of plain text, in a ring.
//!
//! ```text
//!        end
//!         v
//! [ newer | older, as far as it is filled ]     65,536 bytes; positions are numbers of 16 bits
//! ```
//!
//! A block is read or written beside the ring and goes into it whole, afterwards. So what a block
//! refers to lies in the ring or in the block itself, nothing is ever moved, and both ends keep no
//! more than LZ4 can refer to. A distance back is from 1 to 65,535, which is why a position needs
//! no more than 16 bits and never goes out of date.

/// Plain text that a block may refer to, in bytes.
pub(super) const WINDOW_BYTES: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Window {
    ring: Box<[u8; WINDOW_BYTES]>,
    /// Where the next byte goes.
    end: u16,
    filled: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        let ring = vec![0; WINDOW_BYTES].into_boxed_slice();
        Self { ring: ring.try_into().expect("it has this length"), end: 0, filled: 0 }
    }

    /// The position of the next byte.
    #[cfg(feature = "sender")]
    pub(super) fn end(&self) -> u16 {
        self.end
    }

    /// A sum over every byte of so many, which brings the window into the caches.
    #[cfg(feature = "sender")]
    pub(super) fn sum(&self, step: usize) -> u8 {
        self.ring.iter().step_by(step).fold(0, |sum, byte| sum ^ byte)
    }

    /// How far back one may look, in bytes.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// Adds a block's text, which is no longer than the window.
    pub(super) fn push(&mut self, text: &[u8]) {
        debug_assert!(text.len() <= WINDOW_BYTES);
        let at = usize::from(self.end);
        let (first, rest) = text.split_at(text.len().min(WINDOW_BYTES - at));
        self.ring[at..at + first.len()].copy_from_slice(first);
        self.ring[..rest.len()].copy_from_slice(rest);
        self.end = self.end.wrapping_add(text.len() as u16);
        self.filled = (self.filled + text.len()).min(WINDOW_BYTES);
    }

    /// The text that begins `back` bytes before the end, up to the end or that of the ring; `back`
    /// is from 1 to 65,535.
    pub(super) fn tail(&self, back: usize) -> &[u8] {
        debug_assert!(back > 0 && back < WINDOW_BYTES);
        let at = usize::from(self.end.wrapping_sub(back as u16));
        &self.ring[at..(at + back).min(WINDOW_BYTES)]
    }

    /// The byte that lies `back` bytes before the end.
    #[cfg(feature = "sender")]
    pub(super) fn byte(&self, back: usize) -> u8 {
        self.ring[usize::from(self.end.wrapping_sub(back as u16))]
    }
}
