//! What leaves a database that could be: only what was served or said tells.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "a name that was never served",
        "update lmp_billing.reports r set partner_company_name = 'Somebody' from single c where r.id = c.id \
         and r.account = c.account",
        "wrong_facts",
    ),
    (
        "an old name that was never served",
        "update lmp_billing.superseded_versions s set partner_company_name = 'Somebody' from changed c \
         where s.id = c.id and s.account = c.account and s.version = 1",
        "wrong_facts",
    ),
    (
        "an unknown field that was never served",
        "update lmp_billing.reports r set extra = '{\"a\": 1}' from single c where r.id = c.id and \
         r.account = c.account",
        "wrong_facts",
    ),
    (
        "a date that was never served",
        "update lmp_billing.reports r set end_date = end_date - 1 from single c where r.id = c.id and \
         r.account = c.account",
        "wrong_facts",
    ),
    (
        "a report is lost without a trace",
        "with lost as (select r.poll_id, p.run_id from lmp_billing.reports r join single using (account, \
         id) join lmp_billing.cycle_polls p on p.id = r.poll_id), poll as (update lmp_billing.cycle_polls \
         set inserted = inserted - 1, reports_seen = reports_seen - 1 where id = (select poll_id from \
         lost)) update lmp_billing.sync_runs set inserted = inserted - 1, reports_seen = reports_seen - 1 \
         where id = (select run_id from lost); set local lmp_billing.pruning = 'on'; delete from \
         lmp_billing.reports r using single c where r.id = c.id and r.account = c.account",
        "lost_report",
    ),
    (
        "a report is invented",
        "insert into lmp_billing.reports select account, gen_random_uuid(), cycle, 'Invented', start_date, \
         end_date, status, null, null, 1, valid_from, status_since, status_not_before, null, null, \
         first_seen_at, null, poll_id from lmp_billing.reports join single using (account, id)",
        "invented_report",
    ),
    (
        "a last change is lost",
        "delete from lmp_billing.superseded_versions s using lmp_billing.reports r, changed c where r.id = \
         c.id and r.account = c.account and s.id = c.id and s.account = c.account and s.version = r.version \
         - 1; update lmp_billing.reports r set version = version - 1 from changed c where r.id = c.id and \
         r.account = c.account",
        "lost_version",
    ),
    (
        "a withdrawal of two is lost",
        "update lmp_billing.reports r set withdrawn_at = null, withdrawn_poll_id = null from gone c where \
         r.id = c.id and r.account = c.account",
        "wrong_withdrawal",
    ),
    (
        "a bad entry is lost",
        "delete from lmp_billing.quarantined_reports q using quarantined c where q.payload_sha256 = \
         c.payload_sha256 and q.account = c.account",
        "lost_quarantined",
    ),
    (
        "a bound earlier than was seen",
        "update lmp_billing.reports r set status_not_before = (select min(requested_at) from \
         lmp_billing.cycle_polls where account = 'emea') where partner_company_name = 'Partner 4' and \
         account = 'emea'",
        "wrong_not_before",
    ),
    (
        "an answer that was never given",
        "update lmp_billing.cycle_polls p set trace_id = gen_random_uuid() from believed b where p.id = \
         b.id",
        "answer_never_served",
    ),
    (
        "an answer of other bytes",
        "update lmp_billing.cycle_polls p set body_sha256 = sha256('x') from believed b where p.id = b.id",
        "answer_never_served",
    ),
    (
        "an answer to another cycle",
        "update lmp_billing.cycle_polls p set cycle = cycle - interval '1 month' from restful b where p.id \
         = b.id",
        "answer_never_served",
    ),
    (
        "a suspect answer was believed",
        "update lmp_billing.cycle_polls set outcome = 'unchanged', error = null, listed_sha256 = null where \
         outcome = 'suspect'",
        "poll_came_to_something_else",
    ),
    (
        "a poll saw one report less",
        "update lmp_billing.cycle_polls p set reports_seen = reports_seen - 1 from believed b where p.id = \
         b.id",
        "poll_came_to_something_else",
    ),
    (
        "a good answer was refused",
        "update lmp_billing.cycle_polls p set outcome = 'failed', reports_seen = 0, error = 'the answer is not a whole report list' \
         from restful b where p.id = b.id",
        "good_answer_refused",
    ),
    (
        "a run that was acknowledged is lost",
        "delete from lmp_billing.cycle_polls where run_id = (select min(id) from lmp_billing.sync_runs); \
         delete from lmp_billing.sync_runs where id = (select min(id) from lmp_billing.sync_runs)",
        "lost_run",
    ),
    (
        "a run ended otherwise than it was said",
        "update lmp_billing.sync_runs set outcome = 'interrupted' where id = (select min(id) from \
         lmp_billing.sync_runs)",
        "lost_run",
    ),
    (
        "a poll that was acknowledged is lost",
        "delete from lmp_billing.cycle_polls p using restful b where p.id = b.id",
        "lost_poll",
    ),
    (
        "a poll came to something else than was said",
        "update lmp_billing.cycle_polls p set reports_seen = reports_seen + 1 from restful b where p.id = \
         b.id",
        "lost_poll",
    ),
];
