//! Versions that are lost, out of order, or of polls that never wrote them.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "a version number is left out",
        "update lmp_billing.reports r set version = version + 1 from changed c where r.id = c.id and \
         r.account = c.account",
        "version_numbers",
    ),
    (
        "an old version is deleted",
        "delete from lmp_billing.superseded_versions s using changed c where s.id = c.id and s.account = \
         c.account and s.version = 2",
        "version_numbers",
    ),
    (
        "the first version is deleted",
        "delete from lmp_billing.superseded_versions s using changed c where s.id = c.id and s.account = \
         c.account and s.version = 1",
        "version_numbers",
    ),
    (
        "the newest has an old number",
        "update lmp_billing.reports r set version = 1 from changed c where r.id = c.id and r.account = \
         c.account",
        "newest_is_last",
    ),
    (
        "two versions begin at once",
        "update lmp_billing.superseded_versions s set valid_from = (select valid_from from \
         lmp_billing.superseded_versions b where b.id = s.id and b.account = s.account and b.version = 1), \
         valid_to = valid_to + interval '1 year' from changed c where s.id = c.id and s.account = c.account \
         and s.version = 2",
        "valid_from_increases",
    ),
    (
        "a version begins before the one before it",
        "update lmp_billing.reports r set valid_from = valid_from - interval '1 year' from changed c where \
         r.id = c.id and r.account = c.account",
        "valid_from_increases",
    ),
    (
        "a version ends after the next begins",
        "update lmp_billing.superseded_versions s set valid_to = valid_to + interval '1 microsecond' from \
         changed c where s.id = c.id and s.account = c.account and s.version = 1",
        "versions_overlap",
    ),
    (
        "a version ends too early",
        "update lmp_billing.superseded_versions s set valid_to = valid_to - interval '1 microsecond' from \
         changed c where s.id = c.id and s.account = c.account and s.version = 1",
        "gap_without_withdrawal",
    ),
    (
        "a version ends before it begins",
        "alter table lmp_billing.superseded_versions drop constraint \
         superseded_versions_interval_runs_forward; update lmp_billing.superseded_versions s set valid_to = \
         valid_from from changed c where s.id = c.id and s.account = c.account and s.version = 1",
        "interval_runs_forward",
    ),
    (
        "an old version is without end",
        "alter table lmp_billing.superseded_versions alter valid_to drop not null; update \
         lmp_billing.superseded_versions s set valid_to = null from changed c where s.id = c.id and \
         s.account = c.account and s.version = 1",
        "old_version_has_no_end",
    ),
    (
        "a change that is none",
        "insert into lmp_billing.superseded_versions select r.account, r.id, 1, r.valid_from - interval '1 microsecond', \
         r.valid_from, r.cycle, r.partner_company_name, r.start_date, r.end_date, r.status, \
         r.under_review_status, r.extra, r.status_since, r.status_not_before, r.poll_id from \
         lmp_billing.reports r join single using (account, id); update lmp_billing.reports r set version = \
         2 from single c where r.id = c.id and r.account = c.account",
        "equal_neighbours",
    ),
    (
        "a return closes the gap of the withdrawal",
        "update lmp_billing.superseded_versions s set valid_to = (select n.valid_from from \
         lmp_billing.report_history n where n.id = s.id and n.account = s.account and n.version = s.version \
         + 1) from returned c where s.id = c.id and s.account = c.account and s.version = c.version",
        "equal_neighbours",
    ),
    (
        "a report is lost, its versions stay",
        "set local lmp_billing.pruning = 'on'; delete from lmp_billing.reports r using changed c where r.id \
         = c.id and r.account = c.account",
        "superseded_without_report",
    ),
    (
        "a report is deleted by hand, and nobody says so",
        "delete from lmp_billing.reports r using single c where r.id = c.id and r.account = c.account",
        "superseded_without_report",
    ),
    (
        "a withdrawal without poll",
        "alter table lmp_billing.reports drop constraint reports_withdrawal_is_whole; update \
         lmp_billing.reports r set withdrawn_poll_id = null from gone c where r.id = c.id and r.account = \
         c.account",
        "withdrawal_is_whole",
    ),
    (
        "a withdrawal without time",
        "alter table lmp_billing.reports drop constraint reports_withdrawal_is_whole; update \
         lmp_billing.reports r set withdrawn_at = null from gone c where r.id = c.id and r.account = \
         c.account",
        "withdrawal_is_whole",
    ),
    (
        "withdrawn before it was there",
        "update lmp_billing.reports r set withdrawn_at = valid_from from gone c where r.id = c.id and \
         r.account = c.account",
        "withdrawn_before_valid",
    ),
    (
        "withdrawn a second late",
        "update lmp_billing.reports r set withdrawn_at = withdrawn_at + interval '1 second' from gone c \
         where r.id = c.id and r.account = c.account",
        "withdrawn_at_another_time",
    ),
    (
        "a version begins tomorrow",
        "update lmp_billing.reports r set valid_from = valid_from + interval '1 day' from changed c where \
         r.id = c.id and r.account = c.account",
        "from_the_future",
    ),
    (
        "a cycle in the middle of a month",
        "update lmp_billing.superseded_versions s set cycle = cycle + 3 from changed c where s.id = c.id \
         and s.account = c.account and s.version = 1",
        "cycle_is_first_of_month",
    ),
    (
        "a report of another month",
        "update lmp_billing.reports r set cycle = cycle - interval '2 months' from single c where r.id = \
         c.id and r.account = c.account",
        "period_outside_cycle",
    ),
    (
        "a period that runs backwards",
        "update lmp_billing.superseded_versions s set start_date = end_date, end_date = start_date from \
         changed c where s.id = c.id and s.account = c.account and s.version = 1",
        "period_runs_backwards",
    ),
    (
        "an empty name",
        "update lmp_billing.reports r set partner_company_name = '' from single c where r.id = c.id and \
         r.account = c.account",
        "impossible_facts",
    ),
    (
        "an empty under-review status",
        "update lmp_billing.reports r set under_review_status = '' from single c where r.id = c.id and \
         r.account = c.account",
        "impossible_facts",
    ),
    (
        "no unknown fields that are not null",
        "update lmp_billing.reports r set extra = '{}' from single c where r.id = c.id and r.account = \
         c.account",
        "impossible_facts",
    ),
    (
        "a version of a poll that never was",
        "update lmp_billing.superseded_versions s set poll_id = 0 from changed c where s.id = c.id and \
         s.account = c.account and s.version = 1",
        "version_without_poll",
    ),
    (
        "a poll is deleted that brought versions",
        "delete from lmp_billing.cycle_polls p using believed b where p.id = b.id",
        "version_without_poll",
    ),
    (
        "a failed poll has written",
        "update lmp_billing.cycle_polls p set outcome = 'failed' from believed b where p.id = b.id",
        "version_of_a_poll_not_applied",
    ),
    (
        "a poll that changed nothing has written",
        "update lmp_billing.reports r set poll_id = (select id from restful) from single c where r.id = \
         c.id and r.account = c.account",
        "version_of_a_poll_not_applied",
    ),
    (
        "a version of another account's poll",
        "update lmp_billing.reports r set account = 'nobody' from single c where r.id = c.id and r.account \
         = c.account",
        "version_of_another_accounts_poll",
    ),
    (
        "a version older than its poll",
        "update lmp_billing.reports r set valid_from = valid_from - interval '1 microsecond', status_since \
         = status_since - interval '1 microsecond', first_seen_at = first_seen_at - interval '1 microsecond' \
         from single c where r.id = c.id and r.account = c.account",
        "version_before_its_poll",
    ),
    (
        "an older poll has written over a later one",
        "update lmp_billing.superseded_versions s set poll_id = (select poll_id from lmp_billing.reports r \
         where r.id = s.id and r.account = s.account) from changed c where s.id = c.id and s.account = \
         c.account and s.version = 1",
        "versions_of_polls_in_order",
    ),
    (
        "withdrawn by a poll that never was",
        "update lmp_billing.reports r set withdrawn_poll_id = 1000000000 from gone c where r.id = c.id and \
         r.account = c.account",
        "withdrawn_without_poll",
    ),
    (
        "withdrawn by a poll that withdrew nothing",
        "update lmp_billing.reports r set withdrawn_poll_id = (select id from restful) from gone c where \
         r.id = c.id and r.account = c.account",
        "withdrawn_by_a_poll_not_applied",
    ),
    (
        "withdrawn by the poll that brought it",
        "update lmp_billing.reports r set withdrawn_poll_id = poll_id from gone c where r.id = c.id and \
         r.account = c.account",
        "withdrawn_by_an_older_poll",
    ),
    (
        "a version tells another month of the next one",
        "update lmp_billing.superseded_versions s set next_cycle = (next_cycle + interval '1 month')::date \
         from changed c where s.id = c.id and s.account = c.account and s.version = 1",
        "next_version_is_told_wrongly",
    ),
    (
        "a version does not know the next one",
        "update lmp_billing.superseded_versions s set next_valid_from = null, next_status = null \
         from changed c where s.id = c.id and s.account = c.account and s.version = 1",
        "next_version_is_not_told",
    ),
];
