use super::error::ParseError;
use super::scan::Scanner;
use super::span::Kind;
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
    match scanner.kind()? {
        Kind::Object => {
            let mut pairs = Vec::new();
            scanner.object(|key, scanner| {
                pairs.push((key.decode().into_owned(), read(scanner)?));
                Ok(())
            })?;
            Ok(Value::Object(Object::from_pairs(pairs)))
        }
        Kind::Array => {
            let mut items = Vec::new();
            scanner.array(|_, scanner| {
                items.push(read(scanner)?);
                Ok(())
            })?;
            Ok(Value::Array(items))
        }
        kind => {
            let raw = scanner.value()?;
            Ok(match kind {
                Kind::String => Value::String(raw.as_str().unwrap_or_default().into_owned()),
                Kind::Number => Value::Number(Number::from_checked(raw.text())),
                Kind::Bool => Value::Bool(raw.as_bool() == Some(true)),
                _ => Value::Null,
            })
        }
    }
}
