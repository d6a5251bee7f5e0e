//! Feeds any bytes to `stream::fuzzing::sender`: a node with a hostile parent.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stream::fuzzing::sender(data));
