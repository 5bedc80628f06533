grant usage on schema lmp_billing to lmp_billing_reader;
grant select on all tables in schema lmp_billing to lmp_billing_reader;
grant execute on function lmp_billing.reports_as_of(timestamptz) to lmp_billing_reader;
comment on role lmp_billing_reader is 'May read Trend Micro LMP billing reports (schema lmp_billing) and write nothing.';
