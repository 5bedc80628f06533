//! What a reload changes, and what it cannot.

use std::collections::BTreeSet;

use crate::config::{Log, Settings};

/// New settings beside the ones in force.
#[derive(Debug)]
pub(super) struct Reload {
    /// What is in force from now on: the new settings, but for what only a restart changes.
    pub(super) settings: Settings,
    /// Settings that have changed and only a restart changes.
    pub(super) needs_restart: Vec<&'static str>,
    /// Accounts that are new, or gone, by name.
    pub(super) added: Option<String>,
    pub(super) removed: Option<String>,
}

impl Reload {
    pub(super) fn of(old: &Settings, new: Settings) -> Self {
        let mut needs_restart = Vec::new();
        if old.data_dir != new.data_dir {
            needs_restart.push("data_dir");
        }
        needs_restart.extend(new.database.changed_from(&old.database));
        if old.http.listen != new.http.listen {
            needs_restart.push("http.listen");
        }
        if old.log.format != new.log.format {
            needs_restart.push("log.format");
        }
        // What is not in force must not look so: the next reload would find nothing changed.
        let settings = Settings {
            data_dir: old.data_dir.clone(),
            database: old.database.clone(),
            http: old.http.clone(),
            log: Log { format: old.log.format, ..new.log },
            ..new
        };
        let (before, now) = (names(old), names(&settings));
        let (added, removed) = (listed(now.difference(&before)), listed(before.difference(&now)));
        Self { settings, needs_restart, added, removed }
    }
}

fn names(settings: &Settings) -> BTreeSet<String> {
    settings.accounts.iter().map(|account| account.name.clone()).collect()
}

fn listed<'n>(names: impl Iterator<Item = &'n String>) -> Option<String> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
