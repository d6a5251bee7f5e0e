//! Feeds any records to the reader of journal files.
#![no_main]

#[path = "../disk.rs"]
#[allow(dead_code)]
mod disk;

libfuzzer_sys::fuzz_target!(|data: &[u8]| disk::file("/journal-", data));
