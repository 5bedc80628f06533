//! What the daemons have said that they did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The logs of the daemons, `log.format = "json"`, as far as they have been read.
pub(super) struct Said {
    logs: Vec<PathBuf>,
    /// Runs that ended well, as `sync --output json` would tell them.
    runs: BTreeMap<i64, Value>,
    /// How often what was warned of, without its details.
    pub(super) warned: BTreeMap<String, usize>,
    read: Vec<usize>,
    /// Numbers of runs that were told twice.
    pub(super) doubled: Vec<String>,
}

impl Said {
    pub(super) fn new(logs: Vec<PathBuf>) -> Self {
        let read = vec![0; logs.len()];
        Self { logs, runs: BTreeMap::new(), warned: BTreeMap::new(), read, doubled: Vec::new() }
    }

    /// The runs that have been acknowledged up to now; to be asked before the database is looked at.
    pub(super) fn runs(&mut self) -> Value {
        for at in 0..self.logs.len() {
            let text = read(&self.logs[at]);
            // The last line may not be whole yet.
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            for line in text[self.read[at]..whole].lines() {
                self.note(&serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
            }
            self.read[at] = whole;
        }
        json!({ "runs": self.runs.values().collect::<Vec<_>>(), "polls": [] })
    }

    fn note(&mut self, line: &Value) {
        let message = line["message"].as_str().unwrap_or_default();
        if ["WARN", "ERROR"].contains(&line["level"].as_str().unwrap_or_default()) {
            *self.warned.entry(kind(message)).or_default() += 1;
        }
        let well = message.ends_with(": nothing new") || message.ends_with(" succeeded");
        if let (true, Some(id)) = (well, line["run.id"].as_i64()) {
            let run = json!({ "run_id": id, "account": line["account"], "outcome": "succeeded" });
            if let Some(before) = self.runs.insert(id, run.clone()) {
                self.doubled.push(format!("{before} and {run}"));
            }
        }
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).expect("a daemon has a log")
}

/// A message without numbers and what follows a second colon.
pub(super) fn kind(message: &str) -> String {
    let words: Vec<&str> = message.splitn(3, ": ").take(2).collect();
    let text: String = words.join(": ").chars().filter(|letter| !letter.is_ascii_digit()).collect();
    text.chars().take(110).collect()
}
