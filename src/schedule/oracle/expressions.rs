//! The schedules that are compared.

/// Compared for all the years.
pub(super) const SPARSE: [&str; 26] = [
    // The defaults.
    "0 3 1 * *",
    "0 */4 * * *",
    "30 4 * * SUN",
    "0 5 * * *",
    // The hours in which most clocks are set, Lord Howe's half one, and midnight as in Cairo and Havana.
    "30 2 * * *",
    "0 0 * * *",
    "10 2 * * SUN",
    "15 0 * * 5,SAT,0",
    "5,35 2,14 * * 0",
    "10 1-3 * * 7",
    "45 1 * 3-4,10-NOV MON-FRI",
    "20 15 2 * */2 MON,FRI,SUN",
    "20-50/10 23,0 25-31/2 3,10 *",
    // The days on which America and Europe set theirs.
    "30 2 * * SUN#2",
    "30 2 * * SUN#L",
    "0 2 8-14 MAR,11 *",
    // Days that not every month has.
    "15 2 31 * *",
    "59 23 L * *",
    "0 2 29 2 *",
    "0 0-22 L 3,10 *",
    // The turn of the year and of the month, and days or weekdays.
    "*/20 59 23 31 12 *",
    "0 0 1 1 *",
    "@monthly",
    "0 12 13 * FRI",
    // Every hour, on some days.
    "10 * * 3,10 SUN",
    "0 * L * *",
];

/// Compared around each change of clocks only, unless asked for more.
pub(super) const DENSE: [&str; 6] = [
    "@hourly",
    "*/30 * * * *",
    "15 */10 * */3 * *",
    "7 1-23 * * *",
    "*/20 0-3 * * *",
    "0 0-22/2 * * SAT-SUN",
];
