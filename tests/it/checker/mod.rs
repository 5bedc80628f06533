//! One place that says what must hold in every database: invariants, and agreement with a ledger of what was
//! served and acknowledged.
