use std::fmt::Write as _;

use super::*;

const ID: &str = "9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f";

fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

fn read(raw: &str) -> Entry<'_> {
    EntryReader::new("2026-08".parse().unwrap(), &none()).read(raw.into())
}

/// A good entry with one field replaced by another JSON value; an empty value leaves the field out.
fn entry(field: &str, value: &str) -> String {
    let defaults = [
        ("id", format!("{ID:?}")),
        ("partner_company_name", "\"Acme\"".to_owned()),
        ("start_date", "\"2026-08-01\"".to_owned()),
        ("end_date", "\"2026-08-31\"".to_owned()),
        ("status", "\"Approved\"".to_owned()),
        ("under_review_status", "null".to_owned()),
    ];
    let known = defaults.iter().any(|(name, _)| *name == field);
    let mut fields: Vec<_> = defaults
        .into_iter()
        .map(|(name, default)| (name.to_owned(), if name == field { value.to_owned() } else { default }))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if !known && !field.is_empty() {
        fields.push((field.to_owned(), value.to_owned()));
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn good(field: &str, value: &str) -> Report<'static> {
    match read(entry(field, value).leak()) {
        Entry::Good(report) => report,
        Entry::Bad(bad) => panic!("{field} = {value} was refused: {}", bad.detail),
    }
}

fn bad(field: &str, value: &str) -> Quarantined {
    match read(&entry(field, value)) {
        Entry::Bad(bad) => bad,
        Entry::Good(report) => panic!("{field} = {value} was taken: {report:?}"),
    }
}

#[test]
fn what_is_wrong_is_quoted_as_far_as_a_person_reads() {
    let long = "x".repeat(100);
    let detail = bad("start_date", &format!("{long:?}")).detail;
    assert_eq!(detail, format!("\"start_date\" is \"{}\"…, not a date as YYYY-MM-DD", &long[..80]));
    assert_eq!(bad("start_date", "\"x\"").detail, "\"start_date\" is \"x\", not a date as YYYY-MM-DD");
    let detail = bad("status", r#""\ud800""#).detail;
    assert!(detail.contains("surrogate") && !detail.contains(" at line "), "{detail}");
}

#[test]
fn a_period_may_be_a_single_day() {
    assert_eq!(good("start_date", "\"2026-08-31\"").start_date.to_string(), "2026-08-31");
}

#[test]
fn the_first_name_that_is_longer_than_promised_is_remarked_on() {
    let ignored = none();
    let mut reader = EntryReader::new("2026-08".parse().unwrap(), &ignored);
    for (name, remarked) in [("a".repeat(128), false), ("é".repeat(128), false), ("é".repeat(129), true)] {
        let entry = entry("partner_company_name", &format!("{name:?}"));
        assert!(matches!(reader.read(entry.as_str().into()), Entry::Good(_)));
        assert_eq!(reader.remarked, remarked, "{name}");
    }
    assert!(
        EntryReader::new("2026-08".parse().unwrap(), &ignored).silent().remarked,
        "as if it had been done"
    );
}

#[test]
fn a_good_entry_becomes_a_report() {
    let report = good("", "");
    assert_eq!(report.id.to_string(), ID);
    assert_eq!(report.partner_company_name, "Acme");
    assert_eq!(report.start_date.to_string(), "2026-08-01");
    assert_eq!(report.end_date.to_string(), "2026-08-31");
    assert_eq!(report.status.as_str(), "Approved");
    assert_eq!(report.under_review_status, None);
    assert_eq!(report.extra, None);
}

#[test]
fn known_statuses_get_the_canonical_spelling_and_unknown_ones_stay() {
    assert_eq!(good("status", "\"Msp Preparing\"").status.as_str(), "MSP Preparing");
    assert_eq!(good("status", "\"On Hold\"").status.as_str(), "On Hold");
    assert_eq!(good("status", &format!("{:?}", "x".repeat(64))).status.as_str().len(), 64);
    assert_eq!(bad("status", &format!("{:?}", "x".repeat(65))).reason, Reason::InvalidStatus);
}

#[test]
fn an_empty_or_missing_under_review_status_is_null() {
    for value in ["null", "\"\"", ""] {
        assert_eq!(good("under_review_status", value).under_review_status, None);
    }
    let text = "Manually submitted by MSP";
    assert_eq!(good("under_review_status", &format!("{text:?}")).under_review_status.as_deref(), Some(text));
    assert_eq!(bad("under_review_status", "7").reason, Reason::InvalidUnderReviewStatus);
}

#[test]
fn missing_empty_null_and_wrong_typed_fields_are_refused_by_name() {
    for (field, reason) in [
        ("id", Reason::InvalidId),
        ("partner_company_name", Reason::InvalidName),
        ("start_date", Reason::InvalidDates),
        ("end_date", Reason::InvalidDates),
        ("status", Reason::InvalidStatus),
    ] {
        for value in ["", "null", "\"\"", "7", "true", "[]", "{}"] {
            let bad = bad(field, value);
            assert_eq!(bad.reason, reason, "{field} = {value}");
            assert!(bad.detail.contains(field), "{}", bad.detail);
            assert_eq!(bad.id.is_some(), field != "id");
        }
    }
}

#[test]
fn dates_have_exactly_one_form() {
    for value in [
        "2026-8-01",
        " 2026-08-01",
        "2026-08-01 ",
        "02026-08-1",
        "20260801",
        "2026/08-01",
        "2026-08/01",
        "2026-02-30",
        "2026-08-01T00:00:00Z",
        "0000-01-01",
        "+026-08-01",
        "２026-08-01",
    ] {
        assert_eq!(bad("start_date", &format!("{value:?}")).reason, Reason::InvalidDates, "{value}");
    }
    assert_eq!(bad("end_date", "\"2026-07-31\"").reason, Reason::InvalidDates, "runs backwards");
}

#[test]
fn the_period_must_overlap_the_cycle_asked_for() {
    assert_eq!(good("start_date", "\"2020-01-01\"").start_date.to_string(), "2020-01-01");
    let raw = entry("", "").replace("2026-08", "2026-07");
    let Entry::Bad(bad) = read(&raw) else { panic!("taken") };
    assert_eq!(bad.reason, Reason::OffCycle);
    assert_eq!(bad.id.map(|id| id.to_string()).as_deref(), Some(ID));
}

#[test]
fn the_masked_example_of_the_reference_is_told_to_be_no_guid() {
    let bad = bad("id", "\"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\"");
    assert_eq!(bad.reason, Reason::InvalidId);
    assert_eq!(bad.detail, r#""xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" is not a GUID"#);
    assert_eq!(bad.id, None);
}

#[test]
fn texts_come_through_exactly() {
    let name = "=1+1 \u{202e}مرحبا 🎉 <b>'\";-- \n\u{1b}[31m \\ ";
    let report = good("partner_company_name", &serde_json::to_string(name).unwrap());
    assert_eq!(report.partner_company_name, name);
}

#[test]
fn nul_and_half_surrogates_are_refused_wherever_they_stand() {
    for field in ["partner_company_name", "status", "under_review_status", "other"] {
        for text in [r#""a\u0000b""#, r#""a\ud800b""#, r#""\udc00""#] {
            let bad = bad(field, text);
            assert_eq!(bad.reason, Reason::InvalidText, "{field} = {text}");
            assert!(bad.id.is_some());
            assert!(bad.payload.contains(text), "the payload is kept as it came");
        }
    }
    for value in [r#"{"a":["\u0000"]}"#, r#"{"\u0000":1}"#, r#"[{"b":"\udfff"}]"#] {
        assert_eq!(bad("other", value).reason, Reason::InvalidText);
    }
}

#[test]
fn unknown_fields_are_kept_as_they_came_unless_ignored() {
    assert_eq!(good("new", "1.50").extra.as_deref(), Some(r#"{"new":1.50}"#));
    assert_eq!(
        good("new", "12345678901234567890.123").extra.as_deref(),
        Some(r#"{"new":12345678901234567890.123}"#)
    );
    let ignore = BTreeSet::from(["etag".to_owned()]);
    let mut reader = EntryReader::new("2026-08".parse().unwrap(), &ignore);
    let raw = entry("etag", "\"x\"");
    let Entry::Good(report) = reader.read(raw.as_str().into()) else { panic!("refused") };
    assert_eq!(report.extra, None);
}

#[test]
fn numbers_that_postgresql_cannot_hold_are_refused() {
    for value in [
        "1e401".to_owned(),
        "1e-20000".to_owned(),
        "[1E-999999999999999999999]".to_owned(),
        format!("0.{}", "1".repeat(500)),
    ] {
        let reason = bad("new", &value).reason;
        assert!(matches!(reason, Reason::UnstorableExtra | Reason::InvalidText), "{value}");
    }
    for value in ["1e300", "1e-300", "true", "\"1e9999\"", "[\"\\\"1e9999\", 2]"] {
        assert!(good("new", value).extra.is_some(), "{value}");
    }
}

#[test]
fn a_field_that_occurs_twice_says_nothing() {
    let raw = entry("", "").replacen('{', "{\"status\":\"Completed\",", 1);
    let Entry::Bad(bad) = read(&raw) else { panic!("taken") };
    assert_eq!(bad.reason, Reason::DuplicateField);
    assert!(bad.id.is_some());
    for more in 1..4 {
        let raw = entry("", "").replacen('{', &format!("{{{}", format!("\"id\":\"{ID}\",").repeat(more)), 1);
        let Entry::Bad(bad) = read(&raw) else { panic!("taken") };
        assert_eq!(bad.id, None, "{more} more");
    }
}

#[test]
fn what_is_no_object_is_refused_and_arrays_do_not_pass_for_reports() {
    for raw in [
        "null",
        "7",
        "\"x\"",
        "[]",
        &format!("[\"{ID}\",\"Acme\",\"2026-08-01\",\"2026-08-31\",\"Approved\",null]"),
    ] {
        let Entry::Bad(bad) = read(raw) else { panic!("{raw} was taken") };
        assert_eq!(bad.reason, Reason::NotAnObject);
    }
    // An object of which a name cannot be read is one all the same.
    let Entry::Bad(bad) = read(r#"{"\ud800":1}"#) else { panic!("it was taken") };
    assert_eq!(bad.reason, Reason::InvalidText, "{}", bad.detail);
}

#[test]
fn what_is_wrong_is_told_shortly_however_long_the_text() {
    let long = "x".repeat(1 << 20);
    for raw in [
        entry("", "").replacen('{', &format!("{{\"{long}\":1,\"{long}\":2,"), 1),
        entry("id", &format!("{long:?}")),
        entry("status", &format!("{long:?}")),
        entry("start_date", &format!("{long:?}")),
        entry(&long, "1e999"),
        entry("other", "\"\\ud800\"").replace("other", &long),
    ] {
        let Entry::Bad(bad) = read(&raw) else { panic!("taken") };
        assert!(bad.detail.len() < 1000, "{} bytes say what is wrong", bad.detail.len());
    }
}

#[test]
fn an_entry_with_a_hundred_thousand_unknown_fields_is_read_in_no_time() {
    let mut fields = "{".to_owned();
    for n in 0..100_000 {
        write!(fields, "\"f{n}\":0,").unwrap();
    }
    let start = std::time::Instant::now();
    let many = entry("", "").replacen('{', &fields, 1);
    let Entry::Good(report) = read(&many) else { panic!("refused") };
    assert!(report.extra.unwrap().starts_with("{\"f0\":0,\"f1\":0"), "in the order they came");
    let twice = many.replacen('{', "{\"f99999\":1,", 1);
    let Entry::Bad(bad) = read(&twice) else { panic!("taken") };
    assert_eq!(bad.reason, Reason::DuplicateField);
    assert!(bad.detail.starts_with("the field \"f99999\" occurs twice"), "{}", bad.detail);
    // Compared each with each it took minutes.
    assert!(start.elapsed() < std::time::Duration::from_mins(1), "took {:?}", start.elapsed());
}
