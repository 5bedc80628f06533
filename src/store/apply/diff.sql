-- $1 account, $2 cycle, $3 cutoff, $4 whether reports that are not listed may be withdrawn
insert into pg_temp.lmp_diff (
    kind, id, start_date, end_date, partner_company_name, status, under_review_status, extra)
with compared as (
    -- The cycle's reports beside the answer's: one hash join, and for an unchanged cycle nothing is left.
    select coalesce(a.id, r.id) as id,
           case
               when r.id is null then 'new or elsewhere'
               when a.id is null then 'w'
               when r.withdrawn_at is not null then 'r'
               else 'c'
           end as kind,
           a.start_date,
           a.end_date,
           a.partner_company_name,
           a.status,
           a.under_review_status,
           a.extra
    from (select * from pg_temp.lmp_stage where id is not null) a
    full join (select * from lmp_billing.reports where account = $1 and cycle = $2) r on r.id = a.id
    where case
              -- only in the answer: good and not past retention
              when r.id is null then a.bad_sha256 is null and a.end_date >= $3
              -- only stored: to be withdrawn, unless it is already or is past retention
              when a.id is null then $4 and r.withdrawn_at is null and r.end_date >= $3
              -- in both: it came back, or something differs
              else a.bad_sha256 is null and a.end_date >= $3 and r.end_date >= $3
                  and (r.withdrawn_at is not null
                       or (a.partner_company_name, a.start_date, a.end_date, a.status, a.under_review_status, a.extra)
                          is distinct from
                          (r.partner_company_name, r.start_date, r.end_date, r.status, r.under_review_status, r.extra))
          end
)
select kind::"char", id, start_date, end_date, partner_company_name, status, under_review_status, extra
from compared
where kind <> 'new or elsewhere'
union all
-- What the cycle does not have is new, or stored under another cycle.
select case
           when e.id is null then 'n'
           when e.withdrawn_at is not null then 'r'
           else 'c'
       end::"char",
       c.id, c.start_date, c.end_date, c.partner_company_name, c.status, c.under_review_status, c.extra
from compared c
left join lateral (
    -- A plain lookup by key for each: the planner must not read a million reports for a handful.
    select * from lmp_billing.reports e where e.id = c.id and e.account = $1 offset 0
) e on true
where c.kind = 'new or elsewhere'
  and (e.id is null
       or e.end_date >= $3
          and (e.withdrawn_at is not null
               -- no longer in its cycle's time
               or not (c.start_date < (e.cycle + interval '1 month')::date and c.end_date >= e.cycle)
               or (c.partner_company_name, c.start_date, c.end_date, c.status, c.under_review_status, c.extra)
                  is distinct from
                  (e.partner_company_name, e.start_date, e.end_date, e.status, e.under_review_status, e.extra)))
