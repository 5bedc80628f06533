//! What LMP lists, chapter by chapter, and what the database must hold after each.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use lmp_billing_sync::domain::Cycle;
use uuid::Uuid;

const STATUSES: [&str; 5] = ["MSP Preparing", "Under Review", "Rejected", "Approved", "Completed"];

/// Few enough that a chapter is told in a moment.
const MOST_REPORTS: usize = 8;

/// Cycles that go on at once, so that a chapter is synced in a moment.
const AT_ONCE: usize = 3;

/// A version, as the database is asked for it.
pub(super) type Facts = String;

/// Reports of some cycles that change from chapter to chapter. After a chapter has been synced wholly, the
/// database holds exactly the versions that the story has told so far.
#[derive(Clone)]
pub(super) struct Story {
    rng: Rng,
    /// In the order in which they began.
    cycles: Vec<Cycle>,
    reports: BTreeMap<Uuid, Told>,
    /// Entries that cannot be reports, ever sent; with whether the last answer held them.
    bad: BTreeMap<String, bool>,
    count: u128,
}

#[derive(Clone)]
struct Told {
    cycle: Cycle,
    name: String,
    status: &'static str,
    listed: bool,
    versions: Vec<Facts>,
}

impl Told {
    fn facts(&self) -> Facts {
        format!("{}|{}|{}", self.cycle.first_day(), self.name, self.status)
    }

    fn entry(&self, id: Uuid) -> String {
        format!(
            r#"{{"id":"{id}","partner_company_name":"{}","start_date":"{}","end_date":"{}","status":"{}","under_review_status":null}}"#,
            self.name,
            self.cycle.first_day(),
            self.cycle.last_day(),
            self.status
        )
    }
}

