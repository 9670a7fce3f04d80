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
    json(text)?.into_object()
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

/// Decimal numbers between commas, as JavaScript writes a list of them. One below zero is its two's complement.
fn numbers(text: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    let (mut number, mut sign) = (0_u64, 1);
    for byte in text.bytes() {
        if byte == b',' {
            numbers.push(number);
            (number, sign) = (0, 1);
        } else if byte == b'-' {
            sign = u64::MAX;
        } else {
            let digit = u64::from(byte & 15).wrapping_mul(sign);
            number = number.wrapping_mul(10).wrapping_add(digit);
        }
    }
    if !text.is_empty() {
        numbers.push(number);
    }
    numbers
}

pub(crate) fn seqs(text: &str) -> Vec<Seq> {
    let mut seqs = Vec::new();
    for number in numbers(text) {
        seqs.push(Seq(number));
    }
    seqs
}

/// `seq,at,length,unstamped,…`.
pub(crate) fn stored(text: &str) -> Vec<Stored> {
    let mut events = Vec::new();
    for quad in numbers(text).chunks_exact(4) {
        if let [seq, at, len, unstamped] = *quad {
            events.push(Stored {
                seq: Seq(seq),
                at: at as i64,
                len: len as u32,
                unstamped: unstamped != 0,
            });
        }
    }
    events
}

/// What stands before and after the first NUL.
pub(crate) fn pair(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == 0)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
