//! Replays the corpus of the fuzz target, and random bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, missing_docs, reason = "shared with the fuzz target")]
mod checks;

/// The goal: every file passes, cut short anywhere.
#[test]
fn corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/queue");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for end in 0..=bytes.len() {
            checks::queue(&bytes[..end]);
        }
        count += 1;
    }
    assert!(count >= 4);
}

/// The goal: a queue is read back up to any damage, and no further.
#[test]
fn random_bytes() {
    let mut random = 3_u64;
    for turn in 0..5_000 {
        let bytes: Vec<u8> = (0..turn % 300)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 56) as u8
            })
            .collect();
        checks::queue(&bytes);
    }
}
