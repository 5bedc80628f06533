//! Signing: what every request needs, retries included.

use std::hint::black_box;

use criterion::Criterion;
use lmp_billing_sync::lmp::sign::signature;

const SECRET_KEY: &str = "s3cr3t-key-for-tests";
const URI: &str = "/LMPI/v2/reports/billing";
/// As the client sends it.
const BODY: &[u8] = br#"{"report_cycle_month":"08","report_cycle_year":"2018"}"#;
/// Computed with openssl.
const EXPECTED: &str = "0gUA5djHMtZcHL9Cl83QTB3JXbCb7HGN7Q3YjL//i40=";

pub(crate) fn benches(criterion: &mut Criterion) {
    criterion.bench_function("signing/request", |bencher| {
        bencher.iter(|| {
            let signature = signature(
                black_box(SECRET_KEY),
                black_box("1363797148"),
                black_box("POST"),
                black_box(URI),
                black_box(BODY),
            );
            assert_eq!(signature, EXPECTED);
        });
    });
}
