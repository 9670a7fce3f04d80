use super::error::{ErrorKind, ParseError};
use super::{Limits, Number, Object, Value};

/// Reads one JSON value that a writer of JSON wrote: `JSON.stringify`, or this crate.
///
/// Of such a text it makes what [`parse`](super::parse) makes, in a third of the code. A text that is no JSON is refused
/// or read as something near it: numbers, control characters and what keys stand twice are not looked at.
///
/// # Errors
/// [`ErrorKind::ExpectedValue`] and about where; [`ErrorKind::NotUtf8`], [`ErrorKind::TooLarge`].
pub fn parse_written(bytes: &[u8], limits: &Limits) -> Result<Value, ParseError> {
    let max = limits.max_bytes;
    if bytes.len() > max {
        return Err(ParseError::new(ErrorKind::TooLarge { max }, max));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(ParseError::new(ErrorKind::NotUtf8, 0));
    };
    let mut reader = Reader {
        text,
        at: 0,
        levels: limits.depth(),
    };
    match reader.value() {
        Some(value) if reader.peek() == 0 && reader.at == text.len() => Ok(value),
        _ => Err(ParseError::new(ErrorKind::ExpectedValue, reader.at)),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many more may be open.
    levels: usize,
}

impl Reader<'_> {
    /// The next byte; 0, which no JSON holds, at the end.
    #[inline(never)]
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// The same, behind blanks.
    fn peek(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.byte()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    fn since(&self, from: usize) -> &str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// Recurses once a level.
    fn value(&mut self) -> Option<Value> {
        let first = self.peek();
        let from = self.at;
        match first {
            b'{' | b'[' => {
                self.levels = self.levels.checked_sub(1)?;
                self.at += 1;
                let object = first == b'{';
                let end = first + 2;
                let mut pairs = Vec::new();
                let mut items = Vec::new();
                if !self.eat(end) {
                    loop {
                        if object {
                            if self.peek() != b'"' {
                                return None;
                            }
                            let key = self.string()?;
                            if !self.eat(b':') {
                                return None;
                            }
                            pairs.push((key, self.value()?));
                        } else {
                            items.push(self.value()?);
                        }
                        if self.eat(b',') {
                            continue;
                        }
                        if !self.eat(end) {
                            return None;
                        }
                        break;
                    }
                }
                self.levels += 1;
                Some(if object {
                    Value::Object(Object::from_distinct(pairs))
                } else {
                    Value::Array(items)
                })
            }
            b'"' => self.string().map(Value::String),
            b'-' | b'0'..=b'9' => {
                while matches!(self.byte(), b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E') {
                    self.at += 1;
                }
                Some(Value::Number(Number::from_checked(self.since(from))))
            }
            _ => {
                while self.byte().is_ascii_lowercase() {
                    self.at += 1;
                }
                match self.since(from) {
                    "null" => Some(Value::Null),
                    "true" => Some(Value::Bool(true)),
                    "false" => Some(Value::Bool(false)),
                    _ => None,
                }
            }
        }
    }

    /// From the opening quote to behind the closing one.
    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
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
