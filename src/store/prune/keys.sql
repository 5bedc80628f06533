-- The next reports of a cycle that are past retention, in the order of their key; in one array, which
-- costs a fraction of as many rows.
-- $1 account, $2 cycle, $3 cutoff, $4 the last one before (null to begin), $5 how many
select array(
    select id
    from (
        -- First the cycle's, then the order: else the planner may walk through all reports in the order of
        -- their key, in search of those of the cycle.
        select id
        from lmp_billing.reports
        where account = $1
          and cycle = $2
          and end_date < $3
          and ($4::uuid is null or id > $4)
        offset 0
    ) past
    order by id
    limit $5
) as "ids!"
