//! The commands as people and scripts use them: the real program, a settings file, a real database
//! and a simulated LMP.

mod check;
mod help;
mod lab;
mod process;
mod settings;
mod simulate;
