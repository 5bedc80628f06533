//! The licence texts that permissive licences ask to be passed on with a program that holds the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// How the files begin that authors put their terms in.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// One text for all crates that are linked into the program: each licence once, under the crates it covers.
pub(crate) fn of_linked_crates() -> anyhow::Result<String> {
    let linked = linked()?;
    let mut crates_of: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut only_named = Vec::new();
    for (name, krate) in &linked {
        let texts = texts(&krate.folder)?;
        if texts.is_empty() {
            only_named.push(format!("{name}: {}", krate.licence));
        }
        for text in texts {
            crates_of.entry(text).or_default().insert(name);
        }
    }
    let mut all = String::from(
        "The program holds code of the crates below. Where a crate offers a choice of licences, any of them may be\n\
         chosen; all texts that come with it are given.\n",
    );
    let rule = "=".repeat(80);
    for (text, crates) in &crates_of {
        let crates: Vec<_> = crates.iter().copied().collect();
        writeln!(all, "\n{rule}\n{}\n{rule}\n\n{text}", crates.join(", "))?;
    }
    if !only_named.is_empty() {
        writeln!(all, "\nThese come without a text, but name their licences:\n{}", only_named.join("\n"))?;
    }
    Ok(all)
}

struct Linked {
    folder: PathBuf,
    licence: String,
}

/// The crates of the program itself, not those that only build or test it.
fn linked() -> anyhow::Result<BTreeMap<String, Linked>> {
    let tree = cargo(&[
        "tree",
        "--locked",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])?;
    let linked: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect();
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--locked", "--format-version", "1"])?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let mut found = BTreeMap::new();
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", text("name"), text("version"));
        if linked.contains(&name) {
            let folder = Path::new(text("manifest_path")).parent().context("a manifest is in a folder")?;
            found.insert(name, Linked { folder: folder.to_owned(), licence: text("license").to_owned() });
        }
    }
    // All but this crate.
    ensure!(found.len() + 1 == linked.len(), "cargo tree and cargo metadata disagree about what is linked");
    Ok(found)
}

fn cargo(arguments: &[&str]) -> anyhow::Result<String> {
    let called = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .context("calling cargo")?;
    ensure!(
        called.status.success(),
        "cargo {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&called.stderr)
    );
    Ok(String::from_utf8(called.stdout)?)
}

fn texts(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| format!("looking into {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|start| name.starts_with(start)) && entry.file_type()?.is_file() {
            let text = fs::read(entry.path())?;
            let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
            texts.insert(text.trim_end().to_owned());
        }
    }
    Ok(texts)
}
