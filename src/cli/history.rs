//! `history`: one report's versions.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use uuid::Uuid;

use super::CliError;
use super::output::{Grid, Output, maybe, moment, stdout, write_json};
use super::record::write_csv;
use crate::config::Settings;
use crate::domain::parse_guid;
use crate::setup::Database;
use crate::store::ReportVersion;

/// Show how one report has looked over time
///
/// Every version of the report, oldest first: what it said, from when and until when.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The report's GUID
    #[arg(value_parser = guid)]
    id: Uuid,

    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

fn guid(text: &str) -> Result<Uuid, &'static str> {
    parse_guid(text)
        .ok_or("a report's id is a GUID, for example 9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f, and not all zeros")
}

pub(super) async fn history(args: HistoryArgs, settings: &Settings) -> Result<ExitCode, CliError> {
    let database = Database::open_for_reading(settings).await?;
    let versions = database.store.history(args.id).await?;
    database.close().await;
    if versions.is_empty() {
        return Err(anyhow!("no report {} has been seen (or it has been pruned)", args.id).into());
    }
    let mut out = stdout();
    match args.output {
        Output::Json => write_json(&mut out, &versions)?,
        Output::Csv => write_csv(&mut out, &versions)?,
        Output::Table => {
            readable_grid(&versions, settings.schedule.timezone).write_table(&mut out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn readable_grid(versions: &[ReportVersion], zone: chrono_tz::Tz) -> Grid {
    let mut grid =
        Grid::new(["Account", "Version", "From", "Until", "Cycle", "Partner", "Status", "How submitted"]);
    for version in versions {
        grid.push([
            version.account.clone(),
            version.version.to_string(),
            moment(version.valid_from, zone),
            version.valid_to.map_or("now".to_owned(), |at| moment(at, zone)),
            version.cycle.to_string(),
            version.partner_company_name.clone(),
            version.status.clone(),
            maybe(version.under_review_status.as_ref()),
        ]);
    }
    grid
}
