//! The receiving side of a codec: frames to text, however the bytes come in.
//!
//! Whatever a child sends, a frame becomes at most 16,384 bytes of text, in a buffer that belongs
//! to the lane; a connection keeps the codec's state, and a frame that has not come whole.

use std::fmt;

use protocol::frame::{self, HEAD_BYTES, PLAIN_BYTES_MAX};

use super::{Codec, lz4_decode};

/// Room for the text of one frame, and for copies that go a little beyond it.
pub(super) const PLAIN_ROOM_BYTES: usize = PLAIN_BYTES_MAX + 32;
/// A cut frame gives its buffer back, unless that is small.
const CUT_BYTES_KEPT: usize = 512;

/// The text of one frame. All connections of a lane take turns with one.
pub struct Plain(pub(super) Box<[u8; PLAIN_ROOM_BYTES]>);

impl Default for Plain {
    fn default() -> Self {
        let room = vec![0; PLAIN_ROOM_BYTES].into_boxed_slice();
        Self(room.try_into().expect("it has this length"))
    }
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Other bytes stand where a frame begins: text that is not compressed, for example.
    Head([u8; HEAD_BYTES]),
    /// The payload ends within something.
    Short,
    /// The text is longer than a frame's may be.
    TooLong,
    /// The payload refers to text before the beginning.
    Distance,
    /// What the codec says: damage, or a window that is too large.
    Codec(&'static str),
}

/// A frame that cannot be read; the stream cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{codec} frame {number}, {offset} bytes after the prompt: {fault}")]
pub struct FrameError {
    /// What was agreed on.
    pub codec: Codec,
    /// Which frame of the stream, from 1.
    pub number: u64,
    /// The compressed bytes before it.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(bytes) => write!(f, "expected the head of a frame, found {}", bytes.escape_ascii()),
            Self::Short => f.write_str("expected more bytes in its payload"),
            Self::TooLong => write!(f, "expected at most {PLAIN_BYTES_MAX} bytes of text in it"),
            Self::Distance => f.write_str("it refers to text before the beginning"),
            Self::Codec(reason) => f.write_str(reason),
        }
    }
}

/// Decompresses one stream.
pub struct Decoder {
    codec: Codec,
    state: Option<State>,
    /// The beginning of a frame that has not come whole.
    cut: Vec<u8>,
    frames: u64,
    /// Bytes of frames that were read.
    bytes: u64,
}

enum State {
    Lz4(lz4_decode::Unpacker),
    #[cfg(feature = "zstd")]
    Zstd(super::zstd_unpacker::Unpacker),
}

impl Decoder {
    /// A decoder that has no state yet.
    #[must_use]
    pub const fn new(codec: Codec) -> Self {
        Self { codec, state: None, cut: Vec::new(), frames: 0, bytes: 0 }
    }

    /// Takes bytes off the wire and calls `text` with the text of each frame that is whole. The
    /// inner error is that of `text`.
    ///
    /// # Errors
    /// For a frame that cannot be read. The decoder cannot be used any further.
    pub fn push<E>(
        &mut self,
        mut bytes: &[u8],
        plain: &mut Plain,
        mut text: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), E>, FrameError> {
        while !bytes.is_empty() {
            let length = if self.cut.is_empty()
                && let Some(length) = self.frame_bytes(bytes)?
                && bytes.len() >= length
            {
                let (frame, rest) = bytes.split_at(length);
                bytes = rest;
                self.unpack(&frame[HEAD_BYTES..], plain)?
            } else {
                // A frame over the end of a read is put together first.
                let Some(length) = self.complete(&mut bytes)? else { break };
                let cut = std::mem::take(&mut self.cut);
                let unpacked = self.unpack(&cut[HEAD_BYTES..length], plain)?;
                if cut.capacity() <= CUT_BYTES_KEPT {
                    self.cut = cut;
                    self.cut.clear();
                }
                unpacked
            };
            if let Err(err) = text(&plain.0[..length]) {
                return Ok(Err(err));
            }
        }
        Ok(Ok(()))
    }

    /// What the stream's state takes, in bytes.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        self.cut.capacity()
            + match &self.state {
                None => 0,
                Some(State::Lz4(_)) => super::window::WINDOW_BYTES,
                #[cfg(feature = "zstd")]
                Some(State::Zstd(unpacker)) => unpacker.state_bytes(),
            }
    }

    /// Moves bytes to the cut frame until it is whole; returns its length then.
    fn complete(&mut self, bytes: &mut &[u8]) -> Result<Option<usize>, FrameError> {
        loop {
            let wanted = self.frame_bytes(&self.cut)?.unwrap_or(HEAD_BYTES);
            let (more, rest) = bytes.split_at((wanted - self.cut.len()).min(bytes.len()));
            self.cut.reserve_exact(wanted - self.cut.len());
            self.cut.extend_from_slice(more);
            *bytes = rest;
            match self.frame_bytes(&self.cut)? {
                Some(length) if self.cut.len() == length => return Ok(Some(length)),
                _ if rest.is_empty() => return Ok(None),
                _ => {}
            }
        }
    }

    /// The length of the frame that `bytes` begin with; `None` before its head is whole.
    fn frame_bytes(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(head) = bytes.first_chunk() else { return Ok(None) };
        match frame::parse(head) {
            Some(payload) => Ok(Some(HEAD_BYTES + payload)),
            None => Err(self.error(Fault::Head(*head))),
        }
    }

    fn error(&self, fault: Fault) -> FrameError {
        FrameError { codec: self.codec, number: self.frames + 1, offset: self.bytes, fault }
    }

    /// Unpacks a payload; returns the length of its text.
    fn unpack(&mut self, payload: &[u8], plain: &mut Plain) -> Result<usize, FrameError> {
        let length = self.state().and_then(|state| state.unpack(payload, plain)).map_err(|fault| self.error(fault))?;
        self.frames += 1;
        self.bytes += (HEAD_BYTES + payload.len()) as u64;
        Ok(length)
    }

    /// The state, made with the first frame.
    fn state(&mut self) -> Result<&mut State, Fault> {
        if self.state.is_none() {
            self.state = Some(match self.codec {
                Codec::Lz4 => State::Lz4(lz4_decode::Unpacker::new()),
                #[cfg(feature = "zstd")]
                Codec::Zstd => State::Zstd(super::zstd_unpacker::Unpacker::new().map_err(Fault::Codec)?),
                #[cfg(not(feature = "zstd"))]
                Codec::Zstd => return Err(Fault::Codec("not in this build")),
            });
        }
        Ok(self.state.as_mut().expect("it was made"))
    }
}

impl State {
    fn unpack(&mut self, payload: &[u8], plain: &mut Plain) -> Result<usize, Fault> {
        match self {
            Self::Lz4(unpacker) => unpacker.unpack(payload, plain),
            #[cfg(feature = "zstd")]
            Self::Zstd(unpacker) => {
                let room = &mut plain.0[..=PLAIN_BYTES_MAX];
                let length = unpacker.unpack(payload, room).map_err(Fault::Codec)?;
                if length > PLAIN_BYTES_MAX { Err(Fault::TooLong) } else { Ok(length) }
            }
        }
    }
}
