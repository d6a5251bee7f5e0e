//! Time as an argument: the shell reads both clocks once per batch and passes them on.

use core::fmt;

/// Microseconds in a second.
pub const US_PER_S: i64 = 1_000_000;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock in microseconds since 1970 UTC. It dates rows, and may jump.
    pub wall_us: i64,
    /// The monotonic clock in microseconds since some fixed moment. It drives deadlines.
    pub mono_us: u64,
}

impl Now {
    /// The wall clock's whole seconds.
    #[must_use]
    pub const fn wall_s(self) -> i64 {
        self.wall_us.div_euclid(US_PER_S)
    }
}

/// Writes seconds since 1970 as `YYYY-MM-DD HH:MM:SS`, UTC.
///
/// # Errors
/// Where `out` refuses.
pub fn write_time(out: &mut dyn fmt::Write, time_s: i64) -> fmt::Result {
    let (days, second) = (time_s.div_euclid(86_400), time_s.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The calendar date of a day counted from 1970-01-01. Years are taken to begin in March, so that
/// the leap day is the last one.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_400_YEARS: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(DAYS_PER_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_PER_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    (year, if month < 10 { month + 3 } else { month - 9 }, day)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (time_s, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_795_387_698, "2026-11-22 22:48:18"),
            (-1, "1969-12-31 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            let mut out = String::new();
            write_time(&mut out, time_s).unwrap();
            assert_eq!(out, text);
        }
    }
}
