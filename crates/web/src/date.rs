//! Dates: of HTTP headers, such as `Sun, 06 Nov 1994 08:49:37 GMT`, and in tables.

use row::text::write_int;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_S: i64 = 86_400;
/// The end of the year 9999: later dates have no form.
const LAST_S: i64 = 253_402_300_799;

/// Writes a second since 1970 as a date.
pub(crate) fn http_date(time_s: i64) -> String {
    let time_s = time_s.clamp(0, LAST_S);
    let (days, second) = (time_s / DAY_S, time_s % DAY_S);
    let (year, month, day) = civil(days);
    let weekday = DAYS[(days % 7) as usize];
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT", MONTHS[month as usize])
}

/// Writes a second as `1994-11-06 08:49:37`.
pub(crate) fn write_date(out: &mut Vec<u8>, time_s: i64) {
    let [year, month, day, hour, minute, second] = parts(time_s);
    write_digits(out, year, 4);
    for (lead, part) in [(b'-', month + 1), (b'-', day), (b' ', hour), (b':', minute), (b':', second)] {
        out.push(lead);
        write_digits(out, part, 2);
    }
}

/// Writes a second as numbers between commas, the month counted from 0.
pub(crate) fn write_date_parts(out: &mut Vec<u8>, time_s: i64) {
    for (number, part) in parts(time_s).into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_int(out, part);
    }
}

fn parts(time_s: i64) -> [i64; 6] {
    let time_s = time_s.clamp(0, LAST_S);
    let (days, second) = (time_s / DAY_S, time_s % DAY_S);
    let (year, month, day) = civil(days);
    [year, month, day, second / 3_600, second / 60 % 60, second % 60]
}

fn write_digits(out: &mut Vec<u8>, number: i64, digits: u32) {
    for digit in (0..digits).rev() {
        out.push(b'0' + (number / 10_i64.pow(digit) % 10) as u8);
    }
}

/// Year, month (from 0) and day (from 1) of a day since 1970, by years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12;
    (year_of_era + era * 400 + i64::from(month < 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known dates, leap years among them.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (time_s, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_795_387_698, "Sun, 22 Nov 2026 22:48:18 GMT"),
            (i64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (i64::MIN, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(http_date(time_s), date);
        }
    }
}
