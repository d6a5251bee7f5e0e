//! The sending side of a codec: text to frames.

use protocol::frame::{self, HEAD_BYTES, PAYLOAD_BYTES_MAX, SENT_PLAIN_BYTES_MAX};

use super::{Codec, lz4_encode};

/// Why text cannot be compressed; the stream cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// What the codec says.
    #[error("{0}: {1}")]
    Codec(Codec, &'static str),
    /// A payload whose length has no place in the head of a frame.
    #[error("{0}: {1} bytes of text became {2}, and a frame holds up to {PAYLOAD_BYTES_MAX}")]
    Length(Codec, usize, usize),
}

/// Compresses one stream.
pub struct Encoder {
    codec: Codec,
    #[cfg_attr(not(feature = "zstd"), expect(dead_code, reason = "the window of LZ4 is always the same"))]
    window_bytes: u32,
    cuts_lines: bool,
    state: Option<State>,
}

enum State {
    Lz4(lz4_encode::Packer),
    #[cfg(feature = "zstd")]
    Zstd(super::zstd_packer::Packer),
}

impl Encoder {
    /// An encoder that has no state yet. With ZSTD it remembers up to `window_bytes`, rounded down
    /// to a power of two; `cuts_lines` is whether the parent takes frames that end within a line.
    #[must_use]
    pub const fn new(codec: Codec, window_bytes: u32, cuts_lines: bool) -> Self {
        Self { codec, window_bytes, cuts_lines, state: None }
    }

    /// The codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Adds a frame to `out` that holds the beginning of `text`, up to 16,000 bytes of it; returns
    /// how many bytes those are.
    ///
    /// # Errors
    /// Where the codec fails; the encoder cannot be used any further.
    pub fn frame(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<usize, EncodeError> {
        let length = frame_end(text, self.cuts_lines);
        let text = &text[..length];
        let head = out.len();
        out.extend_from_slice(&[0; HEAD_BYTES]);
        match self.state()? {
            State::Lz4(packer) => packer.pack(text, out),
            #[cfg(feature = "zstd")]
            State::Zstd(packer) => {
                packer.pack(text, out).map_err(|reason| EncodeError::Codec(Codec::Zstd, reason))?;
            }
        }
        let payload = out.len() - head - HEAD_BYTES;
        let bytes = frame::encode(payload).ok_or(EncodeError::Length(self.codec, length, payload))?;
        out[head..head + HEAD_BYTES].copy_from_slice(&bytes);
        Ok(length)
    }

    /// The state, made with the first frame.
    fn state(&mut self) -> Result<&mut State, EncodeError> {
        if self.state.is_none() {
            self.state = Some(match self.codec {
                Codec::Lz4 => State::Lz4(lz4_encode::Packer::new()),
                #[cfg(feature = "zstd")]
                Codec::Zstd => State::Zstd(
                    super::zstd_packer::Packer::new(self.window_bytes)
                        .map_err(|reason| EncodeError::Codec(Codec::Zstd, reason))?,
                ),
                #[cfg(not(feature = "zstd"))]
                Codec::Zstd => return Err(EncodeError::Codec(Codec::Zstd, "not in this build")),
            });
        }
        Ok(self.state.as_mut().expect("it was made"))
    }

    /// What the stream's state takes, in bytes.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        match &self.state {
            None => 0,
            Some(State::Lz4(_)) => lz4_encode::STATE_BYTES,
            #[cfg(feature = "zstd")]
            Some(State::Zstd(packer)) => packer.state_bytes(),
        }
    }
}

/// Where a frame of this text ends. Lines longer than a frame are cut all the same.
fn frame_end(text: &[u8], cuts_lines: bool) -> usize {
    if text.len() <= SENT_PLAIN_BYTES_MAX {
        return text.len();
    }
    let line_end = || memchr::memrchr(b'\n', &text[..SENT_PLAIN_BYTES_MAX]).map(|at| at + 1);
    if cuts_lines { SENT_PLAIN_BYTES_MAX } else { line_end().unwrap_or(SENT_PLAIN_BYTES_MAX) }
}
