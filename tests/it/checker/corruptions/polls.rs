//! Polls that say something else than they did.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "polls without run",
        "delete from lmp_billing.sync_runs where id = (select run_id from lmp_billing.cycle_polls order by \
         id limit 1)",
        "poll_without_run",
    ),
    (
        "a poll in another account's run",
        "update lmp_billing.cycle_polls set run_id = (select min(id) from lmp_billing.sync_runs r where \
         r.account = 'apac') where id = (select id from believed)",
        "poll_of_another_accounts_run",
    ),
    (
        "a poll has inserted one less",
        "update lmp_billing.cycle_polls set inserted = inserted - 1 where id = (select min(id) from \
         lmp_billing.cycle_polls where inserted > 1)",
        "poll_brought_more_than_it_says",
    ),
    (
        "a poll has updated one more",
        "update lmp_billing.cycle_polls p set updated = updated + 1 from believed b where p.id = b.id",
        "poll_brought_less_than_it_says",
    ),
    (
        "an insertion that was an update",
        "update lmp_billing.cycle_polls p set updated = updated - 1, inserted = inserted + 1 from believed \
         b where p.id = b.id",
        "poll_brought_less_than_it_says",
    ),
    (
        "a poll has withdrawn one more",
        "update lmp_billing.cycle_polls set withdrawn = withdrawn + 1 where id = (select min(id) from \
         lmp_billing.cycle_polls where withdrawn > 0)",
        "poll_withdrew_otherwise_than_it_says",
    ),
    (
        "a withdrawn report is listed again, by nobody",
        "update lmp_billing.reports r set withdrawn_at = null, withdrawn_poll_id = null from gone c where \
         r.id = c.id and r.account = c.account",
        "poll_withdrew_otherwise_than_it_says",
    ),
    (
        "an applied poll is said to have changed nothing",
        "update lmp_billing.cycle_polls p set outcome = 'unchanged' from believed b where p.id = b.id",
        "outcome_fits_counts",
    ),
    (
        "a poll without change is applied",
        "update lmp_billing.cycle_polls p set outcome = 'applied' from restful b where p.id = b.id",
        "outcome_fits_counts",
    ),
    (
        "a count below zero",
        "update lmp_billing.cycle_polls p set reports_seen = -1 from restful b where p.id = b.id",
        "counts_below_zero",
    ),
    (
        "more written than seen",
        "update lmp_billing.cycle_polls p set reports_seen = 0 from believed b where p.id = b.id",
        "more_written_than_seen",
    ),
    (
        "withdrawn though an entry was unreadable",
        "update lmp_billing.cycle_polls set unreadable = 1, quarantined = 1 where withdrawn > 0",
        "withdrawn_despite_unreadable",
    ),
    (
        "polls of a cycle out of order",
        "update lmp_billing.cycle_polls p set finished_at = finished_at + interval '1 hour' from believed b \
         where p.id = b.id",
        "polls_of_a_cycle_in_order",
    ),
    (
        "a stale poll that is the last",
        "update lmp_billing.cycle_polls set outcome = 'stale' where id = (select max(id) from \
         lmp_billing.cycle_polls where outcome = 'unchanged')",
        "stale_without_a_later_poll",
    ),
    (
        "a failure without reason",
        "update lmp_billing.cycle_polls set error = null where outcome = 'failed'",
        "failure_says_why",
    ),
    (
        "finished before it was requested",
        "update lmp_billing.cycle_polls p set requested_at = finished_at + interval '1 second' from restful \
         b where p.id = b.id",
        "finished_before_requested",
    ),
    (
        "applied without an answer",
        "update lmp_billing.cycle_polls p set body_sha256 = null from believed b where p.id = b.id",
        "applied_without_answer",
    ),
    (
        "applied with status 500",
        "update lmp_billing.cycle_polls p set http_status = 500 from believed b where p.id = b.id",
        "applied_without_answer",
    ),
    (
        "suspect without its ids",
        "update lmp_billing.cycle_polls set listed_sha256 = null where outcome = 'suspect'",
        "suspect_lists_its_ids",
    ),
    (
        "a poll number that was never drawn",
        "update lmp_billing.cycle_polls p set id = 1000000000 from restful b where p.id = b.id",
        "poll_number_was_drawn",
    ),
    (
        "answered without a request",
        "update lmp_billing.cycle_polls p set attempts = 0 from restful b where p.id = b.id",
        "poll_of_no_attempt",
    ),
];
