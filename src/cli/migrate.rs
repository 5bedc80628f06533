//! `migrate`: brings the schema up to date.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::CliError;
use super::output::stdout;
use crate::config::Settings;
use crate::setup::Database;

/// Create the tables, or bring them up to date
///
/// Safe to repeat. All pending steps are done in one transaction: if one fails, nothing has changed.
/// Where this user may not create the schema or the role for readers, it prints the statements to be
/// run by somebody who may.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {}

pub(super) async fn migrate(settings: &Settings) -> Result<ExitCode, CliError> {
    let database = Database::open(settings).await?;
    let migrated = database.store.migrate().await?;
    let mut out = stdout();
    if migrated.from == migrated.to {
        writeln!(out, "The schema is up to date (version {}).", migrated.to)?;
    } else {
        writeln!(out, "The schema is now at version {} (was {}).", migrated.to, migrated.from)?;
    }
    if let Some(statements) = migrated.for_the_dba {
        writeln!(
            out,
            "\nThis user may not create the role lmp_billing_reader, and goes on without it.\n\
             To let people read the tables, ask the database's administrator to run:\n\n{statements}"
        )?;
    }
    drop(out);
    database.close().await;
    Ok(ExitCode::SUCCESS)
}
