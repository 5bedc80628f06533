//! The database: whether it can be reached, who can listen on the way, whether it is one that will do, and
//! what we may do there.

use chrono::{DateTime, Utc};

use super::CLOCK_TOLERANCE_SECONDS;
use super::findings::{Findings, Grade, off};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Settings, Target};
use crate::embedded::EmbeddedPostgres;
use crate::setup::embedded_options;
use crate::store::{Reader, Rights, Route, SchemaState, Server, Store, StoreError};

/// Major versions the program is made for.
const OLDEST: i32 = 15;
const NEWEST: i32 = 18;

/// Looks at it over a connection. Returns its clock.
pub(super) async fn check(
    findings: &mut Findings,
    settings: &Settings,
    store: &Store,
    embedded: bool,
) -> Option<DateTime<Utc>> {
    let server = match store.server().await {
        Ok(server) => server,
        Err(error) => {
            findings.bad("database", &error.to_string());
            return None;
        }
    };
    let (grade, todo) = judge_server(&server);
    let which = if embedded { "the private server at " } else { "" };
    let text = format!("{which}{}, PostgreSQL {}{todo}", store.target(), server.version);
    findings.add(grade, "database", &text);
    if !embedded {
        let (grade, text) = judge_encryption(&store.route(), server.tls.as_deref());
        findings.add(grade, "encryption", &text);
    }
    let skew = (SystemClock.now() - server.now).num_seconds();
    if skew.abs() > CLOCK_TOLERANCE_SECONDS {
        let text = format!(
            "{}; from a day on prune refuses, set it (NTP) on the machine that is wrong",
            off(skew, "the database's")
        );
        findings.warn("clock", &text);
    } else {
        findings.good(
            "clock",
            &format!(
                "{}, less than the {CLOCK_TOLERANCE_SECONDS} s that matter",
                off(skew, "the database's")
            ),
        );
    }
    let (schema, rights, altered) = match look(store).await {
        Ok(seen) => seen,
        Err(error) => {
            findings.bad("schema", &error.to_string());
            return Some(server.now);
        }
    };
    let (grade, text) = judge_schema(schema, &rights, settings.database.migrate);
    findings.add(grade, "schema", &text);
    if let Some(version) = altered {
        let text = format!(
            "migration {version} was applied by another build of this program, with another text: the next one will be \
             refused; use that build, or make the schema anew (what a new sync cannot bring back is the history)"
        );
        findings.warn("schema", &text);
    }
    check_rights(findings, settings, schema, &rights);
    if schema.is_current() && rights.missing.is_empty() {
        check_guard(findings, settings, store, server.now).await;
    }
    Some(server.now)
}

/// Whether prunes will be let delete what is past retention.
async fn check_guard(findings: &mut Findings, settings: &Settings, store: &Store, now: DateTime<Utc>) {
    let guarded_from = match store.guarded_from().await {
        Ok(day) => day,
        Err(error) => return findings.bad("retention", &error.to_string()),
    };
    let today = now.with_timezone(&settings.schedule.timezone).date_naive();
    let cutoff = settings.retention.rule().cutoff(today);
    if let Some(day) = guarded_from.filter(|day| *day < cutoff) {
        let text = format!(
            "retention.months = {} makes prunes delete what ended before {cutoff}, but the database lets this user \
             delete only what ended before {day}; have the schema's owner replace lmp_billing.kept_at_least(), or \
             keep reports longer",
            settings.retention.months
        );
        findings.bad("retention", &text);
    }
}

/// The schema, what we may do with it, and which of its migrations was another's.
async fn look(store: &Store) -> Result<(SchemaState, Rights, Option<i64>), StoreError> {
    let rights = store.rights().await?;
    let schema = store.schema().await?;
    let altered = if schema.found == 0 { None } else { store.altered_migration().await? };
    Ok((schema, rights, altered))
}

fn check_rights(findings: &mut Findings, settings: &Settings, schema: SchemaState, rights: &Rights) {
    let user = &rights.user;
    if !rights.may_create_temporary {
        findings.bad(
            "rights",
            &format!(
                "{user} may not make temporary tables, in which answers are compared; have `grant temporary on \
                 database … to {user}` run"
            ),
        );
    }
    if !rights.missing.is_empty() {
        let text = format!(
            "{user} lacks {}; have it granted, or use the schema's owner in database.url",
            rights.missing.join(", ")
        );
        findings.bad("rights", &text);
    }
    let wanted = settings.database.max_connections;
    if let Some(limit) = rights.connection_limit.filter(|limit| i64::from(*limit) < i64::from(wanted)) {
        let text = format!(
            "{user} may have {limit} connection(s), database.max_connections is {wanted}; raise the one or \
             lower the other"
        );
        findings.warn("rights", &text);
    }
    if rights.missing.is_empty() && rights.may_create_temporary && schema.found > 0 {
        let migrating = match (rights.may_migrate, settings.database.migrate) {
            (true, _) => "and migrate",
            (false, false) => "but not migrate, which database.migrate = false leaves to somebody else",
            (false, true) => {
                "but not migrate: after an upgrade somebody who owns the schema has to run `lmp-billing-sync migrate`"
            }
        };
        findings.good("rights", &format!("{user} may read, write and prune the tables, {migrating}"));
    }
    match rights.reader {
        _ if schema.found == 0 => {}
        Reader::Ready => findings.good("readers", "role lmp_billing_reader may read everything"),
        Reader::Missing => findings.warn(
            "readers",
            "there is no role lmp_billing_reader; `lmp-billing-sync migrate` makes it, or prints what the \
             database's administrator has to run",
        ),
        Reader::NotGranted => findings.warn(
            "readers",
            "role lmp_billing_reader may not read everything; `lmp-billing-sync migrate` grants it",
        ),
    }
}

