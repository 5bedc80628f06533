//! docs/ARCHITECTURE.md, held by the source itself: who may use whom, and who alone may use what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::path;

/// Each module of the crate, and those it may use besides itself.
const LAYERS: [(&str, &str); 18] = [
    ("certificate", ""),
    ("clock", ""),
    ("task", ""),
    ("visible", ""),
    ("domain", ""),
    ("schedule", ""),
    ("embedded", ""),
    ("config", "domain schedule"),
    ("lmp", "certificate clock domain task"),
    ("store", "certificate domain task"),
    ("run", "store"),
    ("sync", "domain lmp run store"),
    ("prune", "clock domain run store"),
    ("setup", "clock config embedded lmp prune schedule store sync"),
    ("simulator", "clock domain lmp"),
    ("daemon", "clock config domain lmp prune run schedule setup store sync visible"),
    ("cli", "clock config daemon domain embedded lmp prune setup simulator store sync task visible"),
    ("main", "cli"),
];

/// What only these modules may name.
const ALONE: [(&str, &str); 16] = [
    ("sqlx", "store embedded"),
    // The simulator's own tests ask it.
    ("reqwest", "lmp simulator"),
    ("governor", "lmp"),
    ("hmac", "lmp"),
    ("axum", "daemon simulator"),
    ("maud", "daemon"),
    ("prometheus", "daemon"),
    ("sd_notify", "daemon"),
    ("tokio_cron_scheduler", "daemon"),
    ("croner", "schedule"),
    ("toml", "config"),
    ("clap", "cli"),
    ("comfy_table", "cli"),
    ("SystemTime::now", "clock"),
    ("Utc::now", "clock"),
    ("Local::now", "clock"),
];

struct Source {
    module: String,
    file: PathBuf,
    /// Without comments, which may speak of everything.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = path("src");
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|extension| extension == "rs") {
                found.push(source(&root, file));
            }
        }
    }
    found
}

fn source(root: &Path, file: PathBuf) -> Source {
    let first = file.strip_prefix(root).unwrap().iter().next().unwrap().to_str().unwrap();
    let module = first.strip_suffix(".rs").unwrap_or(first).to_owned();
    let code = fs::read_to_string(&file).unwrap();
    let code =
        code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    Source { module, file, code }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The words that follow a prefix.
fn after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(prefix).filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back();
        let rest = &code[at + prefix.len()..];
        let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
        (end > 0 && !before.is_some_and(|before| is_word(before) || before == ':')).then(|| &rest[..end])
    })
}

/// Whether a path beginning with this name stands there.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, behind) = (code[..at].chars().next_back(), &code[at + name.len()..]);
        // A module of ours may have a crate's name: ours begin with crate, super or self.
        let begins = !before.is_some_and(|before| is_word(before) || before == '.')
            && (!code[..at].ends_with("::") || code[..at].ends_with(" ::"));
        let goes_on = behind.starts_with("::") || behind.starts_with('(') || behind.starts_with(';');
        begins && goes_on
    })
}

#[test]
fn no_module_uses_another_that_the_architecture_keeps_from_it() {
    let allowed: BTreeMap<&str, Vec<&str>> =
        LAYERS.iter().map(|(module, uses)| (*module, uses.split(' ').collect())).collect();
    let mut uses = 0;
    for Source { module, file, code } in sources() {
        if module == "lib" {
            continue;
        }
        let allowed =
            allowed.get(module.as_str()).unwrap_or_else(|| panic!("{module} has no place in LAYERS"));
        for used in after(&code, if module == "main" { "lmp_billing_sync::" } else { "crate::" }) {
            uses += 1;
            let fine = used == module || allowed.contains(&used);
            assert!(fine, "{} uses {used}, which {module} may not", file.display());
        }
    }
    assert!(uses > 200, "only {uses} uses were found");
}

#[test]
fn what_belongs_to_one_layer_is_named_in_no_other() {
    let sources = sources();
    for (name, owners) in ALONE {
        let users: Vec<&Source> = sources.iter().filter(|source| names(&source.code, name)).collect();
        assert!(!users.is_empty() || name.ends_with("::now"), "{name} is named nowhere: is it gone?");
        for user in users {
            let fine = owners.split(' ').any(|owner| owner == user.module);
            assert!(fine, "{} names {name}, which only {owners} may", user.file.display());
        }
    }
}

#[test]
fn the_document_has_a_line_for_each_module() {
    let document = fs::read_to_string(path("docs/ARCHITECTURE.md")).unwrap();
    for (module, _) in LAYERS.iter().filter(|(module, _)| *module != "main") {
        assert!(document.contains(&format!("\n| `{module}` |")), "{module} is missing");
    }
}
