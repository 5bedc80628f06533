//! The results, as a table for people and as JSON for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::prune::Pruned;
use crate::round::{Round, STEPS};
use crate::small::Small;

/// All rounds of one size.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Size {
    pub(crate) reports: usize,
    /// Whether all of them stand in one month.
    pub(crate) one_cycle: bool,
    /// The answers together.
    pub(crate) answer_bytes: u64,
    pub(crate) rounds: Vec<Round>,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: String,
    pub(crate) database: String,
    pub(crate) sizes: Vec<Size>,
    pub(crate) small: Option<Small>,
    pub(crate) pruned: Option<Pruned>,
}

/// The middle of some values; of an even number the lower of the two in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

impl Size {
    pub(crate) fn floor(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.floor_seconds))
    }

    pub(crate) fn seconds(&self, step: usize) -> f64 {
        median(self.rounds.iter().map(|round| round.steps[step].cost.wall_seconds))
    }

    /// Against the floor of the same round: the machine is faster in one minute than in the next.
    pub(crate) fn ratio(&self, step: usize) -> f64 {
        median(self.rounds.iter().map(|round| round.steps[step].cost.wall_seconds / round.floor_seconds))
    }

    #[expect(clippy::cast_precision_loss, reason = "kibibytes of memory are far below 2^52")]
    pub(crate) fn peak_mib(&self, step: usize) -> f64 {
        self.rounds.iter().map(|round| round.steps[step].cost.peak_kib).max().unwrap_or_default() as f64
            / 1024.0
    }
}

/// The results in Markdown.
pub(crate) fn markdown(results: &Results) -> String {
    let mut text = String::new();
    write(&mut text, results).expect("writing to a string");
    text
}

fn write(text: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(text, "{}; {}.\n", results.machine, results.database)?;
    writeln!(
        text,
        "| reports | step | seconds | × F | program s | server s | upstream s | peak MiB | log KiB | rows written | rows read |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|---|---|---|")?;
    for size in &results.sizes {
        let name =
            if size.one_cycle { format!("{} in one month", size.reports) } else { size.reports.to_string() };
        writeln!(text, "| {name} | F | {:.3} | 1 | | | | | | | |", size.floor())?;
        let bare = |round: &Round| round.bare_seconds;
        writeln!(
            text,
            "| | bare | {:.3} | {:.2} | | | | | | | |",
            median(size.rounds.iter().map(bare)),
            median(size.rounds.iter().map(|round| bare(round) / round.floor_seconds))
        )?;
        for (number, step) in STEPS.iter().enumerate() {
            if let Some(nothing_changed @ 0..=1) = number.checked_sub(1) {
                let bare = |round: &Round| round.bare_unchanged[nothing_changed];
                writeln!(
                    text,
                    "| | bare {step} | {:.3} | {:.2} | {:.2} | | | | | | |",
                    median(size.rounds.iter().map(|round| bare(round).wall_seconds)),
                    median(size.rounds.iter().map(|round| bare(round).wall_seconds / round.floor_seconds)),
                    median(size.rounds.iter().map(|round| bare(round).cpu_seconds))
                )?;
            }
            let of = |value: fn(&crate::round::Step) -> f64| {
                median(size.rounds.iter().map(|round| value(&round.steps[number])))
            };
            #[expect(clippy::cast_precision_loss, reason = "counts and sizes are far below 2^52")]
            writeln!(
                text,
                "| | {step} | {:.3} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} | {:.0} | {} | {} |",
                size.seconds(number),
                size.ratio(number),
                of(|step| step.cost.cpu_seconds),
                of(|step| step.work.server_seconds),
                of(|step| step.work.upstream_seconds),
                size.peak_mib(number),
                of(|step| step.work.wal_bytes as f64 / 1024.0),
                of(|step| step.work.tuples_written as f64),
                of(|step| step.work.tuples_read as f64),
            )?;
        }
    }
    if let Some(small) = &results.small {
        let seconds = median(small.rounds.iter().map(|cost| cost.wall_seconds));
        let peak = small.rounds.iter().map(|cost| cost.peak_kib).max().unwrap_or_default() / 1024;
        writeln!(
            text,
            "\nOne round over two months, {} reports stored and {} asked: {seconds:.3} s, {peak} MiB at most.\n\
             Idle daemon: {:.1} MiB resident, {} transactions in {:.0} s.",
            small.stored,
            small.asked,
            f64::from(u32::try_from(small.idle_kib).unwrap_or(u32::MAX)) / 1024.0,
            small.idle_transactions,
            small.idle_seconds
        )?;
    }
    if let Some(pruned) = &results.pruned {
        writeln!(
            text,
            "\nPrune of {} reports: {:.2} s, {:.2} times a plain DELETE of the same rows ({:.2} s); locks held for \
             {:.0} ms at most; peak {} MiB.",
            pruned.reports,
            pruned.cost.wall_seconds,
            pruned.cost.wall_seconds / pruned.delete_seconds,
            pruned.delete_seconds,
            pruned.longest_lock_seconds * 1000.0,
            pruned.cost.peak_kib / 1024
        )?;
    }
    Ok(())
}
