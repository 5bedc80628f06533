-- What every relation and column means, in the words of the people who read them.

comment on schema lmp_billing is 'Trend Micro LMP billing reports and how their status moved. Start with current_reports, status_changes and cycle_progress.';

comment on table lmp_billing.reports is
    'Billing reports as last seen: one row per report, its newest version, also of those the vendor no longer lists (withdrawn_at); to count what is listed, take current_reports. Earlier versions are in superseded_versions.';
comment on column lmp_billing.reports.account is
    'Name of the LMP account (from the settings) through which the report was seen. The same report seen through two accounts is two rows.';
comment on column lmp_billing.reports.id is
    'The report''s GUID, given by Trend Micro.';
comment on column lmp_billing.reports.cycle is
    'Billing month, as the first day of the month.';
comment on column lmp_billing.reports.partner_company_name is
    'Display name of the partner. Neither unique nor stable: two partners may share one, and a partner may be renamed.';
comment on column lmp_billing.reports.start_date is
    'First day of the billing period.';
comment on column lmp_billing.reports.end_date is
    'Last day of the billing period.';
comment on column lmp_billing.reports.status is
    'Where the report stands; see report_statuses for what each means.';
comment on column lmp_billing.reports.under_review_status is
    'How a report under review was submitted, in the vendor''s words. Null when the vendor gives none.';
comment on column lmp_billing.reports.extra is
    'Fields that the vendor sends and this program does not know, as they came. Null when there are none.';
comment on column lmp_billing.reports.version is
    'Number of this version of the report: 1, 2, … without gaps.';
comment on column lmp_billing.reports.valid_from is
    'Since when the report has looked like this.';
comment on column lmp_billing.reports.status_since is
    'When we first saw the report in this status; counted anew after the vendor had ceased to list it for a while. We look at intervals: the change itself lies between status_not_before and this.';
comment on column lmp_billing.reports.status_not_before is
    'Time of the last trusted poll in which the report did not have this status. Null when unknown: then status_since is only when we first looked.';
comment on column lmp_billing.reports.previous_status is
    'The status before this one. Null if the report has had only one.';
comment on column lmp_billing.reports.previous_status_since is
    'Since when the report had that previous status.';
comment on column lmp_billing.reports.first_seen_at is
    'When the report was first seen.';
comment on column lmp_billing.reports.withdrawn_at is
    'When the report was found to be no longer listed by the vendor. Null while it is listed.';
comment on column lmp_billing.reports.poll_id is
    'The poll that brought this version (cycle_polls.id).';
comment on column lmp_billing.reports.withdrawn_poll_id is
    'The poll that found the report no longer listed. Null while it is listed.';

comment on table lmp_billing.superseded_versions is
    'Earlier versions of billing reports, each with the time during which it was the newest.';
comment on column lmp_billing.superseded_versions.valid_from is
    'Since when the report looked like this.';
comment on column lmp_billing.superseded_versions.valid_to is
    'Until when: the moment the next version began, or the report was withdrawn.';

comment on column lmp_billing.superseded_versions.next_valid_from is
    'When the next version of the report began. Later than valid_to if the report was away in between. Null where the report was deleted by hand.';
comment on column lmp_billing.superseded_versions.next_cycle is
    'Billing month in the next version; see status_changes.';
comment on column lmp_billing.superseded_versions.next_partner_company_name is
    'Name of the partner in the next version, if it is another one. Null if the name stayed the same.';
comment on column lmp_billing.superseded_versions.next_status is
    'Status in the next version.';
comment on column lmp_billing.superseded_versions.next_under_review_status is
    'How the next version was submitted, in the vendor''s words. Null when the vendor gives none.';
comment on column lmp_billing.superseded_versions.next_status_not_before is
    'Time of the last trusted poll in which the report did not have the next version''s status. Null when unknown.';
comment on column lmp_billing.superseded_versions.next_poll_id is
    'The poll that brought the next version (cycle_polls.id).';

comment on table lmp_billing.report_statuses is
    'The statuses a report can have. Statuses the vendor adds appear by themselves, with null lmp_code.';
