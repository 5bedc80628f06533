//! `docs/RELIABILITY.md` names tests; each name must be that of a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_test_named_in_the_document_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/RELIABILITY.md")).unwrap();
    let listed = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let tests: BTreeSet<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let sources = sources(&root.join("src"));
    let mut missing = Vec::new();
    // What stands in backticks and looks like a path of modules.
    for name in document.split('`').skip(1).step_by(2).filter(|name| name.contains("::")) {
        let found = match name.strip_prefix("lib ") {
            // Unit tests are in another binary.
            Some(path) => {
                let function = path.rsplit("::").next().unwrap_or(path);
                sources.contains(&format!("fn {function}("))
            }
            // A module stands for all of its tests.
            None => tests.iter().any(|test| *test == name || test.starts_with(&format!("{name}::"))),
        };
        if !found {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "docs/RELIABILITY.md names tests that do not exist: {missing:#?}");
}

/// All source text below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}
