//! Every relation and column says what it is, and the views have the columns people may rely on.

use crate::support::lab::Lab;

#[tokio::test]
async fn every_relation_column_and_function_carries_a_comment() {
    let lab = Lab::new().await;
    let silent = lab
        .lines(
            "select c.relname, a.attname
             from pg_class c
             left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v')
             where c.relnamespace = 'lmp_billing'::regnamespace and c.relkind in ('r', 'v', 'S')
               and c.oid not in (select objid from pg_depend where deptype = 'i' and classid = 'pg_class'::regclass)
               and (obj_description(c.oid, 'pg_class') is null
                    or a.attnum is not null and col_description(c.oid, a.attnum) is null)
             union all
             select p.proname, null from pg_proc p
             where p.pronamespace = 'lmp_billing'::regnamespace and obj_description(p.oid, 'pg_proc') is null",
        )
        .await;
    assert_eq!(silent, [""; 0]);
    assert!(
        lab.value("select obj_description('lmp_billing'::regnamespace, 'pg_namespace')")
            .await
            .contains("Start with")
    );
}

/// The contract's columns, in their order.
const PROMISED: [(&str, &str); 6] = [
    (
        "report_history",
        "account id version valid_from valid_to cycle partner_company_name start_date end_date status \
         under_review_status extra poll_id",
    ),
    (
        "current_reports",
        "account id cycle partner_company_name start_date end_date status status_position is_final waits_for \
         under_review_status status_since status_not_before days_in_status days_since_cycle_end previous_status \
         first_seen_at version valid_from extra",
    ),
    (
        "open_reports",
        "account id cycle partner_company_name start_date end_date status status_position is_final waits_for \
         under_review_status status_since status_not_before days_in_status days_since_cycle_end previous_status \
         first_seen_at version valid_from extra",
    ),
    (
        "status_changes",
        "account id cycle partner_company_name from_status to_status under_review_status changed_after changed_at \
         days_in_from_status reopened version poll_id",
    ),
    (
        "cycle_progress",
        "account cycle reports msp_preparing under_review rejected approved completed other_status share_completed \
         oldest_open_since confirmed_at",
    ),
    ("time_in_status", "account cycle status spells median_days p90_days longest_days"),
];

#[tokio::test]
async fn the_views_have_the_promised_columns_in_their_order() {
    let lab = Lab::new().await;
    for (view, promised) in PROMISED {
        let columns = lab
            .lines(&format!(
                "select column_name from information_schema.columns
                 where table_schema = 'lmp_billing' and table_name = '{view}' order by ordinal_position"
            ))
            .await;
        assert_eq!(columns.join(" "), promised, "{view}");
    }
}

#[tokio::test]
async fn durations_are_days_as_floating_numbers() {
    let lab = Lab::new().await;
    let types = lab
        .lines(
            "select distinct data_type from information_schema.columns
             where table_schema = 'lmp_billing' and column_name like any (array['%days%', 'share%'])",
        )
        .await;
    assert_eq!(types, ["double precision"]);
}

#[tokio::test]
async fn a_filter_on_what_was_listed_at_a_moment_reaches_the_index() {
    let lab = Lab::new().await;
    let mut connection = lab.db.pool().acquire().await.unwrap();
    // The tables are empty here; what matters is that the index can be used.
    sqlx::query("set enable_seqscan = off").execute(&mut *connection).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "explain select * from lmp_billing.reports_as_of(now()) where id = '9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let plan = plan.join("\n");
    assert!(!plan.contains("Function Scan"), "the function is not inlined:\n{plan}");
    assert!(plan.contains("reports_pkey") && plan.contains("superseded_versions_pkey"), "{plan}");
}
