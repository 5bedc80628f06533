//! Which fault happens to which request.

use std::sync::Mutex;

use fastrand::Rng;

use super::Fault;
use crate::domain::Cycle;
use crate::simulator::dice::{Purpose, dice};
use crate::simulator::lock;

/// A fault, and the requests it happens to: by default all.
#[derive(Clone, Debug)]
pub struct FaultRule {
    fault: Fault,
    when: When,
    cycle: Option<Cycle>,
    account: Option<String>,
    /// Requests seen so far that the rule is about.
    seen: u64,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// At this many more requests.
    Times(u64),
    EveryNth(u64),
    Probability(f64),
}

impl FaultRule {
    fn new(fault: Fault, when: When) -> Self {
        Self { fault, when, cycle: None, account: None, seen: 0 }
    }

    /// At every request.
    pub fn always(fault: Fault) -> Self {
        Self::new(fault, When::Always)
    }

    /// At the next request only.
    pub fn once(fault: Fault) -> Self {
        Self::times(fault, 1)
    }

    /// At the next `times` requests.
    pub fn times(fault: Fault, times: u64) -> Self {
        Self::new(fault, When::Times(times))
    }

    /// At every `nth` request: for 3, at the third, the sixth and so on.
    pub fn every(fault: Fault, nth: u64) -> Self {
        Self::new(fault, When::EveryNth(nth.max(1)))
    }

    /// At random, with a probability from 0 to 1; reproducible by the simulator's seed.
    pub fn with_probability(fault: Fault, probability: f64) -> Self {
        Self::new(fault, When::Probability(probability))
    }

    /// Only at requests for this cycle.
    #[must_use]
    pub fn on_cycle(self, cycle: Cycle) -> Self {
        Self { cycle: Some(cycle), ..self }
    }

    /// Only at requests of the account with this access token.
    #[must_use]
    pub fn on_account(self, access_token: &str) -> Self {
        Self { account: Some(access_token.to_owned()), ..self }
    }

    fn is_about(&self, target: &Target<'_>) -> bool {
        self.cycle.is_none_or(|cycle| target.cycle == Some(cycle))
            && self.account.as_deref().is_none_or(|account| target.account == Some(account))
    }

    fn fires(&mut self, dice: &mut Rng) -> bool {
        self.seen += 1;
        match self.when {
            When::Always => true,
            When::Times(times) => self.seen <= times,
            When::EveryNth(nth) => self.seen.is_multiple_of(nth),
            When::Probability(probability) => dice.f64() < probability,
        }
    }

    /// Another fault has this request. What happens a number of times happens later instead; every
    /// n-th request stays every n-th.
    fn gives_way(&mut self) {
        if matches!(self.when, When::EveryNth(_)) {
            self.seen += 1;
        }
    }

    fn is_used_up(&self) -> bool {
        matches!(self.when, When::Times(times) if self.seen >= times)
    }
}

/// When in the course of a request a fault takes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Stage {
    /// Before the request is checked.
    Arrival,
    /// Once it is known to be a good one.
    Answer,
}

/// The request that a fault may happen to.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Target<'a> {
    pub(in crate::simulator) account: Option<&'a str>,
    pub(in crate::simulator) cycle: Option<Cycle>,
}

/// The faults that are switched on.
#[derive(Debug)]
pub(in crate::simulator) struct Faults {
    state: Mutex<(Vec<FaultRule>, Rng)>,
}

impl Faults {
    pub(in crate::simulator) fn new(seed: u64, rules: Vec<FaultRule>) -> Self {
        Self { state: Mutex::new((rules, dice(seed, Purpose::Faults, &[]))) }
    }

    pub(in crate::simulator) fn push(&self, rule: FaultRule) {
        lock(&self.state).0.push(rule);
    }

    pub(in crate::simulator) fn clear(&self) {
        lock(&self.state).0.clear();
    }

