//! The corpus, and bytes made from it by chance.

use std::fs;
use std::path::Path;

use super::{arguments, body, headers, settings};

/// Bytes made from each file of the corpus.
const MADE: usize = 2_000;

/// Tries every file of a corpus, and neighbours of it.
fn replay(name: &str, try_bytes: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/foreign/corpus").join(name);
    let files: Vec<Vec<u8>> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| fs::read(file.expect("a file of the corpus").path()).expect("it can be read"))
        .collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    for file in &files {
        try_bytes(file);
        for _ in 0..MADE {
            try_bytes(&neighbour(file, &files, &mut chance));
        }
    }
}

/// A file with some bytes changed, left out, doubled, or taken from another one.
fn neighbour(file: &[u8], files: &[Vec<u8>], chance: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..chance.usize(1..4) {
        let from = chance.usize(..=bytes.len());
        let to = chance.usize(from..=bytes.len().min(from + 16));
        match chance.u8(..4) {
            0 => bytes[from..to].iter_mut().for_each(|byte| *byte = chance.u8(..)),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let again = bytes[from..to].to_vec();
                bytes.splice(from..from, again);
            }
            _ => {
                let other = &files[chance.usize(..files.len())];
                let start = chance.usize(..=other.len());
                let end = chance.usize(start..=other.len().min(start + 32));
                bytes.splice(from..to, other[start..end].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn bodies_are_read_as_the_reference_reads_them() {
    replay("body", body::try_bytes);
}

#[test]
fn headers_ask_for_a_sensible_wait_or_none() {
    replay("headers", headers::try_bytes);
}

#[test]
fn settings_are_taken_or_refused_with_words_and_no_secret() {
    replay("settings", settings::try_bytes);
}

#[test]
fn cycles_and_guids_are_read_as_the_reference_reads_them() {
    replay("arguments", arguments::try_bytes);
}
