//! `docs/DATA_MODEL.md` is drawn from the live schema.

use std::fmt::Write as _;
use std::fs;

use super::{is_as_it_should_be, path};
use crate::support::lab::Lab;

const DOCUMENT: &str = "docs/DATA_MODEL.md";
const BEGIN: &str = "<!-- from here on made by a test -->\n";

/// Which rows belong to which. Not declared in the database: checking a foreign key would lock rows that polls
/// leave alone. That the columns exist is checked below.
const BELONGS: &[(&str, &str, &str, &str)] = &[
    ("reports", "superseded_versions", "id", "has earlier versions"),
    ("report_statuses", "reports", "status", "explains"),
    ("cycle_polls", "reports", "poll_id", "brought"),
    ("cycle_polls", "superseded_versions", "poll_id", "brought"),
    ("cycle_polls", "quarantined_reports", "poll_id", "set aside"),
    ("sync_runs", "cycle_polls", "run_id", "consists of"),
    ("sync_runs", "schedule_ticks", "run_id", "was led to by"),
];

fn short(kind: &str) -> &str {
    match kind {
        "timestamp with time zone" => "timestamptz",
        "double precision" => "float8",
        other => other,
    }
}

#[tokio::test]
async fn the_data_model_is_that_of_the_live_schema() {
    let lab = Lab::new().await;
    let relations = lab
        .lines(
            "select relname, relkind, obj_description(oid, 'pg_class') from pg_class
             where relnamespace = 'lmp_billing'::regnamespace and relkind in ('r', 'v')
               and relname <> '_sqlx_migrations'
             order by relkind desc, relname",
        )
        .await;
    let mut diagram = String::from("## Tables\n\n```mermaid\nerDiagram\n");
    let mut pages = String::new();
    for (one, many, by, how) in BELONGS {
        let columns = lab
            .value(&format!(
                "select count(*) from information_schema.columns where table_schema = 'lmp_billing'
                 and table_name = '{many}' and column_name = '{by}'"
            ))
            .await;
        assert_eq!(columns, "1", "{many}.{by}");
        writeln!(diagram, "    {one} ||--o{{ {many} : \"{how}\"").unwrap();
    }
    for relation in &relations {
        let parts: Vec<&str> = relation.splitn(3, '|').collect();
        let &[name, kind, comment] = parts.as_slice() else { panic!("{relation}") };
        writeln!(pages, "\n### {} `{name}`\n\n{comment}\n", if kind == "v" { "View" } else { "Table" })
            .unwrap();
        // Of a view's column the database does not know whether it may be empty.
        let (head, rule) = if kind == "r" { (" may be empty |", "---|") } else { ("", "") };
        writeln!(pages, "| column | type |{head} meaning |\n|---|---|{rule}---|").unwrap();
        let columns = lab
            .lines(&format!(
                "select attname, format_type(atttypid, atttypmod),
                        case when attnotnull then '' else 'yes' end,
                        case when exists (select from pg_index i where i.indrelid = attrelid and i.indisprimary
                                          and attnum = any(i.indkey)) then 'PK' else '' end,
                        col_description(attrelid, attnum)
                 from pg_attribute
                 where attrelid = 'lmp_billing.{name}'::regclass and attnum > 0 and not attisdropped
                 order by attnum"
            ))
            .await;
        if kind == "r" {
            writeln!(diagram, "    {name} {{").unwrap();
        }
        for column in &columns {
            let parts: Vec<&str> = column.splitn(5, '|').collect();
            let &[column, kind_of, optional, key, meaning] = parts.as_slice() else { panic!("{column}") };
            if kind == "r" {
                writeln!(diagram, "        {} {column} {key}", short(kind_of)).unwrap();
            }
            let (kind_of, meaning) = (short(kind_of), meaning.replace('|', "\\|"));
            let optional = if kind == "r" { format!(" {optional} |") } else { String::new() };
            writeln!(pages, "| `{column}` | {kind_of} |{optional} {meaning} |").unwrap();
        }
        if kind == "r" {
            diagram.push_str("    }\n");
        }
    }
    diagram.push_str("```\n\n## Columns\n");
    let diagram: Vec<&str> = diagram.lines().map(str::trim_end).collect();
    let diagram = diagram.join("\n");
    let document = fs::read_to_string(path(DOCUMENT)).unwrap();
    let (written, _) = document.split_once(BEGIN).expect("the mark is there");
    is_as_it_should_be(DOCUMENT, &format!("{written}{BEGIN}\n{diagram}\n{pages}"));
}