/// What the URL alone tells.
pub(super) fn check_route(findings: &mut Findings, target: &Target) {
    let Target::Url(url) = target else { return };
    let Ok(route) = Route::of(url) else { return };
    if let Some(unverified) = route.unverified() {
        findings.warn("encryption", &unverified);
    }
}

/// Looks at what can be seen without connecting or starting anything.
pub(super) fn check_unconnected(findings: &mut Findings, settings: &Settings, target: &Target) {
    match target {
        Target::Url(url) => match Route::of(url) {
            Ok(route) => {
                findings.good("database", &format!("{} as {}; not tried", route.target, route.user));
                check_route(findings, target);
            }
            Err(error) => findings.error("database", error),
        },
        Target::Embedded => match EmbeddedPostgres::survey(&embedded_options(settings)) {
            Ok(found) => {
                let data = if found.has_data { "data there" } else { "no data yet" };
                let text = format!(
                    "a private PostgreSQL {} from {}, {data} in {}; not started",
                    found.major,
                    found.bin_dir.display(),
                    settings.data_dir.display()
                );
                findings.add(judge_major(found.major).0, "database", &text);
            }
            Err(error) => findings.error("database", error),
        },
    }
}

/// What is to be said of a server as such, after its version.
fn judge_server(server: &Server) -> (Grade, String) {
    if server.is_read_only {
        let text = "; it is a read-only standby, or set to be read-only: name the primary in database.url";
        return (Grade::Bad, text.to_owned());
    }
    if server.encoding != "UTF8" {
        let text = format!(
            "; its encoding is {} and has to be UTF8: have a database made with `encoding 'UTF8' template \
             template0`",
            server.encoding
        );
        return (Grade::Bad, text);
    }
    judge_major(u32::try_from(server.version_number / 10_000).unwrap_or_default())
}

fn judge_major(major: u32) -> (Grade, String) {
    let (oldest, newest) = (OLDEST.unsigned_abs(), NEWEST.unsigned_abs());
    if major < oldest {
        (Grade::Bad, format!("; too old: use {oldest} to {newest}"))
    } else if major > newest {
        let text =
            format!("; newer than the {oldest} to {newest} that are known to work: look for a newer program");
        (Grade::Warning, text)
    } else {
        (Grade::Good, String::new())
    }
}

fn judge_encryption(route: &Route, tls: Option<&str>) -> (Grade, String) {
    match (route.concern(tls), tls) {
        (Some(concern), _) => (Grade::Warning, concern),
        (None, Some(version)) if !route.is_local => {
            (Grade::Good, format!("{version}, the server's certificate and name are verified"))
        }
        (None, _) => (Grade::Good, "not needed: the connection stays on this machine".to_owned()),
    }
}

fn judge_schema(schema: SchemaState, rights: &Rights, sync_migrates: bool) -> (Grade, String) {
    let SchemaState { found, known } = schema;
    if schema.is_current() {
        return (Grade::Good, format!("version {found}"));
    }
    if found > known {
        let text = format!("version {found} is newer than this program's {known}; use a newer program");
        return (Grade::Bad, text);
    }
    let what = if found == 0 {
        format!("not there yet (version 0), this program needs {known}")
    } else {
        format!("version {found}, this program needs {known}")
    };
    match (rights.may_migrate, sync_migrates) {
        (true, true) => {
            (Grade::Warning, format!("{what}; run, sync or `lmp-billing-sync migrate` will do it"))
        }
        (true, false) => (Grade::Bad, format!("{what}; `lmp-billing-sync migrate` does it")),
        (false, _) if found == 0 => {
            let text = format!(
                "{what}, and {} may not create it; `lmp-billing-sync migrate` prints what the database's \
                 administrator has to run",
                rights.user
            );
            (Grade::Bad, text)
        }
        (false, _) => {
            let text = format!(
                "{what}, and {} does not own it; have `lmp-billing-sync migrate` run by somebody who does",
                rights.user
            );
            (Grade::Bad, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version_number: i32) -> Server {
        Server {
            version: String::new(),
            version_number,
            now: DateTime::UNIX_EPOCH,
            encoding: "UTF8".to_owned(),
            is_read_only: false,
            tls: None,
        }
    }

    #[test]
    fn old_servers_are_refused_and_new_ones_only_remarked_on() {
        for (number, grade) in [
            (90_624, Grade::Bad),
            (140_012, Grade::Bad),
            (150_000, Grade::Good),
            (180_001, Grade::Good),
            (190_000, Grade::Warning),
        ] {
            assert_eq!(judge_server(&server(number)).0, grade, "{number}");
        }
    }

    #[test]
    fn the_way_to_another_machine_has_to_be_encrypted_and_verified() {
        let judged = |url: &str, tls| judge_encryption(&Route::of(&url.to_owned().into()).unwrap(), tls).0;
        assert_eq!(judged("postgres://u@127.0.0.1/d", None), Grade::Good);
        assert_eq!(judged("postgres://u@db/d", None), Grade::Warning);
        assert_eq!(judged("postgres://u@db/d?sslmode=require", Some("TLSv1.3")), Grade::Warning);
        assert_eq!(judged("postgres://u@db/d?sslmode=verify-full", Some("TLSv1.3")), Grade::Good);
    }
}
