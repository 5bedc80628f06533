-- The tables of lmp_billing. The schema itself and the migration ledger exist before this runs.
--
-- Conventions: every timestamp is the database server's clock; a cycle is the first day of its
-- month; accounts sort and compare by bytes (collation "C"), whatever the database's locale.

create table lmp_billing.report_statuses (
    status text primary key,
    lmp_code smallint unique,
    position smallint not null,
    is_final boolean not null default false,
    waits_for text,
    description text not null
);

-- One status however the vendor capitalises it: the first spelling seen wins.
create unique index report_statuses_any_case on lmp_billing.report_statuses (lower(status));

insert into lmp_billing.report_statuses (status, lmp_code, position, is_final, waits_for, description) values
    ('MSP Preparing', 0, 1, false, 'MSP',
     'The MSP edits the report and has not submitted it. Where no MSP takes part, the distributor or ISP prepares it.'),
    ('Under Review', 1, 2, false, 'Distributor',
     'Submitted; the distributor or ISP reviews it. Where no MSP takes part, Trend Micro reviews it.'),
    ('Rejected', 3, 3, false, 'MSP',
     'Turned down by the distributor or ISP; the MSP corrects it and submits it again.'),
    ('Approved', 2, 4, false, 'Trend Micro',
     'Approved by the distributor or ISP and sent to Trend Micro.'),
    ('Completed', 4, 5, true, 'nobody',
     'Everything is done.');

create table lmp_billing.reports (
    account text collate "C" not null,
    id uuid not null,
    cycle date not null,
    partner_company_name text not null,
    start_date date not null,
    end_date date not null,
    status text not null,
    under_review_status text,
    extra jsonb,
    version integer not null,
    valid_from timestamptz not null,
    status_since timestamptz not null,
    status_not_before timestamptz,
    previous_status text,
    previous_status_since timestamptz,
    first_seen_at timestamptz not null,
    withdrawn_at timestamptz,
    poll_id bigint not null,
    withdrawn_poll_id bigint,
    primary key (id, account),
    constraint reports_cycle_is_first_of_month check (extract(day from cycle) = 1),
    constraint reports_period_runs_forward check (start_date <= end_date),
    constraint reports_version_counts_from_one check (version >= 1),
    constraint reports_withdrawal_is_whole check ((withdrawn_at is null) = (withdrawn_poll_id is null))
)
-- Room for one more row version per ten keeps updates on their page (HOT), without index writes.
-- For the same reason status, valid_from and withdrawn_at are not indexed here.
with (fillfactor = 90);

create index reports_cycle on lmp_billing.reports (cycle, account);
-- What is new since a moment: rows lie in the order in which they came, and the moment never changes.
create index reports_first_seen on lmp_billing.reports using brin (first_seen_at) with (pages_per_range = 32);

-- What ended long ago is looked for among the cycles that began before. Only a row edited by hand can have ended
-- before its cycle began: this finds those, and is empty.
create index reports_ended_before_their_cycle on lmp_billing.reports (end_date) where end_date < cycle;

create table lmp_billing.superseded_versions (
    account text collate "C" not null,
    id uuid not null,
    version integer not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null,
    cycle date not null,
    partner_company_name text not null,
    start_date date not null,
    end_date date not null,
    status text not null,
    under_review_status text,
    extra jsonb,
    status_since timestamptz not null,
    status_not_before timestamptz,
    poll_id bigint not null,
    -- What the version after it brought, so that a change can be told, and found by its month and time,
    -- without looking for that version. Null where the report was deleted by hand.
    next_valid_from timestamptz,
    next_cycle date,
    next_partner_company_name text,
    next_status text,
    next_under_review_status text,
    next_status_not_before timestamptz,
    next_poll_id bigint,
    -- Its report is in "reports" under (id, account). No foreign key: checking it would lock the
    -- report's row once more for every version, and pruning removes both in one transaction.
    primary key (id, account, version),
    constraint superseded_versions_interval_runs_forward check (valid_from < valid_to)
);

