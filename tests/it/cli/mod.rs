//! The commands as people and scripts use them: the real program, a settings file, a real database
//! and a simulated LMP.

mod check;
mod demo;
mod export;
mod help;
mod history;
pub(crate) mod lab;
mod migrate;
mod odd_names;
mod pipes;
pub(crate) mod process;
mod ready;
mod secrets;
mod settings;
mod signals;
mod simulate;
mod status;
mod sync;
mod sync_failures;
mod sync_usage;
