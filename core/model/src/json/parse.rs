use super::error::{ErrorKind, ParseError};
use super::scan::Scanner;
use super::span::Kind;
use super::string::decode;
use super::{Limits, Number, Object, Value};

/// Reads one JSON value, by RFC 8259 to the letter.
///
/// The bytes must be UTF-8 without a byte order mark; lone surrogates, control characters in strings, numbers outside
/// the grammar, and anything but blanks after the value are refused. Memory and stack are bounded by `limits`.
///
/// # Errors
/// What is wrong and at which byte.
///
/// ```
/// use headwater_model::json::{self, Limits};
/// let event = json::parse(br#"{"event":"Order Completed","properties":{"total":19.90}}"#, &Limits::default())?;
/// assert_eq!(event.path("properties.total").map(ToString::to_string).as_deref(), Some("19.90"));
/// # Ok::<(), json::ParseError>(())
/// ```
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, ParseError> {
    let mut scanner = Scanner::new(bytes, limits)?;
    let value = read(&mut scanner)?;
    scanner.finish()?;
    Ok(value)
}

/// Recurses once a level, and the scanner bounds the levels.
fn read(scanner: &mut Scanner<'_>) -> Result<Value, ParseError> {
    let kind = scanner.kind()?;
    let start = scanner.position();
    match kind {
        Kind::Object => {
            scanner.open(b'{', ErrorKind::ExpectedObject)?;
            let mut pairs = Vec::new();
            while let Some(key) = scanner.next_key(pairs.is_empty())? {
                pairs.push((key.decode().into_owned(), read(scanner)?));
            }
            Ok(Value::Object(Object::from_pairs(pairs)))
        }
        Kind::Array => {
            scanner.open(b'[', ErrorKind::ExpectedArray)?;
            let mut items = Vec::new();
            while scanner.next_item(items.is_empty())? {
                items.push(read(scanner)?);
            }
            Ok(Value::Array(items))
        }
        Kind::String => {
            let escaped = scanner.string()?;
            let inner = scanner.slice(start + 1, scanner.position() - 1);
            Ok(Value::String(decode(inner, escaped).into_owned()))
        }
        Kind::Number => {
            scanner.number()?;
            let text = scanner.slice(start, scanner.position());
            Ok(Value::Number(Number::from_checked(text)))
        }
        Kind::Bool => scanner.bool().map(Value::Bool),
        Kind::Null => scanner.literal("null").map(|()| Value::Null),
    }
}
