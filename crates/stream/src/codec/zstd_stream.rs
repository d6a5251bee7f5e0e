//! ZSTD as an endless stream: flushed after each frame, on both sides.

use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, DParameter, ErrorCode, InBuffer, OutBuffer, compress_bound};

/// The level of our sender: more costs memory in the parent, and time here, for a few percent.
#[cfg(feature = "sender")]
const LEVEL: i32 = 1;
/// The encoder's buffers are made for blocks of this size: a frame is never longer.
#[cfg(feature = "sender")]
const BLOCK_BYTES: u32 = 16 << 10;
#[cfg(feature = "sender")]
const _: () = assert!(protocol::frame::SENT_PLAIN_BYTES_MAX < BLOCK_BYTES as usize);
#[cfg(feature = "sender")]
/// One hash for so many bytes of the window, as a power of two: twice as many save one percent.
#[cfg(feature = "sender")]
const HASHES_PER_BYTE_LOG: u32 = 4;
/// What the level uses with large windows.
#[cfg(feature = "sender")]
const HASH_LOG_MAX: u32 = 14;
/// The largest window that a child may use, as a power of two: 2 MiB, that of level 3, which is
/// what Netdata sends with.
#[cfg(feature = "receiver")]
const WINDOW_LOG_MAX: u32 = 21;

/// The sending end.
#[cfg(feature = "sender")]
pub(super) struct Packer {
    context: CCtx<'static>,
}

#[cfg(feature = "sender")]
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

/// The receiving end.
#[cfg(feature = "receiver")]
pub(super) struct Unpacker {
    context: DCtx<'static>,
}

#[cfg(feature = "receiver")]
impl Unpacker {
    pub(super) fn new() -> Result<Self, &'static str> {
        let mut context = DCtx::try_create().ok_or("no memory")?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(reason)?;
        Ok(Self { context })
    }

    /// Unpacks a payload to the beginning of `plain` as far as there is room; returns the length.
    pub(super) fn unpack(&mut self, payload: &[u8], plain: &mut [u8]) -> Result<usize, &'static str> {
        let mut input = InBuffer::around(payload);
        let mut output = OutBuffer::around(plain);
        loop {
            let before = (input.pos(), output.pos());
            self.context.decompress_stream(&mut output, &mut input).map_err(reason)?;
            let is_full = output.pos() == output.capacity();
            if is_full || (input.pos() == payload.len() && before == (input.pos(), output.pos())) {
                return Ok(output.pos());
            }
        }
    }

    pub(super) fn state_bytes(&self) -> usize {
        self.context.sizeof()
    }
}

fn reason(code: ErrorCode) -> &'static str {
    zstd::zstd_safe::get_error_name(code)
}
