//! The help, word by word: it is the manual most people ever see.
//!
//! `UPDATE_HELP=1 cargo test --test it help` writes what it is now, for a person to review.

use std::path::{Path, PathBuf};

use super::process::Call;

fn pinned(command: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/cli/help/{command}.txt"))
}

async fn compare(name: &str, args: &[&str]) -> String {
    let told = Call::new(args, &std::env::temp_dir()).ends_with(0).await.stdout;
    if std::env::var_os("UPDATE_HELP").is_some() {
        std::fs::write(pinned(name), &told).unwrap();
    }
    let expected = std::fs::read_to_string(pinned(name)).unwrap_or_default();
    assert!(told == expected, "the help of {name} has changed (see tests/it/cli/help.rs) to:\n{told}");
    told
}

/// The names under `Commands:`.
fn commands(help: &str) -> Vec<&str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()).collect()
}

#[tokio::test]
async fn the_help_of_the_program_and_of_every_command_is_as_reviewed() {
    let help = compare("lmp-billing-sync", &["--help"]).await;
    let commands = commands(&help);
    assert!(commands.contains(&"sync"), "{commands:?}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        compare(command, &[command, "--help"]).await;
    }
}

#[tokio::test]
async fn without_a_command_the_help_is_told_and_it_counts_as_wrong_usage() {
    Call::new(&[], &std::env::temp_dir()).ends_with(2).await.complains(&["Usage:", "demo"]);
}
