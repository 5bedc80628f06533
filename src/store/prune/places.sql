-- Where the next reports of a cycle that are past retention stand in their table, in that order: deleting
-- them so reads each page once, and needs no index. In one array, which costs a fraction of as many rows.
-- $1 account, $2 cycle, $3 cutoff, $4 the last one before (null to begin), $5 how many
select array(
    select place::text
    from (
        -- First the cycle's, then the order: else the planner may walk through all reports, in search of those
        -- of the cycle.
        select ctid as place
        from lmp_billing.reports
        where account = $1
          and cycle = $2
          and end_date < $3
          and ($4::text is null or ctid > $4::text::tid)
        offset 0
    ) past
    order by place
    limit $5
) as "places!"
