//! What is not as it should be right now: for the service manager's status line, and for a line in the log
//! when it is over.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::store::{ALL_ACCOUNTS, Job, RunOutcome};

/// Everything that goes wrong, and since when.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    runs: BTreeMap<(String, Job), DateTime<Utc>>,
    database: Option<DateTime<Utc>>,
    refused_settings: Option<DateTime<Utc>>,
}

impl Troubles {
    /// A run has ended; if it ends a row of failures, the log hears of it.
    pub(super) fn run_ended(&mut self, account: &str, job: Job, outcome: RunOutcome, now: DateTime<Utc>) {
        let key = (account.to_owned(), job);
        match outcome {
            RunOutcome::Failed | RunOutcome::Partial => {
                self.runs.entry(key).or_insert(now);
            }
            RunOutcome::Succeeded => {
                if let Some(since) = self.runs.remove(&key) {
                    tracing::info!(account, failed_since = %since, "{} succeeds again", job.as_str());
                }
            }
            // The next one will tell.
            RunOutcome::Interrupted => {}
        }
    }

    /// Only of these jobs will there be runs that could end a row of failures.
    pub(super) fn keep(&mut self, is_scheduled: impl Fn(&str, Job) -> bool) {
        self.runs.retain(|(account, job), _| is_scheduled(account, *job));
    }

    /// The database has answered, or has not.
    pub(super) fn database(&mut self, answers: bool, now: DateTime<Utc>) {
        self.database = if answers { None } else { self.database.or(Some(now)) };
    }

    /// A reload has been done, or refused.
    pub(super) fn reloaded(&mut self, taken: bool, now: DateTime<Utc>) {
        self.refused_settings = if taken { None } else { Some(now) };
    }

    /// In a line, the gravest first; `None` if all is well.
    pub(super) fn describe(&self, zone: Tz) -> Option<String> {
        let at = |moment: &DateTime<Utc>| moment.with_timezone(&zone).format("%Y-%m-%d %H:%M");
        let database = self.database.iter().map(|since| format!("no database since {}", at(since)));
        let runs = self.runs.iter().map(|((account, job), since)| {
            let of = if account == ALL_ACCOUNTS { String::new() } else { format!(" of {account}") };
            format!("{}{of} fails since {}", job.as_str(), at(since))
        });
        let settings = self
            .refused_settings
            .iter()
            .map(|when| format!("the settings of {} were refused, older ones are in force", at(when)));
        let all: Vec<String> = database.chain(runs).chain(settings).collect();
        (!all.is_empty()).then(|| all.join("; ") + " (see the log)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minutes)
    }

    #[test]
    fn each_trouble_is_told_since_it_began_and_until_it_is_over() {
        let mut troubles = Troubles::default();
        assert_eq!(troubles.describe(Tz::UTC), None);
        troubles.run_ended("emea", Job::Refresh, RunOutcome::Failed, at(1));
        troubles.run_ended("emea", Job::Refresh, RunOutcome::Partial, at(2));
        troubles.run_ended("emea", Job::Refresh, RunOutcome::Interrupted, at(3));
        troubles.run_ended("emea", Job::Reconcile, RunOutcome::Succeeded, at(3));
        troubles.database(false, at(4));
        troubles.database(false, at(5));
        troubles.reloaded(false, at(6));
        assert_eq!(
            troubles.describe(Tz::Asia__Kolkata).unwrap(),
            "no database since 1970-01-01 05:34; refresh of emea fails since 1970-01-01 05:31; the settings of \
             1970-01-01 05:36 were refused, older ones are in force (see the log)"
        );
        troubles.database(true, at(7));
        troubles.reloaded(true, at(7));
        troubles.run_ended("emea", Job::Refresh, RunOutcome::Succeeded, at(8));
        assert_eq!(troubles.describe(Tz::UTC), None);
        troubles.run_ended(ALL_ACCOUNTS, Job::Prune, RunOutcome::Failed, at(9));
        assert_eq!(troubles.describe(Tz::UTC).unwrap(), "prune fails since 1970-01-01 00:09 (see the log)");
        troubles.run_ended("gone", Job::Refresh, RunOutcome::Failed, at(9));
        troubles.keep(|account, _| account == "emea");
        assert_eq!(troubles.describe(Tz::UTC), None);
    }
}
