//! Replays the corpus of the fuzz target, and files of it that are damaged at random.

use std::path::Path;

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzz target")]
mod checks;

/// Damaged copies of each file.
const ROUNDS: usize = 25;

/// Every file passes its checks, whole, cut short and damaged; each that can be picked is in the corpus.
#[test]
fn files_corpus() {
    let root = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/files");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut seen = vec![false; checks::FILES.len()];
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for path in paths {
        println!("{}", path.display());
        let data = std::fs::read(&path).unwrap();
        seen[usize::from(data[0] - checks::FIRST)] = true;
        checks::files(root.path(), &data);
        for _ in 0..ROUNDS {
            let mut broken = data.clone();
            broken.truncate(1 + random(broken.len()));
            for _ in 0..=random(3) {
                let at = 1 + random(broken.len());
                match broken.get_mut(at) {
                    Some(byte) => *byte = b"\0\n -:/9\xff\"[x"[random(11)],
                    None => broken.push(random(256) as u8),
                }
            }
            checks::files(root.path(), &broken);
        }
    }
    let missing: Vec<_> = checks::FILES.iter().zip(seen).filter(|(_, seen)| !seen).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
