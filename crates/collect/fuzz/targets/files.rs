//! Feeds any bytes to `checks::files`, below a folder of this process.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

#[path = "../checks.rs"]
mod checks;

static ROOT: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("collect-fuzz-{}", std::process::id())));

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::files(&ROOT, data));
