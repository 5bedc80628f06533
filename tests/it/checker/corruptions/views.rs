//! Views that show something else than the tables hold.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "the history forgets withdrawals",
        "create or replace view lmp_billing.report_history as select account, id, version, valid_from, \
         valid_to, cycle, partner_company_name, start_date, end_date, status, under_review_status, extra, \
         poll_id from lmp_billing.superseded_versions union all select account, id, version, valid_from, \
         null, cycle, partner_company_name, start_date, end_date, status, under_review_status, extra, \
         poll_id from lmp_billing.reports",
        "report_history",
    ),
    (
        "the history as of a moment begins too late",
        "create or replace function lmp_billing.reports_as_of(moment timestamptz) returns table (account \
         text, id uuid, version integer, valid_from timestamptz, valid_to timestamptz, cycle date, \
         partner_company_name text, start_date date, end_date date, status text, under_review_status text, \
         extra jsonb, poll_id bigint) language sql stable as $$ select * from lmp_billing.report_history h where h.valid_from < moment and (h.valid_to > moment or h.valid_to is null) $$",
        "reports_as_of",
    ),
    (
        "the open reports are all",
        "create or replace view lmp_billing.open_reports as select * from lmp_billing.current_reports",
        "open_reports",
    ),
    (
        "the current reports hold withdrawn ones",
        "do $$ begin execute 'create or replace view lmp_billing.current_reports as ' || regexp_replace(pg_get_viewdef('lmp_billing.current_reports'::regclass), 'WHERE[^;]*', ''); end $$",
        "current_reports",
    ),
    (
        "the changes of status are those that are none",
        "do $$ begin execute 'create or replace view lmp_billing.status_changes as ' || replace(pg_get_viewdef('lmp_billing.status_changes'::regclass), '<>', '='); end $$",
        "status_changes",
    ),
    (
        "the progress counts the approved as completed",
        "do $$ begin execute 'create or replace view lmp_billing.cycle_progress as ' || replace(pg_get_viewdef('lmp_billing.cycle_progress'::regclass), 'Completed', 'Approved'); end $$",
        "cycle_progress",
    ),
    (
        "the time in a status counts one spell more",
        "do $$ begin execute 'create or replace view lmp_billing.time_in_status as ' || replace(pg_get_viewdef('lmp_billing.time_in_status'::regclass), 'count(*)', 'count(*) + 1'); end $$",
        "time_in_status",
    ),
];
