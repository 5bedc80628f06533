//! Parsing: an answer in memory, split into entries alone, and read into reports.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use lmp_billing_sync::domain::{Cycle, KnownStatus, Report};
use lmp_billing_sync::lmp::{AnswerError, Entry, EntryReader, read_answer};

const ENTRIES: u16 = 10_000;

/// Entries of one form.
struct Form {
    name: &'static str,
    /// The partner's name, as JSON between its quotes.
    partner: &'static str,
    /// What follows the documented fields.
    more: &'static str,
    /// Whether a report was read the way that this form is there to measure.
    is_read: fn(&Report<'_>) -> bool,
}

const FORMS: [Form; 3] = [
    Form {
        name: "plain",
        partner: "Süd GmbH & Co. KG",
        more: "",
        is_read: |report| is_borrowed(report) && report.extra.is_none(),
    },
    // As serialisers write it that keep to ASCII and distrust HTML.
    Form {
        name: "escaped",
        partner: r"S\u00fcd GmbH \u0026 Co. \u0022KG\u0022",
        more: "",
        is_read: |report| {
            !is_borrowed(report) && report.partner_company_name.contains("Süd GmbH & Co. \"KG\"")
        },
    },
    Form {
        name: "unknown_fields",
        partner: "Süd GmbH & Co. KG",
        more: r#","etag":"9c1f1a52","totals":{"seats":120,"amount":1234.50},"tags":["a",null]"#,
        is_read: |report| is_borrowed(report) && report.extra.is_some(),
    },
];

pub(crate) fn benches(criterion: &mut Criterion) {
    let cycle: Cycle = "2026-08".parse().expect("a cycle");
    let ignore_fields = BTreeSet::new();
    let mut group = criterion.benchmark_group("parsing");
    for form in &FORMS {
        let answer = answer(form, cycle);
        group.throughput(Throughput::ElementsAndBytes {
            elements: ENTRIES.into(),
            bytes: answer.len() as u64,
        });
        group.bench_function(BenchmarkId::new("split", form.name), |bencher| {
            bencher.iter(|| {
                let listed = read_answer(black_box(answer.as_bytes()), |_, raw| {
                    black_box(raw);
                    Ok::<_, AnswerError>(())
                });
                assert_eq!(listed.expect("the answer is whole"), u32::from(ENTRIES));
            });
        });
        group.bench_function(BenchmarkId::new("read", form.name), |bencher| {
            bencher.iter(|| {
                let mut reader = EntryReader::new(cycle, &ignore_fields);
                let mut read = 0;
                let listed = read_answer(black_box(answer.as_bytes()), |_, raw| match reader.read(raw) {
                    Entry::Good(report) => {
                        read += u16::from((form.is_read)(black_box(&report)));
                        Ok(())
                    }
                    Entry::Bad(bad) => Err(Box::<dyn Error>::from(bad.detail)),
                });
                assert_eq!(listed.expect("every entry is a report"), u32::from(ENTRIES));
                assert_eq!(read, ENTRIES);
            });
        });
    }
    group.finish();
}

fn answer(form: &Form, cycle: Cycle) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    let entries: Vec<String> = (0..ENTRIES)
        .zip(KnownStatus::ALL.iter().cycle())
        .map(|(number, status)| {
            let under_review = match status {
                KnownStatus::UnderReview => "\"Manually submitted by MSP\"",
                _ => "null",
            };
            format!(
                r#"{{"id":"{}","partner_company_name":"Partner {number:05} {}","start_date":"{}","end_date":"{}","status":"{}","under_review_status":{under_review}{}}}"#,
                uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
                form.partner,
                cycle.first_day(),
                cycle.last_day(),
                status.as_str(),
                form.more,
            )
        })
        .collect();
    format!(r#"{{"reports":[{}]}}"#, entries.join(","))
}

fn is_borrowed(report: &Report<'_>) -> bool {
    matches!(report.partner_company_name, Cow::Borrowed(_))
}
