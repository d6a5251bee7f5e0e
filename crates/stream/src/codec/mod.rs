//! The codecs of a stream: what a child sends, smaller.
//!
//! ```text
//! text ──> Encoder ──> frame, frame, ... ──> Decoder ──> text
//!
//! frame    head (4 bytes, see protocol::frame), payload (up to 16,383 bytes)
//! payload  LZ4: a block that may refer to the 64 KiB of text before it
//!          ZSTD: what the one endless ZSTD frame of the stream gives when it is flushed
//! ```
//!
//! A frame holds up to 16,384 bytes of text, of ours 16,000; it may begin and end anywhere in a
//! line, except towards parents before 1.37. Only what a child sends is compressed, from the prompt
//! on, and both ends remember what went before: a frame is worth nothing alone.
//!
//! State is made with the first frame, never for a stranger. What a connection keeps, in bytes:
//!
//! | | sending | receiving |
//! |---|---|---|
//! | LZ4 | 80 KiB | 64 KiB |
//! | ZSTD, window of 128 KiB | 280 KiB, 230 of them resident | 610 KiB, 300 of them resident |
//! | ZSTD, window of 2 MiB, the largest | | 2.5 MiB |
//!
//! LZ4 is our own, since no crate at hand keeps table and window between blocks; crates and real
//! peers judge it in the tests. ZSTD is the C library. Left out: gzip and brotli, which are worse
//! than either and are never offered.

#[cfg(feature = "receiver")]
mod decoder;
#[cfg(feature = "sender")]
mod encoder;
#[cfg(feature = "receiver")]
mod lz4_decode;
#[cfg(feature = "sender")]
mod lz4_encode;
#[cfg(all(test, feature = "receiver", feature = "sender"))]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests;
mod window;
#[cfg(feature = "zstd")]
mod zstd_error;
#[cfg(all(feature = "zstd", feature = "sender"))]
mod zstd_packer;
#[cfg(all(feature = "zstd", feature = "receiver"))]
mod zstd_unpacker;

use std::fmt;

use protocol::Capabilities;

#[cfg(feature = "receiver")]
pub use decoder::{Decoder, Fault, FrameError, Plain};
#[cfg(feature = "sender")]
pub use encoder::{EncodeError, Encoder};

#[cfg(feature = "receiver")]
use decoder::PLAIN_ROOM_BYTES;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// LZ4: cheapest at both ends.
    Lz4,
    /// ZSTD: less than half the bytes, for about twice the time.
    Zstd,
}

impl Codec {
    /// Those of this build: ZSTD is a feature.
    pub const BUILT: &'static [Self] = if cfg!(feature = "zstd") { &[Self::Zstd, Self::Lz4] } else { &[Self::Lz4] };

    /// The codec that was agreed on; of several the strongest.
    #[must_use]
    pub fn of(agreed: Capabilities) -> Option<Self> {
        Self::BUILT.iter().copied().find(|codec| agreed.has(codec.capability()))
    }

    /// What offers or grants it.
    #[must_use]
    pub const fn capability(self) -> Capabilities {
        match self {
            Self::Lz4 => Capabilities::LZ4,
            Self::Zstd => Capabilities::ZSTD,
        }
    }

    /// All codecs of this build, as a child offers them.
    #[must_use]
    pub fn offered() -> Capabilities {
        Self::BUILT.iter().fold(Capabilities::NONE, |all, codec| all.with(codec.capability()))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lz4 => "LZ4",
            Self::Zstd => "ZSTD",
        })
    }
}
