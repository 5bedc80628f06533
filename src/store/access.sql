grant usage on schema lmp_billing to lmp_billing_reader;
grant select on all tables in schema lmp_billing to lmp_billing_reader;
grant execute on function lmp_billing.reports_as_of(timestamptz) to lmp_billing_reader;
