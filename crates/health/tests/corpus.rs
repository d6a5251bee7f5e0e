//! Replays the corpora of the fuzz targets, and files of them that are damaged at random.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, missing_docs, reason = "shared with the fuzz targets")]
mod checks;

/// Every file passes, whole, cut short, and with bytes changed.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let mut state = 3_u64;
    for path in paths {
        let data = std::fs::read(&path).unwrap();
        println!("{}", path.display());
        check(&data);
        (0..data.len()).step_by(1 + data.len() / 50).for_each(|end| check(&data[..end]));
        for _ in 0..300 {
            let mut broken = data.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let place = (state >> 33) as usize % broken.len();
                broken[place] = (state >> 20) as u8;
            }
            check(&broken);
        }
    }
}

/// The goal: whatever an alarm file says, it is read to its end.
#[test]
fn files() {
    replay("files", checks::files);
}

/// The goal: whatever a log holds, what is whole of it is read.
#[test]
fn log() {
    replay("log", checks::log);
}
