-- Deletes reports by their place, and tells their ids in one array, which costs a fraction of as many rows. One
-- that has been written since stands elsewhere, and stays for now; where another stands in its place, it goes
-- only if it is past retention itself.
-- $1 account, $2 cycle, $3 places, $4 cutoff
with gone as (
    delete from lmp_billing.reports
    where ctid = any($3::text[]::tid[])
      and account = $1
      and cycle = $2
      and end_date < $4
    returning id
)
select array(select id from gone) as "ids!"
