//! Replays the corpus of the fuzz targets, and lines that are damaged at random.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use protocol::{Decoder, Limits, Step};

#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzz targets")]
mod checks;
mod random;
use random::Random;

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 3);
    files.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

/// Every file of the decoder's corpus passes its checks.
#[test]
fn decoder_corpus() {
    for (name, data) in corpus("decoder") {
        println!("{name}");
        checks::decoder(&data);
    }
}

/// Every file of the request's corpus passes its checks, whole and cut short.
#[test]
fn request_corpus() {
    for (name, data) in corpus("request") {
        println!("{name}");
        checks::request(&data);
        for end in (0..data.len()).step_by(13) {
            checks::request(&data[..end]);
        }
    }
}

/// Damaged requests cause no panic either.
#[test]
fn damaged_requests() {
    let files = corpus("request");
    let mut random = Random(11);
    for _ in 0..20_000 {
        let mut data = files[random.below(files.len())].1.clone();
        damage(&mut random, &mut data);
        checks::request(&data);
    }
}

/// 100,000 damaged lines: no panic, and every step ends and consumes.
#[test]
fn damaged_lines() {
    let lines: Vec<Vec<u8>> = corpus("decoder")
        .into_iter()
        .flat_map(|(_, data)| data.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .filter(|line| line.len() < 400)
        .collect();
    let mut random = Random(12);
    let mut decoder = Decoder::new(Limits::default());
    let (mut commands, mut faults) = (0, 0);
    for round in 0..100_000 {
        if round % 50 == 0 {
            // A block that was opened swallows what follows.
            decoder = Decoder::new(Limits::default());
        }
        let mut line = lines[random.below(lines.len())].clone();
        damage(&mut random, &mut line);
        line.push(b'\n');
        let mut at = 0;
        let mut steps = 0;
        while at < line.len() {
            let mut consumed = 0;
            match decoder.step(&line[at..], &mut consumed) {
                Ok(Step::Command(_)) => commands += 1,
                Ok(Step::NeedMore) => assert_eq!(at + consumed, line.len()),
                Err(error) => {
                    faults += 1;
                    assert!(!error.to_string().is_empty());
                }
            }
            assert!(consumed > 0);
            at += consumed;
            steps += 1;
            assert!(steps < 1_000);
        }
    }
    assert!(commands > 10_000 && faults > 1_000, "{commands} commands, {faults} faults");
}

/// Damaged streams are the same in pieces as whole.
#[test]
fn damaged_streams() {
    let files = corpus("decoder");
    let mut random = Random(13);
    for _ in 0..1_000 {
        let mut data = files[random.below(files.len())].1.clone();
        damage(&mut random, &mut data);
        checks::decoder(&data);
    }
}

/// Changes, drops, doubles or inserts a few bytes.
fn damage(random: &mut Random, data: &mut Vec<u8>) {
    const NASTY: &[u8] = b"\"'\\=# \t\n\r\0\xff@%-0AE:";
    for _ in 0..=random.below(3) {
        let at = random.below(data.len() + 1);
        match random.below(5) {
            0 if at < data.len() => data[at] = random.next() as u8,
            1 if at < data.len() => data[at] = random.pick(NASTY),
            2 if at < data.len() => drop(data.remove(at)),
            3 => data.truncate(at),
            _ => data.insert(at, random.pick(NASTY)),
        }
    }
}
