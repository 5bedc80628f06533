//! Statuses since the wrong moment, or in the wrong spelling.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "a status nobody lists",
        "update lmp_billing.reports r set status = 'Lost' from single c where r.id = c.id and r.account = \
         c.account",
        "status_is_listed",
    ),
    (
        "a status in another spelling",
        "update lmp_billing.reports r set status = 'Msp Preparing' from single c where r.id = c.id and \
         r.account = c.account",
        "status_is_listed",
    ),
    (
        "a status of the vendor's is forgotten",
        "delete from lmp_billing.report_statuses where status = 'On Hold'",
        "status_is_listed",
    ),
    (
        "Approved is final",
        "update lmp_billing.report_statuses set is_final = true where status = 'Approved'",
        "documented_statuses",
    ),
    (
        "an added status is final",
        "update lmp_billing.report_statuses set is_final = true where lmp_code is null",
        "added_statuses",
    ),
    (
        "one status in two spellings",
        "drop index lmp_billing.report_statuses_any_case; insert into lmp_billing.report_statuses select \
         'ON HOLD', null, 99, false, null, 'x'",
        "statuses_spelled_once",
    ),
    (
        "a status since another moment",
        "update lmp_billing.reports r set status_since = status_since - interval '1 hour' from single c \
         where r.id = c.id and r.account = c.account",
        "status_since",
    ),
    (
        "a return that does not restart the status",
        "update lmp_billing.reports r set status_since = (select status_since from \
         lmp_billing.superseded_versions s where s.id = r.id and s.account = r.account and s.version = 1) \
         from returned c where r.id = c.id and r.account = c.account",
        "status_since",
    ),
    (
        "a status not before a later moment",
        "update lmp_billing.reports r set status_not_before = status_since + interval '1 second' from \
         single c where r.id = c.id and r.account = c.account",
        "status_not_before_is_earlier",
    ),
    (
        "a bound that a rename has moved",
        "update lmp_billing.superseded_versions s set status_not_before = null where s.version = 2 and \
         status_not_before is not null and exists (select from lmp_billing.superseded_versions b where b.id \
         = s.id and b.account = s.account and b.version = 1 and b.status = s.status); update \
         lmp_billing.reports set status_not_before = status_since - interval '1 hour' where version > 1 and \
         status_since < valid_from",
        "status_not_before_is_of_the_spell",
    ),
    (
        "a bound of no poll",
        "update lmp_billing.reports r set status_not_before = status_since - interval '1 microsecond' from \
         single c where r.id = c.id and r.account = c.account",
        "status_not_before_is_a_polls_time",
    ),
    (
        "a bound that is forgotten",
        "update lmp_billing.superseded_versions s set status_not_before = null from changed c where s.id = \
         c.id and s.account = c.account",
        "status_not_before_is_after_the_last",
    ),
    (
        "another previous status",
        "update lmp_billing.reports r set previous_status = 'Rejected' from changed c where r.id = c.id and \
         r.account = c.account",
        "previous_status",
    ),
    (
        "a previous status of a report that had one only",
        "update lmp_billing.reports r set previous_status = 'Approved', previous_status_since = \
         status_since from single c where r.id = c.id and r.account = c.account",
        "previous_status",
    ),
    (
        "the previous status since another moment",
        "update lmp_billing.reports r set previous_status_since = previous_status_since + interval '1 second' \
         from changed c where r.id = c.id and r.account = c.account",
        "previous_status",
    ),
    (
        "first seen when it changed",
        "update lmp_billing.reports r set first_seen_at = valid_from from changed c where r.id = c.id and \
         r.account = c.account",
        "first_seen",
    ),
];
