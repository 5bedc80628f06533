//! What schedules mean at the calendar's odd places.

use chrono_tz::{America, Asia, Europe, Pacific, Tz};

use super::testing::{at, schedule, ticks};
use super::{CronSchedule, InvalidSchedule};

#[test]
fn the_31st_is_left_out_where_there_is_none() {
    assert_eq!(
        ticks("0 3 31 * *", Tz::UTC, "2026-11-23T00:00:00Z", 5),
        ["12-31 03:00 UTC", "01-31 03:00 UTC", "03-31 03:00 UTC", "05-31 03:00 UTC", "07-31 03:00 UTC"]
    );
}

#[test]
fn the_last_day_is_that_of_each_month() {
    assert_eq!(
        ticks("0 3 L * *", Tz::UTC, "2027-12-23T00:00:00Z", 4),
        ["12-31 03:00 UTC", "01-31 03:00 UTC", "02-29 03:00 UTC", "03-31 03:00 UTC"]
    );
    assert_eq!(ticks("0 3 L 2 *", Tz::UTC, "2026-11-23T00:00:00Z", 1), ["02-28 03:00 UTC"]);
    // 2100 is no leap year.
    assert_eq!(ticks("0 3 L 2 *", Tz::UTC, "2100-01-01T00:00:00Z", 1), ["02-28 03:00 UTC"]);
}

#[test]
fn the_29th_of_february_waits_for_leap_years() {
    let leap_day = schedule("0 3 29 2 *", Tz::UTC);
    let next = |after: &str| leap_day.next_after(at(after)).unwrap().to_string();
    assert_eq!(next("2026-11-23T00:00:00Z"), "2028-02-29 03:00:00 UTC");
    assert_eq!(next("2028-02-29T03:00:00Z"), "2032-02-29 03:00:00 UTC");
    assert_eq!(next("2096-02-29T03:00:00Z"), "2104-02-29 03:00:00 UTC");
}

#[test]
fn the_year_turns_on_the_zones_own_clock() {
    assert_eq!(
        ticks("0 */12 31,1 12,1 *", Europe::Berlin, "2026-12-30T23:30:00Z", 3),
        ["12-31 12:00 CET", "01-01 00:00 CET", "01-01 12:00 CET"]
    );
    // The first place to have the new year and the last one, 26 hours later.
    let new_year = |zone| schedule("@yearly", zone).next_after(at("2026-11-23T00:00:00Z"));
    assert_eq!(new_year(Pacific::Kiritimati).unwrap().to_string(), "2026-12-31 10:00:00 UTC");
    assert_eq!(new_year(Pacific::Niue).unwrap().to_string(), "2027-01-01 11:00:00 UTC");
    assert_eq!(ticks("59 59 23 31 12 *", Tz::UTC, "2026-11-23T00:00:00Z", 2), ["12-31 23:59 UTC"; 2]);
}

#[test]
fn sunday_has_four_spellings() {
    for sunday in ["SUN", "sun", "0", "7"] {
        assert_eq!(
            ticks(&format!("30 4 * * {sunday}"), Tz::UTC, "2026-11-23T00:00:00Z", 2),
            ["11-29 04:30 UTC", "12-06 04:30 UTC"]
        );
    }
    assert_eq!(
        ticks("30 4 * * SAT-SUN", Tz::UTC, "2026-11-23T00:00:00Z", 3),
        ["11-28 04:30 UTC", "11-29 04:30 UTC", "12-05 04:30 UTC"]
    );
}

#[test]
fn days_and_weekdays_together_are_for_either() {
    assert_eq!(
        ticks("0 12 13 * FRI", Tz::UTC, "2026-11-07T00:00:00Z", 4),
        ["11-13 12:00 UTC", "11-20 12:00 UTC", "11-27 12:00 UTC", "12-04 12:00 UTC"]
    );
    assert_eq!(ticks("0 12 13 * MON", Tz::UTC, "2026-11-10T00:00:00Z", 1), ["11-13 12:00 UTC"]);
}

#[test]
fn a_midnight_that_is_skipped_or_repeated_comes_once() {
    assert_eq!(
        ticks("0 0 * * *", America::Havana, "2026-03-07T12:00:00Z", 2),
        ["03-08 01:00 CDT", "03-09 00:00 CDT"]
    );
    // From 24:00 back to 23:00, and the day begins only after that.
    assert_eq!(
        ticks("30 23 * * *", America::Sao_Paulo, "2018-02-17T12:00:00Z", 2),
        ["02-17 23:30 -02", "02-18 23:30 -03"]
    );
    assert_eq!(ticks("0 0 * * *", America::Sao_Paulo, "2018-02-17T12:00:00Z", 1), ["02-18 00:00 -03"]);
}

#[test]
fn a_time_that_is_skipped_for_good_is_made_up_for_on_the_next_day() {
    // Samoa moved across the date line and had no 30 December in 2011.
    assert_eq!(ticks("0 3 30 * *", Pacific::Apia, "2011-12-01T00:00:00Z", 1), ["12-31 00:00 +14"]);
    // Clocks were moved from 23:30 to midnight.
    assert_eq!(ticks("45 23 4 5 *", Asia::Pyongyang, "2018-05-01T00:00:00Z", 1), ["05-05 00:00 KST"]);
}

#[test]
fn a_day_no_month_has_is_refused_even_beside_days_that_are() {
    assert!(CronSchedule::parse("0 0 30,31 2 *", Tz::UTC).is_err_and(|e| e == InvalidSchedule::NeverDue));
    assert!(CronSchedule::parse("0 0 29-31 2 *", Tz::UTC).is_ok());
}
