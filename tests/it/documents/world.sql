-- The small world of docs/ANALYSTS.md: it is Monday, 23 November 2026, nine o'clock UTC. One account has been
-- synced since 1 September; what each poll saw is told below, and stored as the product stores it.
create temp table told (n int, cycle date, name text, at timestamptz, status text, how text);
insert into told values
    (1, '2026-08-01', 'Fairweather IT Services LLP', '2026-09-01 06:15Z', 'MSP Preparing', null),
    (1, '2026-08-01', 'Fairweather IT Services LLP', '2026-09-03 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (1, '2026-08-01', 'Fairweather IT Services LLP', '2026-09-05 14:15Z', 'Approved', null),
    (1, '2026-08-01', 'Fairweather IT Services LLP', '2026-09-12 06:15Z', 'Completed', null),
    (2, '2026-08-01', 'Bélanger Infogérance SA', '2026-09-01 06:15Z', 'MSP Preparing', null),
    (2, '2026-08-01', 'Bélanger Infogérance SA', '2026-09-09 10:15Z', 'Under Review', 'Automatically submitted without penalty'),
    (2, '2026-08-01', 'Bélanger Infogérance SA', '2026-09-10 10:15Z', 'Rejected', null),
    (2, '2026-08-01', 'Bélanger Infogérance SA', '2026-09-14 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (2, '2026-08-01', 'Bélanger Infogérance SA', '2026-09-15 14:15Z', 'Approved', null),
    (2, '2026-08-01', 'Bélanger Infogérance SA', '2026-09-21 06:15Z', 'Completed', null),
    (2, '2026-08-01', 'Bélanger Infogérance SA', '2026-11-18 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (3, '2026-08-01', 'Krüger Datentechnik GmbH', '2026-09-01 06:15Z', 'MSP Preparing', null),
    (3, '2026-08-01', 'Krüger Datentechnik GmbH', '2026-09-04 10:15Z', 'Approved', null),
    (3, '2026-08-01', 'Krüger Datentechnik GmbH', '2026-09-11 06:15Z', 'Completed', null),
    (4, '2026-08-01', 'Harbour Cloud Ltd', '2026-09-01 06:15Z', 'MSP Preparing', null),
    (4, '2026-08-01', 'Harbour Cloud Ltd', '2026-09-08 10:15Z', 'Under Review', 'Automatically submitted without penalty'),
    (4, '2026-08-01', 'Harbour Cloud Ltd', '2026-09-10 14:15Z', 'Completed', null),
    (11, '2026-09-01', 'Fairweather IT Services LLP', '2026-10-01 02:15Z', 'MSP Preparing', null),
    (11, '2026-09-01', 'Fairweather IT Services LLP', '2026-10-05 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (11, '2026-09-01', 'Fairweather IT Services LLP', '2026-10-07 14:15Z', 'Approved', null),
    (11, '2026-09-01', 'Fairweather IT Services LLP', '2026-10-20 06:15Z', 'Completed', null),
    (12, '2026-09-01', 'Bélanger Infogérance SA', '2026-10-01 02:15Z', 'MSP Preparing', null),
    (12, '2026-09-01', 'Bélanger Infogérance SA', '2026-10-09 10:15Z', 'Under Review', 'Automatically submitted without penalty'),
    (12, '2026-09-01', 'Bélanger Infogérance SA', '2026-10-19 10:15Z', 'Rejected', null),
    (12, '2026-09-01', 'Bélanger Infogérance SA', '2026-10-26 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (12, '2026-09-01', 'Bélanger Infogérance SA', '2026-11-02 10:15Z', 'Completed', null),
    (13, '2026-09-01', 'Krüger Datentechnik GmbH', '2026-10-01 02:15Z', 'MSP Preparing', null),
    (13, '2026-09-01', 'Krüger Datentechnik GmbH', '2026-10-12 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (13, '2026-09-01', 'Krüger Datentechnik GmbH', '2026-10-28 10:15Z', 'Completed', null),
    -- Another company of the same name.
    (14, '2026-09-01', 'Krüger Datentechnik GmbH', '2026-10-01 02:15Z', 'MSP Preparing', null),
    (14, '2026-09-01', 'Krüger Datentechnik GmbH', '2026-10-06 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (14, '2026-09-01', 'Krüger Datentechnik GmbH', '2026-10-16 10:15Z', 'Completed', null),
    (15, '2026-09-01', 'Nordlicht Systeme KG', '2026-10-01 02:15Z', 'MSP Preparing', null),
    (15, '2026-09-01', 'Nordlicht Systeme KG', '2026-10-08 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (15, '2026-09-01', 'Nordlicht Systeme KG', '2026-10-21 10:15Z', 'Completed', null),
    (16, '2026-09-01', 'Harbour Cloud Ltd', '2026-10-01 02:15Z', 'MSP Preparing', null),
    (16, '2026-09-01', 'Harbour Cloud Ltd', '2026-10-10 10:15Z', 'Under Review', 'Automatically submitted without penalty'),
    (16, '2026-09-01', 'Harbour Cloud Ltd', '2026-10-30 10:15Z', 'Completed', null),
    -- Has a report in October too, but one that is no longer listed.
    (17, '2026-09-01', 'Test Partner 1', '2026-10-01 02:15Z', 'MSP Preparing', null),
    (17, '2026-09-01', 'Test Partner 1', '2026-10-03 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (17, '2026-09-01', 'Test Partner 1', '2026-10-06 10:15Z', 'Completed', null),
    (21, '2026-10-01', 'Fairweather IT Services LLP', '2026-11-01 02:15Z', 'MSP Preparing', null),
    (21, '2026-10-01', 'Fairweather IT Services LLP', '2026-11-05 03:15Z', 'Under Review', 'Manually submitted by MSP'),
    (21, '2026-10-01', 'Fairweather IT Services LLP', '2026-11-09 10:15Z', 'Approved', null),
    (21, '2026-10-01', 'Fairweather IT Services LLP', '2026-11-20 10:15Z', 'Completed', null),
    (22, '2026-10-01', 'Bélanger Infogérance SA', '2026-11-01 02:15Z', 'MSP Preparing', null),
    (22, '2026-10-01', 'Bélanger Infogérance SA', '2026-11-12 10:15Z', 'Under Review', 'Automatically submitted without penalty'),
    (22, '2026-10-01', 'Bélanger Infogérance SA', '2026-11-19 14:15Z', 'Rejected', null),
    (23, '2026-10-01', 'Krüger Datentechnik GmbH', '2026-11-01 02:15Z', 'MSP Preparing', null),
    (23, '2026-10-01', 'Krüger Datentechnik GmbH', '2026-11-22 14:15Z', 'Under Review', 'Manually submitted by MSP'),
    (24, '2026-10-01', 'Krüger Datentechnik GmbH', '2026-11-01 02:15Z', 'MSP Preparing', null),
    (25, '2026-10-01', 'Nordlicht Systeme KG', '2026-11-01 02:15Z', 'MSP Preparing', null),
    (25, '2026-10-01', 'Nordlicht Systems SE', '2026-11-10 10:15Z', 'Under Review', 'Manually submitted by MSP'),
    (25, '2026-10-01', 'Nordlicht Systems SE', '2026-11-23 06:15Z', 'Approved', null);

create temp table life as
select n,
       ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as id,
       cycle, name, at, status, how,
       row_number() over w as version,
       lead(at) over w as next_at,
       -- The first sync can only say since when we look.
       case when at > '2026-09-01 06:15Z' then at - interval '4 hours' end as not_before
from told
window w as (partition by n order by at);

insert into lmp_billing.cycle_polls (
    id, run_id, account, cycle, requested_at, finished_at, outcome, attempts, program_version)
select row_number() over (order by at, cycle), 1, 'emea', cycle, at, at, outcome, 1, '0.1.0'
from (
    select distinct cycle, at, 'applied' as outcome from life
    union all
    select (date '2026-11-01' - make_interval(months => back))::date, timestamptz '2026-11-23 08:15Z', 'unchanged'
    from generate_series(0, 24) back
) polls;

insert into lmp_billing.reports (
    account, id, cycle, partner_company_name, start_date, end_date, status, under_review_status, version,
    valid_from, status_since, status_not_before, previous_status, previous_status_since, first_seen_at, poll_id)
select 'emea', l.id, l.cycle, l.name, l.cycle, (l.cycle + interval '1 month')::date - 1, l.status, l.how, l.version,
       l.at, l.at, l.not_before, p.status, p.at, f.at, k.id
from life l
join life f on f.n = l.n and f.version = 1
left join life p on p.n = l.n and p.version = l.version - 1
join lmp_billing.cycle_polls k on k.cycle = l.cycle and k.finished_at = l.at
where l.next_at is null;

insert into lmp_billing.superseded_versions (
    account, id, version, valid_from, valid_to, cycle, partner_company_name, start_date, end_date, status,
    under_review_status, status_since, status_not_before, poll_id, next_valid_from, next_cycle,
    next_partner_company_name, next_status, next_under_review_status, next_status_not_before, next_poll_id)
select 'emea', l.id, l.version, l.at, l.next_at, l.cycle, l.name, l.cycle, (l.cycle + interval '1 month')::date - 1,
       l.status, l.how, l.at, l.not_before, k.id, n.at, n.cycle, nullif(n.name, l.name), n.status, n.how,
       n.not_before, q.id
from life l
join life n on n.n = l.n and n.version = l.version + 1
join lmp_billing.cycle_polls k on k.cycle = l.cycle and k.finished_at = l.at
join lmp_billing.cycle_polls q on q.cycle = n.cycle and q.finished_at = n.at;

-- One more that has been withdrawn: the vendor no longer lists it.
insert into lmp_billing.reports (
    account, id, cycle, partner_company_name, start_date, end_date, status, version, valid_from, status_since,
    first_seen_at, poll_id, withdrawn_at, withdrawn_poll_id)
select 'emea', '00000000-0000-4000-8000-000000000026', '2026-10-01', 'Test Partner 1', '2026-10-01', '2026-10-31',
       'MSP Preparing', 1, '2026-11-01 02:15Z', '2026-11-01 02:15Z', '2026-11-01 02:15Z', 1, '2026-11-22 10:15Z', 2;
