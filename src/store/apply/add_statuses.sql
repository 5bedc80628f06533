-- Statuses the vendor has added appear by themselves, after those that are known; but not for reports past
-- retention, which are ignored.
-- $1 cutoff
insert into lmp_billing.report_statuses (status, position, is_final, description)
select distinct a.status, 99, false, 'Added by the vendor; not documented in what we have.'
from pg_temp.lmp_stage a
where a.bad_sha256 is null
  and a.end_date >= $1
  and not exists (select from lmp_billing.report_statuses s where s.status = a.status)
order by a.status
