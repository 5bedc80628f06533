//! What the documents tell people to type is something the program takes.

use std::fs;
use std::path::Path;

use lmp_billing_sync::cli;

/// Whether the program would understand a line, up to where the shell ends the command.
pub(super) fn parses(typed: &str) -> Result<(), clap::Error> {
    let line = typed.split(" #").next().unwrap_or_default();
    let words = line.split_whitespace().take_while(|word| !["|", "&&", "||", ">", ";"].contains(word));
    cli::command().try_get_matches_from(words).map(drop)
}

/// The commands in a document's blocks of shell lines, and in its inline code.
fn typed(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<bool> = None;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(matches!(language, "sh" | "")),
            };
            continue;
        }
        let parts: Vec<&str> = match block {
            Some(false) => continue,
            Some(true) => line.split("&& ").collect(),
            None => line.split('`').skip(1).step_by(2).collect(),
        };
        for part in parts {
            let part = part.trim().trim_start_matches("$ ").trim_start_matches("sudo ");
            // A name in capitals or an ellipsis stands for something.
            if part.starts_with("lmp-billing-sync ") && !part.contains('…') {
                let line = part.replace("YYYY-MM", "2026-10").replace(" COMMAND", " check");
                found.push(line.replace(" ID", " 0f8fad5b-d9cb-469f-a165-70867728950e"));
            }
        }
    }
    found
}

#[test]
fn every_command_in_the_documents_is_one_that_the_program_takes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (document, at_least) in [("README.md", 4), ("docs/OPERATIONS.md", 15), ("docs/ANALYSTS.md", 1)] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let commands = typed(&text);
        assert!(commands.len() >= at_least, "{document}: only {commands:?}");
        for command in commands {
            match parses(&command) {
                Err(error) if error.use_stderr() => panic!("{document}: {command}: {error}"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_command_with_a_typo_would_be_found() {
    assert_eq!(typed("so `lmp-billing-sync snyc`, or\n```sh\nlmp-billing-sync check && true\n```").len(), 2);
    assert!(parses("lmp-billing-sync snyc").is_err());
    assert!(parses("lmp-billing-sync sync --cycel 2026-10").is_err());
    assert!(parses("lmp-billing-sync check && anything").is_ok());
}
