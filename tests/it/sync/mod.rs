//! What a poll does (section 2 of the contract), over real HTTP and in a real database.

mod as_of;
mod changes;
mod failures;
mod order;
mod quarantine;
mod retention;
mod shortcut;
mod silence;
mod ways;
mod withdrawals;
