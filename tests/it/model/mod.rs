//! The history against a small reference model, over random sequences of answers, faults, crashes, clock steps
//! and prunes.
//!
//! A history (`history`) is a list of steps. They are driven (`driver`) against the real store on a real
//! PostgreSQL, and what comes of them is compared with the reference of the checker, which shares no code with
//! the product. A history that fails is made as small as it goes on failing, and printed with its seed.
//!
//! | environment | |
//! |---|---|
//! | `MODEL_HISTORIES` | how many histories (2,000) |
//! | `MODEL_SEED` | the seed of the first one; the next have the numbers after it (by default always the same; `make histories` draws it) |
//! | `MODEL_WORKERS` | databases used side by side (as many as there are processors) |

mod answers;
mod budget;
mod driver;
mod ends;
mod hands;
mod history;
mod planning;
mod retention;
mod workers;

/// Histories that once found something, by their seeds; they are tried before any others.
const FOUND_SOMETHING: &[u64] =
    &[46_650_987_562_637, 89_935_200_291_370, 7_749_970_273_415, 372_039_011_749, 974_874_154_711];
