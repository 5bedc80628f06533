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
    let mut missing = Vec::new();
    // What stands in backticks and looks like a path of modules.
    for name in document.split('`').skip(1).step_by(2).filter(|name| name.contains("::")) {
        let found = match name.strip_prefix("lib ") {
            // Unit tests are in another binary.
            Some(path) => is_unit_test(path),
            // A module stands for all of its tests.
            None => tests.iter().any(|test| *test == name || test.starts_with(&format!("{name}::"))),
        };
        if !found {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "docs/RELIABILITY.md names tests that do not exist: {missing:#?}");
}

/// Whether a module's own file has a test of this name.
fn is_unit_test(path: &str) -> bool {
    let (modules, function) = path.rsplit_once("::").expect("a unit test is in a module");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // Its tests stand in the file itself or in one beside it.
    let module = source.join(modules.strip_suffix("::tests").unwrap_or(modules).replace("::", "/"));
    let files = [module.with_extension("rs"), module.join("mod.rs"), module.join("tests.rs")];
    files.into_iter().filter_map(|file| fs::read_to_string(file).ok()).any(|text| has_test(&text, function))
}

/// Whether a function of this name is marked as a test.
fn has_test(text: &str, function: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let signatures = [format!("fn {function}("), format!("async fn {function}(")];
    let found = lines.iter().position(|line| signatures.iter().any(|signature| line.starts_with(signature)));
    found.is_some_and(|at| {
        let mut attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        attributes.any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
    })
}
