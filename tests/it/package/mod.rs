//! What the package holds besides the program: made from the program, so it can only be wrong where
//! people wrote something around it.

// The code that makes them is an example's, so that nothing of it becomes part of the program.
#[path = "../../../examples/package_assets/manual.rs"]
mod manual;
#[path = "../../../examples/package_assets/shells.rs"]
mod shells;

mod commands;
mod completions;
mod contents;
mod pages;
