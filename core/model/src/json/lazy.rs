//! JSON that is looked into as far as somebody asks: for pages, where code costs more than time.
//!
//! A [`Value`] is its text, an [`Object`] its members with their values as text. Reading skips over what is inside,
//! writing copies it. The text is one that a writer of JSON wrote (`JSON.stringify`, or this crate): without blanks, each
//! key once. Any other is refused, or passed on as it is.
//!
//! Where the feature `strict` is off these two are the crate's `json::Value` and `json::Object`, with as much of what those
//! can do as the engine asks for there.

use std::fmt;

use super::Limits;
use super::error::{ErrorKind, ParseError};
use super::number::{Number, parse_i64, parse_u64};
use super::write::{write_i64, write_string, write_u64};

/// Any JSON value, as its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(String);

/// A JSON object: its members in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object(Vec<(String, Value)>);

/// Takes one value that a writer of JSON wrote, and looks no further than for its end.
///
/// # Errors
/// [`ErrorKind::ExpectedValue`] and about where; [`ErrorKind::NotUtf8`], [`ErrorKind::TooLarge`].
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, ParseError> {
    let max = limits.max_bytes;
    if bytes.len() > max {
        return Err(ParseError::new(ErrorKind::TooLarge { max }, max));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(ParseError::new(ErrorKind::NotUtf8, 0));
    };
    let mut reader = Reader { text, at: 0 };
    match reader.value(limits.depth()) {
        Some(value) if reader.at == text.len() => Ok(value),
        _ => Err(ParseError::new(ErrorKind::ExpectedValue, reader.at)),
    }
}

impl Value {
    /// The value of a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.0.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// An integer that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        parse_i64(&self.0)
    }

    /// See [`Number::as_thousandths`].
    #[must_use]
    pub fn as_thousandths(&self) -> Option<u64> {
        Number::from_checked(&self.0).as_thousandths()
    }

    /// The same, where it is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        parse_u64(&self.0)
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0 == "null"
    }

    /// The text of a string, unescaped.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        let mut reader = Reader {
            text: &self.0,
            at: 0,
        };
        reader.string()
    }

    /// The object, read.
    #[must_use]
    pub fn to_object(&self) -> Option<Object> {
        let mut reader = Reader {
            text: &self.0,
            at: 0,
        };
        let mut members = Vec::new();
        if !reader.eat(b'{') {
            return None;
        }
        while !reader.eat(b'}') {
            if !members.is_empty() && !reader.eat(b',') {
                return None;
            }
            let key = reader.string()?;
            if !reader.eat(b':') {
                return None;
            }
            members.push((key, reader.value(usize::MAX)?));
        }
        Some(Object(members))
    }

    /// The object, read.
    #[must_use]
    pub fn into_object(self) -> Option<Object> {
        self.to_object()
    }

    /// Appends the text.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }

    /// The text.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    fn written(text: Vec<u8>) -> Value {
        Value(String::from_utf8(text).unwrap_or_default())
    }
}

/// `null`
impl Default for Value {
    fn default() -> Self {
        Value("null".to_owned())
    }
}

/// As JSON text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As JSON text.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value(if value { "true" } else { "false" }.to_owned())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        let mut text = Vec::new();
        write_i64(&mut text, value);
        Value::written(text)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        let mut text = Vec::new();
        write_u64(&mut text, value);
        Value::written(text)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        let mut text = Vec::new();
        write_string(&mut text, value);
        Value::written(text)
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Self {
        let mut text = Vec::new();
        value.write(&mut text);
        Value::written(text)
    }
}

impl Object {
    /// An empty object.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|(name, _)| name == key)
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        Some(&self.0.get(self.position(key)?)?.1)
    }

    /// The value of `key`, to change in place.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.position(key)?;
        Some(&mut self.0.get_mut(at)?.1)
    }

    /// Sets `key`: in its place when it is there already, at the end otherwise.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.set(key.into(), value.into());
    }

    fn set(&mut self, key: String, value: Value) {
        match self.get_mut(&key) {
            Some(held) => *held = value,
            None => self.0.push((key, value)),
        }
    }

    /// Takes `key` out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key)?;
        Some(self.0.remove(at).1)
    }

    /// Takes `key` out, where it is a string.
    pub fn take_text(&mut self, key: &str) -> Option<String> {
        self.remove(key)?.into_text()
    }

    /// Takes `key` out, where it is an object.
    pub fn take_object(&mut self, key: &str) -> Option<Object> {
        self.remove(key)?.into_object()
    }

    /// The number of `key`, where it is an integer that fits.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_i64()
    }

    /// The same, where it is not negative.
    #[must_use]
    pub fn natural(&self, key: &str) -> Option<u64> {
        self.get(key)?.as_u64()
    }

    /// The boolean of `key`.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// The object of `key`, read.
    #[must_use]
    pub fn to_object(&self, key: &str) -> Option<Object> {
        self.get(key)?.to_object()
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the object as JSON text.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (key, value)) in self.0.iter().enumerate() {
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

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// The next byte; 0, which no JSON holds, at the end.
    #[inline(never)]
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.byte() == byte;
        self.at += usize::from(found);
        found
    }

    fn since(&self, from: usize) -> &str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// From the first byte of a value to behind its last one, at most so many levels deep.
    fn value(&mut self, levels: usize) -> Option<Value> {
        let from = self.at;
        let mut open = 0;
        loop {
            match self.byte() {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' if open == levels => return None,
                b'{' | b'[' => open += 1,
                b'}' | b']' if open > 0 => open -= 1,
                0 | b',' | b'}' | b']' if open == 0 => break,
                0 => return None,
                _ => {}
            }
            self.at += 1;
        }
        (self.at > from).then(|| Value(self.since(from).to_owned()))
    }

    /// From the opening quote to behind the closing one.
    fn skip_string(&mut self) -> Option<()> {
        loop {
            self.at += 1;
            match self.byte() {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 1,
                0 => return None,
                _ => {}
            }
        }
    }

    /// The same, and what it says.
    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        if self.byte() != b'"' {
            return None;
        }
        loop {
            self.at += 1;
            let from = self.at;
            while !matches!(self.byte(), b'"' | b'\\' | 0) {
                self.at += 1;
            }
            text.push_str(self.since(from));
            match self.byte() {
                b'"' => {
                    self.at += 1;
                    return Some(text);
                }
                b'\\' => text.push(self.escape()?),
                _ => return None,
            }
        }
    }

    /// From the backslash to the escape's last byte.
    fn escape(&mut self) -> Option<char> {
        self.at += 1;
        Some(match self.byte() {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut unit = self.unit()?;
                if unit >> 10 == 0xd800 >> 10 {
                    self.at += 2;
                    let low = self
                        .unit()?
                        .checked_sub(0xdc00)
                        .filter(|low| *low < 0x400)?;
                    unit = 0x1_0000 + ((unit & 0x3ff) << 10) + low;
                }
                return char::from_u32(unit);
            }
            other @ (b'"' | b'\\' | b'/') => other.into(),
            _ => return None,
        })
    }

    /// From a `u` over four hexadecimal digits to the last of them.
    fn unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            self.at += 1;
            unit = unit << 4 | char::from(self.byte()).to_digit(16)?;
        }
        Some(unit)
    }
}
