//! What `Cargo.toml` says is in the package fits the unit, the documents and the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use config::{Config, File, FileFormat};
use serde::Deserialize;

use super::{manual, shells};
use crate::documents::links::links;

/// What `Cargo.toml` tells cargo-deb.
#[derive(Deserialize)]
struct Packaging {
    /// Source, place and mode of every file.
    assets: Vec<(String, String, String)>,
    #[serde(rename = "conf-files")]
    conf_files: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn packaging() -> Packaging {
    let manifest = File::from(root().join("Cargo.toml")).format(FileFormat::Toml);
    Config::builder().add_source(manifest).build().unwrap().get("package.metadata.deb").unwrap()
}

/// Source and place of every file.
fn assets() -> Vec<(String, String)> {
    packaging().assets.into_iter().map(|(source, place, _)| (source, place)).collect()
}

fn unit() -> String {
    fs::read_to_string(root().join("systemd/lmp-billing-sync.service")).unwrap()
}

#[test]
fn every_file_that_is_not_made_while_packing_is_there() {
    for (source, place) in assets() {
        if source.starts_with("target/") {
            continue;
        }
        let found = match source.split_once('*') {
            Some((folder, end)) => fs::read_dir(root().join(folder))
                .unwrap()
                .any(|entry| entry.unwrap().file_name().to_string_lossy().ends_with(end)),
            None => root().join(&source).is_file(),
        };
        assert!(found, "{source}, to be {place}, does not exist");
    }
}

/// The files that are packed under the names they have here, so that they find each other.
fn documentation() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for (source, place) in assets() {
        let Some(folder) = place.strip_prefix("usr/share/doc/lmp-billing-sync/") else { continue };
        let name = source.rsplit('/').next().unwrap();
        let end = name.strip_prefix('*');
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten().map(Result::unwrap) {
            let file = entry.file_name().into_string().unwrap();
            if source == format!("{folder}{name}") && end.map_or(file == name, |end| file.ends_with(end)) {
                found.insert(entry.path());
            }
        }
    }
    found
}

#[test]
fn where_a_packed_document_leads_there_is_a_packed_file() {
    let packed = documentation();
    let mut count = 0;
    for document in packed.iter().filter(|file| file.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(document).unwrap();
        for link in links(&text).map(|link| link.split('#').next().unwrap()).filter(|link| !link.is_empty()) {
            let target = fs::canonicalize(document.parent().unwrap().join(link)).unwrap();
            assert!(packed.contains(&target), "{}: {link} is not packed", document.display());
            count += 1;
        }
    }
    assert!(count > 30, "only {count} links were found");
}

#[test]
fn everything_that_is_made_for_the_package_is_put_into_it() {
    let sources: Vec<_> = assets().into_iter().map(|(source, _)| source).collect();
    for (name, _) in shells::completions() {
        let made = format!("target/package/completions/{name}");
        assert!(sources.contains(&made), "{made} is in none of {sources:?}");
    }
    assert!(!manual::pages().unwrap().is_empty());
    assert!(sources.contains(&"target/package/man/*".to_owned()), "{sources:?}");
}

#[test]
fn the_unit_starts_the_program_where_the_package_puts_it_with_the_settings_it_puts_there() {
    let assets = assets();
    let place_of = |source: &str| {
        let (_, place) = assets.iter().find(|(from, _)| from == source).unwrap();
        format!("/{place}")
    };
    let program = format!("{}lmp-billing-sync", place_of("target/release/lmp-billing-sync"));
    let settings = place_of("config.example.toml");
    let start = format!("\nExecStart={program} --config {settings} run\n");
    assert!(unit().contains(&start), "{start:?}");
    assert_eq!(packaging().conf_files, [settings]);
}

/// The name in the settings is a file in the folder that the unit hands over, under the name that
/// systemd gives to what is in it.
#[test]
fn the_secrets_of_the_example_are_in_the_folder_that_the_unit_hands_over() {
    assert!(unit().contains("\nLoadCredential=secrets:/etc/lmp-billing-sync/secrets\n"));
    let example = fs::read_to_string(root().join("config.example.toml")).unwrap();
    let files: Vec<_> = example
        .lines()
        .filter_map(|line| line.trim_start_matches("# ").split_once("_file = \""))
        .filter(|(key, _)| *key != "ca")
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    for (key, file) in files {
        assert!(file.starts_with("secrets/"), "{key}_file = \"{file}");
    }
    let script = fs::read_to_string(root().join("packaging/deb/postinst")).unwrap();
    assert!(script.contains("mkdir -m 0700 /etc/lmp-billing-sync/secrets"), "{script}");
}

#[test]
fn debians_changelog_is_about_this_version() {
    let changelog = fs::read_to_string(root().join("packaging/deb/changelog")).unwrap();
    let first = format!("lmp-billing-sync ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&first), "it starts with {:?}", changelog.lines().next());
}
