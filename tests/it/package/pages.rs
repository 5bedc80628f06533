//! The manual pages.

use std::collections::BTreeMap;

use lmp_billing_sync::cli;

use super::commands::parses;
use super::manual;
use crate::cli::process::Call;

fn pages() -> BTreeMap<String, String> {
    let pages = manual::pages().unwrap();
    pages.into_iter().map(|(name, page)| (name, String::from_utf8(page).unwrap())).collect()
}

/// As a reader sees it, without markup.
fn plain(page: &str) -> String {
    let page = page.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\.", ".");
    ["\\fB", "\\fI", "\\fR", "\\&"].iter().fold(page, |page, markup| page.replace(markup, ""))
}

/// Every command's name, its page and its definition.
fn commands() -> Vec<(String, clap::Command)> {
    let mut program = cli::command();
    program.build();
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    commands.map(|command| (command.get_name().to_owned(), command.clone())).collect()
}

#[test]
fn every_command_has_a_page_with_each_of_its_options() {
    let pages = pages();
    let commands = commands();
    assert_eq!(pages.len(), commands.len() + 1, "{:?}", pages.keys());
    assert!(commands.iter().any(|(name, _)| name == "run"));
    for (name, command) in commands {
        let page = plain(&pages[&format!("lmp-billing-sync-{name}.1")]);
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&format!("--{option}")), "{name} --{option}:\n{page}");
        }
        assert!(page.contains("SEE ALSO"), "{name}:\n{page}");
    }
}

#[test]
fn the_page_of_the_program_names_every_command_and_has_what_the_help_lacks() {
    let page = plain(&pages()["lmp-billing-sync.1"]);
    for (name, _) in commands() {
        assert!(page.contains(&format!("lmp-billing-sync-{name}(1)")), "{name}:\n{page}");
    }
    let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
    let sections = sections.join(", ").replace('"', "");
    assert!(sections.starts_with("NAME, SYNOPSIS, DESCRIPTION, SUBCOMMANDS, OPTIONS"), "{sections}");
    assert!(sections.ends_with("EXIT STATUS, FILES, ENVIRONMENT, SIGNALS, EXAMPLES, SEE ALSO"), "{sections}");
}

#[test]
fn the_same_program_has_the_same_pages() {
    assert_eq!(pages(), pages());
    let page = &pages()["lmp-billing-sync.1"];
    let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
    assert!(title.contains(&format!("lmp-billing-sync {}", env!("CARGO_PKG_VERSION"))), "{title}");
    assert!(!title.contains("202"), "it bears a date: {title}");
}

#[test]
fn the_examples_are_commands_that_the_program_takes() {
    for (what, typed) in manual::EXAMPLES {
        parses(typed).unwrap_or_else(|error| panic!("{what} {typed}: {error}"));
    }
}

/// One way to each status, tried with the real program.
#[tokio::test]
async fn the_exit_statuses_are_those_the_program_ends_with() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("wrong.toml"), "[sink]\n").unwrap();
    // A port nobody listens on: the database is out of reach.
    let away = "[database]\nurl = 'postgres://nobody@127.0.0.1:1/nothing'\n";
    std::fs::write(dir.path().join("away.toml"), away).unwrap();
    let mut statuses = Vec::new();
    for (args, status) in [
        (&["--version"] as &[&str], 0),
        (&["--config", "away.toml", "status"], 1),
        (&["sync", "--cycle", "yesterday"], 2),
        (&["--config", "wrong.toml", "status"], 78),
    ] {
        Call::new(args, dir.path()).ends_with(status).await;
        statuses.push(status);
    }
    assert_eq!(manual::STATUSES.map(|(status, _)| i32::from(status)).as_slice(), statuses);
}
