//! ZSTD as an endless stream, flushed after each frame: the receiving end.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::zstd_error::reason;

/// The largest window that a child may use, as a power of two: 2 MiB, that of level 3, which is
/// what Netdata sends with.
const WINDOW_LOG_MAX: u32 = 21;

/// The receiving end.
pub(super) struct Unpacker {
    context: DCtx<'static>,
}

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
