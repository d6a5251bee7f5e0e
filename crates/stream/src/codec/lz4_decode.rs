//! Reading linked LZ4 blocks.
//!
//! ```text
//! token      1 byte: number of literals (upper 4 bits), length of the match - 4 (lower 4 bits)
//! more       if the number is 15: bytes to add to it, until one is below 255
//! literals   copied as they are
//! distance   2 bytes, the lower first; the last sequence ends before it
//! more       as above, for the length of the match
//! ```
//!
//! All that a block says about lengths is held against what is there before anything is copied.

use protocol::frame::PLAIN_BYTES_MAX;

use super::window::Window;
use super::{Fault, PLAIN_ROOM_BYTES, Plain};

/// Short copies are made by as many bytes as this, whatever their length: [`Plain`] has room
/// behind its end.
const STEP: usize = 16;
const _: () = assert!(PLAIN_ROOM_BYTES >= PLAIN_BYTES_MAX + STEP);

/// The receiving end of a stream of linked blocks.
#[derive(Debug)]
pub(super) struct Unpacker {
    window: Window,
}

impl Unpacker {
    pub(super) fn new() -> Self {
        Self { window: Window::new() }
    }

    /// Unpacks a block to the beginning of `plain`; returns its length.
    pub(super) fn unpack(&mut self, block: &[u8], plain: &mut Plain) -> Result<usize, Fault> {
        let length = unpack(&self.window, block, &mut plain.0)?;
        self.window.push(&plain.0[..length]);
        Ok(length)
    }
}

fn unpack(window: &Window, block: &[u8], plain: &mut [u8; PLAIN_ROOM_BYTES]) -> Result<usize, Fault> {
    let (mut at, mut end) = (0, 0);
    loop {
        let token = *block.get(at).ok_or(Fault::Short)?;
        at += 1;
        let literals = length(block, &mut at, token >> 4)?;
        if block.len() - at < literals {
            return Err(Fault::Short);
        }
        if literals > PLAIN_BYTES_MAX - end {
            return Err(Fault::TooLong);
        }
        if literals <= STEP && block.len() - at >= STEP {
            plain[end..end + STEP].copy_from_slice(&block[at..at + STEP]);
        } else {
            plain[end..end + literals].copy_from_slice(&block[at..at + literals]);
        }
        (at, end) = (at + literals, end + literals);
        if at == block.len() {
            return Ok(end);
        }
        let distance = block.get(at..at + 2).ok_or(Fault::Short)?;
        let distance = usize::from(u16::from_le_bytes([distance[0], distance[1]]));
        at += 2;
        let matched = 4 + length(block, &mut at, token & 15)?;
        if matched > PLAIN_BYTES_MAX - end {
            return Err(Fault::TooLong);
        }
        if distance == 0 || distance > end + window.filled() {
            return Err(Fault::Distance);
        }
        copy(window, plain, end, distance, matched);
        end += matched;
    }
}

/// A length whose first four bits are `bits`.
fn length(block: &[u8], at: &mut usize, bits: u8) -> Result<usize, Fault> {
    let mut length = usize::from(bits);
    if bits < 15 {
        return Ok(length);
    }
    loop {
        let more = *block.get(*at).ok_or(Fault::Short)?;
        *at += 1;
        // A block has up to 16,383 bytes: the sum stays far below what a number holds.
        length += usize::from(more);
        if more < 255 {
            return Ok(length);
        }
    }
}

/// Copies what lies `distance` bytes before `end` to `end`, from the window or the block itself.
fn copy(window: &Window, plain: &mut [u8], mut end: usize, distance: usize, mut length: usize) {
    while distance > end && length > 0 {
        let tail = window.tail(distance - end);
        let count = tail.len().min(length);
        if count <= STEP && tail.len() >= STEP {
            plain[end..end + STEP].copy_from_slice(&tail[..STEP]);
        } else {
            plain[end..end + count].copy_from_slice(&tail[..count]);
        }
        (end, length) = (end + count, length - count);
    }
    let mut from = end.wrapping_sub(distance);
    if distance >= STEP {
        while length > STEP {
            plain.copy_within(from..from + STEP, end);
            (from, end, length) = (from + STEP, end + STEP, length - STEP);
        }
        if length > 0 {
            plain.copy_within(from..from + STEP, end);
        }
        return;
    }
    // What repeats itself doubles with each copy.
    while length > 0 {
        let count = (end - from).min(length);
        plain.copy_within(from..from + count, end);
        (end, length) = (end + count, length - count);
    }
}