comment on column lmp_billing.report_statuses.status is
    'The status, as it is spelled in all other tables.';
comment on column lmp_billing.report_statuses.lmp_code is
    'The vendor''s number for the status. Null if it is not documented.';
comment on column lmp_billing.report_statuses.position is
    'Order in which a report usually passes the statuses.';
comment on column lmp_billing.report_statuses.is_final is
    'True if nothing more is to be done.';
comment on column lmp_billing.report_statuses.waits_for is
    'Who has to act next: MSP, Distributor, Trend Micro or nobody. This follows from the status alone: where no MSP takes part, read distributor (or ISP) for MSP, and Trend Micro for Distributor. Null if unknown.';
comment on column lmp_billing.report_statuses.description is
    'What the status means.';

comment on table lmp_billing.sync_runs is
    'Runs: one execution of a job for one account.';
comment on column lmp_billing.sync_runs.id is
    'Number of the run.';
comment on column lmp_billing.sync_runs.job is
    'What was done: discover, refresh, reconcile, prune, or manual for one started by hand.';
comment on column lmp_billing.sync_runs.trigger is
    'Why it ran: schedule, catch_up (a missed tick), startup, or cli (a person).';
comment on column lmp_billing.sync_runs.account is
    'Account it ran for; * for a prune, which serves all.';
comment on column lmp_billing.sync_runs.started_at is
    'When it started.';
comment on column lmp_billing.sync_runs.finished_at is
    'When it ended. Null while it runs.';
comment on column lmp_billing.sync_runs.outcome is
    'running; succeeded = no poll failed or was suspect; partial = some; failed = all; interrupted = stopped before its end.';
comment on column lmp_billing.sync_runs.polls is
    'Polls in this run.';
comment on column lmp_billing.sync_runs.polls_failed is
    'Polls that failed or were suspect.';
comment on column lmp_billing.sync_runs.reports_seen is
    'Reports in the answers.';
comment on column lmp_billing.sync_runs.inserted is
    'Reports seen for the first time.';
comment on column lmp_billing.sync_runs.updated is
    'Reports that changed or came back.';
comment on column lmp_billing.sync_runs.withdrawn is
    'Reports found no longer listed.';
comment on column lmp_billing.sync_runs.quarantined is
    'Entries of answers that could not be reports.';
comment on column lmp_billing.sync_runs.deleted is
    'Reports deleted by a prune.';
comment on column lmp_billing.sync_runs.error is
    'Why it did not succeed. Null if it did.';
comment on column lmp_billing.sync_runs.instance is
    'Which process ran it: host, process id and a random part.';
comment on column lmp_billing.sync_runs.lease_renewed_at is
    'Last sign of life of the process that runs it.';

comment on table lmp_billing.cycle_polls is
    'Polls: one request for one account''s one cycle, and what became of the answer.';
comment on column lmp_billing.cycle_polls.id is
    'Number of the poll, drawn before the request was sent: it orders everything.';
comment on column lmp_billing.cycle_polls.run_id is
    'The run it belongs to (sync_runs.id).';
comment on column lmp_billing.cycle_polls.account is
    'Account asked for.';
comment on column lmp_billing.cycle_polls.cycle is
    'Billing month asked for, as the first day of the month.';
comment on column lmp_billing.cycle_polls.requested_at is
    'When the request was about to be sent. Null if it was never sent.';
comment on column lmp_billing.cycle_polls.finished_at is
    'When the answer had been dealt with.';
comment on column lmp_billing.cycle_polls.outcome is
    'applied = something changed; unchanged = nothing did; stale = a later poll had been applied already; suspect = not believed (see error); failed; interrupted.';
comment on column lmp_billing.cycle_polls.http_status is
    'Status code of the last answer. Null if none came.';
comment on column lmp_billing.cycle_polls.trace_id is
    'The x-traceid of the last request, by which the vendor''s support can find it.';
comment on column lmp_billing.cycle_polls.server_date is
    'The vendor''s clock, from the Date header of the answer.';
