//! The codec of a received stream: frames to plain text.
//!
//! ```text
//! frame   head (4 bytes), payload (up to 16,383 bytes), whose plain text has up to 16,384
//! ```
//!
//! With LZ4 each payload is a block that may refer to the 64 KiB of plain text before it. The
//! window is kept in one buffer, behind which each frame is unpacked; when the buffer is full its
//! end moves to its beginning. State is made with the first frame, never for a stranger.

use protocol::frame;

/// Plain text that a block may refer to.
const WINDOW_BYTES: usize = 64 * 1024;
/// Room behind the window: a larger one moves the window less often.
const ROOM_BYTES: usize = 2 * frame::PLAIN_BYTES_MAX;

/// Why a frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("expected the head of a compressed frame")]
    Head,
    #[error("a compressed frame is damaged, or longer than {} bytes of text", frame::PLAIN_BYTES_MAX)]
    Payload,
}

/// Unpacks a stream of LZ4 frames.
#[derive(Debug, Default)]
pub(super) struct Lz4 {
    /// The beginning of a frame that has not come whole.
    cut: Vec<u8>,
    window: Vec<u8>,
    used: usize,
}

impl Lz4 {
    /// Takes bytes off the wire and calls `text` with the plain text of each frame that is whole.
    /// The inner error is that of `text`.
    pub(super) fn push<E>(
        &mut self,
        mut bytes: &[u8],
        mut text: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), E>, FrameError> {
        while !bytes.is_empty() || !self.cut.is_empty() {
            let taken;
            let payload = if self.cut.is_empty()
                && let Some(length) = frame_length(bytes)?
                && bytes.len() >= length
            {
                taken = length;
                &bytes[frame::HEAD_BYTES..length]
            } else {
                // A frame over the end of a read is put together first.
                let Some(length) = self.complete(&mut bytes)? else { return Ok(Ok(())) };
                taken = 0;
                &self.cut[frame::HEAD_BYTES..length]
            };
            let (start, end) = unpack(&mut self.window, &mut self.used, payload)?;
            if taken == 0 {
                self.cut.clear();
            }
            bytes = &bytes[taken..];
            if let Err(err) = text(&self.window[start..end]) {
                return Ok(Err(err));
            }
        }
        Ok(Ok(()))
    }

    /// Moves bytes to the cut frame until it is whole; returns its length then.
    fn complete(&mut self, bytes: &mut &[u8]) -> Result<Option<usize>, FrameError> {
        loop {
            let wanted = frame_length(&self.cut)?.unwrap_or(frame::HEAD_BYTES);
            let (more, rest) = bytes.split_at((wanted - self.cut.len()).min(bytes.len()));
            self.cut.extend_from_slice(more);
            *bytes = rest;
            match frame_length(&self.cut)? {
                Some(length) if self.cut.len() == length => return Ok(Some(length)),
                _ if rest.is_empty() => return Ok(None),
                _ => {}
            }
        }
    }
}

/// The length of the frame that `bytes` begin with, head included; `None` before the head is whole.
fn frame_length(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(head) = bytes.first_chunk() else { return Ok(None) };
    frame::parse(head).map(|payload| Some(frame::HEAD_BYTES + payload)).ok_or(FrameError::Head)
}

/// Unpacks a payload behind what the window holds; returns where its plain text lies.
fn unpack(window: &mut Vec<u8>, used: &mut usize, payload: &[u8]) -> Result<(usize, usize), FrameError> {
    window.resize(WINDOW_BYTES + ROOM_BYTES, 0);
    if window.len() - *used < frame::PLAIN_BYTES_MAX {
        window.copy_within(*used - WINDOW_BYTES..*used, 0);
        *used = WINDOW_BYTES;
    }
    let (before, after) = window.split_at_mut(*used);
    let dictionary = &before[used.saturating_sub(WINDOW_BYTES)..];
    let room = &mut after[..frame::PLAIN_BYTES_MAX];
    let count =
        lz4_flex::block::decompress_into_with_dict(payload, room, dictionary).map_err(|_| FrameError::Payload)?;
    let start = *used;
    *used += count;
    Ok((start, *used))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames as a peer makes them: each block refers to the text before it.
    fn frames(text: &[u8], step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut done = 0_usize;
        for chunk in text.chunks(step) {
            let dictionary = &text[done.saturating_sub(WINDOW_BYTES)..done];
            let payload = lz4_flex::block::compress_with_dict(chunk, dictionary);
            out.extend_from_slice(&frame::encode(payload.len()).unwrap());
            out.extend_from_slice(&payload);
            done += chunk.len();
        }
        out
    }

    fn text() -> Vec<u8> {
        (0..40_000_u32)
            .flat_map(|n| format!("SET \"dimension {}\" = {}\n", n % 97, n * 7 % 1_013).into_bytes())
            .collect()
    }

    fn unpack_all(frames: &[u8], mut step: impl FnMut() -> usize) -> Result<Vec<u8>, FrameError> {
        let (mut codec, mut out, mut at) = (Lz4::default(), Vec::new(), 0);
        while at < frames.len() {
            let end = (at + step()).min(frames.len());
            codec
                .push(&frames[at..end], |text| {
                    out.extend_from_slice(text);
                    Ok::<_, ()>(())
                })?
                .unwrap();
            at = end;
        }
        Ok(out)
    }

    #[test]
    fn frames_unpack_however_they_are_cut() {
        let text = text();
        for chunk in [170, 4_000, 16_000] {
            let frames = frames(&text, chunk);
            assert!(unpack_all(&frames, || usize::MAX >> 1).unwrap() == text);
            assert!(unpack_all(&frames, || 1).unwrap() == text);
            let mut state = 7_u64;
            let random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                1 + (state >> 33) as usize % 30_000
            };
            assert!(unpack_all(&frames, random).unwrap() == text);
        }
    }

    #[test]
    fn bombs_and_garbage_are_refused() {
        let bomb = lz4_flex::block::compress(&vec![b'x'; frame::PLAIN_BYTES_MAX + 1]);
        let mut bytes = frame::encode(bomb.len()).unwrap().to_vec();
        bytes.extend_from_slice(&bomb);
        assert_eq!(unpack_all(&bytes, || 1_000), Err(FrameError::Payload));
        assert_eq!(unpack_all(b"CHART \"a.b\"\n", || 1_000), Err(FrameError::Head));
        let good = frames(&text(), 4_000);
        let mut state = 1_u64;
        for _ in 0..300 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut broken = good[..20_000].to_vec();
            broken[(state >> 33) as usize % 20_000] ^= (state >> 20) as u8 | 1;
            if let Ok(text) = unpack_all(&broken, || 4_096) {
                assert!(text.len() < 10_000_000);
            }
        }
    }
}
