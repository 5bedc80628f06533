//! `simulate`: serves a simulated LMP for trying things out.

use std::future::Future;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{NaiveDate, NaiveTime};
use clap::Args;
use serde_json::Value;

use super::CliError;
use super::ready::reachable;
use super::signals::stop_on_signals;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::parse_guid;
use crate::simulator::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_SECRET_KEY, FAULT_HELP, Fault, FaultRule, RunningSimulator, Simulator,
    World,
};

/// Serve a simulated LMP to try things out, no account at Trend Micro needed
///
/// It checks tokens, signatures and clocks as the real one does, and its billing reports live: they
/// are prepared, submitted, reviewed, rejected, resubmitted and completed as time goes by. It runs
/// until Ctrl-C, and logs every request it answers.
#[derive(Debug, Args)]
#[command(after_long_help = FAULT_HELP)]
pub(super) struct SimulateArgs {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8980")]
    listen: SocketAddr,

    /// How many partners there are, each with one report per month
    #[arg(long, value_name = "N", default_value_t = 20)]
    partners: u32,

    /// Which world to show: the same number always gives the same partners and reports
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Day on which the simulated time starts, in the past; by default it is now
    #[arg(long, value_name = "YYYY-MM-DD")]
    start: Option<NaiveDate>,

    /// Simulated seconds per real second, from --start until the present is reached (86400 lets a
    /// day pass every second, 0 stops the time)
    #[arg(long, value_name = "X", default_value_t = 1.0, requires = "start", value_parser = parse_speed)]
    speed: f64,

    /// The access token that is accepted, a GUID
    #[arg(long, value_name = "GUID", default_value = DEFAULT_ACCESS_TOKEN, value_parser = parse_token)]
    access_token: String,

    /// The secret key that requests must be signed with, 10 to 100 characters
    #[arg(long, value_name = "KEY", default_value = DEFAULT_SECRET_KEY, value_parser = parse_secret)]
    secret_key: String,

    /// Something that goes wrong, for example 503@3 for every third request; may be repeated (--help
    /// lists all)
    #[arg(long = "fault", value_name = "KIND[=ARG][@P]")]
    faults: Vec<FaultRule>,

    /// List the reports in another order at every request
    #[arg(long)]
    shuffle: bool,

    /// Refuse months older than two years, where otherwise an empty list is the answer
    #[arg(long)]
    refuse_too_old: bool,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// If the address cannot be listened on or the start lies in the future.
pub(super) async fn simulate(args: SimulateArgs) -> Result<ExitCode, CliError> {
    // Before anything is printed: whoever waits for the output may send a signal at once.
    let stop = stop_on_signals()?;
    serve_until(stop.cancelled_owned(), args, &mut io::stdout()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn serve_until(
    stop: impl Future<Output = ()>,
    args: SimulateArgs,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let simulator = start(&args).await?;
    print_settings(out, &simulator, &args).context("cannot write to standard output")?;
    stop.await;
    tracing::info!(requests = simulator.handle().received(), "the simulator stops");
    simulator.shutdown().await;
    Ok(())
}

async fn start(args: &SimulateArgs) -> Result<RunningSimulator, CliError> {
    let world = World::new(args.seed, args.partners);
    let mut builder = Simulator::default()
        .listen(args.listen)
        .seed(args.seed)
        .account(&args.access_token, &args.secret_key, world)
        .keep(0);
    if let Some(day) = args.start {
        let start = day.and_time(NaiveTime::MIN).and_utc();
        if start > SystemClock.now() {
            return Err(CliError::Usage(format!(
                "--start {day} lies in the future; the simulated time starts in the past or now"
            )));
        }
        builder = builder.world_from(start, args.speed);
    }
    if args.shuffle {
        builder = builder.fault(FaultRule::always(Fault::Shuffled));
    }
    if args.refuse_too_old {
        builder = builder.refuse_too_old();
    }
    for fault in &args.faults {
        builder = builder.fault(fault.clone());
    }
    builder.start().await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => "; is another simulator running? --listen 127.0.0.1:0 takes a free port",
            ErrorKind::PermissionDenied => "; ports below 1024 need privileges, choose a higher one",
            ErrorKind::AddrNotAvailable => "; it is no address of this machine",
            _ => "",
        };
        anyhow::Error::new(error).context(format!("cannot listen on {}{hint}", args.listen)).into()
    })
}

