//! Answers for clients that can unpack: gzip, or zstd where the client names it.
//!
//! A body is packed as it is written, whatever makes it, so that a long one is never in memory as a whole.
//! Encoders have some 200 KB of tables each; a few are kept for the next answer.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::{Body as HttpBody, Frame};

/// Shorter bodies are sent as they are: head and packing cost more than they save.
const BYTES_MIN: u64 = 1_024;
/// Twice as quick as level 3, for 3 % more bytes of metrics as text.
const GZIP_LEVEL: Compression = Compression::new(2);
/// A head without name and time.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// What is packed is handed on in steps of this.
const ROOM_BYTES: usize = 8 * 1024;
/// Encoders that are kept.
const KEPT_MAX: usize = 2;

/// A way to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Encoding {
    /// The best that a client accepts.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut best = None;
        for encoding in accepted(headers) {
            match encoding {
                Self::Gzip => best = best.or(Some(Self::Gzip)),
                #[cfg(feature = "zstd")]
                Self::Zstd => best = Some(Self::Zstd),
            }
        }
        best
    }

    /// Whether a client accepts just this one.
    pub(crate) fn is_accepted(self, headers: &HeaderMap) -> bool {
        accepted(headers).any(|encoding| encoding == self)
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            #[cfg(feature = "zstd")]
            "zstd" => Some(Self::Zstd),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            _ => None,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }
}

/// What a client names and does not refuse in the same breath, as far as we have it.
fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Encoding> {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let is_refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)));
        Encoding::named(name).filter(|_| !is_refused)
    })
}

/// Encoders that wait for the next answer.
#[derive(Default)]
pub(crate) struct Encoders(Mutex<Vec<Encoder>>);

impl Encoders {
    /// Has an answer packed while it is written, if that is worth it.
    pub(crate) fn encode(self: &Arc<Self>, response: &mut Response<Body>, accepted: Option<Encoding>) {
        response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
        let is_short = response.body().size_hint().upper().is_some_and(|bytes| bytes < BYTES_MIN);
        let Some(encoding) = accepted.filter(|_| !is_short && !response.headers().contains_key(CONTENT_ENCODING))
        else {
            return;
        };
        let Some(encoder) = self.take(encoding) else { return };
        let inner = mem::take(response.body_mut());
        *response.body_mut() =
            Body::new(Encoded { inner, encoder: Some(encoder), encoders: Arc::clone(self), is_done: false });
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.word()));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Encoder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, encoding: Encoding) -> Option<Encoder> {
        let mut kept = self.kept();
        let place = kept.iter().position(|encoder| encoder.encoding() == encoding);
        place.map(|place| kept.swap_remove(place)).or_else(|| Encoder::new(encoding))
    }

    fn give_back(&self, mut encoder: Encoder) {
        let mut kept = self.kept();
        if kept.len() < KEPT_MAX && encoder.reset() {
            kept.push(encoder);
        }
    }
}

/// What packs one body.
enum Encoder {
    Gzip(Box<Gzip>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Zstd),
}

impl Encoder {
    fn new(encoding: Encoding) -> Option<Self> {
        match encoding {
            Encoding::Gzip => Some(Self::Gzip(Box::default())),
            #[cfg(feature = "zstd")]
            Encoding::Zstd => zstd::Zstd::new().map(Self::Zstd),
        }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Self::Gzip(_) => Encoding::Gzip,
            #[cfg(feature = "zstd")]
            Self::Zstd(_) => Encoding::Zstd,
        }
    }

    /// Packs the next bytes, and ends the body with the last.
    fn pack(&mut self, bytes: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Self::Gzip(gzip) => gzip.pack(bytes, is_last, out),
            #[cfg(feature = "zstd")]
            Self::Zstd(zstd) => zstd.pack(bytes, is_last, out),
        }
    }

    /// Makes it ready for another body; `false` where it is none any more.
    fn reset(&mut self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.reset(),
            #[cfg(feature = "zstd")]
            Self::Zstd(zstd) => zstd.reset(),
        }
    }
}

struct Gzip {
    deflate: Compress,
    sum: Crc,
    has_begun: bool,
}

impl Default for Gzip {
    fn default() -> Self {
        Self { deflate: Compress::new(GZIP_LEVEL, false), sum: Crc::new(), has_begun: false }
    }
}

