//! JSON from the host, member by member. What is absent, `null` or of another type counts as absent.

use headwater_engine::Stored;
use headwater_model::id::Seq;
use headwater_model::json::{Limits, Object, Value, parse};

/// What a page hands in at most, bytes: its state, settings, and the places of half a million events. Single events have
/// their own, far smaller limit in the engine.
const MAX_BYTES: usize = 16 << 20;

fn json(text: &str) -> Option<Value> {
    let limits = Limits::default().with_max_bytes(MAX_BYTES);
    parse(text.as_bytes(), &limits).ok()
}

pub(crate) fn object(text: &str) -> Option<Object> {
    match json(text) {
        Some(Value::Object(object)) => Some(object),
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
    let mut texts = Vec::new();
    for item in list(object, key) {
        if let Value::String(text) = item {
            texts.push(text);
        }
    }
    texts
}

/// The first sixteen bytes of a hexadecimal text; what is missing is zero.
pub(crate) fn entropy(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (at, digit) in text.bytes().take(32).enumerate() {
        // Of a letter the lowest four bits are one more than its place behind 9.
        let value = (digit & 15) + if digit > b'9' { 9 } else { 0 };
        bytes[at / 2] = bytes[at / 2] << 4 | value & 15;
    }
    bytes
}

/// A JSON array.
pub(crate) fn array(text: &str) -> Vec<Value> {
    match json(text) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

pub(crate) fn seqs(numbers: &[Value]) -> Vec<Seq> {
    let mut seqs = Vec::new();
    for number in numbers {
        if let Some(number) = number.as_u64() {
            seqs.push(Seq(number));
        }
    }
    seqs
}

/// `[seq, at, length, unstamped, …]`.
pub(crate) fn stored(numbers: &[Value]) -> Vec<Stored> {
    let mut events = Vec::new();
    for quad in numbers.chunks_exact(4) {
        let number = |at: usize| quad.get(at).and_then(Value::as_u64).unwrap_or(0);
        events.push(Stored {
            seq: Seq(number(0)),
            at: number(1) as i64,
            len: number(2) as u32,
            unstamped: number(3) != 0,
        });
    }
    events
}

/// What stands before and after the first NUL.
pub(crate) fn pair(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == 0)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
