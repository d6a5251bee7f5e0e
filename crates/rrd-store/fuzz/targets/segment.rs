//! Feeds any records to the reader of segment files.
#![no_main]

#[path = "../disk.rs"]
#[allow(dead_code)]
mod disk;

libfuzzer_sys::fuzz_target!(|data: &[u8]| disk::file("/segment-", data));
