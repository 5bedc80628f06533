//! Upstreams that misbehave, byte by byte: each test breaks the exchange for real, looks at the tables, and sees
//! the next poll converge.

mod bomb;
mod broken;
mod certificates;
mod denied;
mod disguise;
mod redirect;
mod reuse;
mod storm;
mod subject;
mod unreachable;
pub(super) mod upstream;
mod waits;
