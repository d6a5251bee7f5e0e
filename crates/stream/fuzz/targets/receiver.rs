//! Feeds any bytes to `stream::fuzzing::receiver`: a node with a hostile child.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stream::fuzzing::receiver(data));
