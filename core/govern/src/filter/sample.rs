//! A share of events, chosen so that the same value always gives the same answer.

use headwater_model::json::{Number, Object, Value};
use md5::{Digest, Md5};

use crate::event_path::EventPath;

/// A sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    percent: f64,
    path: Option<EventPath>,
}

/// Why there is no such sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("percent must be from 0 to 1; 0.25 is every fourth event")]
pub struct SampleError;

impl Sample {
    /// A sample of the share `percent`, from 0 (none) to 1 (all). With a path, events with the same value there are all in
    /// it or all out of it, and what a smaller share has, a greater one has, too.
    ///
    /// # Errors
    /// [`SampleError`]
    pub fn new(percent: f64, path: Option<EventPath>) -> Result<Sample, SampleError> {
        if (0.0..=1.0).contains(&percent) {
            Ok(Sample { percent, path })
        } else {
            Err(SampleError)
        }
    }

    pub(super) fn takes(&self, event: &Object, chance: impl FnOnce(&Object) -> f64) -> bool {
        let place = match &self.path {
            None => chance(event),
            Some(path) => {
                let mut text = Vec::new();
                script_text(path.find(event).unwrap_or(&Value::Null), &mut text);
                place(&[&text])
            }
        };
        place < self.percent
    }
}

/// The place of an event among all, at least 0 and below 1, by its messageId and the filter's id: a retry, a replay and a
/// preview decide alike, and two filters decide apart.
#[must_use]
pub fn chance(filter: &str, event: &Object) -> f64 {
    let id = event.get("messageId").and_then(Value::as_str);
    place(&[filter.as_bytes(), b"\0", id.unwrap_or_default().as_bytes()])
}

/// The first 64 bits of the MD5, as a share of all there are. Segment's SDKs and servers sample so.
fn place(parts: &[&[u8]]) -> f64 {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part);
    }
    let digest = digest.finalize();
    let bits = digest
        .iter()
        .take(8)
        .fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    // A double has room for 53 bits; rounding up to 1 would leave the event out of every sample.
    let place = (bits >> 11) as f64;
    place / 9_007_199_254_740_992.0
}

/// JSON as JavaScript's `JSON.stringify` writes it: numbers are doubles there.
fn script_text(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => out.extend_from_slice(script_number(number).as_bytes()),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                script_text(item, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (index, (key, value)) in object.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                headwater_model::json::write_string(out, key);
                out.push(b':');
                script_text(value, out);
            }
            out.push(b'}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.write(out),
    }
}

/// Digits without an exponent from 1e-6 up to 1e21, as ECMAScript's `Number::toString` has it.
fn script_number(number: &Number) -> String {
    let Some(value) = number.as_f64() else {
        return "null".to_owned();
    };
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once("e-") {
        Some(_) => text,
        None => text.replace('e', "e+"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, text) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("27.50", "27.5"),
            ("1e2", "100"),
            ("123456789012345680000", "123456789012345680000"),
            ("1e21", "1e+21"),
            ("0.0000001", "1e-7"),
            ("9007199254740993", "9007199254740992"),
        ] {
            assert_eq!(script_number(&Number::parse(number).unwrap()), text);
        }
    }
}
