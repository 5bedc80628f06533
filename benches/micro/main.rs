//! Three things that are done for every answer, each alone: parsing it, signing the request for it, and
//! telling how it differs from what is stored.
//!
//! | group | an iteration is |
//! |---|---|
//! | `parsing/split` | finding the entries of an answer of 10,000: `lmp::read_answer` |
//! | `parsing/read` | the same, and making a report of each: `lmp::EntryReader` |
//! | `signing` | one signature |
//! | `diffing` | one answer of 5,000 entries applied to 5,000 stored reports, commit included |
//!
//! Every iteration checks what it came to, so that nothing that failed is measured. Diffing runs against a
//! private PostgreSQL that never waits for a disk: its figures tell the work, not the durability. The whole
//! way, with HTTP and a durable server, is `end_to_end`.
//!
//! ```text
//! cargo bench --bench micro                    all, compared with the last time
//! cargo bench --bench micro -- parsing         those whose name contains "parsing"; no server is started
//! cargo test --bench micro                     each once, unoptimised and not measured: do they work?
//! cargo bench --bench micro -- --test          the same, optimised
//! ```

mod answers;
mod database;
mod diffing;
mod parsing;
mod signing;

use criterion::Criterion;

// Not criterion's macros: what they make is public and has no documentation.
fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    parsing::benches(&mut criterion);
    signing::benches(&mut criterion);
    diffing::benches(&mut criterion);
    criterion.final_summary();
}
