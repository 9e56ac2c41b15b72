//! Which date is a day, and which day a date?
//!
//! The Gregorian calendar, for all years, after Howard Hinnant's "chrono-compatible
//! low-level date algorithms": years are counted from March, so that the day that leap
//! years add is the last of its year.

/// Days of 400 years, after which the calendar repeats.
const DAYS_OF_ERA: i64 = 146_097;
/// Days from the first of March of the year 0 to the first of January 1970.
const EPOCH: i64 = 719_468;

/// Year, month and day of the `days`th day after the first of January 1970.
pub fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(EPOCH);
    let era = shifted.div_euclid(DAYS_OF_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524
        - day_of_era / 146_096)
        / 365;
    let day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days from the first of January 1970 to a date; the inverse of [`date_of`].
pub fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_OF_ERA + day_of_era - EPOCH
}

#[cfg(test)]
mod tests {
    use super::{date_of, days_since_1970};

    #[test]
    fn days_are_dates_and_dates_are_days() {
        let cases = [
            (-719_162, (1, 1, 1)),
            (-1, (1969, 12, 31)),
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ];
        for (days, date) in cases {
            assert_eq!(date_of(days), date);
            assert_eq!(days_since_1970(date.0, date.1, date.2), days);
        }
        for days in (-1_000_000..1_000_000).step_by(97) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_since_1970(year, month, day), days);
        }
        date_of(i64::MAX);
        date_of(i64::MIN);
    }
}
