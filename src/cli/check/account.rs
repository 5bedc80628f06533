//! An account: one signed request, for the current month.

use tokio_util::sync::CancellationToken;

use super::CLOCK_TOLERANCE_SECONDS;
use super::findings::{Findings, off, subject};
use crate::config::{Account, Settings};
use crate::domain::Cycle;
use crate::lmp::{Answer, AnswerError, read_answer};
use crate::setup::{client, limit};

pub(super) async fn check(findings: &mut Findings, settings: &Settings, account: &Account, cycle: Cycle) {
    let subject = subject(account);
    let client = match client(settings, account, limit(account), 1) {
        Ok(client) => client,
        Err(error) => return findings.error(&subject, error),
    };
    let answer = match client.billing_summary(cycle, &CancellationToken::new()).await {
        Ok(answer) => answer,
        Err(failure) => {
            let trace = failure.exchange.trace_id.map(|id| format!(" (trace id {id})")).unwrap_or_default();
            return findings.bad(&subject, &format!("{}: {}{trace}", account.base_url, failure.error));
        }
    };
    match entries(&answer) {
        Ok(count) => {
            let text = format!(
                "{}: lists {count} report(s) for {cycle}; {}{}",
                account.base_url,
                trust(settings, account),
                clock(&answer)
            );
            findings.good(&subject, &text);
        }
        Err(error) => findings.bad(&subject, &format!("{}: {error}", account.base_url)),
    }
    if let Some(skew) = answer.exchange.skew_seconds.filter(|skew| skew.abs() > CLOCK_TOLERANCE_SECONDS) {
        let text = format!("{}; more than 900 s are denied, set it (NTP)", off(skew, "LMP's"));
        findings.warn(&subject, &text);
    }
}

/// What can be seen without asking: that a client can be made, its certificates and its proxy included.
pub(super) fn check_unconnected(findings: &mut Findings, settings: &Settings, account: &Account) {
    match client(settings, account, limit(account), 1) {
        Ok(_) => {
            let text = format!("{} ({}); not asked", account.base_url, account.api_version);
            findings.good(&subject(account), &text);
        }
        Err(error) => findings.error(&subject(account), error),
    }
}

fn entries(answer: &Answer) -> anyhow::Result<u32> {
    let reader = answer.body.reader()?;
    Ok(read_answer(reader, |_, _| Ok::<_, AnswerError>(()))?)
}

/// Who vouches for the server that has answered.
fn trust(settings: &Settings, account: &Account) -> String {
    match &settings.sync.ca_file {
        _ if account.base_url.scheme() == "http" => "not encrypted, on this machine".to_owned(),
        Some(file) => {
            format!("its certificate is trusted by this system's authorities or {}", file.display())
        }
        None => "its certificate is trusted by this system's authorities".to_owned(),
    }
}

fn clock(answer: &Answer) -> String {
    match answer.exchange.skew_seconds {
        Some(skew) if skew.abs() <= CLOCK_TOLERANCE_SECONDS => format!("; clocks {} s apart", skew.abs()),
        Some(_) => String::new(),
        None => "; it does not tell its clock".to_owned(),
    }
}
