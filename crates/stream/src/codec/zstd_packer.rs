//! ZSTD as an endless stream, flushed after each frame: the sending end.

use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, compress_bound};

use super::zstd_error::reason;

/// The level of our sender: more costs memory in the parent, and time here, for a few percent.
const LEVEL: i32 = 1;
/// The encoder's buffers are made for blocks of this size: a frame is never longer.
const BLOCK_BYTES: u32 = 16 << 10;
const _: () = assert!(protocol::frame::SENT_PLAIN_BYTES_MAX < BLOCK_BYTES as usize);
/// One hash for so many bytes of the window, as a power of two: twice as many save one percent.
const HASHES_PER_BYTE_LOG: u32 = 4;
/// What the level uses with large windows.
const HASH_LOG_MAX: u32 = 14;

/// The sending end.
pub(super) struct Packer {
    context: CCtx<'static>,
}

impl Packer {
    /// Remembers up to `window_bytes`, rounded down to a power of two.
    pub(super) fn new(window_bytes: u32) -> Result<Self, &'static str> {
        let mut context = CCtx::try_create().ok_or("no memory")?;
        let window_log = window_bytes.max(1 << 10).ilog2();
        let parameters = [
            CParameter::CompressionLevel(LEVEL),
            CParameter::WindowLog(window_log),
            CParameter::MaxBlockSize(BLOCK_BYTES),
            CParameter::HashLog(window_log.saturating_sub(HASHES_PER_BYTE_LOG).min(HASH_LOG_MAX)),
        ];
        for parameter in parameters {
            context.set_parameter(parameter).map_err(reason)?;
        }
        Ok(Self { context })
    }

    /// Adds what comes of `text` to `out`.
    pub(super) fn pack(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        let begin = out.len();
        // Beside the text's own bytes there may be the head of the stream.
        out.reserve(compress_bound(text.len()) + 32);
        let mut input = InBuffer::around(text);
        let mut output = OutBuffer::around_pos(out, begin);
        loop {
            let left = self.context.compress_stream2(&mut output, &mut input, ZSTD_EndDirective::ZSTD_e_flush);
            if left.map_err(reason)? == 0 {
                return Ok(());
            }
            if output.pos() == output.capacity() {
                return Err("more came out than fits");
            }
        }
    }

    pub(super) fn state_bytes(&self) -> usize {
        self.context.sizeof()
    }
}
