//! Completions for the shells that Debian knows a place for.

use clap_complete::Shell;

use lmp_billing_sync::cli;

const NAME: &str = "lmp-billing-sync";

/// In its script for bash, `clap_complete` 4.6.11 takes the hyphens of the program's name for steps down to
/// its commands in one of two places, so that nothing after a command would be completed.
const MISNAMED: &str = "lmp__subcmd__billing__subcmd__sync";
const NAMED: &str = "lmp__billing__sync";

/// File name and content for each shell.
pub(crate) fn completions() -> Vec<(String, Vec<u8>)> {
    [
        (Shell::Bash, "lmp-billing-sync.bash"),
        (Shell::Zsh, "_lmp-billing-sync"),
        (Shell::Fish, "lmp-billing-sync.fish"),
    ]
    .map(|(shell, file)| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut cli::command(), NAME, &mut script);
        let script = String::from_utf8_lossy(&script);
        (file.to_owned(), script.replace(MISNAMED, NAMED).into_bytes())
    })
    .into()
}
