//! JSON text out: values, strings and integers into a byte buffer, without the formatting machinery of `std`.

use super::Number;
use super::string::special;
#[cfg(feature = "strict")]
use super::{Object, Value};

const HEX: &[u8; 16] = b"0123456789abcdef";
/// A page loads this code.
const SMALL: bool = cfg!(target_family = "wasm");
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends `text` as a JSON string, quotes included. Escapes only what must be: `"`, `\` and characters below U+0020.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// What stands between the quotes.
pub(crate) fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = special(bytes, from);
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        let Some(&byte) = bytes.get(at) else { break };
        write_escape(out, byte);
        from = at + 1;
    }
}

#[cold]
fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

/// Appends `number` in decimal.
pub fn write_u64(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    // Two digits at a time where that table costs nothing.
    while number >= 100 && !SMALL {
        let pair = (number % 100) as usize * 2;
        number /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    while number >= 10 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    at -= 1;
    digits[at] = b'0' + number as u8;
    out.extend_from_slice(&digits[at..]);
}

/// Appends `number` in decimal.
pub fn write_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    write_u64(out, number.unsigned_abs());
}

/// `number` in decimal, without the formatting machinery of `std`.
#[must_use]
pub fn decimal(number: u64) -> String {
    let mut text = Vec::with_capacity(20);
    write_u64(&mut text, number);
    // Digits: always UTF-8.
    String::from_utf8(text).unwrap_or_default()
}

/// Appends `true` or `false`.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes one object, member by member, without a tree first.
///
/// ```
/// use headwater_model::json::{Members, write_i64, write_string};
/// let mut members = Members::default();
/// write_string(members.key("plan"), "pro");
/// write_i64(members.key("seats"), 3);
/// assert_eq!(members.end(), br#"{"plan":"pro","seats":3}"#);
/// ```
#[derive(Debug, Default)]
pub struct Members(Vec<u8>);

impl Members {
    /// Begins a member; its value is to be appended to what this returns. A key must not come twice.
    pub fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        write_string(&mut self.0, key);
        self.0.push(b':');
        &mut self.0
    }

    /// The object's text.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
        self.0
    }
}

#[cfg(feature = "strict")]
impl Value {
    /// Appends the value as JSON text without blanks; numbers as they were read.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => write_bool(out, *value),
            Self::Number(number) => number.write(out),
            Self::String(text) => write_string(out, text),
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(object) => object.write(out),
        }
    }

    /// The value as JSON text in a buffer of its own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

#[cfg(feature = "strict")]
impl Object {
    /// Appends the object as JSON text without blanks, keys in their order.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (key, value)) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_string(out, key);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }
}

impl Number {
    /// Appends the number's text.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }
}