comment on column lmp_billing.cycle_polls.attempts is
    'Requests sent for this poll, retries included.';
comment on column lmp_billing.cycle_polls.reports_seen is
    'Reports in the answer; identical duplicates count once.';
comment on column lmp_billing.cycle_polls.quarantined is
    'Entries that could not be reports; identical ones count once.';
comment on column lmp_billing.cycle_polls.unreadable is
    'Quarantined entries whose id could not be read; while there are any, no report is withdrawn.';
comment on column lmp_billing.cycle_polls.overtaken is
    'Reports not written because a later poll, of another cycle, had been written first; the next answer is read again.';
comment on column lmp_billing.cycle_polls.body_bytes is
    'Size of the decoded answer in bytes.';
comment on column lmp_billing.cycle_polls.body_sha256 is
    'SHA-256 of the decoded answer.';
comment on column lmp_billing.cycle_polls.listed_sha256 is
    'SHA-256 of the sorted ids in a suspect answer; tells whether suspect answers agree.';
comment on column lmp_billing.cycle_polls.program_version is
    'Version of the program that read the answer, and the unknown fields it was told to ignore, if any.';
comment on column lmp_billing.cycle_polls.transaction is
    'The database transaction that wrote this row, and all that the poll changed.';
comment on column lmp_billing.cycle_polls.saw is
    'Which transactions of the server were over when the answer was compared (a pg_snapshot): what they wrote, this poll has seen. Null if it was not compared.';
comment on column lmp_billing.cycle_polls.error is
    'Why it failed or was not believed, and what to do. Null otherwise.';

comment on table lmp_billing.quarantined_reports is
    'Entries of answers that cannot be reports, kept with the reason. Nothing in them is guessed at.';
comment on column lmp_billing.quarantined_reports.poll_id is
    'The poll that first brought the entry (cycle_polls.id).';
comment on column lmp_billing.quarantined_reports.account is
    'Account asked for.';
comment on column lmp_billing.quarantined_reports.cycle is
    'Billing month asked for.';
comment on column lmp_billing.quarantined_reports.position is
    'Place of the entry in that answer, counted from 0.';
comment on column lmp_billing.quarantined_reports.report_id is
    'The GUID in the entry, if it could be read.';
comment on column lmp_billing.quarantined_reports.reason is
    'Short code of what is wrong, for example invalid_id, off_cycle, conflicting_duplicate.';
comment on column lmp_billing.quarantined_reports.detail is
    'What is wrong, in a sentence.';
comment on column lmp_billing.quarantined_reports.payload is
    'The entry as it came; a very long one is cut.';
comment on column lmp_billing.quarantined_reports.payload_sha256 is
    'SHA-256 of the whole entry, by which the same entry is stored once.';
comment on column lmp_billing.quarantined_reports.first_seen_at is
    'When it was first seen.';
comment on column lmp_billing.quarantined_reports.resolved_at is
    'When a trusted answer no longer held it. Null while it is open.';

comment on table lmp_billing.schedule_ticks is
    'Claimed ticks: moments at which a job was due, and which process took it.';
comment on column lmp_billing.schedule_ticks.account is
    'Account; * for a prune.';
comment on column lmp_billing.schedule_ticks.job is
    'The job that was due.';
comment on column lmp_billing.schedule_ticks.due_at is
    'When it was due; -infinity for the first sync of an account.';
comment on column lmp_billing.schedule_ticks.attempt is
    'How often the tick has been claimed.';
comment on column lmp_billing.schedule_ticks.claimed_by is
    'Process that claimed it last.';
comment on column lmp_billing.schedule_ticks.claimed_at is
    'When that was.';
comment on column lmp_billing.schedule_ticks.run_id is
    'The run it led to (sync_runs.id). Null if it was skipped because the job still ran.';

comment on table lmp_billing.schedule_baselines is
    'Since when each job of each account is on a schedule: the daemon''s first start with it.';
comment on column lmp_billing.schedule_baselines.account is
    'Account; * for a prune.';
