//! What the documents list is all there is.

use std::collections::BTreeSet;
use std::fs;

use lmp_billing_sync::cli;

use super::path;
use crate::support::lab::Lab;

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The words in backticks at the beginning of the rows of a document's tables.
fn first_cells(document: &str) -> BTreeSet<String> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells
        .flat_map(|cell| cell.split('`').step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .map(|code| code.split([' ', '(']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_readme_lists_every_command() {
    let listed = first_cells(&text("README.md"));
    for command in cli::command().get_subcommands() {
        assert!(listed.contains(command.get_name()), "README.md does not list `{}`", command.get_name());
    }
}

#[tokio::test]
async fn the_readme_lists_every_view_and_function_for_people() {
    let listed = first_cells(&text("README.md"));
    let lab = Lab::new().await;
    let there = lab
        .lines(
            "select relname from pg_class where relnamespace = 'lmp_billing'::regnamespace and relkind = 'v'
             union all select 'reports_as_of'",
        )
        .await;
    assert!(there.len() > 5, "{there:?}");
    for name in there {
        assert!(listed.contains(&name), "README.md does not list `{name}`");
    }
}

#[test]
fn the_documents_tell_of_no_make_target_that_there_is_not() {
    let makefile = text("Makefile");
    let rules = makefile.lines().filter(|line| line.contains(": ## ") || line.contains(" ## "));
    let targets: BTreeSet<&str> =
        rules.filter_map(|line| line.split_once(':')).map(|(target, _)| target).collect();
    assert!(targets.len() > 10, "{targets:?}");
    let documents =
        ["README.md", "CONTRIBUTING.md", "docs/OPERATIONS.md", "docs/PERFORMANCE.md"].map(text).concat();
    let told: BTreeSet<&str> = documents
        .split('`')
        .chain(documents.lines())
        .filter_map(|code| code.trim().strip_prefix("make "))
        .filter_map(|rest| rest.split([' ', ',']).next())
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    assert!(told.len() > 10, "{told:?}");
    let unknown: Vec<_> = told.difference(&targets).collect();
    assert!(unknown.is_empty(), "there is no make {unknown:?}");
}

#[test]
fn every_dependency_has_its_reason() {
    let design = text("docs/DESIGN.md");
    let (_, reasons) = design.split_once("\n## Dependencies\n").expect("a section on dependencies");
    let words: BTreeSet<&str> =
        reasons.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).collect();
    let manifest = text("Cargo.toml");
    let mut count = 0;
    for section in ["\n[dependencies]\n", "\n[dev-dependencies]\n"] {
        let (_, rest) = manifest.split_once(section).expect("the section is there");
        let lines = rest.lines().take_while(|line| !line.starts_with('['));
        for name in lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name) {
            assert!(words.contains(name), "docs/DESIGN.md does not say why {name} is used");
            count += 1;
        }
    }
    assert!(count > 40, "only {count} dependencies were found");
}
