//! JSON from the host, member by member. What is absent, `null` or of another type counts as absent.

use headwater_engine::Stored;
use headwater_model::id::Seq;
use headwater_model::json::{Limits, Object, Value, parse};

use crate::{int, millis};

/// What a page hands in at most, bytes: a settings document or a saved state. Single events have their own, far
/// smaller limit in the engine.
const MAX_BYTES: usize = 4 << 20;

pub(crate) fn object(text: &str) -> Option<Object> {
    match parse(
        text.as_bytes(),
        &Limits::default().with_max_bytes(MAX_BYTES),
    ) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

pub(crate) fn text(object: &mut Object, key: &str) -> Option<String> {
    match object.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

pub(crate) fn inner(object: &mut Object, key: &str) -> Option<Object> {
    match object.remove(key) {
        Some(Value::Object(inner)) => Some(inner),
        _ => None,
    }
}

pub(crate) fn list(object: &mut Object, key: &str) -> Vec<Value> {
    match object.remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

pub(crate) fn texts(object: &mut Object, key: &str) -> Vec<String> {
    list(object, key)
        .into_iter()
        .filter_map(|item| match item {
            Value::String(text) => Some(text),
            _ => None,
        })
        .collect()
}

pub(crate) fn number(object: &Object, key: &str) -> Option<i64> {
    object.get(key).and_then(Value::as_i64)
}

/// A number that may be a limit: negative ones count as absent.
pub(crate) fn size(object: &Object, key: &str) -> Option<u64> {
    number(object, key).and_then(|number| number.try_into().ok())
}

pub(crate) fn flag(object: &Object, key: &str) -> Option<bool> {
    object.get(key).and_then(Value::as_bool)
}

/// The engine writes JSON only, so this never replaces anything.
pub(crate) fn string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// Thirty-two bytes as two times sixteen; missing ones are zero.
pub(crate) fn halves(entropy: &[u8]) -> ([u8; 16], [u8; 16]) {
    let mut halves = ([0; 16], [0; 16]);
    for (byte, given) in halves.0.iter_mut().chain(&mut halves.1).zip(entropy) {
        *byte = *given;
    }
    halves
}

/// `[seq, at, length, unstamped, …]`.
pub(crate) fn stored(numbers: &[f64]) -> Vec<Stored> {
    numbers
        .chunks_exact(4)
        .map(|quad| Stored {
            seq: Seq(int(quad[0])),
            at: millis(quad[1]).0,
            len: int(quad[2]).try_into().unwrap_or(u32::MAX),
            unstamped: quad[3] != 0.0,
        })
        .collect()
}