comment on column lmp_billing.schedule_baselines.job is
    'The job.';
comment on column lmp_billing.schedule_baselines.counts_from is
    'Ticks due after this moment are to be run.';

comment on view lmp_billing.report_history is
    'Every version of every report, old or newest, with the time during which it was valid.';
comment on column lmp_billing.report_history.valid_from is
    'Since when the report looked like this.';
comment on column lmp_billing.report_history.valid_to is
    'Until when. Null if it still looks like this; a withdrawn report''s newest version ends with its withdrawal.';

comment on view lmp_billing.current_reports is
    'Reports that the vendor lists now, with how long they have been as they are and who has to act. Start here.';
comment on column lmp_billing.current_reports.status_position is
    'Order of the status; for sorting. Null if it is unknown.';
comment on column lmp_billing.current_reports.days_in_status is
    'Days since status_since.';
comment on column lmp_billing.current_reports.days_since_cycle_end is
    'Days since the billing month ended, by the session''s time zone; negative while it runs.';

comment on view lmp_billing.open_reports is
    'Those of current_reports that are not completed.';

comment on view lmp_billing.status_changes is
    'Each change of a report''s status. First appearances, and returns with the same status, are no changes.';
comment on column lmp_billing.status_changes.from_status is
    'The status before.';
comment on column lmp_billing.status_changes.to_status is
    'The status after.';
comment on column lmp_billing.status_changes.changed_after is
    'The change happened after this moment (the last trusted poll in which the report did not have the new status). Null if unknown.';
comment on column lmp_billing.status_changes.changed_at is
    'The change was seen at this moment.';
comment on column lmp_billing.status_changes.days_in_from_status is
    'Days the report had the status before.';
comment on column lmp_billing.status_changes.reopened is
    'True if it came back from a final status: billing may have to be corrected.';
comment on column lmp_billing.status_changes.version is
    'Version of the report that brought the change.';
comment on column lmp_billing.status_changes.poll_id is
    'The poll that saw it.';

comment on view lmp_billing.cycle_progress is
    'How far the closing of each billing month is: listed reports by status.';
comment on column lmp_billing.cycle_progress.account is
    'Name of the LMP account through which the reports were seen.';
comment on column lmp_billing.cycle_progress.reports is
    'Reports listed.';
comment on column lmp_billing.cycle_progress.msp_preparing is
    'Of these: MSP Preparing.';
comment on column lmp_billing.cycle_progress.under_review is
    'Of these: Under Review.';
comment on column lmp_billing.cycle_progress.rejected is
    'Of these: Rejected.';
comment on column lmp_billing.cycle_progress.approved is
    'Of these: Approved.';
comment on column lmp_billing.cycle_progress.completed is
    'Of these: Completed.';
comment on column lmp_billing.cycle_progress.other_status is
    'Of these: in a status the vendor has added.';
comment on column lmp_billing.cycle_progress.share_completed is
    'Completed reports as a share of all, 0 to 1. Null if there are none.';
comment on column lmp_billing.cycle_progress.oldest_open_since is
    'The earliest status_since among reports that are not completed.';
comment on column lmp_billing.cycle_progress.confirmed_at is
    'Last time a trusted answer for this month was read. If this is old, so are the figures.';

comment on view lmp_billing.time_in_status is
    'How long reports stayed in each status, from the changes that ended it. Reports that are still in it are not counted; see open_reports.';
comment on column lmp_billing.time_in_status.account is
    'Name of the LMP account through which the reports were seen.';
comment on column lmp_billing.time_in_status.status is
    'The status that was left.';
comment on column lmp_billing.time_in_status.spells is
    'How often it was left.';
comment on column lmp_billing.time_in_status.median_days is
    'Half of the stays were no longer than this, in days. A stay that had begun before our first look counts from that look.';
comment on column lmp_billing.time_in_status.p90_days is
    'Nine of ten stays were no longer than this, in days.';
comment on column lmp_billing.time_in_status.longest_days is
    'The longest stay, in days.';