/// Prints what a settings file needs. All else is a comment, so the whole can be pasted.
fn print_settings(out: &mut impl Write, simulator: &RunningSimulator, args: &SimulateArgs) -> io::Result<()> {
    // Clients speak plain HTTP to loopback addresses only.
    let addr = reachable(simulator.addr());
    writeln!(out, "# A simulated LMP listens on {}. For the settings file:", simulator.addr())?;
    writeln!(out, "[[accounts]]")?;
    writeln!(out, "name = \"simulator\"")?;
    writeln!(out, "base_url = \"http://{addr}\"")?;
    // What escapes a string in JSON escapes it in TOML.
    writeln!(out, "access_token = {}", Value::from(args.access_token.as_str()))?;
    writeln!(out, "secret_key = {}", Value::from(args.secret_key.as_str()))?;
    // The default is for a server whose limits nobody knows.
    writeln!(out, "requests_per_second = 100")?;
    writeln!(out, "# Then, in another terminal: lmp-billing-sync check")?;
    out.flush()
}

pub(super) fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed >= 0.0);
    speed.ok_or_else(|| "it must be a number, zero or more".to_owned())
}

fn parse_token(text: &str) -> Result<String, String> {
    parse_guid(text).ok_or("it must be a GUID such as 5eed5eed-5eed-4eed-8eed-5eed5eed5eed")?;
    Ok(text.to_owned())
}

fn parse_secret(text: &str) -> Result<String, String> {
    if !(10..=100).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it must have 10 to 100 characters, letters, digits and signs of ASCII".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::Settings;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn args(words: &[&str]) -> Result<SimulateArgs, String> {
        let cli = Cli::try_parse_from([&["simulate"], words].concat());
        cli.map(|cli| cli.args).map_err(|error| error.to_string())
    }

    async fn printed(words: &[&str]) -> Result<String, CliError> {
        let mut out = Vec::new();
        serve_until(std::future::ready(()), args(words).unwrap(), &mut out).await?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_arguments_are_consistent_and_their_defaults_pass_their_own_checks() {
        Cli::command().debug_assert();
        let args = args(&[]).unwrap();
        assert_eq!(args.listen.to_string(), "127.0.0.1:8980");
        assert_eq!((args.partners, args.seed), (20, 1));
        assert_eq!(parse_token(&args.access_token), Ok(args.access_token.clone()));
        assert_eq!(parse_secret(&args.secret_key), Ok(args.secret_key.clone()));
    }

    #[test]
    fn mistakes_are_told_before_anything_starts() {
        for (wrong, told) in [
            (&["--speed", "60"] as &[&str], "--start"),
            (&["--start", "2020-01-01", "--speed=-1"], "zero or more"),
            (&["--start", "2020-01-01", "--speed", "NaN"], "zero or more"),
            (&["--access-token", "me"], "must be a GUID"),
            (&["--secret-key", "short"], "10 to 100 characters"),
            (&["--secret-key", "a key with spaces"], "10 to 100 characters"),
            (&["--fault", "htlm"], "no kind of fault"),
            (&["--start", "01.02.2026"], "invalid value"),
        ] {
            let error = args(wrong).unwrap_err();
            assert!(error.contains(told), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn help_lists_every_fault() {
        let help = Cli::command().render_long_help().to_string();
        for kind in ["missing-last-chunk", "clock-skew", "contradiction", "429=date:30s"] {
            assert!(help.contains(kind), "{kind} is not in the help");
        }
    }

    #[tokio::test]
    async fn the_settings_can_be_pasted_and_name_the_port_really_bound() {
        let printed = printed(&["--listen", "0.0.0.0:0", "--secret-key", "\"quoted\"\\key"]).await.unwrap();
        let settings = Settings::from_sources(Some(("pasted".into(), printed.clone())), [], None).unwrap();
        let account = &settings.accounts[0];
        assert_eq!(account.base_url.host_str(), Some("127.0.0.1"));
        assert_ne!(account.base_url.port(), Some(0));
        assert_eq!(account.secret_key.read().unwrap().expose_secret(), "\"quoted\"\\key");
        assert!(printed.ends_with("lmp-billing-sync check\n"));
    }

    #[tokio::test]
    async fn a_port_in_use_and_a_start_in_the_future_are_explained() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = taken.local_addr().unwrap().to_string();
        let error = printed(&["--listen", &addr]).await.unwrap_err().to_string();
        assert!(error.contains(&addr) && error.contains("--listen 127.0.0.1:0"), "{error}");
        let error = printed(&["--listen", "127.0.0.1:0", "--start", "2999-01-01"]).await.unwrap_err();
        assert!(error.to_string().contains("lies in the future"), "{error}");
    }
}
