#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lmp_billing_sync_fuzz::headers(bytes));
