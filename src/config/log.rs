//! `[log]`: what is logged and how.

use ::config::Value;
use tracing_subscriber::filter::Targets;

use super::section::Section;
use super::suggest::closest;
use super::value::{Parsed, text};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Logging, which goes to stderr.
#[derive(Clone, Debug)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// Valid [`Targets`], such as `info` or `info,lmp_billing_sync=debug`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Log {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            format: section.or("format", LogFormat::Text, format),
            filter: section.or("filter", "info".to_owned(), filter),
        }
    }
}

fn format(value: &Value) -> Parsed<LogFormat> {
    match text(value)? {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be \"text\" or \"json\"".to_owned()),
    }
}

fn filter(value: &Value) -> Parsed<String> {
    let filter = text(value)?;
    // A mistyped level would pass as the name of a module, and silence everything else.
    for word in filter.split(',').map(str::trim) {
        let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
        if let Some(level) = closest(word, LEVELS).filter(|_| !is_level) {
            return Err(format!(
                "holds a word that looks like the level {level} but is not; write {level}, or a module's full name"
            ));
        }
    }
    if filter.trim().is_empty() || filter.parse::<Targets>().is_err() {
        return Err("must be a log filter, such as \"info\" or \"info,lmp_billing_sync=debug\"".to_owned());
    }
    Ok(filter.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{load, problems};

    #[test]
    fn formats_and_filters_are_read() {
        let log = load("[log]\nformat = 'json'\nfilter = 'INFO,lmp_billing_sync::lmp=debug,sqlx=off'").log;
        assert_eq!(log.format, LogFormat::Json);
        assert_eq!(log.filter, "INFO,lmp_billing_sync::lmp=debug,sqlx=off");
    }

    #[test]
    fn a_wrong_filter_is_refused() {
        for wrong in ["", "info,lmp_billing_sync=loud", "lmp=debug=info", "inof", "info,debg"] {
            let found = problems(&format!("[log]\nfilter = '{wrong}'"));
            assert_eq!(found.len(), 1, "{wrong:?}");
            assert!(found[0].starts_with("log.filter "), "{found:?}");
        }
        assert_eq!(problems("[log]\nformat = 'xml'"), ["log.format must be \"text\" or \"json\""]);
    }
}
