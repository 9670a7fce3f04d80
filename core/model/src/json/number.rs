use std::fmt;

use super::error::{ErrorKind, ParseError};
use super::write::{write_i64, write_u64};

/// A JSON number, kept as its text, so that nothing is rounded on the way through.
///
/// Two numbers are equal when their texts are: `1`, `1.0` and `1e0` are three different numbers here; compare
/// [`Number::as_f64`] to compare values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

impl Number {
    /// The number that `text` spells, or `None` when it is not exactly one JSON number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (number_end(text.as_bytes(), 0) == Ok(text.len())).then(|| Self(text.into()))
    }

    /// The caller has checked that `text` is a JSON number.
    pub(crate) fn from_checked(text: &str) -> Self {
        Self(text.into())
    }

    fn from_ascii(text: Vec<u8>) -> Self {
        Self(String::from_utf8(text).unwrap_or_default().into())
    }

    /// An integer.
    #[must_use]
    pub fn from_i64(value: i64) -> Self {
        let mut text = Vec::with_capacity(20);
        write_i64(&mut text, value);
        Self::from_ascii(text)
    }

    /// An integer.
    #[must_use]
    pub fn from_u64(value: u64) -> Self {
        let mut text = Vec::with_capacity(20);
        write_u64(&mut text, value);
        Self::from_ascii(text)
    }

    /// The shortest text that reads back as `value`; `None` for NaN and the infinities, which JSON cannot spell.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        let mut text = Vec::with_capacity(24);
        super::float::write_f64(&mut text, value).then(|| Self::from_ascii(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value, when the text is an integer (no fraction, no exponent) that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        parse_i64(&self.0)
    }

    /// The value, when the text is an integer (no fraction, no exponent) that fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        parse_u64(&self.0)
    }

    /// The value times a thousand, cut to an integer: seconds as milliseconds. Exact, from the text; `None` when the
    /// number is negative or the result does not fit.
    #[must_use]
    pub fn as_thousandths(&self) -> Option<u64> {
        let (mantissa, exponent) = match self.0.split_once(['e', 'E']) {
            // An exponent that fits no i64 leaves nothing of any number, or is beyond all of them.
            Some((mantissa, exponent)) => (
                mantissa,
                Number::from_checked(exponent.trim_start_matches('+')).as_i64()?,
            ),
            None => (&*self.0, 0),
        };
        let mut shift = exponent.checked_add(3)?;
        let mut value = 0_u64;
        let mut fraction = false;
        for byte in mantissa.bytes() {
            match byte {
                b'.' => fraction = true,
                b'0'..=b'9' if !fraction || shift > 0 => {
                    value = append_digit(value, byte)?;
                    shift -= i64::from(fraction);
                }
                b'0'..=b'9' => {}
                _ => return None,
            }
        }
        while shift != 0 && value != 0 {
            value = if shift > 0 {
                shift -= 1;
                append_digit(value, b'0')?
            } else {
                shift += 1;
                value / 10
            };
        }
        Some(value)
    }

    /// The nearest double; `None` when the number is beyond what a double can hold.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|value: &f64| value.is_finite())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The integer that decimal digits spell, behind a minus or none.
pub(crate) fn parse_i64(text: &str) -> Option<i64> {
    match text.strip_prefix("-") {
        Some(size) => parse_u64(size)
            .filter(|size| *size <= i64::MIN.unsigned_abs())
            .map(|size| 0_i64.wrapping_sub_unsigned(size)),
        None => parse_u64(text)?.try_into().ok(),
    }
}

/// The number that decimal digits spell, and nothing else; `None` where it does not fit.
#[must_use]
pub fn parse_u64(digits: &str) -> Option<u64> {
    let mut value = 0;
    for byte in digits.bytes() {
        value = append_digit(value, byte)?;
    }
    (!digits.is_empty()).then_some(value)
}

/// Without `checked_mul`, which is a multiplication of 128 bits where registers have 32.
fn append_digit(value: u64, digit: u8) -> Option<u64> {
    if !digit.is_ascii_digit() || value > u64::MAX / 10 {
        return None;
    }
    (value * 10).checked_add(u64::from(digit - b'0'))
}

/// End of the number that starts at `at`, by the grammar of RFC 8259 §6 (longest match).
#[inline]
pub(crate) fn number_end(bytes: &[u8], mut at: usize) -> Result<usize, ParseError> {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    match bytes.get(at) {
        Some(b'0') => {
            at += 1;
            if let Some(b'0'..=b'9') = bytes.get(at) {
                return Err(ParseError::new(ErrorKind::InvalidNumber, at));
            }
        }
        Some(b'1'..=b'9') => at = digits_end(bytes, at + 1),
        _ => return Err(not_a_digit(bytes, at)),
    }
    if bytes.get(at) == Some(&b'.') {
        at = some_digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = some_digits(bytes, at)?;
    }
    Ok(at)
}

fn some_digits(bytes: &[u8], at: usize) -> Result<usize, ParseError> {
    let end = digits_end(bytes, at);
    if end == at {
        Err(not_a_digit(bytes, at))
    } else {
        Ok(end)
    }
}

fn not_a_digit(bytes: &[u8], at: usize) -> ParseError {
    let kind = if at < bytes.len() {
        ErrorKind::InvalidNumber
    } else {
        ErrorKind::UnexpectedEnd
    };
    ParseError::new(kind, at)
}

#[inline]
fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_milliseconds_without_a_float_between() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0.5", Some(500)),
            ("1.001", Some(1001)),
            ("1.9999", Some(1999)),
            ("0.30000000000000004441", Some(300)),
            ("12", Some(12_000)),
            ("1.5e2", Some(150_000)),
            ("1e-3", Some(1)),
            ("123.456E-2", Some(1234)),
            ("9999e-7", Some(0)),
            ("0e999999", Some(0)),
            ("0.0e-5", Some(0)),
            ("18446744073709551.615", Some(u64::MAX)),
            ("18446744073709551.616", None),
            ("1e17", None),
            ("1e2147483647", None),
            ("1e99999999999", None),
            ("-1", None),
        ] {
            let number = Number::parse(text).unwrap();
            assert_eq!(number.as_thousandths(), expected, "{text}");
        }
    }
}
