//! Feeds any bytes to `checks::decoder`, as ZSTD frames.
#![no_main]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::decoder(stream::codec::Codec::Zstd, data));
