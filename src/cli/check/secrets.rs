//! Who else can read the secrets. That they are there, and look as they should, the settings have seen to
//! already: without that, nothing starts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::findings::Findings;
use super::local::only_root_reads;
use crate::config::{Secret, SecretSource, Settings};
use crate::domain::parse_guid;

const SUBJECT: &str = "secrets";

/// What is in there reaches the service though only root may read it (`LoadCredential=`).
const HANDED_ON: &str = "/etc/lmp-billing-sync/secrets";

/// Everybody else on this machine.
const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;

pub(super) fn check(findings: &mut Findings, settings: &Settings) {
    let secrets: Vec<&Secret> = settings.secrets().collect();
    let mut warned = false;
    for secret in &secrets {
        // Read anew, as each run will: it may have gone since the settings were.
        if let Err(error) = secret.read() {
            warned = true;
            findings.error(SUBJECT, error);
        } else if let SecretSource::File(file) = secret.source()
            && only_root_reads(file)
            && !file.starts_with(HANDED_ON)
        {
            warned = true;
            let text = format!(
                "{} ({}) may be read by root alone, and the service runs as a user of its own: put it into {HANDED_ON}, \
                 which the service is handed at its start",
                file.display(),
                secret.key()
            );
            findings.warn(SUBJECT, &text);
        } else if let SecretSource::File(file) = secret.source()
            && let Some((whom, mend)) = exposed(file)
        {
            warned = true;
            let file = absolute(file);
            let file = file.display();
            findings.warn(SUBJECT, &format!("{file} ({}) may be read by {whom}; {mend}", secret.key()));
        }
    }
    for account in &settings.accounts {
        let token = account.access_token.read();
        if token.is_ok_and(|token| parse_guid(token.expose_secret()).is_none()) {
            warned = true;
            let text = format!(
                "{} does not hold a GUID, the form of LMP's access tokens; compare it with the one in the LMP console",
                account.access_token.key()
            );
            findings.warn(SUBJECT, &text);
        }
    }
    let inside: Vec<&str> =
        secrets.iter().filter(|secret| secret.tells_in_settings_file()).map(|secret| secret.key()).collect();
    if let (Some(file), false) = (&settings.source, inside.is_empty())
        && let Some((whom, _)) = exposed(file)
    {
        warned = true;
        let (file, inside) = (file.display(), inside.join(", "));
        // Whoever runs the service must go on reading the settings.
        findings.warn(
            SUBJECT,
            &format!(
                "{file} holds secrets ({inside}) and may be read by {whom}; put each into a file of its own \
                 (secret_key_file and so on), which only the service may read"
            ),
        );
    }
    if !warned {
        let files =
            secrets.iter().filter(|secret| !matches!(secret.source(), SecretSource::Inline(_))).count();
        let text = format!(
            "{} found, {files} of them in files of their own; nobody else may read them",
            secrets.len()
        );
        findings.good(SUBJECT, &text);
    }
}

/// Who else may read or change a file, and the command that ends it. Not for the service manager's
/// credentials: it keeps them itself, and an access list for our user looks like a group's rights.
fn exposed(file: &Path) -> Option<(String, String)> {
    let metadata = fs::metadata(file).ok()?;
    let (mode, path) = (metadata.mode(), shell_word(&absolute(file)));
    if mode & OTHERS != 0 {
        return Some(("everybody on this machine".to_owned(), format!("`chmod o-rwx {path}`")));
    }
    // Of another owner, the group is the way by which we read it.
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    (mode & GROUP != 0 && is_ours).then(|| {
        let group = format!("its group (id {})", metadata.gid());
        (group, format!("`chmod g-rwx {path}`, unless that is the service's own group"))
    })
}

/// So that it can be typed in any folder.
fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

/// A path as it can be typed into a shell.
fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
