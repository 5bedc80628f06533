//! Settings: whatever stands in the file, they are refused with words, and no word is a secret.

use std::ffi::OsString;
use std::path::PathBuf;

use lmp_billing_sync::config::Settings;

/// Shorter secrets may stand in any sentence.
const SHORTEST: usize = 9;

/// The file, and after a NUL the value of a variable that overrides a secret.
pub(crate) fn try_bytes(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    // Files that it names are read; some of this machine's never end.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let told = told(text);
    let (file, variable) = parts(text);
    let password =
        variable.and_then(|url| Some(url.rsplit_once('@')?.0.split_once("://")?.1.split_once(':')?.1));
    for secret in secrets(file).chain(password) {
        // What stands elsewhere, too, is not only a secret.
        if secret.len() >= SHORTEST && text.matches(secret).count() == 1 && told.contains(secret) {
            let without = text.replace(secret, &"~".repeat(secret.len()));
            assert!(self::told(&without).contains(secret), "{secret:?} is told: {told}");
        }
    }
}

fn parts(text: &str) -> (&str, Option<&str>) {
    text.split_once('\0').map_or((text, None), |(file, value)| (file, Some(value)))
}

/// All that can be heard of settings: as they are shown, or why they are refused.
fn told(text: &str) -> String {
    let (file, variable) = parts(text);
    let environment =
        variable.map(|value| (OsString::from("LMP_BILLING_SYNC__DATABASE__URL"), OsString::from(value)));
    let file_of = Some((PathBuf::from("/nonexistent/config.toml"), file.to_owned()));
    match Settings::from_sources(file_of, environment, None) {
        Ok(settings) => format!("{settings:?}"),
        Err(error) => {
            assert!(!error.problems().is_empty(), "refused without a reason");
            format!("{error}\n{error:?}")
        }
    }
}

/// The values of tokens and keys, where they are written as usual.
fn secrets(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let is_secret = matches!(key.trim(), "access_token" | "secret_key");
        value.trim().strip_prefix('"')?.split_once('"').map(|(secret, _)| secret).filter(|_| is_secret)
    })
}
