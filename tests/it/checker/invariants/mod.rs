//! What must hold in every database, each as a query that finds what breaks it.
//!
//! All queries see `given`, what the test says of the database's past, and `v`, all versions of all reports
//! with their neighbours. Each returns one text per violation.

mod logs;
mod polls;
mod quarantine;
mod retention;
mod statuses;
mod versions;
mod views;

use std::fmt::Write as _;
use std::sync::OnceLock;

/// A name, and the query that finds violations.
type Invariant = (&'static str, &'static str);

const COMMON: &str = "
with given as (
    select $1::text[] as touched, $2::date as cutoff, $3::timestamptz as cutoff_at, $4::bool as pruned,
           $5::bool as just_pruned, $6::bool as clock_back
),
linked as (
    select s.account, s.id, s.version, s.valid_from, s.valid_to, s.cycle, s.partner_company_name, s.start_date,
           s.end_date, s.status, s.under_review_status, s.extra, s.status_since, s.status_not_before, s.poll_id,
           false as newest
    from lmp_billing.superseded_versions s
    union all
    select r.account, r.id, r.version, r.valid_from, r.withdrawn_at, r.cycle, r.partner_company_name, r.start_date,
           r.end_date, r.status, r.under_review_status, r.extra, r.status_since, r.status_not_before, r.poll_id,
           true
    from lmp_billing.reports r
),
neighbours as (
    select l.*,
           row_number() over w as place,
           lag(l.version) over w as before,
           lag(l.valid_from) over w as from_before,
           lag(l.valid_to) over w as to_before,
           lag(l.status) over w as status_before,
           lag(l.status_since) over w as since_before,
           lag((l.cycle, l.partner_company_name, l.start_date, l.end_date, l.status, l.under_review_status,
                l.extra)::text) over w as facts_before,
           (l.cycle, l.partner_company_name, l.start_date, l.end_date, l.status, l.under_review_status,
            l.extra)::text as facts,
           lead(l.valid_from) over w as from_after,
           l.account || ' ' || l.id = any(g.touched) as touched,
           l.account || ' ' || l.id || ' version ' || l.version as who
    from linked l, given g
    window w as (partition by l.account, l.id order by l.version, l.newest)
),
-- A spell is a status kept without a gap.
spells as (
    select n.*,
           sum(case when n.status = n.status_before and n.to_before >= n.valid_from then 0 else 1 end)
               over (partition by n.account, n.id order by n.place) as spell
    from neighbours n
),
v as materialized (
    select s.*,
           first_value(s.valid_from) over (partition by s.account, s.id, s.spell order by s.place) as spell_from,
           first_value(s.status_not_before) over (partition by s.account, s.id, s.spell order by s.place)
               as spell_not_before
    from spells s
)
";

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Invariant> {
    [versions::ALL, statuses::ALL, polls::ALL, logs::ALL, quarantine::ALL, views::ALL, retention::ALL]
        .into_iter()
        .flatten()
}

/// One statement that checks all.
pub(super) fn statement() -> &'static str {
    static STATEMENT: OnceLock<String> = OnceLock::new();
    STATEMENT.get_or_init(|| {
        let mut statement = COMMON.to_owned();
        for (number, (name, query)) in all().enumerate() {
            let union = if number == 0 { "" } else { "union all" };
            // Twenty examples of each tell what is wrong.
            writeln!(
                statement,
                "{union} (select '{name}' as name, x.detail from ({query}) x (detail) limit 20)"
            )
            .expect("a text takes texts");
        }
        statement
    })
}

#[test]
fn every_invariant_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<&str> = all().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), all().count());
}
