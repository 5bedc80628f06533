//! Right after a prune nothing is left that should be gone.

use super::Invariant;

pub(super) const ALL: &[Invariant] = &[
    ("report_kept_late", "
        select r.account || ' ' || r.id || ' ended ' || r.end_date from lmp_billing.reports r, given g
        where g.just_pruned and r.end_date < g.cutoff"),
    ("versions_kept_late", "
        select s.who || ' ended ' || s.end_date from v s, given g
        where g.just_pruned and s.end_date < g.cutoff and s.from_after is null and not s.newest"),
    ("quarantined_kept_late", "
        select q.account || ' ' || q.cycle || ' seen at ' || q.first_seen_at from lmp_billing.quarantined_reports q, given g
        where g.just_pruned and case when q.resolved_at is not null then q.resolved_at < g.cutoff_at
              else q.first_seen_at < g.cutoff_at and q.cycle + interval '1 month' <= g.cutoff end"),
    ("tick_kept_late", "
        select t.account || ' ' || t.job || ' ' || t.due_at from lmp_billing.schedule_ticks t, given g
        where g.just_pruned and t.due_at < g.cutoff_at and t.due_at > '-infinity'
          and exists (select from lmp_billing.schedule_ticks n
                      where n.account = t.account and n.job = t.job and n.due_at > t.due_at)"),
    ("run_kept_late", "
        select 'run ' || r.id || ' ended at ' || r.finished_at from lmp_billing.sync_runs r, given g
        where g.just_pruned and r.finished_at < g.cutoff_at
          and not exists (select from lmp_billing.cycle_polls p where p.run_id = r.id)
          and not exists (select from lmp_billing.schedule_ticks t where t.run_id = r.id)"),
    ("poll_kept_late", "
        select 'poll ' || p.id || ' ended at ' || p.finished_at from lmp_billing.cycle_polls p, given g
        where g.just_pruned and p.finished_at < g.cutoff_at
          and not exists (select from v where v.poll_id = p.id)
          and not exists (select from lmp_billing.reports r where r.withdrawn_poll_id = p.id)
          and not exists (select from lmp_billing.quarantined_reports q where q.poll_id = p.id)
          and not (p.outcome in ('applied', 'unchanged')
                   and not exists (select from lmp_billing.cycle_polls n where n.account = p.account and n.cycle = p.cycle
                                   and n.outcome in ('applied', 'unchanged') and n.id > p.id)
                   and (p.cycle + interval '1 month' > g.cutoff
                        or exists (select from lmp_billing.reports r where r.account = p.account and r.cycle = p.cycle)))"),
    ("poll_pruned_early", "
        select 'run ' || r.id || ' had ' || r.polls || ' polls, ' || n.polls || ' are left' from lmp_billing.sync_runs r
        cross join lateral (select count(*) as polls from lmp_billing.cycle_polls p where p.run_id = r.id) n, given g
        where r.polls > n.polls and not (g.pruned and r.started_at < g.cutoff_at)"),
];