impl Gzip {
    fn pack(&mut self, mut bytes: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        if !mem::replace(&mut self.has_begun, true) {
            out.extend_from_slice(&GZIP_HEAD);
        }
        self.sum.update(bytes);
        let flush = if is_last { FlushCompress::Finish } else { FlushCompress::None };
        loop {
            if out.capacity() - out.len() < ROOM_BYTES / 2 {
                out.reserve(ROOM_BYTES);
            }
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(bytes, out, flush).map_err(|_| "the encoder has failed")?;
            bytes = &bytes[(self.deflate.total_in() - before) as usize..];
            let has_room = out.capacity() > out.len();
            if status == Status::StreamEnd || (!is_last && bytes.is_empty() && has_room) {
                break;
            }
        }
        if is_last {
            out.extend_from_slice(&self.sum.sum().to_le_bytes());
            out.extend_from_slice(&self.sum.amount().to_le_bytes());
        }
        Ok(())
    }

    fn reset(&mut self) -> bool {
        self.deflate.reset();
        self.sum.reset();
        self.has_begun = false;
        true
    }
}

#[cfg(feature = "zstd")]
mod zstd {
    use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
    use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

    use super::ROOM_BYTES;

    const LEVEL: i32 = 1;
    /// What a client has to keep: 128 KiB.
    const WINDOW_LOG: u32 = 17;

    pub(super) struct Zstd(CCtx<'static>);

    impl Zstd {
        pub(super) fn new() -> Option<Self> {
            let mut context = CCtx::try_create()?;
            for parameter in [CParameter::CompressionLevel(LEVEL), CParameter::WindowLog(WINDOW_LOG)] {
                context.set_parameter(parameter).ok()?;
            }
            Some(Self(context))
        }

        pub(super) fn pack(&mut self, bytes: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
            let end = if is_last { ZSTD_EndDirective::ZSTD_e_end } else { ZSTD_EndDirective::ZSTD_e_continue };
            let mut input = InBuffer::around(bytes);
            loop {
                if out.capacity() - out.len() < ROOM_BYTES / 2 {
                    out.reserve(ROOM_BYTES);
                }
                let begin = out.len();
                let mut output = OutBuffer::around_pos(out, begin);
                let left = self.0.compress_stream2(&mut output, &mut input, end);
                let left = left.map_err(zstd::zstd_safe::get_error_name)?;
                if (is_last && left == 0) || (!is_last && input.pos() == bytes.len()) {
                    return Ok(());
                }
            }
        }

        pub(super) fn reset(&mut self) -> bool {
            self.0.reset(ResetDirective::SessionOnly).is_ok()
        }
    }
}

/// A body that is packed as it is asked for.
struct Encoded {
    inner: Body,
    encoder: Option<Encoder>,
    encoders: Arc<Encoders>,
    is_done: bool,
}

impl HttpBody for Encoded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let mut out = Vec::new();
        while out.is_empty() && !this.is_done {
            let frame = ready!(Pin::new(&mut this.inner).poll_frame(context)).transpose()?;
            let bytes = frame.map(|frame| frame.into_data().unwrap_or_default()).unwrap_or_default();
            // An end that is known with the last bytes saves a frame.
            this.is_done = bytes.is_empty() || this.inner.is_end_stream();
            let Some(encoder) = &mut this.encoder else { break };
            encoder.pack(&bytes, this.is_done, &mut out).map_err(axum::Error::new)?;
        }
        Poll::Ready((!out.is_empty()).then(|| Ok(Frame::data(out.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }
}

impl Drop for Encoded {
    fn drop(&mut self) {
        if let Some(encoder) = self.encoder.take() {
            self.encoders.give_back(encoder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(list: &str) -> Option<Encoding> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(list).unwrap());
        Encoding::accepted(&headers)
    }

    /// What a client names decides, unless it refuses it in the same breath.
    #[test]
    fn encodings_are_chosen_by_the_client() {
        assert_eq!(Encoding::accepted(&HeaderMap::new()), None);
        for (list, expected) in [
            ("gzip", Some(Encoding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Encoding::Zstd)),
            ("zstd;q=0.5,gzip;q=1.0", Some(Encoding::Zstd)),
            ("deflate, x-gzip;q=0.1", Some(Encoding::Gzip)),
            ("gzip;q=0, zstd; q=0.0", None),
            ("identity, br, *", None),
            ("", None),
            ("gzipped", None),
        ] {
            assert_eq!(accepted(list), expected, "{list}");
        }
    }
}