create index superseded_versions_cycle on lmp_billing.superseded_versions (cycle, account);
create index superseded_versions_valid_from on lmp_billing.superseded_versions (valid_from);
create index superseded_versions_valid_to on lmp_billing.superseded_versions (valid_to, valid_from);
-- The changes of status, by month and by time: an index of reports by time would cost each update its place
-- on the page.
create index superseded_versions_changed_cycle on lmp_billing.superseded_versions (next_cycle, account)
    where next_status <> status;
create index superseded_versions_changed_at on lmp_billing.superseded_versions (next_valid_from)
    where next_status <> status;
-- The few that several months list.
create index superseded_versions_spanning on lmp_billing.superseded_versions (account, valid_to)
    where start_date < cycle or end_date >= cycle + interval '1 month';
create index superseded_versions_deleted on lmp_billing.superseded_versions (id, account, version)
    where next_valid_from is null;

create table lmp_billing.sync_runs (
    id bigint primary key generated always as identity,
    job text not null check (job in ('discover', 'refresh', 'reconcile', 'prune', 'manual')),
    trigger text not null check (trigger in ('schedule', 'catch_up', 'startup', 'cli')),
    account text collate "C" not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    outcome text not null
        check (outcome in ('running', 'succeeded', 'partial', 'failed', 'interrupted')),
    polls integer not null default 0,
    polls_failed integer not null default 0,
    reports_seen bigint not null default 0,
    inserted bigint not null default 0,
    updated bigint not null default 0,
    withdrawn bigint not null default 0,
    quarantined bigint not null default 0,
    deleted bigint not null default 0,
    error text,
    instance text not null,
    lease_renewed_at timestamptz not null,
    constraint sync_runs_end_is_whole check ((finished_at is null) = (outcome = 'running'))
);

create index sync_runs_running on lmp_billing.sync_runs (id) where outcome = 'running';
create index sync_runs_latest on lmp_billing.sync_runs (account, job, id desc);

-- Poll ids are drawn before the request is sent, so that they order the answers.
create sequence lmp_billing.poll_ids as bigint;

create table lmp_billing.cycle_polls (
    id bigint primary key,
    run_id bigint not null,
    account text collate "C" not null,
    cycle date not null check (extract(day from cycle) = 1),
    requested_at timestamptz,
    finished_at timestamptz not null,
    outcome text not null
        check (outcome in ('applied', 'unchanged', 'stale', 'suspect', 'failed', 'interrupted')),
    http_status smallint,
    trace_id uuid,
    server_date timestamptz,
    attempts smallint not null,
    reports_seen integer not null default 0,
    inserted integer not null default 0,
    updated integer not null default 0,
    withdrawn integer not null default 0,
    quarantined integer not null default 0,
    unreadable integer not null default 0,
    overtaken integer not null default 0,
    body_bytes bigint,
    body_sha256 bytea,
    listed_sha256 bytea,
    program_version text not null,
    transaction bigint not null default pg_current_xact_id()::text::bigint,
    saw text,
    error text
);

create index cycle_polls_believed on lmp_billing.cycle_polls (account, cycle, id desc)
    where outcome in ('applied', 'unchanged');
create index cycle_polls_suspect on lmp_billing.cycle_polls (account, cycle, id desc)
    where outcome = 'suspect';
create index cycle_polls_changing on lmp_billing.cycle_polls (account, transaction)
    where inserted + updated + withdrawn > 0;
create index cycle_polls_run on lmp_billing.cycle_polls (run_id);

create table lmp_billing.quarantined_reports (
    poll_id bigint not null,
    account text collate "C" not null,
    cycle date not null,
    position integer not null,
    report_id uuid,
    reason text not null,
    detail text not null,
    payload text not null,
    payload_sha256 bytea not null,
    first_seen_at timestamptz not null,
    resolved_at timestamptz,
    primary key (account, cycle, payload_sha256)
);

