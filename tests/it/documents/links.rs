//! Where the documents lead, there is something.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::path;

/// Every document of the repository.
fn documents() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![path("docs")]);
    let here = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    found.extend(here(path("")).filter(|file| is_document(file)));
    while let Some(folder) = folders.pop() {
        for file in here(folder) {
            if file.is_dir() {
                folders.push(file);
            } else if is_document(&file) {
                found.push(file);
            }
        }
    }
    found
}

fn is_document(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// The anchors that forges give to a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#'));
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    headings.map(slug).collect()
}

/// What stands in the brackets of `[words](here)`, and where pictures are, but for what is elsewhere in the world.
pub(crate) fn links(text: &str) -> impl Iterator<Item = &str> {
    let behind = |mark, end| text.split(mark).skip(1).filter_map(move |rest: &str| rest.split_once(end));
    behind("](", ')').chain(behind(" src=\"", '"')).map(|(link, _)| link).filter(|link| !link.contains("://"))
}

/// Files and folders of the repository that are named in `code`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    const FOLDERS: [&str; 12] = [
        ".ci/",
        "benches/",
        "dashboards/",
        "docs/",
        "examples/",
        "fuzz/",
        "migrations/",
        "packaging/",
        "scripts/",
        "src/",
        "systemd/",
        "tests/",
    ];
    let code = text.split('`').skip(1).step_by(2);
    let names = code.filter_map(|code| code.split_whitespace().next());
    names
        .filter(|name| FOLDERS.iter().any(|folder| name.starts_with(folder)))
        // Those stand for several.
        .filter(|name| !name.contains(['*', '…', '{']))
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').map_or((link, None), |(file, at)| (file, Some(at)));
            let target =
                if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
            if let Some(anchor) = anchor {
                let there = anchors(&fs::read_to_string(&target).unwrap());
                assert!(there.contains(anchor), "{}: {link}: only {there:?}", document.display());
            }
            count += 1;
        }
    }
    assert!(count > 30, "only {count} links were found");
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for name in named(&text) {
            let place = name.split(['#', ':']).next().unwrap().trim_end_matches([',', ';', '.']);
            assert!(path(place).exists(), "{}: there is no {place}", document.display());
            count += 1;
        }
    }
    assert!(count > 40, "only {count} names were found");
}
