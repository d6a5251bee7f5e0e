//! Replays the corpora of the targets, and files of them that are damaged at random.

use std::path::Path;

/// Every file passes, whole, cut short, and with bytes changed.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 3);
    let mut state = 1_u64;
    for path in files {
        let data = std::fs::read(&path).unwrap();
        println!("{}", path.display());
        check(&data);
        (0..data.len()).step_by(1 + data.len() / 20).for_each(|end| check(&data[..end]));
        for _ in 0..50 {
            let mut broken = data.clone();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (state >> 33) as usize % broken.len();
            broken[place] ^= (state >> 20) as u8 | 1;
            check(&broken);
        }
    }
}

/// The goal: no child of the corpus harms its node, and what it is stored as is passed on unchanged.
#[test]
fn receiver_corpus() {
    replay("receiver", super::receiver);
}

/// The goal: no parent of the corpus harms its node, and what it is sent is true.
#[test]
fn sender_corpus() {
    replay("sender", super::sender);
}