create index quarantined_reports_report on lmp_billing.quarantined_reports (report_id, account)
    where report_id is not null;
create index quarantined_reports_open on lmp_billing.quarantined_reports (account, cycle)
    where resolved_at is null;

create table lmp_billing.schedule_ticks (
    account text collate "C" not null,
    job text not null check (job in ('discover', 'refresh', 'reconcile', 'prune')),
    due_at timestamptz not null,
    attempt smallint not null,
    claimed_by text not null,
    claimed_at timestamptz not null,
    run_id bigint,
    primary key (account, job, due_at)
);

-- A job that has never had a tick counts from the daemon's first start, not from its last one: a tick
-- missed between two starts is still a missed tick.
create table lmp_billing.schedule_baselines (
    account text collate "C" not null,
    job text not null check (job in ('discover', 'refresh', 'reconcile', 'prune')),
    counts_from timestamptz not null,
    primary key (account, job)
);

-- A report deleted by hand stays visible as a version, and the next full comparison brings it back
-- with the next number. Pruning says that it is pruning.
create function lmp_billing.keep_deleted_report() returns trigger
language plpgsql
as $$
declare
    last record;
    since timestamptz;
begin
    -- Usually the row is the version after this one; one that was put back by hand becomes it.
    select version, valid_to into last
    from lmp_billing.superseded_versions s
    where s.id = old.id and s.account = old.account
    order by version desc
    limit 1;
    since := greatest(old.valid_from, last.valid_to);
    insert into lmp_billing.superseded_versions (
        account, id, version, valid_from, valid_to, cycle, partner_company_name, start_date, end_date,
        status, under_review_status, extra, status_since, status_not_before, poll_id)
    values (
        old.account, old.id, coalesce(last.version, 0) + 1, since,
        greatest(coalesce(old.withdrawn_at, clock_timestamp()), since + interval '1 microsecond'),
        old.cycle, old.partner_company_name, old.start_date, old.end_date,
        old.status, old.under_review_status, old.extra, old.status_since, old.status_not_before, old.poll_id);
    return old;
end
$$;

create trigger keep_deleted_report
    before delete on lmp_billing.reports
    for each row
    when (coalesce(current_setting('lmp_billing.pruning', true), '') <> 'on')
    execute function lmp_billing.keep_deleted_report();

-- What keeps others than the schema's owner from deleting what is not old: the user of a daemon that does not
-- own the tables needs the right to delete for pruning, and for nothing else. The triggers that call this come
-- with the role that has that right (src/store/sync_access.sql): without it they would only cost time.

-- An owner who wants shorter retention with such a user puts another interval here ("create or replace").
create function lmp_billing.kept_at_least() returns interval
language sql immutable
as $$ select interval '24 months' $$;

-- The day from which on nothing may be deleted, in the zone that is furthest ahead: no prune, in whichever
-- zone its "today" is, is refused what is due.
create function lmp_billing.guarded_from() returns date
language sql stable
as $$ select ((now() at time zone 'UTC' + interval '14 hours')::date - lmp_billing.kept_at_least())::date $$;

create function lmp_billing.refuse_deletion() returns trigger
language plpgsql
as $$
begin
    if pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
        return old;
    end if;
    -- The versions of a report go with it; those of one that was deleted by hand are all there is of it.
    if tg_table_name = 'superseded_versions' then
        if old.next_valid_from is not null
           and not exists (select from lmp_billing.reports r where r.id = old.id and r.account = old.account)
        then
            return old;
        end if;
    end if;
    raise insufficient_privilege using
        message = format('%s may not delete from lmp_billing.%s what is younger than %s',
                         current_user, tg_table_name, lmp_billing.kept_at_least()),
        hint = 'Only the owner of the schema may; or change lmp_billing.kept_at_least().';
end
$$;
