//! What the documents show is what the product does: their queries are run and their results compared.
//!
//! `UPDATE_DOCS=1 cargo test --test it documents` writes what is right now, for a person to review.

mod analysts;
mod dashboard;
mod data_model;
mod layers;
pub(crate) mod links;
mod listed;
mod listener;

use std::fs;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a document with what it should be, or writes it.
pub(crate) fn is_as_it_should_be(name: &str, should_be: &str) {
    let file = path(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, should_be).unwrap();
    }
    let is = fs::read_to_string(&file).unwrap_or_default();
    let differs = is.lines().zip(should_be.lines()).find(|(is, should)| is != should);
    assert!(
        is == should_be,
        "{name} is out of date (UPDATE_DOCS=1 writes it anew); first difference: {differs:?}"
    );
}
