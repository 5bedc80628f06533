//! The history against a small reference model, over random sequences of answers, faults and prunes.
