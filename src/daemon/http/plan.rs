//! What there is to show, and when it is late.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::domain::Retention;
use crate::schedule::CronSchedule;
use crate::store::{ALL_ACCOUNTS, Job, JobTicks, Scope};

/// What the settings say, as far as the endpoints show it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The accounts' names, in the order of the settings.
    pub accounts: Vec<String>,
    /// When each job is due; a job that is not in it is not shown.
    pub schedules: BTreeMap<Job, CronSchedule>,
    /// The zone in which times are shown.
    pub timezone: Tz,
    /// How far back cycles go.
    pub retention: Retention,
}

/// How late a tick may be claimed before the daemon is not ready.
///
/// A daemon looks every half minute, and what it cannot do at once because the database or the machine
/// is away it does on its return; a quarter of an hour late, it is not working. Whether the run
/// then succeeds is another matter. A prune that is late harms nobody for a day.
pub(super) fn grace(job: Job) -> Duration {
    match job {
        Job::Prune => Duration::from_hours(24),
        Job::Discover | Job::Refresh | Job::Reconcile | Job::Manual => Duration::from_mins(15),
    }
}

impl Plan {
    /// The scheduled jobs, each with its account; a prune is for all of them.
    pub(super) fn jobs(&self) -> Vec<(String, Job)> {
        Job::scheduled_of(self.accounts.iter().map(String::as_str))
            .filter(|(_, job)| self.schedules.contains_key(job))
            .collect()
    }

    pub(super) fn scope<'a>(&'a self, jobs: &'a [(String, Job)]) -> Scope<'a> {
        Scope { accounts: &self.accounts, jobs, retention: self.retention, timezone: self.timezone }
    }

    /// When a job is due next.
    pub(super) fn next(&self, job: Job, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.schedules.get(&job)?.next_after(now)
    }

    /// Why the daemon is not ready, as far as a job's ticks say.
    pub(super) fn complaint(&self, tick: &JobTicks, now: DateTime<Utc>) -> Option<String> {
        let schedule = self.schedules.get(&tick.job)?;
        let job = match &*tick.account {
            ALL_ACCOUNTS => tick.job.as_str().to_owned(),
            account => format!("{} of {account}", tick.job.as_str()),
        };
        let Some(counts_from) = tick.counts_from else {
            return Some(format!("{job} is not on its schedule yet; the daemon is still starting"));
        };
        let due = schedule.behind_since(counts_from, now, grace(tick.job))?;
        let due = due.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        Some(format!("{job} was due at {due} and no daemon has taken it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn plan() -> Plan {
        let schedule = |text| CronSchedule::parse(text, Tz::UTC).unwrap();
        Plan {
            accounts: vec!["emea".to_owned(), "apac".to_owned()],
            schedules: [(Job::Refresh, schedule("0 */4 * * *")), (Job::Prune, schedule("0 5 * * *"))].into(),
            timezone: Tz::UTC,
            retention: Retention { months: 24 },
        }
    }

    fn complaint(account: &str, job: Job, counts_from: &str, now: &str) -> Option<String> {
        let tick = JobTicks { account: account.to_owned(), job, counts_from: Some(at(counts_from)) };
        plan().complaint(&tick, at(now))
    }

    #[test]
    fn a_job_is_late_when_its_grace_is_over_and_not_before() {
        let refresh = |now| complaint("emea", Job::Refresh, "2026-11-23T08:00:00Z", now);
        assert_eq!(refresh("2026-11-23T12:15:00Z"), None);
        assert_eq!(
            refresh("2026-11-23T12:15:01Z").unwrap(),
            "refresh of emea was due at 2026-11-23T12:00:00Z and no daemon has taken it"
        );
        let prune = |now| complaint("*", Job::Prune, "2026-11-23T08:00:00Z", now);
        assert_eq!(prune("2026-11-25T05:00:00Z"), None);
        assert_eq!(
            prune("2026-11-25T05:00:01Z").unwrap(),
            "prune was due at 2026-11-24T05:00:00Z and no daemon has taken it"
        );
    }

    #[test]
    fn a_job_that_nobody_has_put_on_its_schedule_is_a_reason_too() {
        let tick = JobTicks { account: "emea".to_owned(), job: Job::Refresh, counts_from: None };
        let reason = plan().complaint(&tick, at("2026-11-23T08:00:00Z")).unwrap();
        assert_eq!(reason, "refresh of emea is not on its schedule yet; the daemon is still starting");
    }

    #[test]
    fn only_scheduled_jobs_count_and_a_prune_counts_once() {
        let jobs: Vec<String> = plan().jobs().iter().map(|(a, j)| format!("{a} {}", j.as_str())).collect();
        assert_eq!(jobs, ["emea refresh", "apac refresh", "* prune"]);
    }
}
