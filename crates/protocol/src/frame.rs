//! The head of a compressed frame.
//!
//! ```text
//! byte 0   0xFA
//! byte 1   0x80 | lower 7 bits of the payload's length
//! byte 2   0x80 | upper 7 bits
//! byte 3   0x0A
//! then     the payload, 1 to 16,383 bytes
//! ```
//!
//! Everything that a child sends after it read the prompt is a sequence of such frames, if
//! compression was agreed on. Text may be cut anywhere between two frames. What is inside belongs
//! to the codec, and that is not here.

/// Bytes of a head.
pub const HEAD_BYTES: usize = 4;
/// Bytes of compressed payload in a frame at most: the length has 14 bits.
pub const PAYLOAD_BYTES_MAX: usize = 16_383;
/// Bytes of plain text in a frame at most: receivers close the connection above it.
pub const PLAIN_BYTES_MAX: usize = 16_384;
/// Bytes of plain text that our sender puts into a frame at most: even text that does not compress
/// leaves room for what a codec adds.
pub const SENT_PLAIN_BYTES_MAX: usize = 16_000;

const _: () = assert!(SENT_PLAIN_BYTES_MAX < PAYLOAD_BYTES_MAX && PAYLOAD_BYTES_MAX < PLAIN_BYTES_MAX);

const FIRST: u8 = 0xfa;
const LAST: u8 = 0x0a;
const HIGH: u8 = 0x80;
const LOW: u8 = 0x7f;

/// The head for a payload of `payload_bytes`; `None` where that is 0 or above [`PAYLOAD_BYTES_MAX`].
#[must_use]
pub const fn encode(payload_bytes: usize) -> Option<[u8; HEAD_BYTES]> {
    if payload_bytes == 0 || payload_bytes > PAYLOAD_BYTES_MAX {
        return None;
    }
    Some([FIRST, HIGH | (payload_bytes & 0x7f) as u8, HIGH | (payload_bytes >> 7) as u8, LAST])
}

/// The length of the payload that follows; `None` where this is no head.
#[must_use]
pub const fn parse(head: &[u8; HEAD_BYTES]) -> Option<usize> {
    let [first, low, high, last] = *head;
    let length = (low & LOW) as usize | ((high & LOW) as usize) << 7;
    if first != FIRST || last != LAST || low & high & HIGH == 0 || length == 0 {
        return None;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths come back, and the heads are those of real traffic.
    #[test]
    fn heads_round_trip() {
        assert_eq!(encode(44), Some([0xfa, 0xac, 0x80, 0x0a]));
        assert_eq!(encode(450), Some([0xfa, 0xc2, 0x83, 0x0a]));
        for length in 1..=PAYLOAD_BYTES_MAX {
            assert_eq!(parse(&encode(length).unwrap()), Some(length));
        }
        assert_eq!(encode(0), None);
        assert_eq!(encode(PAYLOAD_BYTES_MAX + 1), None);
    }

    /// Plain text, an empty frame and a damaged head are refused.
    #[test]
    fn other_bytes_are_no_head() {
        for bad in
            [*b"SET ", [0xfa, 0x80, 0x80, 0x0a], [0xfa, 0x2c, 0x80, 0x0a], [0xfa, 0xac, 0, 0x0a], [0xfa, 0xac, 0x80, 0]]
        {
            assert_eq!(parse(&bad), None, "{bad:x?}");
        }
    }
}
