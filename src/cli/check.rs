//! `check`: tries everything that can be tried, and says what is wrong and how to mend it.

use std::io::Write;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;

use super::CliError;
use super::error::EX_CONFIG;
use super::output::stdout;
use crate::clock::{Clock, SystemClock};
use crate::config::{Account, Settings};
use crate::domain::Cycle;
use crate::lmp::read_answer;
use crate::setup::Database;
use crate::setup::{SetupError, client, limit};
use crate::store::Store;

/// A clock further off than this is worth a word; LMP denies requests at 15 minutes.
const CLOCK_TOLERANCE_SECONDS: i64 = 60;

/// Try out the settings, the database and each account, and say what is wrong
///
/// Changes nothing, but starts the embedded PostgreSQL where that is the database. Makes one signed
/// request per account.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {}

/// What was found, a line each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Remark,
    Bad,
}

/// Writes the lines, and remembers whether anything was bad.
struct Findings {
    /// Of the column of subjects.
    width: usize,
    failed: bool,
    wrong_settings: bool,
}

impl Findings {
    fn about(settings: &Settings) -> Self {
        let widths = settings.accounts.iter().map(|account| subject(account).len());
        Self { width: widths.max().unwrap_or_default(), failed: false, wrong_settings: false }
    }

    fn add(&mut self, verdict: Verdict, subject: &str, text: &str) -> std::io::Result<()> {
        self.failed |= verdict == Verdict::Bad;
        let word = match verdict {
            Verdict::Good => "ok",
            Verdict::Remark => "note",
            Verdict::Bad => "FAIL",
        };
        writeln!(stdout(), "{word:<4}  {subject:<width$}  {text}", width = self.width)
    }

    fn good(&mut self, subject: &str, text: &str) -> std::io::Result<()> {
        self.add(Verdict::Good, subject, text)
    }

    fn remark(&mut self, subject: &str, text: &str) -> std::io::Result<()> {
        self.add(Verdict::Remark, subject, text)
    }

    fn bad(&mut self, subject: &str, text: &str) -> std::io::Result<()> {
        self.add(Verdict::Bad, subject, text)
    }

    fn error(&mut self, subject: &str, error: SetupError) -> std::io::Result<()> {
        let error = CliError::from(error);
        self.wrong_settings |= error.is_wrong_setting();
        self.bad(subject, &error.to_string())
    }

    /// As if the first thing found bad had ended the command, wrong settings before all else.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self { wrong_settings: true, .. } => ExitCode::from(EX_CONFIG),
            Self { failed: true, .. } => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        }
    }
}

fn subject(account: &Account) -> String {
    format!("account {}", account.name)
}

/// Which way a clock is off, in seconds, and from whose.
fn off(ahead: i64, whose: &str) -> String {
    let way = if ahead < 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {} s {way} {whose}", ahead.abs())
}

pub(super) async fn check(_: CheckArgs, settings: &Settings) -> Result<ExitCode, CliError> {
    settings.require_accounts()?;
    settings.database.target()?;
    let mut findings = Findings::about(settings);
    let source =
        settings.source.as_ref().map_or("built-in defaults".to_owned(), |path| path.display().to_string());
    findings.good("settings", &format!("{source}; {} account(s)", settings.accounts.len()))?;

    let now = match Database::open(settings).await {
        Ok(database) => {
            let now = check_database(&mut findings, &database.store, settings.database.migrate).await;
            database.close().await;
            now?
        }
        Err(error) => {
            findings.error("database", error)?;
            None
        }
    };
    let today =
        now.unwrap_or_else(|| SystemClock.now()).with_timezone(&settings.schedule.timezone).date_naive();
    for account in &settings.accounts {
        check_account(&mut findings, settings, account, Cycle::containing(today)).await?;
    }
    Ok(findings.exit_code())
}

async fn check_database(
    findings: &mut Findings,
    store: &Store,
    sync_migrates: bool,
) -> Result<Option<DateTime<Utc>>, CliError> {
    let now = match store.now().await {
        Ok(now) => now,
        Err(error) => {
            findings.bad("database", &error.to_string())?;
            return Ok(None);
        }
    };
    let version = store.server_version().await?;
    findings.good("database", &format!("{}, PostgreSQL {version}", store.target()))?;
    let skew = (SystemClock.now() - now).num_seconds();
    if skew.abs() > CLOCK_TOLERANCE_SECONDS {
        findings.remark("clock", &format!("{}; set it (NTP)", off(skew, "the database's")))?;
    }
    let schema = store.schema().await?;
    if schema.is_current() {
        findings.good("schema", &format!("version {}", schema.found))?;
    } else if schema.found > schema.known {
        let text = format!(
            "version {} is newer than this program's {}; use a newer program",
            schema.found, schema.known
        );
        findings.bad("schema", &text)?;
    } else {
        let text = format!(
            "version {}, this program needs {}; `lmp-billing-sync migrate` does it",
            schema.found, schema.known
        );
        let verdict = if sync_migrates { Verdict::Remark } else { Verdict::Bad };
        findings.add(verdict, "schema", &text)?;
    }
    Ok(Some(now))
}

async fn check_account(
    findings: &mut Findings,
    settings: &Settings,
    account: &Account,
    cycle: Cycle,
) -> Result<(), CliError> {
    let subject = subject(account);
    let client = match client(settings, account, limit(account), 1) {
        Ok(client) => client,
        Err(error) => return Ok(findings.error(&subject, error)?),
    };
    let answer = match client.billing_summary(cycle).await {
        Ok(answer) => answer,
        Err(failure) => {
            let trace = failure.exchange.trace_id.map(|id| format!(" (trace id {id})")).unwrap_or_default();
            return Ok(findings.bad(&subject, &format!("{}: {}{trace}", account.base_url, failure.error))?);
        }
    };
    let listed = answer
        .body
        .reader()
        .map_err(anyhow::Error::from)
        .and_then(|reader| Ok(read_answer(reader, |_, _| Ok::<_, std::convert::Infallible>(()))?));
    match listed {
        Ok(listed) => {
            let text = format!("{}: lists {} report(s) for {cycle}", account.base_url, listed.entries);
            findings.good(&subject, &text)?;
        }
        Err(error) => findings.bad(&subject, &format!("{}: {error}", account.base_url))?,
    }
    if let Some(skew) = answer.exchange.skew_seconds.filter(|skew| skew.abs() > CLOCK_TOLERANCE_SECONDS) {
        let text = format!("{}; more than 900 s are denied, set it (NTP)", off(skew, "LMP's"));
        findings.remark(&subject, &text)?;
    }
    Ok(())
}
