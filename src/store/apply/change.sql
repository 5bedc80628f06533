-- Writes changed and returned reports.
-- $1 account, $2 cycle, $3 poll, $4 the transaction's moment,
-- $5 and $6 id and time of the last poll of this cycle that saw every listed report
with target as (
    -- Locks in the order of the key, so that polls of two cycles cannot lock each other out; tests
    -- again under the lock, because a poll of another cycle may have been here.
    select r.id,
           r.account,
           r.version,
           r.valid_from,
           r.withdrawn_at,
           r.cycle as old_cycle,
           r.partner_company_name as old_name,
           r.start_date as old_start,
           r.end_date as old_end,
           r.status as old_status,
           r.under_review_status as old_under_review,
           r.extra as old_extra,
           r.status_since,
           r.status_not_before,
           r.previous_status,
           r.previous_status_since,
           r.poll_id as old_poll,
           r.withdrawn_poll_id,
           a.partner_company_name,
           a.start_date,
           a.end_date,
           a.status,
           a.under_review_status,
           a.extra
    from pg_temp.lmp_diff a
    join lmp_billing.reports r on r.id = a.id and r.account = $1
    where a.kind in ('c', 'r')
      and greatest(r.poll_id, r.withdrawn_poll_id) < $3
      and (r.withdrawn_at is not null
           or not (a.start_date < (r.cycle + interval '1 month')::date and a.end_date >= r.cycle)
           or (a.partner_company_name, a.start_date, a.end_date, a.status, a.under_review_status, a.extra)
              is distinct from
              (r.partner_company_name, r.start_date, r.end_date, r.status, r.under_review_status, r.extra))
    order by r.id, r.account
    for no key update of r
),
-- Usually the row is the version after the last superseded one. An owner may have edited it or put back
-- one that had been deleted; then it becomes that version.
numbered as (
    select t.*,
           coalesce(p.version, 0) + 1 as old_version,
           greatest(case when isfinite(t.valid_from) then t.valid_from else $4 end, p.valid_to) as old_from
    from target t
    left join lateral (
        select s.version, s.valid_to
        from lmp_billing.superseded_versions s
        where s.id = t.id and s.account = t.account
        order by s.version desc
        limit 1
    ) p on true
),
-- Clocks may stand or go back; versions do not.
dated as (
    select *,
           greatest($4, withdrawn_at + interval '1 microsecond', old_from + interval '1 microsecond') as new_from,
           status is distinct from old_status or withdrawn_at is not null as new_spell,
           -- a listed report keeps its cycle while its dates overlap it
           case
               when withdrawn_at is null
                    and start_date < (old_cycle + interval '1 month')::date and end_date >= old_cycle
               then old_cycle
               else $2
           end as new_cycle
    from numbered
),
-- Polls that have changed something which that last poll of this cycle did not find yet, though its number
-- may be the greater one: an answer can take its time.
unseen as materialized (
    select p.id
    from lmp_billing.cycle_polls p
    join lmp_billing.cycle_polls seen on seen.id = $5
    where p.account = $1
      and p.inserted + p.updated + p.withdrawn > 0
      and p.transaction >= pg_snapshot_xmin(seen.saw::pg_snapshot)::text::bigint
      -- else it is of another server, from which this database has been restored
      and p.transaction < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
      and not pg_visible_in_snapshot(p.transaction::text::xid8, seen.saw::pg_snapshot)
),
-- The last poll in which the report certainly did not have its new status: the last one of its cycle
-- that saw it as it is stored, or else the one that wrote (or withdrew) it. A poll in which its own entry was
-- quarantined did not see it.
bounded as (
    select d.*,
           case
               when not d.new_spell then d.status_not_before
               when seen.at is not null then least(seen.at, d.new_from)
           end as new_not_before
    from dated d
    cross join lateral (
        select coalesce(
            case
                when exists (
                    select from lmp_billing.quarantined_reports q
                    where q.report_id = d.id and q.account = d.account
                      and (q.resolved_at is null or q.resolved_at >= $6))
                then null
                when d.old_cycle = $2
                     and $5 > greatest(d.old_poll, d.withdrawn_poll_id)
                     and greatest(d.old_poll, d.withdrawn_poll_id) not in (select id from unseen)
                then $6
            end,
            (select p.requested_at from lmp_billing.cycle_polls p
             where p.id = greatest(d.old_poll, d.withdrawn_poll_id))) as at
    ) seen
),
archived as (
    insert into lmp_billing.superseded_versions (
        account, id, version, valid_from, valid_to, cycle, partner_company_name, start_date, end_date,
        status, under_review_status, extra, status_since, status_not_before, poll_id, next_valid_from,
        next_cycle, next_partner_company_name, next_status, next_under_review_status, next_status_not_before,
        next_poll_id)
    select account, id, old_version, old_from,
           case when withdrawn_at > old_from then withdrawn_at else new_from end, old_cycle, old_name, old_start,
           old_end, old_status, old_under_review, old_extra, status_since, status_not_before, old_poll, new_from,
           new_cycle, nullif(partner_company_name, old_name), status, under_review_status, new_not_before, $3
    from bounded
)
update lmp_billing.reports r
set cycle = b.new_cycle,
    partner_company_name = b.partner_company_name,
    start_date = b.start_date,
    end_date = b.end_date,
    status = b.status,
    under_review_status = b.under_review_status,
    extra = b.extra,
    version = b.old_version + 1,
    valid_from = b.new_from,
    status_since = case when b.new_spell then b.new_from else b.status_since end,
    status_not_before = b.new_not_before,
    previous_status = case when b.status <> b.old_status then b.old_status else b.previous_status end,
    previous_status_since = case when b.status <> b.old_status then b.status_since else b.previous_status_since end,
    withdrawn_at = null,
    withdrawn_poll_id = null,
    poll_id = $3
from bounded b
where r.id = b.id and r.account = b.account
