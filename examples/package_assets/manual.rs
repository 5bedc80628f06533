//! The manual pages: commands and options as the program itself knows them, and around them what its
//! help does not tell.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use lmp_billing_sync::cli;

const SOURCE: &str = concat!("lmp-billing-sync ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "LMP billing reports in PostgreSQL";

/// What a status says to a script.
pub(crate) const STATUSES: [(u8, &str); 4] = [
    (0, "Done."),
    (
        1,
        "Failed: a poll failed or its answer was not believed, a prune was refused, the database or LMP is out of \
         reach, the schema is of another version, or there is no such report.",
    ),
    (
        2,
        "Wrong usage: of the command line, a billing month outside the window, an account that is not in the settings.",
    ),
    (
        78,
        "Wrong settings; each wrong key is named. The systemd service is not started again until somebody has mended \
         them.",
    ),
];

const FILES: [(&str, &str); 6] = [
    (
        "/etc/lmp-billing-sync/config.toml",
        "The settings, every key explained in it. Looked for in $LMP_BILLING_SYNC_CONFIG, ./config.toml and here, in \
         this order, unless --config names a file. The service always reads this one.",
    ),
    (
        "/etc/lmp-billing-sync/secrets/",
        "Access tokens, secret keys and whatever else holds a password, a file each, for root alone to read. systemd \
         hands them to the service when it starts: after a change, restart it.",
    ),
    (
        "/var/lib/lmp-billing-sync/postgres/",
        "The private PostgreSQL, where database.embedded is true: its data, and the files port and password that lead \
         into it. Removing or purging the package leaves it alone.",
    ),
    (
        "/usr/share/doc/lmp-billing-sync/docs/OPERATIONS.md",
        "From installing to restoring a backup, and what to do about each alert.",
    ),
    (
        "/usr/share/doc/lmp-billing-sync/docs/DATA_MODEL.md",
        "What each table and view of the schema lmp_billing holds.",
    ),
    (
        "/usr/share/doc/lmp-billing-sync/dashboards/",
        "Alert rules for Prometheus, and dashboards for Grafana.",
    ),
];

const ENVIRONMENT: [(&str, &str); 5] = [
    ("LMP_BILLING_SYNC_CONFIG", "The settings file, unless --config names one."),
    (
        "LMP_BILLING_SYNC__SECTION__KEY",
        "Overrides a key of the settings: LMP_BILLING_SYNC__DATABASE__URL, or \
         LMP_BILLING_SYNC__ACCOUNTS__EMEA__SECRET_KEY for the account emea. An unknown one is an error.",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "Where files with relative names are looked for first, then beside the settings. Set by systemd, for which \
         secrets/emea.token is the credential secrets_emea.token.",
    ),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "Set by systemd, to be told what the daemon does and that it is alive."),
    (
        "http_proxy, https_proxy",
        "Not read, so that a stray one cannot lead credentials elsewhere: set sync.proxy in the settings.",
    ),
];

const SIGNALS: [(&str, &str); 2] = [
    (
        "SIGTERM, SIGINT",
        "The poll at hand is finished or given up within ten seconds; what was not finished is taken up at the next \
         start. The second one ends the process at once.",
    ),
    (
        "SIGHUP",
        "The daemon loads its settings anew. If anything is wrong with them, all of the old ones stay in force and the \
         log says what is wrong; it also names what only a restart can change.",
    ),
];

/// What people do, and what they type for it.
pub(crate) const EXAMPLES: [(&str, &str); 7] = [
    ("See it at work, with nothing to set up:", "lmp-billing-sync demo"),
    ("Try out the settings, the database and each account:", "lmp-billing-sync check"),
    ("Read one month of one account now:", "lmp-billing-sync sync --cycle 2026-10 --account emea"),
    ("What ran, what is due next, and how far each month is:", "lmp-billing-sync status"),
    (
        "All versions of one report, for a program:",
        "lmp-billing-sync history 0f8fad5b-d9cb-469f-a165-70867728950e --output json",
    ),
    (
        "What was listed at the end of 5 November, for a spreadsheet:",
        "lmp-billing-sync export --at 2026-11-05 --excel --to listed.csv",
    ),
    ("What tonight's prune would delete:", "lmp-billing-sync prune --dry-run"),
];

/// File name and content of each page: the program's, and one for each command, named as git's are.
pub(crate) fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut program = cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = vec![(Man::new(program.clone()).get_filename(), program_page(&program)?)];
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let man = titled(command);
        let mut page = Vec::new();
        man.render(&mut page)?;
        see_also(&[("lmp-billing-sync", "1")]).to_writer(&mut page)?;
        pages.push((man.get_filename(), page));
    }
    Ok(pages)
}

fn titled(command: &clap::Command) -> Man {
    // Without a date: the same program always has the same pages.
    Man::new(command.clone()).date("").source(SOURCE).manual(MANUAL)
}

fn program_page(program: &clap::Command) -> io::Result<Vec<u8>> {
    let man = titled(program);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let statuses = STATUSES.map(|(status, meaning)| (status.to_string(), meaning));
    list("EXIT STATUS", bold, statuses.iter().map(|(status, meaning)| (status.as_str(), *meaning)))
        .to_writer(&mut page)?;
    list("FILES", italic, FILES).to_writer(&mut page)?;
    list("ENVIRONMENT", bold, ENVIRONMENT).to_writer(&mut page)?;
    list("SIGNALS", bold, SIGNALS).to_writer(&mut page)?;
    examples().to_writer(&mut page)?;
    let commands: Vec<_> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| format!("lmp-billing-sync-{}", command.get_name()))
        .collect();
    let mut others: Vec<_> = commands.iter().map(|name| (name.as_str(), "1")).collect();
    others.extend([("systemctl", "1"), ("systemd.exec", "5")]);
    see_also(&others).to_writer(&mut page)?;
    Ok(page)
}

/// A section of terms, each explained.
fn list<'a>(
    title: &str,
    style: fn(String) -> Inline,
    terms: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in terms {
        roff.control("TP", []).text([style(term.to_owned())]).text([roman(meaning)]);
    }
    roff
}

fn examples() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for (what, typed) in EXAMPLES {
        roff.control("TP", []).text([roman(what)]).text([bold(typed)]);
    }
    roff
}

fn see_also(pages: &[(&str, &str)]) -> Roff {
    let mut line = Vec::new();
    for (page, section) in pages {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.extend([bold(*page), roman(format!("({section})"))]);
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]).text(line);
    roff
}
