-- The facts of scripts/bi-trial.sh as psql sees them; every other client has to print the same. Wants the variable moment.
select 'rows current_reports ' || count(*) from current_reports;
select 'rows cycle_progress ' || count(*) from cycle_progress;
select 'rows cycles ' || count(*) from cycles;
select 'rows open_reports ' || count(*) from open_reports;
select 'rows report_history ' || count(*) from report_history;
select 'rows status_changes ' || count(*) from status_changes;
select 'rows time_in_status ' || count(*) from time_in_status;
select concat_ws(' ', 'progress', cycle, reports, share_completed::numeric(5, 4), floor(extract(epoch from confirmed_at)))
from cycle_progress order by cycle desc limit 3;
select 'name ' || partner_company_name
from (select distinct partner_company_name from current_reports) n order by partner_company_name collate "C" limit 10;
select concat_ws(' ', 'as of', status, count(*)) from reports_as_of(:'moment') group by status order by status;
select 'comment ' || obj_description('cycle_progress'::regclass);
select concat_ws(' ', 'column', attname,
                 case format_type(atttypid, null) when 'double precision' then 'double'
                                                  when 'timestamp with time zone' then 'timestamp'
                                                  else format_type(atttypid, null) end,
                 col_description(attrelid, attnum))
from pg_attribute where attrelid = 'cycle_progress'::regclass and attnum > 0 order by attnum;
\set ON_ERROR_STOP off
update report_statuses set position = 0;
\echo update refused :LAST_ERROR_SQLSTATE
