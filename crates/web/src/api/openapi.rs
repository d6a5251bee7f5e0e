//! The description of the API, as programs read it: `api/openapi.json` of this crate, in OpenAPI 3.1.
//!
//! It is packed in the program. Tests hold it against the routes, against the
//! parameters that are read, and against real answers.

use std::io::Read;

use flate2::bufread::GzDecoder;
use http::HeaderMap;

use crate::answer::{Answer, JSON};
use crate::encoding::Encoding;

/// As the build script packed it.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));
/// It is not longer than this.
const BYTES_MAX: u64 = 1 << 20;

/// The description, for a client that says what it can unpack.
pub(super) fn answer(headers: &HeaderMap) -> Answer {
    if Encoding::Gzip.is_accepted(headers) {
        return Answer::new(JSON, PACKED).encoded(Encoding::Gzip);
    }
    let mut text = Vec::new();
    match GzDecoder::new(PACKED).take(BYTES_MAX).read_to_end(&mut text) {
        Ok(_) => Answer::json(text),
        Err(error) => Answer::internal(format!("the description cannot be unpacked: {error}")),
    }
}

#[cfg(test)]
mod tests;
