-- Good entries that share their id with another entry. Of identical ones all but the first are to be
-- dropped; where the entries contradict each other, all are to be quarantined.
with shared as (
    select id
    from pg_temp.lmp_stage
    where id is not null
    group by id
    having count(*) > 1
),
judged as (
    select s.position,
           s.bad_sha256 is null as good,
           row_number() over same_id as place,
           bool_or(s.bad_sha256 is not null) over same_id_all
               or count(*) over same_id_all <> count(*) over same_facts as conflicting
    from pg_temp.lmp_stage s
    join shared using (id)
    window same_id as (partition by s.id order by s.position),
           same_id_all as (partition by s.id),
           same_facts as (partition by s.id, s.start_date, s.end_date, s.partner_company_name, s.status,
                                       s.under_review_status, s.extra)
)
select position, conflicting
from judged
where good and (conflicting or place > 1)
order by position
