-- What people and BI tools read.

create view lmp_billing.report_history as
select account, id, version, valid_from, valid_to, cycle, partner_company_name, start_date, end_date,
       status, under_review_status, extra, poll_id
from lmp_billing.superseded_versions
union all
select account, id, version, valid_from, withdrawn_at as valid_to, cycle, partner_company_name, start_date,
       end_date, status, under_review_status, extra, poll_id
from lmp_billing.reports;

-- A single plain select, so that the planner inlines it and pushes a caller's filters into it.
create function lmp_billing.reports_as_of(moment timestamptz)
returns table (
    account text, id uuid, version integer, valid_from timestamptz, valid_to timestamptz, cycle date,
    partner_company_name text, start_date date, end_date date, status text, under_review_status text,
    extra jsonb, poll_id bigint)
language sql stable parallel safe
as $$
    select h.account, h.id, h.version, h.valid_from, h.valid_to, h.cycle, h.partner_company_name,
           h.start_date, h.end_date, h.status, h.under_review_status, h.extra, h.poll_id
    from lmp_billing.report_history h
    where h.valid_from <= moment and (h.valid_to > moment or h.valid_to is null)
$$;

create view lmp_billing.current_reports as
select r.account,
       r.id,
       r.cycle,
       r.partner_company_name,
       r.start_date,
       r.end_date,
       r.status,
       s.position as status_position,
       coalesce(s.is_final, false) as is_final,
       s.waits_for,
       r.under_review_status,
       r.status_since,
       r.status_not_before,
       date_part('epoch', now() - r.status_since) / 86400 as days_in_status,
       date_part('epoch', now() - (r.cycle + interval '1 month')) / 86400 as days_since_cycle_end,
       r.previous_status,
       r.first_seen_at,
       r.version,
       r.valid_from,
       r.extra
from lmp_billing.reports r
left join lmp_billing.report_statuses s on s.status = r.status
where r.withdrawn_at is null;

create view lmp_billing.open_reports as
select * from lmp_billing.current_reports where not is_final;

-- A change is told by the version it ended: it knows what came next. So a month's changes, or those of a few
-- days, are found through one index and need no join of versions with each other.
create view lmp_billing.status_changes as
with changes as (
    select p.account,
           p.id,
           p.next_cycle as cycle,
           coalesce(p.next_partner_company_name, p.partner_company_name) as partner_company_name,
           p.status as from_status,
           p.next_status as to_status,
           p.next_under_review_status as under_review_status,
           p.next_status_not_before as changed_after,
           p.next_valid_from as changed_at,
           p.status_since as from_since,
           p.valid_to as from_until,
           p.version + 1 as version,
           p.next_poll_id as poll_id
    from lmp_billing.superseded_versions p
    where p.next_status <> p.status
    union all
    -- A report that was deleted by hand and is back: its version could not know what would come next. Few, and
    -- with an index of their own.
    select p.account, p.id, n.cycle, n.partner_company_name, p.status, n.status, n.under_review_status,
           n.status_not_before, n.valid_from, p.status_since, p.valid_to, p.version + 1, n.poll_id
    from lmp_billing.superseded_versions p
    cross join lateral (
        select r.cycle, r.partner_company_name, r.status, r.under_review_status, r.status_not_before,
               r.valid_from, r.poll_id
        from lmp_billing.reports r
        where r.id = p.id and r.account = p.account and r.version = p.version + 1
        union all
        select s.cycle, s.partner_company_name, s.status, s.under_review_status, s.status_not_before,
               s.valid_from, s.poll_id
        from lmp_billing.superseded_versions s
        where s.id = p.id and s.account = p.account and s.version = p.version + 1
    ) n
    where p.next_valid_from is null and n.status <> p.status
)
select c.account,
       c.id,
       c.cycle,
       c.partner_company_name,
       c.from_status,
       c.to_status,
       c.under_review_status,
       c.changed_after,
       c.changed_at,
       date_part('epoch', c.from_until - c.from_since) / 86400 as days_in_from_status,
       coalesce(f.is_final, false) as reopened,
       c.version,
       c.poll_id
from changes c
left join lmp_billing.report_statuses f on f.status = c.from_status;

