//! Instants as Unix milliseconds, and their texts: ISO 8601 out, ISO 8601 / RFC 3339 and HTTP dates in.
//!
//! All of it is arithmetic: no clock, no time zones beyond a numeric offset. The calendar is the proleptic Gregorian.

mod http;

use std::fmt;

pub use http::parse_http_date;

const DAY_MS: i64 = 86_400_000;

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// `0000-01-01T00:00:00.000Z`, the earliest instant with a text.
    pub const MIN_ISO: Self = Self(-62_167_219_200_000);
    /// `9999-12-31T23:59:59.999Z`, the latest instant with a text.
    pub const MAX_ISO: Self = Self(253_402_300_799_999);

    /// This instant plus `ms` milliseconds; stops at the ends of the range instead of wrapping.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when it lies after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// As [`format_iso`].
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&format_iso(*self)).unwrap_or_default())
    }
}

/// The instant as `2026-11-23T10:00:00.123Z`, ASCII. Outside the years 0000–9999 the nearest instant inside.
#[must_use]
pub fn format_iso(instant: Millis) -> [u8; 24] {
    // From the year 0 on nothing is negative, and a day fits 32 bits, which is what WebAssembly computes in few bytes.
    let ms = instant
        .clamp(Millis::MIN_ISO, Millis::MAX_ISO)
        .since(Millis::MIN_ISO) as u64;
    let (year, month, day) = civil((ms / DAY_MS as u64) as u32);
    let in_day = (ms % DAY_MS as u64) as u32;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text, 0, 4, year);
    digits(&mut text, 5, 2, month);
    digits(&mut text, 8, 2, day);
    digits(&mut text, 11, 2, in_day / 3_600_000);
    digits(&mut text, 14, 2, in_day / 60_000 % 60);
    digits(&mut text, 17, 2, in_day / 1000 % 60);
    digits(&mut text, 20, 3, in_day % 1000);
    text
}

/// Appends [`format_iso`].
pub fn push_iso(out: &mut Vec<u8>, instant: Millis) {
    out.extend_from_slice(&format_iso(instant));
}

fn digits(text: &mut [u8; 24], at: usize, width: usize, mut value: u32) {
    for place in (at..at + width).rev() {
        text[place] = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Reads an instant as SDKs write it: RFC 3339, and what ISO 8601 allows beside it.
///
/// `2026-11-23T10:00:00.123+01:00`; `T` and `Z` in either case, or a blank for `T`; seconds may be missing; up to nine
/// digits of fraction after `.` or `,`, cut to milliseconds; an offset as `+01:00`, `+0100` or `+01`. A date alone is
/// midnight UTC; a time without offset is UTC. A leap second `:60` reads as `:59.999` of its minute, so that it stays
/// on its day and after all before it. `None` for all else, dates that do not exist included.
#[must_use]
pub fn parse_iso(text: &str) -> Option<Millis> {
    let mut reader = Reader(text.as_bytes());
    let year = reader.number(4)?;
    reader.take(b"-")?;
    let month = reader.number(2)?;
    reader.take(b"-")?;
    let day = reader.number(2)?;
    let days = days_from_civil(year, month, day)?;
    if reader.0.is_empty() {
        return Some(Millis(days * DAY_MS));
    }
    reader.take(b"Tt ")?;
    let hour = reader.number(2)?;
    reader.take(b":")?;
    let minute = reader.number(2)?;
    let (mut second, mut ms) = (0, 0);
    if reader.take(b":").is_some() {
        second = reader.number(2)?;
        if reader.take(b".,").is_some() {
            ms = reader.fraction()?;
        }
    }
    let offset = reader.offset()?;
    if !reader.0.is_empty() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if second == 60 {
        (second, ms) = (59, 999);
    }
    Some(Millis(
        days * DAY_MS + ((hour * 60 + minute - offset) * 60 + second) * 1000 + ms,
    ))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, any_of: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        // No `contains`: it would bring the search for a byte in long texts along.
        for byte in any_of {
            if first == *byte {
                self.0 = rest;
                return Some(first);
            }
        }
        None
    }

    fn digit(&mut self) -> Option<i64> {
        let (&first, rest) = self.0.split_first()?;
        if !first.is_ascii_digit() {
            return None;
        }
        self.0 = rest;
        Some(i64::from(first - b'0'))
    }

    fn number(&mut self, width: usize) -> Option<i64> {
        let mut value = 0;
        for _ in 0..width {
            value = value * 10 + self.digit()?;
        }
        Some(value)
    }

    fn letters(&mut self) -> &'a [u8] {
        let count = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let (word, rest) = self.0.split_at(count);
        self.0 = rest;
        word
    }

    /// One to nine digits after the point, as milliseconds.
    fn fraction(&mut self) -> Option<i64> {
        let mut ms = self.digit()? * 100;
        let mut weight = 10;
        for _ in 1..9 {
            let Some(digit) = self.digit() else { break };
            ms += digit * weight;
            weight /= 10;
        }
        Some(ms)
    }

    /// Minutes east of UTC; 0 at the end of the text.
    fn offset(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.take(b"Zz").is_some() {
            return Some(0);
        }
        let sign = self.take(b"+-")?;
        let hours = self.number(2)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.take(b":");
            self.number(2)?
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let offset = hours * 60 + minutes;
        Some(if sign == b'-' { -offset } else { offset })
    }
}

