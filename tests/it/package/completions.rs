//! The shell completions.

use std::process::Command;

use lmp_billing_sync::cli;

use super::shells;

fn script(file: &str) -> String {
    let scripts = shells::completions();
    let (_, script) = scripts.iter().find(|(name, _)| name == file).unwrap();
    String::from_utf8(script.clone()).unwrap()
}

/// What bash would offer for a line whose last word is under the cursor.
fn offered(words: &[&str]) -> Vec<String> {
    let line = r#"
        eval "$1"; shift
        function=$(complete -p lmp-billing-sync | sed 's/.*-F \([^ ]*\).*/\1/')
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        "$function" lmp-billing-sync "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let bash = Command::new("bash")
        .args(["--norc", "-c", line, "bash", &script("lmp-billing-sync.bash")])
        .args(words)
        .output()
        .unwrap();
    let complaints = String::from_utf8(bash.stderr).unwrap();
    assert!(bash.status.success(), "{complaints}");
    String::from_utf8(bash.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["lmp-billing-sync", "sy"]), ["sync"]);
    assert_eq!(offered(&["lmp-billing-sync", "sync", "--acce"]), ["--accept-withdrawals"]);
    assert_eq!(offered(&["lmp-billing-sync", "sync", "--output", "j"]), ["json"]);
    assert_eq!(offered(&["lmp-billing-sync", "prune", "--dr"]), ["--dry-run"]);
}

#[test]
fn zsh_and_fish_know_every_command() {
    let (zsh, fish) = (script("_lmp-billing-sync"), script("lmp-billing-sync.fish"));
    assert!(zsh.starts_with("#compdef lmp-billing-sync"), "{zsh}");
    for command in cli::command().get_subcommands().map(clap::Command::get_name) {
        assert!(zsh.contains(&format!("({command})\n")), "{command}:\n{zsh}");
        assert!(fish.contains(&format!("-a \"{command}\"")), "{command}:\n{fish}");
    }
}
