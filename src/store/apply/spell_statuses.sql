-- Gives statuses the vendor has added one spelling: the stored one, else the first in this answer.
update pg_temp.lmp_stage a
set status = f.spelling
from (
    select distinct on (lower(x.status)) lower(x.status) as any_case, x.status as spelling
    from (
        select status, -1 as position from lmp_billing.report_statuses
        union all
        select status, position from pg_temp.lmp_stage where status is not null
    ) x
    order by lower(x.status), x.position
) f
where lower(a.status) = f.any_case and a.status <> f.spelling