    /// How many rules are still on.
    pub(in crate::simulator) fn count(&self) -> usize {
        lock(&self.state).0.len()
    }

    /// The faults that happen to a request now, in the order they were switched on. Of those that
    /// spoil the answer only the first happens; the others give way, so one-shot faults pushed one
    /// after another happen one after another.
    pub(in crate::simulator) fn draw(&self, target: &Target<'_>, stage: Stage) -> Vec<Fault> {
        let (rules, dice) = &mut *lock(&self.state);
        let mut drawn: Vec<Fault> = Vec::new();
        for rule in rules.iter_mut().filter(|rule| rule.fault.stage() == stage && rule.is_about(target)) {
            if rule.fault.spoils() && drawn.iter().any(Fault::spoils) {
                rule.gives_way();
            } else if rule.fires(dice) {
                drawn.push(rule.fault.clone());
            }
        }
        rules.retain(|rule| !rule.is_used_up());
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Target<'_> = Target { account: None, cycle: None };

    fn names(faults: &Faults, target: &Target<'_>) -> Vec<String> {
        faults.draw(target, Stage::Answer).iter().map(|fault| format!("{fault:?}")).collect()
    }

    #[test]
    fn one_shots_that_spoil_happen_one_after_another_and_colours_add_up() {
        let faults = Faults::new(1, vec![]);
        faults.push(FaultRule::once(Fault::Html));
        faults.push(FaultRule::times(Fault::JsonError, 2));
        faults.push(FaultRule::once(Fault::Shuffled));
        faults.push(FaultRule::once(Fault::Latency(std::time::Duration::ZERO)));
        assert_eq!(names(&faults, &ANY), ["Html", "Shuffled"]);
        assert_eq!(names(&faults, &ANY), ["JsonError"]);
        assert_eq!(names(&faults, &ANY), ["JsonError"]);
        assert_eq!(names(&faults, &ANY), [""; 0]);
        assert_eq!(faults.count(), 1, "the latency waits for a request to arrive");
        assert_eq!(faults.draw(&ANY, Stage::Arrival).len(), 1);
        assert_eq!(faults.count(), 0);
    }

    #[test]
    fn rules_are_about_a_cycle_or_an_account() {
        let august: Cycle = "2026-08".parse().unwrap();
        let faults = Faults::new(1, vec![FaultRule::always(Fault::Html).on_cycle(august).on_account("a")]);
        let target = |account, cycle| Target { account: Some(account), cycle: Some(cycle) };
        assert_eq!(names(&faults, &target("a", august)), ["Html"]);
        assert_eq!(names(&faults, &target("b", august)), [""; 0]);
        assert_eq!(names(&faults, &target("a", august.next())), [""; 0]);
        assert_eq!(names(&faults, &ANY), [""; 0]);
    }

    #[test]
    fn every_nth_counts_and_probability_is_reproducible() {
        let faults = Faults::new(1, vec![FaultRule::every(Fault::Html, 3)]);
        let hits: Vec<_> = (1..=9).filter(|_| !names(&faults, &ANY).is_empty()).collect();
        assert_eq!(hits, [3, 6, 9]);

        let both = vec![FaultRule::every(Fault::Html, 2), FaultRule::every(Fault::JsonError, 3)];
        let faults = Faults::new(1, both);
        let hits: Vec<_> = (1..=9).filter_map(|_| names(&faults, &ANY).pop()).collect();
        assert_eq!(hits, ["Html", "JsonError", "Html", "Html", "Html", "JsonError"]);

        let hits = |seed| -> Vec<_> {
            let faults = Faults::new(seed, vec![FaultRule::with_probability(Fault::Html, 0.25)]);
            (0..1000).filter(|_| !names(&faults, &ANY).is_empty()).collect()
        };
        assert_eq!(hits(5), hits(5));
        assert_ne!(hits(5), hits(6));
        assert!((200..300).contains(&hits(5).len()));
    }
}