comment on view lmp_billing.cycles is
    'Calendar: every billing month of the last two years for every account that has been read, also those without a report, so that empty months show in a chart. The current month is the server''s, in UTC; older months are there while reports of them are kept.';
comment on column lmp_billing.cycles.account is
    'Name of the LMP account through which the reports were seen.';
comment on column lmp_billing.cycles.cycle is
    'Billing month, as the first day of the month; joins with the column cycle of every other table and view.';
comment on column lmp_billing.cycles.label is
    'The billing month as text, for example 2026-11.';
comment on column lmp_billing.cycles.first_day is
    'First day of the month.';
comment on column lmp_billing.cycles.last_day is
    'Last day of the month.';
comment on column lmp_billing.cycles.months_back is
    'How many months ago: 0 is the current month.';
comment on column lmp_billing.cycles.in_window is
    'True if the vendor can still be asked for this month. With a shorter retention in the settings, the oldest of them are not asked for and stay empty (confirmed_at is null).';
comment on column lmp_billing.cycles.is_edge is
    'True if the vendor may already have dropped reports of this month: that one is missing proves nothing here.';
comment on column lmp_billing.cycles.is_open is
    'True while reports of this month may still appear or change: a listed report is not completed, or the month ended no more than 45 days ago.';
comment on column lmp_billing.cycles.reports is
    'Reports listed now; 0 for an empty month.';
comment on column lmp_billing.cycles.confirmed_at is
    'Last time a trusted answer for this month was read. Null if there was none: then 0 reports means "not known", not "none".';

comment on sequence lmp_billing.poll_ids is 'Numbers for cycle_polls.id, drawn before a request is sent.';
comment on function lmp_billing.reports_as_of(timestamptz) is
    'What the vendor listed at that moment, as far as polls saw it: complete from the first sync on, for reports not pruned.';
comment on function lmp_billing.keep_deleted_report() is
    'Keeps a report that somebody deletes by hand as a version.';
comment on function lmp_billing.refuse_deletion() is
    'Refuses others than the owner of the schema to delete what is not old; called by triggers named guard.';
comment on function lmp_billing.guarded_from() is
    'The day from which on only the owner of the schema may delete reports.';
comment on function lmp_billing.kept_at_least() is
    'What is younger than this, only the owner of the schema may delete. To be replaced where retention is shorter.';

-- A column without words of its own means what the column of its name means in the first of these.
do $same$
declare
    same record;
begin
    for same in
        select distinct on (c.oid, a.attnum)
               c.relname as relation, a.attname as name, col_description(source.oid, s.attnum) as meaning
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        cross join unnest(array['reports', 'report_statuses', 'superseded_versions', 'current_reports', 'sync_runs',
                                'cycle_polls', 'cycle_progress', 'schedule_ticks'])
            with ordinality first (relation, place)
        join pg_class source on source.relnamespace = c.relnamespace and source.relname = first.relation
        join pg_attribute s on s.attrelid = source.oid and s.attname = a.attname
        where c.relnamespace = 'lmp_billing'::regnamespace and c.relkind in ('r', 'v')
          and col_description(c.oid, a.attnum) is null
          and col_description(source.oid, s.attnum) is not null
        order by c.oid, a.attnum, first.place
    loop
        execute format('comment on column lmp_billing.%I.%I is %L', same.relation, same.name, same.meaning);
    end loop;
end
$same$;

-- The ledger of migrations is made by the migrator; its comments are ours.
comment on table lmp_billing._sqlx_migrations is 'Which versions of this schema have been applied. Kept by the program.';
comment on column lmp_billing._sqlx_migrations.version is 'Number of the migration.';
comment on column lmp_billing._sqlx_migrations.description is 'Name of the migration.';
comment on column lmp_billing._sqlx_migrations.installed_on is 'When it was applied.';
comment on column lmp_billing._sqlx_migrations.success is 'Whether it was applied wholly.';
comment on column lmp_billing._sqlx_migrations.checksum is 'Digest of its text.';
comment on column lmp_billing._sqlx_migrations.execution_time is 'How long it took, in nanoseconds.';