/// Days since 1970-01-01 of a date that exists. Years start in March here, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

/// Year, month and day of a day since 0000-01-01. Years start in March here, so that the leap day comes last.
fn civil(days: u32) -> (u32, u32, u32) {
    const ERA: u32 = 146_097;
    // The era before the first one ends with January and February of the year 0.
    let days = days + ERA - 60;
    let in_era = days % ERA;
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    let month = (in_year * 5 + 2) / 153;
    let day = in_year - (month * 153 + 2) / 5 + 1;
    let year = days / ERA * 400 + year_of_era;
    if month < 10 {
        (year - 400, month + 3, day)
    } else {
        (year - 399, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str) -> Option<String> {
        parse_iso(text).map(|instant| instant.to_string())
    }

    #[test]
    fn every_day_of_ten_thousand_years_survives_the_round_trip() {
        let mut ms = Millis::MIN_ISO.0;
        while ms <= Millis::MAX_ISO.0 {
            let text = Millis(ms).to_string();
            assert_eq!(parse_iso(&text), Some(Millis(ms)), "{text}");
            ms += DAY_MS;
        }
    }

    #[test]
    fn instants_outside_four_digit_years_are_clamped() {
        assert_eq!(Millis(i64::MIN).to_string(), "0000-01-01T00:00:00.000Z");
        assert_eq!(Millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(
            Millis(1_795_428_000_123).to_string(),
            "2026-11-23T10:00:00.123Z"
        );
    }

    #[test]
    fn what_sdks_write_is_read() {
        for (text, expected) in [
            ("2026-11-23T10:00:00.123Z", "2026-11-23T10:00:00.123Z"),
            ("2026-11-23t10:00:00z", "2026-11-23T10:00:00.000Z"),
            ("2026-11-23 10:00:00", "2026-11-23T10:00:00.000Z"),
            ("2026-11-23T10:00", "2026-11-23T10:00:00.000Z"),
            ("2026-11-23", "2026-11-23T00:00:00.000Z"),
            ("2026-11-23T10:00:00.123456789Z", "2026-11-23T10:00:00.123Z"),
            ("2026-11-23T10:00:00,9999Z", "2026-11-23T10:00:00.999Z"),
            ("2026-11-23T10:00:00.5+01:00", "2026-11-23T09:00:00.500Z"),
            ("2026-11-23T10:00:00-0530", "2026-11-23T15:30:00.000Z"),
            ("2026-11-23T00:30:00+01", "2026-11-22T23:30:00.000Z"),
            ("2016-12-31T23:59:60.7Z", "2016-12-31T23:59:59.999Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "1900-02-29",
            "2026-11-31",
            "2026-11-23T",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:60:00Z",
            "2026-11-23T10:00:61Z",
            "2026-11-23T10:00:00.Z",
            "2026-11-23T10:00:00.1234567890Z",
            "2026-11-23T10:00:00+24:00",
            "2026-11-23T10:00:00+1",
            "2026-11-23T10Z",
            "2026-11-23T10:00:00Z ",
            " 2026-11-23",
            "+2026-11-23",
            "2026-1-2",
            "٢٠٢٦-11-23",
            "2026-11-23T10:00:00+01:0",
            "2026-11-23T10:00:00+01:00:00",
        ] {
            assert_eq!(iso(text), None, "{text}");
        }
    }
}
