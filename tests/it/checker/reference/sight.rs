//! What polls saw of a report before it had its status.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::apply::Poll;
use super::state::{Exact, Logged, NotBefore, Reference, Report};

impl Logged {
    /// Whether this answer proves that the report did not have the status then.
    fn lacks(&self, id: Uuid, status: &str) -> bool {
        match self.listed.get(&id) {
            Some(listed) => listed != status,
            None => self.complete && !self.mentioned.contains(&id),
        }
    }
}

impl Reference {
    /// What a poll that brings a status may say about since when the report cannot have had it.
    pub(super) fn not_before(
        &self,
        poll: &Poll<'_>,
        edge: bool,
        id: Uuid,
        status: &str,
        before: Option<&Report>,
        from: DateTime<Utc>,
    ) -> NotBefore {
        let earlier: Vec<&Logged> = self
            .log
            .iter()
            .filter(|logged| logged.is_believed() && logged.account == poll.account && logged.id < poll.id)
            .collect();
        let moment = |logged: &Logged| logged.requested_at.map(|at| at.min(from));
        let sound: BTreeSet<_> = earlier
            .iter()
            .filter(|logged| logged.lacks(id, status))
            .filter_map(|logged| moment(logged))
            .collect();
        let doubtful = edge
            || before.is_some_and(|report| report.touched || report.newest().cycle != poll.cycle)
            || self
                .quarantine
                .iter()
                .any(|((account, ..), entry)| account == poll.account && entry.id == Some(id));
        // In the plain case it is the cycle's last believed poll, if that one saw everything.
        let last = earlier.iter().filter(|logged| logged.cycle == poll.cycle).max_by_key(|logged| logged.id);
        // Another month's answer may have said more of it since.
        let written = before.map_or(0, Report::written_by);
        // Or it said so with a smaller number, but came later.
        let turn = |id: i64| self.log.iter().position(|logged| logged.id == id);
        let exact = match last {
            _ if doubtful => Exact::Doubtful,
            None if before.is_none() => Exact::Unknown,
            Some(last)
                if last.id >= written
                    && turn(written) <= turn(last.id)
                    && last.complete
                    && last.lacks(id, status) =>
            {
                moment(last).map_or(Exact::Unknown, Exact::At)
            }
            _ => Exact::Doubtful,
        };
        NotBefore { sound, exact }
    }
}
