//! What is wrong with the settings.

use std::fmt;
use std::path::PathBuf;

use super::env::PREFIX;

/// Everything found wrong with the settings, so that it can be mended in one go. Exit code 78.
///
/// No message repeats a value: what is a secret is only known once the settings make sense. Keys
/// and the valid forms are enough to find and mend the mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
    /// The settings file, where there is one that could be read.
    file: Option<PathBuf>,
}

/// One thing that is wrong: a sentence whose subject is the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    key: String,
    variable: Option<String>,
    message: String,
}

impl ConfigError {
    /// `file` is where the settings come from that no variable has set.
    pub(super) fn new(problems: Vec<Problem>, file: Option<PathBuf>) -> Self {
        let file = file.filter(|_| problems.iter().any(Problem::is_of_the_file));
        Self { problems, file }
    }

    /// What is wrong, in the order it was found; at least one problem.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Problem {
    /// `message` goes on after the key, says what to write instead, and never repeats the value.
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), variable: None, message: message.into() }
    }

    /// Says that the value came from an environment variable.
    pub(super) fn set_by(mut self, variable: Option<&str>) -> Self {
        self.variable = variable.map(ToOwned::to_owned);
        self
    }

    fn is_of_the_file(&self) -> bool {
        self.variable.is_none() && !self.key.starts_with(PREFIX)
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], file: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Unknown keys are the user's own words: they must not reach a terminal unescaped.
        write!(f, "{}", self.key.escape_debug())?;
        if let Some(variable) = &self.variable {
            write!(f, " (set by {})", variable.escape_debug())?;
        }
        write!(f, " {}", self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrong settings")?;
        if let Some(file) = &self.file {
            write!(f, " in {}", file.display())?;
        }
        if let [problem] = self.problems.as_slice() {
            return write!(f, ": {problem}");
        }
        write!(f, ":")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_is_a_line_and_several_are_a_list() {
        let one = Problem::new("sync.max_attempts", "must be 1 or more");
        let two =
            Problem::new("http.listen", "must be an address").set_by(Some("LMP_BILLING_SYNC__HTTP__LISTEN"));
        assert_eq!(
            ConfigError::from(one.clone()).to_string(),
            "wrong settings: sync.max_attempts must be 1 or more"
        );
        assert_eq!(
            ConfigError::new(vec![one, two], Some("/etc/config.toml".into())).to_string(),
            "wrong settings in /etc/config.toml:\n  - sync.max_attempts must be 1 or more\n  \
             - http.listen (set by LMP_BILLING_SYNC__HTTP__LISTEN) must be an address"
        );
    }

    #[test]
    fn a_key_cannot_drive_the_terminal() {
        let problem = Problem::new("sync.\u{1b}[2J", "is not a setting");
        assert_eq!(problem.to_string(), "sync.\\u{1b}[2J is not a setting");
    }
}