create view lmp_billing.cycle_progress as
with counted as (
    select r.account,
           r.cycle,
           count(*) as reports,
           count(*) filter (where r.status = 'MSP Preparing') as msp_preparing,
           count(*) filter (where r.status = 'Under Review') as under_review,
           count(*) filter (where r.status = 'Rejected') as rejected,
           count(*) filter (where r.status = 'Approved') as approved,
           count(*) filter (where r.status = 'Completed') as completed,
           min(r.status_since) filter (where r.status <> 'Completed') as oldest_open_since
    from lmp_billing.reports r
    where r.withdrawn_at is null
    group by r.account, r.cycle
),
-- A loose scan over the index of believed polls: one step per account and cycle, however long the log.
confirmed as (
    with recursive polled as (
        (select p.account, p.cycle
         from lmp_billing.cycle_polls p
         where p.outcome in ('applied', 'unchanged')
         order by p.account, p.cycle
         limit 1)
        union all
        select n.account, n.cycle
        from polled
        cross join lateral (
            select p.account, p.cycle
            from lmp_billing.cycle_polls p
            where p.outcome in ('applied', 'unchanged')
              and (p.account, p.cycle) > (polled.account, polled.cycle)
            order by p.account, p.cycle
            limit 1) n
    )
    select polled.account, polled.cycle, last.finished_at as confirmed_at
    from polled
    cross join lateral (
        select p.finished_at
        from lmp_billing.cycle_polls p
        where p.account = polled.account and p.cycle = polled.cycle and p.outcome in ('applied', 'unchanged')
        order by p.id desc
        limit 1) last
)
select account,
       cycle,
       coalesce(c.reports, 0) as reports,
       coalesce(c.msp_preparing, 0) as msp_preparing,
       coalesce(c.under_review, 0) as under_review,
       coalesce(c.rejected, 0) as rejected,
       coalesce(c.approved, 0) as approved,
       coalesce(c.completed, 0) as completed,
       coalesce(c.reports - c.msp_preparing - c.under_review - c.rejected - c.approved - c.completed, 0)
           as other_status,
       (c.completed::float8 / c.reports) as share_completed,
       c.oldest_open_since,
       k.confirmed_at
from counted c
full join confirmed k using (account, cycle);

create view lmp_billing.time_in_status as
select account,
       cycle,
       status,
       spells,
       shares[1] as median_days,
       shares[2] as p90_days,
       longest_days
from (
    select account,
           cycle,
           from_status as status,
           count(*) as spells,
           percentile_cont(array[0.5, 0.9]) within group (order by days_in_from_status) as shares,
           max(days_in_from_status) as longest_days
    from lmp_billing.status_changes
    group by account, cycle, from_status
) spent;

-- The calendar: without it, a month that has no report is missing from every chart. The database knows
-- neither the settings' time zone nor how long is kept; so the window here is the vendor's two years,
-- counted from the current month of the server's clock in UTC, and what is stored beyond it is added.
create view lmp_billing.cycles as
with recursive polled as (
    -- A loose scan: one step for each account.
    (select p.account
     from lmp_billing.cycle_polls p
     where p.outcome in ('applied', 'unchanged')
     order by p.account
     limit 1)
    union all
    (select n.account
     from polled
     cross join lateral (
         select p.account
         from lmp_billing.cycle_polls p
         where p.outcome in ('applied', 'unchanged') and p.account > polled.account
         order by p.account
         limit 1) n)
),
-- The same for each month of each account that has reports.
stored as (
    (select r.cycle, r.account
     from lmp_billing.reports r
     order by r.cycle, r.account
     limit 1)
    union all
    (select n.cycle, n.account
     from stored
     cross join lateral (
         select r.cycle, r.account
         from lmp_billing.reports r
         where (r.cycle, r.account) > (stored.cycle, stored.account)
         order by r.cycle, r.account
         limit 1) n)
),
today as (
    select (now() at time zone 'UTC')::date as day,
           date_trunc('month', now() at time zone 'UTC')::date as current
),
months as (
    select polled.account, (today.current - make_interval(months => back))::date as cycle
    from polled, today, generate_series(0, 24) back
    union
    select account, cycle from stored
)
select m.account,
       m.cycle,
       to_char(m.cycle, 'YYYY-MM') as label,
       m.cycle as first_day,
       (m.cycle + interval '1 month')::date - 1 as last_day,
       b.months_back,
       b.months_back <= 24 as in_window,
       b.months_back >= 23 as is_edge,
       today.day <= (m.cycle + interval '1 month')::date - 1 + 45 or coalesce(c.unfinished, false) as is_open,
       coalesce(c.reports, 0) as reports,
       (select p.finished_at from lmp_billing.cycle_polls p
        where p.account = m.account and p.cycle = m.cycle and p.outcome in ('applied', 'unchanged')
        order by p.id desc
        limit 1) as confirmed_at
from months m
cross join today
-- Left out by the planner where neither is_open nor reports is asked for.
left join (
    select r.account,
           r.cycle,
           count(*) as reports,
           bool_or(not coalesce(s.is_final, false)) as unfinished
    from lmp_billing.reports r
    left join lmp_billing.report_statuses s on s.status = r.status
    where r.withdrawn_at is null
    group by r.account, r.cycle
) c on c.account = m.account and c.cycle = m.cycle
cross join lateral (
    select ((date_part('year', today.current) - date_part('year', m.cycle)) * 12
            + date_part('month', today.current) - date_part('month', m.cycle))::int as months_back
) b;
