-- Two years of an account: $reports reports over 25 months, each with the versions it would have by now.
--
-- A report appears with the first days of the month after its own, is submitted, approved and completed
-- within six weeks; one in fifty is reopened, one in a hundred withdrawn, one in two hundred renamed.
-- Written in the order in which it would have happened: that is how the rows lie in a real table.
create temp table life as
with born as (
    select n,
           md5(n::text)::uuid as id,
           (date_trunc('month', now() at time zone 'UTC')
            - make_interval(months => (24 - n * 25 / $reports)::int))::date as cycle
    from generate_series(0::bigint, $reports - 1) n
),
events as (
    select n, id, cycle, k,
           -- The current month's are there already, as those of a month that is still running are.
           least((cycle + interval '1 month') at time zone 'UTC',
                 date_trunc('day', now()) - interval '4 days')
           + (n % 19) * interval '4 hours' + n * interval '1 microsecond'
           + case k when 1 then interval '0'
                    when 2 then interval '1 hour' * (40 + n * 7919 % 330)
                    when 3 then interval '1 hour' * (400 + n * 104729 % 200)
                    when 4 then interval '1 hour' * (640 + n * 1299709 % 300)
                    when 5 then interval '1 hour' * 1100 end as at
    from born
    cross join generate_series(1, 5) k
    where k < 5 or n % 50 = 0
)
select n, id, cycle, k, at,
       (array['MSP Preparing', 'Under Review', 'Approved', 'Completed', 'Under Review'])[k] as status,
       case when k = 2 then 'Manually submitted by MSP' end as how,
       'Partner ' || n % 40000 || case when k > 2 and n % 200 = 0 then ' (renamed) GmbH' else ' GmbH' end as name,
       min(at) over (partition by n) as first_seen_at,
       lead(at) over (partition by n order by k) as next_at
from events
where at < now();
create index on life (n, k);
analyze life;

insert into lmp_billing.reports (
    account, id, cycle, partner_company_name, start_date, end_date, status, under_review_status, version,
    valid_from, status_since, status_not_before, previous_status, previous_status_since, first_seen_at,
    withdrawn_at, poll_id, withdrawn_poll_id)
select 'emea', l.id, l.cycle, l.name, l.cycle, (l.cycle + interval '1 month')::date - 1, l.status, l.how, l.k,
       l.at, l.at, l.at - interval '4 hours', p.status, p.at, l.first_seen_at,
       case when l.n % 100 = 1 then greatest(l.at + interval '1 hour', now() - interval '1 hour') end,
       l.k, case when l.n % 100 = 1 then 99 end
from life l
left join life p on p.n = l.n and p.k = l.k - 1
where l.next_at is null
order by l.first_seen_at, l.id;

insert into lmp_billing.superseded_versions (
    account, id, version, valid_from, valid_to, cycle, partner_company_name, start_date, end_date, status,
    under_review_status, status_since, status_not_before, poll_id, next_valid_from, next_cycle,
    next_partner_company_name, next_status, next_under_review_status, next_status_not_before, next_poll_id)
select 'emea', l.id, l.k, l.at, l.next_at, l.cycle, l.name, l.cycle, (l.cycle + interval '1 month')::date - 1,
       l.status, l.how, l.at, l.at - interval '4 hours', l.k, n.at, n.cycle, nullif(n.name, l.name), n.status,
       n.how, n.at - interval '4 hours', n.k
from life l
join life n on n.n = l.n and n.k = l.k + 1
order by l.next_at, l.id;

-- Every month asked for six times a day, as `refresh` does it in the worst case.
insert into lmp_billing.cycle_polls (
    id, run_id, account, cycle, requested_at, finished_at, outcome, attempts, reports_seen, program_version)
select row_number() over (order by at, cycle), 1, 'emea', cycle, at, at, 'unchanged', 1, 0, 'bench'
from (select distinct cycle from life) months
cross join generate_series(now() - interval '730 days', now(), interval '4 hours') at;
drop table life;
