-- Deletes versions whose report was deleted by hand, when the newest of them is past retention.
-- $1 cutoff, $2 reports at most
with orphaned as (
    select s.account, s.id, s.cycle
    from lmp_billing.superseded_versions s
    -- no report ends before its cycle begins (unless edited by hand: those stay), and this has an index
    where s.cycle < $1
      and s.end_date < $1
      and not exists (select from lmp_billing.reports r where r.id = s.id and r.account = s.account)
      and not exists (select from lmp_billing.superseded_versions n
                      where n.id = s.id and n.account = s.account and n.version > s.version)
    order by s.id, s.account
    limit $2
),
gone as (
    delete from lmp_billing.superseded_versions s
    using orphaned o
    where s.id = o.id and s.account = o.account
    returning o.account, o.cycle
)
select account as "account!", cycle as "cycle!: Cycle", 0::int8 as "reports!", count(*) as "versions!"
from gone
group by account, cycle
order by account, cycle
