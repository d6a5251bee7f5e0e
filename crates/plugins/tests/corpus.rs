//! Replays the corpus of the fuzz target, and outputs of it that are damaged at random.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, missing_docs, reason = "shared with the fuzz target")]
mod checks;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/session");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Goal: each file of the corpus passes the checks, whole and cut short.
#[test]
fn whole_and_cut() {
    assert!(corpus().len() > 3);
    for output in corpus() {
        checks::session(&output);
        (0..output.len()).step_by(11).for_each(|end| checks::session(&output[..end]));
    }
}

/// Goal: outputs with lines lost, doubled and swapped, and with bytes changed, do no harm, and mean the same
/// wherever reads cut them.
#[test]
fn damaged() {
    const NASTY: &[u8] = b"\"'\\= \t\n\r\0\xff0A";
    let mut state = 11_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let lines: Vec<Vec<u8>> = corpus()
        .iter()
        .flat_map(|output| output.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect();
    let files = corpus();
    for round in 0..6_000 {
        let mut output = if round % 2 == 0 {
            files[random(files.len())].clone()
        } else {
            (0..random(20)).flat_map(|_| lines[random(lines.len())].clone()).collect()
        };
        for _ in 0..random(4) {
            let at = random(output.len() + 1);
            match random(4) {
                0 if at < output.len() => output[at] = NASTY[random(NASTY.len())],
                1 if at < output.len() => drop(output.remove(at)),
                2 => output.truncate(at),
                _ => output.insert(at, NASTY[random(NASTY.len())]),
            }
        }
        checks::session(&output);
    }
}
