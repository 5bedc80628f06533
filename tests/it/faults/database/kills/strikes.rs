//! Which points have been struck and which are still to be.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::Moment;
use crate::faults::database::rounds;
use crate::support::pg_proxy::{Kind, Request, When};

/// A point of a program: a request by its name, and the side of the server's work on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    /// Whether something of it stays, whatever becomes of the connection.
    pub(super) lasts: bool,
    pub(super) name: String,
    pub(super) when: When,
}

#[derive(Default)]
struct Known {
    /// Complete runs in which it was passed.
    passed: usize,
    struck: usize,
    missed: usize,
}

/// A point that every so many complete runs pass must have been struck in the end.
const OFTEN: usize = 3;

pub(super) struct Strikes {
    rng: Rng,
    points: BTreeMap<Point, Known>,
    /// How long a complete run takes, for random moments.
    usual: Duration,
    begun: Instant,
    pub(super) random: usize,
}

impl Strikes {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            points: BTreeMap::new(),
            usual: Duration::from_millis(300),
            begun: Instant::now(),
            random: 0,
        }
    }

    /// A run that will be complete begins.
    pub(super) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// A complete run has passed these.
    pub(super) fn learn(&mut self, passed: &[Request]) {
        self.usual = self.begun.elapsed();
        let mut points: Vec<Point> = passed
            .iter()
            // Between a statement's preparation and its execution nothing happens that could be struck.
            .filter(|request| ![Kind::Prepare, Kind::Ping].contains(&request.kind))
            .flat_map(|request| {
                let point = |when| Point { lasts: lasts(request), name: request.name(), when };
                [Some(point(When::Before)), lasts(request).then(|| point(When::After))]
            })
            .flatten()
            .collect();
        points.sort();
        points.dedup();
        for point in points {
            self.points.entry(point).or_default().passed += 1;
        }
    }

    /// The point that has been struck and missed least; or a random moment, once all have been struck.
    pub(super) fn next(&mut self) -> Moment {
        let least = self
            .points
            .iter()
            .filter(|(_, known)| known.struck == 0)
            .min_by_key(|(point, known)| (known.missed, !point.lasts));
        match least {
            // Those that are hard to meet leave room for the others.
            Some((point, known)) if known.missed == 0 || self.rng.u8(..3) > 0 => Moment::At(point.clone()),
            _ => {
                let most = u64::try_from(self.usual.as_micros()).unwrap_or(u64::MAX).max(1);
                Moment::After(Duration::from_micros(self.rng.u64(..most)))
            }
        }
    }

    pub(super) fn struck(&mut self, moment: &Moment, killed: bool) {
        match moment {
            Moment::At(point) => {
                if let Some(known) = self.points.get_mut(point) {
                    if killed { known.struck += 1 } else { known.missed += 1 }
                }
            }
            Moment::After(_) => self.random += usize::from(killed),
        }
    }

    /// Whether there is to be another round: as many as wanted, and up to as many again where a point that lasts
    /// has not been struck.
    pub(super) fn more(&self, killed: usize, wanted: usize) -> bool {
        killed < wanted || (killed < 2 * wanted && !self.left().is_empty())
    }

    /// Points that last, that complete runs often pass, and that have not been struck. Of the others a few are
    /// met only on a busy machine, and perhaps not again.
    fn left(&self) -> Vec<&Point> {
        self.points
            .iter()
            .filter(|(point, known)| point.lasts && known.struck == 0 && known.passed >= OFTEN)
            .map(|(point, _)| point)
            .collect()
    }

    /// How many points have been struck; fails if one that should have been has not.
    pub(super) fn all_struck(&self) -> usize {
        let left = self.left();
        // Fewer rounds than usual are for trying something out.
        assert!(left.is_empty() || rounds::kills() < rounds::USUAL, "never killed at {left:#?}");
        self.points.values().filter(|known| known.struck > 0).count()
    }
}

fn lasts(request: &Request) -> bool {
    request.is_commit() || request.kind == Kind::CopyEnd || request.sql.contains("nextval")
}
