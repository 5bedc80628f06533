-- Reports past retention by account and cycle, with their earlier versions.
-- $1 cutoff, $2 whether to count versions too, which costs a lookup for each report
with old as (
    select account, id, cycle from lmp_billing.reports where cycle < $1 and end_date < $1
    union all
    select account, id, cycle from lmp_billing.reports where end_date < cycle and end_date < $1 and cycle >= $1
),
past as (
    select o.account,
           o.cycle,
           1 as reports,
           case
               when $2 then (select count(*) from lmp_billing.superseded_versions s
                             where s.id = o.id and s.account = o.account)
               else 0
           end as versions
    from old o
),
-- Versions of reports that were deleted by hand, named by the newest one.
orphaned as (
    select s.account,
           s.cycle,
           0 as reports,
           (select count(*) from lmp_billing.superseded_versions v
            where v.id = s.id and v.account = s.account) as versions
    from lmp_billing.superseded_versions s
    where $2
      -- no version ends before its cycle begins (unless edited by hand: those stay), and this has an index
      and s.cycle < $1
      and s.end_date < $1
      and not exists (select from lmp_billing.reports r where r.id = s.id and r.account = s.account)
      and not exists (select from lmp_billing.superseded_versions n
                      where n.id = s.id and n.account = s.account and n.version > s.version)
)
select account as "account!",
       cycle as "cycle!: Cycle",
       sum(reports)::int8 as "reports!",
       sum(versions)::int8 as "versions!"
from (select * from past union all select * from orphaned) gone
group by account, cycle
order by account, cycle