impl Story {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            cycles: Vec::new(),
            reports: BTreeMap::new(),
            bad: BTreeMap::new(),
            count: 0,
        }
    }

    /// The next chapter: something changes in the latest cycles, and `new`, if there is one, begins.
    /// Returns every cycle with its entries.
    pub(super) fn next(&mut self, new: Option<Cycle>) -> BTreeMap<Cycle, Vec<String>> {
        if let Some(cycle) = new {
            self.cycles.push(cycle);
            (0..4).for_each(|_| self.add(cycle));
        }
        for cycle in self.cycles().to_vec() {
            if new != Some(cycle) {
                self.go_on(cycle);
            }
        }
        for told in self.reports.values_mut().filter(|told| told.listed) {
            let facts = told.facts();
            if told.versions.last() != Some(&facts) {
                told.versions.push(facts);
            }
        }
        self.served()
    }

    /// The cycles that this chapter is about; the others are as they were.
    pub(super) fn cycles(&self) -> &[Cycle] {
        &self.cycles[self.cycles.len().saturating_sub(AT_ONCE)..]
    }

    /// What is told when everything between this chapter and a later one has been forgotten.
    pub(super) fn skipping_to(mut self, later: &Self) -> Self {
        for (id, now) in &later.reports {
            let then =
                self.reports.entry(*id).or_insert_with(|| Told { versions: Vec::new(), ..now.clone() });
            let facts = now.facts();
            if now.listed && (!then.listed || then.versions.last() != Some(&facts)) {
                then.versions.push(facts);
            }
            *then = Told { versions: std::mem::take(&mut then.versions), ..now.clone() };
        }
        // What came and went meanwhile has never been.
        self.reports.retain(|_, told| !told.versions.is_empty());
        for (entry, open) in &mut self.bad {
            *open = later.bad.get(entry) == Some(&true);
        }
        self.bad.extend(later.bad.iter().filter(|(_, open)| **open).map(|(entry, _)| (entry.clone(), true)));
        Self { rng: later.rng.clone(), cycles: later.cycles.clone(), count: later.count, ..self }
    }

    fn go_on(&mut self, cycle: Cycle) {
        if self.rng.u8(..4) == 0 {
            return;
        }
        let mut listed = self.of(cycle, true);
        let withdrawn = self.of(cycle, false);
        self.rng.shuffle(&mut listed);
        let mut listed = listed.into_iter();
        if self.rng.bool()
            && let Some(told) = listed.next().and_then(|id| self.reports.get_mut(&id))
        {
            let others: Vec<_> = STATUSES.into_iter().filter(|status| *status != told.status).collect();
            told.status = others[self.rng.usize(..others.len())];
        }
        if self.rng.u8(..4) == 0
            && let Some(told) = listed.next().and_then(|id| self.reports.get_mut(&id))
        {
            told.name.push('\'');
        }
        // Never so many that the answer would not be believed.
        if listed.len() > 1
            && self.rng.bool()
            && let Some(told) = listed.next().and_then(|id| self.reports.get_mut(&id))
        {
            told.listed = false;
        }
        if self.rng.bool()
            && let Some(told) = withdrawn.first().and_then(|id| self.reports.get_mut(id))
        {
            told.listed = true;
            // A return is a version even if it is as it was.
            let facts = told.facts();
            told.versions.push(facts);
        }
        if self.rng.bool() && self.of(cycle, true).len() + self.of(cycle, false).len() < MOST_REPORTS {
            self.add(cycle);
        }
        let bad = bad_entry(cycle, self.rng.u8(..3));
        let sent = self.rng.bool();
        for (_, open) in self.bad.iter_mut().filter(|(entry, _)| entry.contains(&cycle.to_string())) {
            *open = false;
        }
        if sent {
            self.bad.insert(bad, true);
        }
    }

    fn of(&self, cycle: Cycle, listed: bool) -> Vec<Uuid> {
        let those = self.reports.iter().filter(|(_, told)| told.cycle == cycle && told.listed == listed);
        those.map(|(id, _)| *id).collect()
    }

    fn add(&mut self, cycle: Cycle) {
        self.count += 1;
        let told = Told {
            cycle,
            name: format!("Partner {}", self.count),
            status: STATUSES[self.rng.usize(..STATUSES.len())],
            listed: true,
            versions: Vec::new(),
        };
        self.reports.insert(Uuid::from_u128(0x5707_0000_0000_4000_8000_0000_0000_0000 + self.count), told);
    }

    fn served(&self) -> BTreeMap<Cycle, Vec<String>> {
        let mut served: BTreeMap<Cycle, Vec<String>> =
            self.cycles.iter().map(|cycle| (*cycle, Vec::new())).collect();
        for (id, told) in self.reports.iter().filter(|(_, told)| told.listed) {
            served.entry(told.cycle).or_default().push(told.entry(*id));
        }
        for (cycle, entries) in &mut served {
            let bad = self.bad.iter().filter(|(entry, open)| **open && entry.contains(&cycle.to_string()));
            entries.extend(bad.map(|(entry, _)| entry.clone()));
        }
        served
    }

    /// Every version told so far, as `id|version|facts|listed`, in order.
    pub(super) fn versions(&self) -> Vec<String> {
        let of = |(id, told): (&Uuid, &Told)| {
            let (id, listed, last) = (*id, told.listed, told.versions.len());
            let line = move |(at, facts): (usize, &Facts)| {
                format!("{id}|{}|{facts}|{}", at + 1, at + 1 == last && listed)
            };
            told.versions.iter().enumerate().map(line).collect::<Vec<_>>()
        };
        self.reports.iter().flat_map(of).collect()
    }

    /// Every bad entry sent so far, with whether it stands open.
    pub(super) fn quarantine(&self) -> BTreeSet<String> {
        self.bad.iter().map(|(entry, open)| format!("{entry}|{open}")).collect()
    }
}

/// An entry without a status. Its id can be read, so that it keeps nothing from being withdrawn.
fn bad_entry(cycle: Cycle, number: u8) -> String {
    let id = Uuid::from_u128(0xbad0_0000_0000_4000_8000_0000_0000_0000 + u128::from(number));
    format!(
        r#"{{"id":"{id}","partner_company_name":"Bad {number} of {cycle}","start_date":"{}","end_date":"{}"}}"#,
        cycle.first_day(),
        cycle.last_day()
    )
}
