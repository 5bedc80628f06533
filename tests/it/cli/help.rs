//! The help, word by word: it is the manual most people ever see.
//!
//! `UPDATE_DOCS=1 cargo test --test it cli::help` writes what it is now, for a person to review.

use super::process::Call;
use crate::documents::is_as_it_should_be;

async fn compare(name: &str, args: &[&str]) -> String {
    let told = Call::new(args, &std::env::temp_dir()).ends_with(0).await.stdout;
    is_as_it_should_be(&format!("tests/it/cli/help/{name}.txt"), &told);
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
