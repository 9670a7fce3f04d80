//! Value functions of time.

use std::borrow::Cow;

use headwater_model::json::{Number, Value};
use headwater_model::time::{Millis, format_iso, parse_iso};

use super::functions_value::{Made, decimal};
use super::worth::Worth;

/// Numbers from this size on are milliseconds: as seconds it is the year 5138, as milliseconds 1973.
const MILLISECONDS: i64 = 100_000_000_000;
/// From this on microseconds.
const MICROSECONDS: i64 = 100_000_000_000_000;

/// Microseconds since 1970.
fn instant(worth: &Worth<'_>) -> Option<i64> {
    if let Worth::Text(text) = worth
        && let Some(Millis(ms)) = parse_iso(text.trim())
    {
        return ms.checked_mul(1_000);
    }
    let micros = decimal(worth)?.shifted(6)?.cut().whole();
    let whole = decimal(worth)?.cut().whole()?;
    match whole.checked_abs()? {
        size if size >= MICROSECONDS => Some(whole),
        size if size >= MILLISECONDS => decimal(worth)?.shifted(3)?.cut().whole(),
        _ => micros,
    }
}

pub(super) fn date<'a>(time: &Worth<'_>, form: &Worth<'_>) -> Made<'a> {
    let Worth::Text(form) = form else {
        return Err("the form is a text");
    };
    if matches!(time, Worth::Text(text) if text.is_empty()) {
        return Ok(Worth::Missing);
    }
    let micros = instant(time).ok_or("this is no time: write ISO 8601, or a number since 1970")?;
    written(micros, form)
}

fn written<'a>(micros: i64, form: &str) -> Made<'a> {
    let whole = |number: i64| Ok(Worth::Number(Cow::Owned(Number::from_i64(number))));
    let ms = Millis(micros.div_euclid(1_000));
    let iso = format_iso(ms);
    let iso = std::str::from_utf8(&iso).unwrap_or_default();
    match form {
        "s" => whole(micros.div_euclid(1_000_000)),
        "ms" => whole(ms.0),
        "us" => whole(micros),
        "iso" => Ok(Worth::text(iso)),
        "iso_seconds" => Ok(Worth::text(format!(
            "{}Z",
            iso.get(..19).unwrap_or_default()
        ))),
        form if form.contains("YYYY") => {
            let mut out = form.to_owned();
            for (mark, range) in [
                ("YYYY", 0..4),
                ("SSS", 20..23),
                ("MM", 5..7),
                ("DD", 8..10),
                ("HH", 11..13),
                ("mm", 14..16),
                ("ss", 17..19),
            ] {
                out = out.replacen(mark, iso.get(range).unwrap_or_default(), 1);
            }
            Ok(Worth::text(out))
        }
        _ => Err("the form is 's', 'ms', 'us', 'iso', 'iso_seconds' or has YYYY"),
    }
}

/// An event's depth is bounded where it is parsed.
pub(super) fn deep_dates(value: &mut Value, form: &str) -> Result<(), &'static str> {
    match value {
        Value::String(text) if text.len() > 10 => {
            if let Some(Millis(ms)) = parse_iso(text) {
                let made = written(ms.saturating_mul(1_000), form)?;
                *value = made.into_value().unwrap_or_default();
            }
        }
        Value::Array(items) => {
            for item in items {
                deep_dates(item, form)?;
            }
        }
        Value::Object(object) => {
            for (_, item) in object.iter_mut() {
                deep_dates(item, form)?;
            }
        }
        _ => {}
    }
    Ok(())
}
