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
       (extract(epoch from now() - r.status_since) / 86400)::float8 as days_in_status,
       (extract(epoch from now() - (r.cycle + interval '1 month')) / 86400)::float8 as days_since_cycle_end,
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

-- A change is a version whose status differs from that of the version before it.
create view lmp_billing.status_changes as
with versions as (
    select account, id, cycle, partner_company_name, status, under_review_status, status_not_before,
           valid_from, version, poll_id
    from lmp_billing.superseded_versions
    union all
    select account, id, cycle, partner_company_name, status, under_review_status, status_not_before,
           valid_from, version, poll_id
    from lmp_billing.reports
)
select v.account,
       v.id,
       v.cycle,
       v.partner_company_name,
       p.status as from_status,
       v.status as to_status,
       v.under_review_status,
       v.status_not_before as changed_after,
       v.valid_from as changed_at,
       (extract(epoch from p.valid_to - p.status_since) / 86400)::float8 as days_in_from_status,
       coalesce(f.is_final, false) as reopened,
       v.version,
       v.poll_id
from versions v
join lmp_billing.superseded_versions p
  on p.id = v.id and p.account = v.account and p.version = v.version - 1
left join lmp_billing.report_statuses f on f.status = p.status
where v.status <> p.status;

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
       from_status as status,
       count(*) as spells,
       percentile_cont(0.5) within group (order by days_in_from_status) as median_days,
       percentile_cont(0.9) within group (order by days_in_from_status) as p90_days,
       max(days_in_from_status) as longest_days
from lmp_billing.status_changes
group by account, cycle, from_status;
