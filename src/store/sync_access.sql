grant usage on schema lmp_billing to lmp_billing_sync;
grant select on all tables in schema lmp_billing to lmp_billing_sync;
grant execute on all functions in schema lmp_billing to lmp_billing_sync;
grant usage, select on all sequences in schema lmp_billing to lmp_billing_sync;
grant insert, update, delete on
    lmp_billing.reports, lmp_billing.sync_runs, lmp_billing.schedule_ticks, lmp_billing.quarantined_reports
    to lmp_billing_sync;
grant insert, delete on lmp_billing.superseded_versions, lmp_billing.cycle_polls to lmp_billing_sync;
grant insert, update on lmp_billing.schedule_baselines to lmp_billing_sync;
grant insert on lmp_billing.report_statuses to lmp_billing_sync;
-- Only what is old may be deleted. The triggers test it themselves, so that deleting what is old, or by the
-- owner, costs no call for each row. Logs are compared by their moment, and all zones lie within two days.
do $guards$
declare
    guard record;
begin
    for guard in
        select *
        from (values
            ('reports', 'old.end_date >= lmp_billing.guarded_from()'),
            ('superseded_versions', 'old.end_date >= lmp_billing.guarded_from()'),
            ('cycle_polls', 'old.finished_at >= lmp_billing.guarded_from() + 2'),
            ('sync_runs', $$coalesce(old.finished_at, 'infinity') >= lmp_billing.guarded_from() + 2$$),
            ('schedule_ticks', $$old.due_at = '-infinity' or old.due_at >= lmp_billing.guarded_from() + 2$$),
            ('quarantined_reports',
             $$coalesce(old.resolved_at, old.first_seen_at) >= lmp_billing.guarded_from() + 2
               or old.resolved_at is null and old.cycle + interval '1 month' > lmp_billing.guarded_from() + 2$$)
        ) young (relation, condition)
        -- Making one waits for polls under way.
        where not exists (
            select from pg_trigger t
            where t.tgrelid = format('lmp_billing.%I', relation)::regclass and t.tgname = 'guard')
    loop
        execute format(
            'create trigger guard after delete on lmp_billing.%I for each row when (current_user <> %L and (%s))
             execute function lmp_billing.refuse_deletion()',
            guard.relation, current_user, guard.condition);
    end loop;
end
$guards$
