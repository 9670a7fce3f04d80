use super::{DAY_MS, Millis, Reader, days_from_civil};

/// Reads an HTTP date in the three forms of RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`,
/// `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
///
/// The weekday must be one, but need not fit the date. Two-digit years below 70 are in the 2000s.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<Millis> {
    let mut reader = Reader(text.trim_ascii().as_bytes());
    let weekday = reader.letters();
    let (year, month, day, seconds);
    if reader.take(b",").is_some() {
        reader.take(b" ")?;
        day = reader.number(2)?;
        let long = reader.take(b"-").is_some();
        if !long {
            reader.take(b" ")?;
        }
        month = month_of(reader.letters())?;
        if long {
            reader.take(b"-")?;
            let short = reader.number(2)?;
            year = if short < 70 {
                2000 + short
            } else {
                1900 + short
            };
        } else {
            reader.take(b" ")?;
            year = reader.number(4)?;
        }
        reader.take(b" ")?;
        seconds = reader.clock()?;
        reader.take(b" ")?;
        if reader.0 != b"GMT" || !is_weekday(weekday, long) {
            return None;
        }
    } else {
        reader.take(b" ")?;
        month = month_of(reader.letters())?;
        reader.take(b" ")?;
        day = if reader.take(b" ").is_some() {
            reader.number(1)?
        } else {
            reader.number(2)?
        };
        reader.take(b" ")?;
        seconds = reader.clock()?;
        reader.take(b" ")?;
        year = reader.number(4)?;
        if !reader.0.is_empty() || !is_weekday(weekday, false) {
            return None;
        }
    }
    Some(Millis(
        days_from_civil(year, month, day)? * DAY_MS + seconds * 1000,
    ))
}

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

fn is_weekday(name: &[u8], long: bool) -> bool {
    WEEKDAYS
        .iter()
        .any(|day| day.as_bytes() == name && long || &day.as_bytes()[..3] == name && !long)
}

fn month_of(name: &[u8]) -> Option<i64> {
    let at = MONTHS.chunks_exact(3).position(|month| month == name)?;
    Some(at as i64 + 1)
}

impl Reader<'_> {
    /// `hh:mm:ss` in seconds; a leap second counts as the one before.
    fn clock(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        self.take(b":")?;
        let minute = self.number(2)?;
        self.take(b":")?;
        let second = self.number(2)?;
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Some((hour * 60 + minute) * 60 + second.min(59))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_iso;
    use super::*;

    #[test]
    fn http_dates_are_read_in_all_three_forms() {
        let expected = Some(Millis(784_111_777_000));
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_http_date(text), expected, "{text}");
        }
        assert_eq!(
            parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT"),
            parse_iso("2026-10-21T07:28:00Z")
        );
        assert_eq!(
            parse_http_date("Wednesday, 21-Oct-26 07:28:00 GMT"),
            parse_iso("2026-10-21T07:28:00Z")
        );
        assert_eq!(
            parse_http_date("Sun Nov 16 08:49:37 1994"),
            parse_iso("1994-11-16T08:49:37Z")
        );
    }

    #[test]
    fn what_is_no_http_date_is_refused() {
        for text in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Son, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }
}
