//! Finding the settings file and reading it.

use std::error::Error;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use ::config::{File, FileFormat, Source as _};

use super::error::Problem;
use super::section::Table;

/// Names the settings file.
pub(super) const CONFIG_VARIABLE: &str = "LMP_BILLING_SYNC_CONFIG";

/// Where the settings file is looked for when nobody names one.
const DEFAULT_FILES: [&str; 2] = ["config.toml", "/etc/lmp-billing-sync/config.toml"];

/// The settings file and its text: the one of the command line, else the one of the environment,
/// else the first default one that exists. A file that was named has to exist.
pub(super) fn find_file(
    explicit: Option<&Path>,
    from_environment: Option<&OsStr>,
) -> Result<Option<(PathBuf, String)>, Problem> {
    let named = from_environment.filter(|name| !name.is_empty()).map(Path::new);
    if let Some(file) = explicit.or(named) {
        let variable = explicit.is_none().then_some(CONFIG_VARIABLE);
        return match read(file) {
            Ok(text) => Ok(Some((file.to_owned(), text))),
            Err(error) => Err(unreadable(file, &error).set_by(variable)),
        };
    }
    first_existing(DEFAULT_FILES.map(Path::new))
}

fn first_existing<'a>(
    files: impl IntoIterator<Item = &'a Path>,
) -> Result<Option<(PathBuf, String)>, Problem> {
    for file in files {
        match read(file) {
            Ok(text) => return Ok(Some((file.to_owned(), text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(file, &error)),
        }
    }
    Ok(None)
}

fn read(file: &Path) -> io::Result<String> {
    std::fs::read_to_string(file)
}

fn unreadable(file: &Path, error: &io::Error) -> Problem {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; whoever runs the program must be able to read it (chmod 644; secrets belong into files of their own)"
        }
        _ => "",
    };
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    Problem::new(file.display().to_string(), format!("cannot be read as the settings file: {error}{advice}"))
}

/// Parses the settings file.
///
/// The parser's own message shows the offending line, which may well be the one with the secret.
/// So only its position and the rule that was broken are taken over.
pub(super) fn parse(file: &Path, text: &str) -> Result<Table, Problem> {
    let problem = |message| Problem::new(file.display().to_string(), message);
    File::from_str(text, FileFormat::Toml).collect().map_err(|error| match &error {
        ::config::ConfigError::FileParse { cause, .. } => problem(syntax_error(cause.as_ref(), text)),
        _ => problem("cannot be read as TOML".to_owned()),
    })
}

fn syntax_error(cause: &(dyn Error + Send + Sync + 'static), text: &str) -> String {
    let Some(error) = cause.downcast_ref::<toml::de::Error>() else {
        return "holds a number that is too large".to_owned();
    };
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("is not valid TOML at line {line}, column {column}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_named_first_wins_and_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.toml"), dir.path().join("b.toml"));
        std::fs::write(&a, "# a").unwrap();
        std::fs::write(&b, "# b").unwrap();
        let found = |explicit, environment| find_file(explicit, environment).unwrap().unwrap().1;
        assert_eq!(found(Some(&*a), Some(b.as_os_str())), "# a");
        assert_eq!(found(None, Some(b.as_os_str())), "# b");

        let missing = dir.path().join("missing.toml");
        let error = find_file(Some(&missing), Some(b.as_os_str())).unwrap_err().to_string();
        assert!(error.contains("missing.toml cannot be read as the settings file: No such file"), "{error}");
        let error = find_file(None, Some(missing.as_os_str())).unwrap_err().to_string();
        assert!(error.contains("missing.toml (set by LMP_BILLING_SYNC_CONFIG) cannot be read"), "{error}");
    }

    #[test]
    fn default_files_may_be_missing_but_not_unreadable() {
        let dir = tempfile::tempdir().unwrap();
        let (missing, there) = (dir.path().join("missing.toml"), dir.path().join("there.toml"));
        assert_eq!(first_existing([missing.as_path()]).unwrap(), None);
        std::fs::write(&there, "# there").unwrap();
        assert_eq!(
            first_existing([&*missing, &*there]).unwrap(),
            Some((there.clone(), "# there".to_owned()))
        );
        assert!(first_existing([dir.path(), &*there]).is_err());
        std::fs::write(&there, b"\xff").unwrap();
        assert!(first_existing([&*there]).is_err());
    }

    #[test]
    fn a_syntax_error_has_a_position_and_no_text_of_the_file() {
        let found =
            parse(Path::new("config.toml"), "[sync]\n\nmax_attempts = = 5\n").unwrap_err().to_string();
        assert!(found.starts_with("config.toml is not valid TOML at line 3, column 16: "), "{found}");
        let found = parse(Path::new("config.toml"), "x = 99999999999999999999").unwrap_err().to_string();
        assert_eq!(found, "config.toml holds a number that is too large");
    }
}
