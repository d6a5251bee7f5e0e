//! Replays the corpus of the fuzz targets, and files of it that are damaged at random.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzz targets")]
mod checks;

#[path = "../fuzz/disk.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzz targets")]
mod disk;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every block of the corpus passes its checks, whole, cut short, and with bytes changed.
#[test]
fn block_corpus() {
    let mut state = 1_u64;
    assert!(corpus("block").len() > 3);
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

/// Files with the records of the corpus, whole and with bytes changed, are read without harm.
/// `UPDATE=1` writes what a real host's files hold to the corpus.
#[test]
fn file_corpora() {
    let mut state = 7_u64;
    for kind in ["charts", "segment", "journal"] {
        let prefix = format!("/{kind}-");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(kind);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("whole"), disk::seed(&prefix)).unwrap();
        }
        for data in corpus(kind) {
            disk::file(&prefix, &data);
            for _ in 0..200 {
                let mut broken = data.clone();
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let place = (state >> 33) as usize % broken.len();
                broken[place] ^= (state >> 20) as u8 | 1;
                if state.is_multiple_of(5) {
                    broken.truncate(place);
                }
                disk::file(&prefix, &broken);
            }
        }
    }
}
