//! Replays the corpus of the fuzz targets, and files of it that are damaged at random.

#![cfg(all(feature = "receiver", feature = "sender"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use stream::codec::Codec;

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzz targets")]
mod checks;

/// Every file passes its checks, whole, cut short, and with bytes changed.
fn replay(codec: Codec) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(codec.to_string().to_lowercase());
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 3);
    let mut state = 1_u64;
    for path in files {
        let data = std::fs::read(&path).unwrap();
        println!("{}", path.display());
        checks::decoder(codec, &data);
        (0..data.len()).step_by(1 + data.len() / 30).for_each(|end| checks::decoder(codec, &data[..end]));
        for _ in 0..100 {
            let mut broken = data.clone();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (state >> 33) as usize % broken.len();
            broken[place] ^= (state >> 20) as u8 | 1;
            checks::decoder(codec, &broken);
        }
    }
}

/// The goal: nothing in the corpus harms the decoder of LZ4.
#[test]
fn lz4_corpus() {
    replay(Codec::Lz4);
}

/// The goal: nothing in the corpus harms the decoder of ZSTD.
#[cfg(feature = "zstd")]
#[test]
fn zstd_corpus() {
    replay(Codec::Zstd);
}
