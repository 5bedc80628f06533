//! Histories: what may happen, and how often.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::answers::{Bad, Dates, Entry};

/// Reports have one of so many ids: few, so that they meet again.
const IDS: u8 = 9;

/// All that happens in one history.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// `retention.months`.
    pub(super) retention: u32,
    /// The cycles asked for, in months before the current one.
    pub(super) cycles: [u32; 3],
    pub(super) steps: Vec<Step>,
}

/// One thing that happens. Accounts and cycles are numbered.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The vendor changes what it lists, and is asked.
    Poll {
        of: Of,
        edits: Vec<Edit>,
        how: How,
    },
    /// The same, but the answer waits to be applied.
    Ask {
        of: Of,
        edits: Vec<Edit>,
    },
    /// One of the waiting answers is applied.
    Deliver {
        which: usize,
        how: How,
    },
    /// Something else than a list of reports is answered.
    Fail {
        of: Of,
        with: Broken,
    },
    /// The database's clock is set: so many minutes forward, or back.
    Clock(i64),
    /// Somebody changes a row.
    EditByHand {
        account: usize,
        id: u8,
        what: Hand,
    },
    /// Somebody deletes a row.
    DeleteByHand {
        account: usize,
        id: u8,
    },
    Prune,
    /// The process ends, in good order or not, and another one starts.
    Restart {
        orderly: bool,
    },
}

/// Whom and what is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of {
    pub(super) account: usize,
    pub(super) cycle: usize,
}

/// A change of what the vendor lists for a cycle.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// An entry, in the place of the one of the same id.
    Put(Entry),
    /// An entry beside the others, whatever their ids.
    Add(Entry),
    /// All ids, each with an entry like this.
    Fill(Entry),
    Drop(u8),
    /// The entry dropped last is back, as it was.
    Back,
    Clear,
    /// Another order.
    Turn,
}

/// How an answer is applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// An answer with the same bytes as the last need not be read.
    pub(super) refresh: bool,
    /// Withdrawals are accepted.
    pub(super) accept: bool,
    /// The process crashes after so many steps of its own.
    pub(super) crash: Option<u32>,
    /// It is applied again, as after a commit whose answer was lost.
    pub(super) twice: bool,
}

/// What is answered instead of a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    Html,
    JsonError,
    CutShort,
    TwoLists,
    Trailing,
    NoArray,
    NoText,
    /// Status 400, which at the edge of what the vendor keeps proves nothing.
    Refused,
}

/// What somebody does to a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hand {
    Name,
    Status,
    UnderReview,
    Extra,
}

pub(super) fn history() -> impl Strategy<Value = History> {
    let retention = prop_oneof![3 => Just(24_u32), 1 => Just(1_u32), 1 => Just(2_u32), 1 => Just(36_u32)];
    let cycles = prop_oneof![3 => Just([0_u32, 1, 2]), 1 => Just([22_u32, 23, 24])];
    (retention, cycles, vec(step(), 3..14)).prop_map(|(retention, cycles, steps)| History {
        retention,
        cycles,
        steps,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let edits = || vec(edit(), 0..4);
    let clock = prop_oneof![
        Just(60_i64),
        Just(25 * 60),
        Just(40 * 24 * 60),
        Just(800 * 24 * 60),
        Just(-20),
        Just(-2 * 24 * 60)
    ];
    prop_oneof![
        24 => (of(), edits(), how()).prop_map(|(of, edits, how)| Step::Poll { of, edits, how }),
        6 => (of(), edits()).prop_map(|(of, edits)| Step::Ask { of, edits }),
        6 => (0_usize..4, how()).prop_map(|(which, how)| Step::Deliver { which, how }),
        2 => (of(), broken()).prop_map(|(of, with)| Step::Fail { of, with }),
        3 => clock.prop_map(Step::Clock),
        2 => (0_usize..2, 0..IDS, hand()).prop_map(|(account, id, what)| Step::EditByHand { account, id, what }),
        1 => (0_usize..2, 0..IDS).prop_map(|(account, id)| Step::DeleteByHand { account, id }),
        1 => Just(Step::Prune),
        1 => any::<bool>().prop_map(|orderly| Step::Restart { orderly }),
    ]
}

/// Mostly one account and one cycle, so that something happens to its reports.
fn of() -> impl Strategy<Value = Of> {
    (
        prop_oneof![5 => Just(0_usize), 1 => Just(1)],
        prop_oneof![4 => Just(1_usize), 2 => Just(0), 1 => Just(2)],
    )
        .prop_map(|(account, cycle)| Of { account, cycle })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        10 => entry().prop_map(Edit::Put),
        1 => entry().prop_map(Edit::Add),
        2 => plain().prop_map(Edit::Fill),
        4 => (0..IDS).prop_map(Edit::Drop),
        4 => Just(Edit::Back),
        1 => Just(Edit::Clear),
        1 => Just(Edit::Turn),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (plain(), weighted(0.12, bad())).prop_map(|(entry, bad)| Entry { bad, ..entry })
}

fn plain() -> impl Strategy<Value = Entry> {
    let dates = prop_oneof![
        8 => Just(Dates::Whole),
        4 => Just(Dates::IntoTheNext),
        1 => Just(Dates::FromTheOneBefore),
        4 => (-1_i64..=1).prop_map(Dates::OneDay),
    ];
    (0..IDS, 0_u8..3, 0_u8..9, 0_u8..4, dates, 0_u8..5, 0_u8..3).prop_map(
        |(id, name, status, under_review, dates, extra, dress)| Entry {
            id,
            name,
            status,
            under_review,
            dates,
            extra,
            dress,
            bad: None,
        },
    )
}

fn bad() -> impl Strategy<Value = Bad> {
    prop_oneof![
        Just(Bad::NoObject),
        Just(Bad::MaskedId),
        Just(Bad::NoStatus),
        Just(Bad::LongStatus),
        Just(Bad::NulInName),
        Just(Bad::HalfASurrogate),
        Just(Bad::OffCycle),
        Just(Bad::Backwards),
        Just(Bad::NumberForText),
        Just(Bad::FieldTwice),
        Just(Bad::IdTwice),
    ]
}

fn how() -> impl Strategy<Value = How> {
    (
        weighted(0.12, 1_u32..60),
        prop::bool::weighted(0.4),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(crash, refresh, accept, twice)| How { refresh, accept, crash, twice })
}

fn broken() -> impl Strategy<Value = Broken> {
    prop_oneof![
        Just(Broken::Html),
        Just(Broken::JsonError),
        Just(Broken::CutShort),
        Just(Broken::TwoLists),
        Just(Broken::Trailing),
        Just(Broken::NoArray),
        Just(Broken::NoText),
        Just(Broken::Refused),
    ]
}

fn hand() -> impl Strategy<Value = Hand> {
    prop_oneof![Just(Hand::Name), Just(Hand::Status), Just(Hand::UnderReview), Just(Hand::Extra)]
}
