-- Writes new reports, in the order of their key, which spares the index.
-- $1 account, $2 cycle, $3 poll, $4 the transaction's moment,
-- $5 time of the last poll of this cycle that saw every listed report
insert into lmp_billing.reports (
    account, id, cycle, partner_company_name, start_date, end_date, status, under_review_status, extra,
    version, valid_from, status_since, status_not_before, previous_status, previous_status_since,
    first_seen_at, poll_id)
select $1,
       a.id,
       $2,
       a.partner_company_name,
       a.start_date,
       a.end_date,
       a.status,
       a.under_review_status,
       a.extra,
       coalesce(p.version, 0) + 1,
       n.valid_from,
       case when p.status = a.status then p.status_since else n.valid_from end,
       case
           when p.status = a.status then p.status_not_before
           when p.version is not null then
               (select least(c.requested_at, n.valid_from) from lmp_billing.cycle_polls c where c.id = p.poll_id)
           when $5 is not null and not exists (
               select from lmp_billing.quarantined_reports q
               where q.report_id = a.id and q.account = $1 and (q.resolved_at is null or q.resolved_at >= $5))
           then least($5, n.valid_from)
       end,
       o.status,
       o.status_since,
       coalesce(p.first_seen_at, n.valid_from),
       $3
from pg_temp.lmp_diff a
-- The row was deleted by hand: its versions tell where to go on.
left join lateral (
    select s.version, s.status, s.status_since, s.status_not_before, s.valid_to, s.poll_id,
           (select min(f.valid_from) from lmp_billing.superseded_versions f
            where f.id = s.id and f.account = s.account) as first_seen_at
    from lmp_billing.superseded_versions s
    where s.id = a.id and s.account = $1
    order by s.version desc
    limit 1
) p on true
left join lateral (
    select s.status, s.status_since
    from lmp_billing.superseded_versions s
    where p.version is not null and s.id = a.id and s.account = $1 and s.status <> a.status
    order by s.version desc
    limit 1
) o on true
cross join lateral (select greatest($4, p.valid_to + interval '1 microsecond') as valid_from) n
where a.kind = 'n'
order by a.id
