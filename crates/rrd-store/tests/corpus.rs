//! Replays the corpus of the fuzz targets, and files of it that are damaged at random.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzz targets")]
mod checks;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 3);
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every block of the corpus passes its checks, whole, cut short, and with bytes changed.
#[test]
fn block_corpus() {
    let mut state = 1_u64;
    for data in corpus("block") {
        checks::block(&data);
        (0..data.len()).for_each(|end| checks::block(&data[..end]));
        for _ in 0..2_000 {
            let mut broken = data.clone();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (state >> 33) as usize % broken.len();
            broken[place] ^= (state >> 20) as u8 | 1;
            checks::block(&broken);
        }
    }
}

/// All rows of the corpus come back, however many bytes are there.
#[test]
fn rows_corpus() {
    for data in corpus("rows") {
        (0..data.len()).rev().step_by(7).for_each(|end| checks::encode(&data[..end]));
        checks::encode(&data);
    }
}
