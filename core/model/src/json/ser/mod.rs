//! Any `Serialize` value as JSON text, in one pass from the application's struct to the bytes that are stored and sent.
//!
//! Writes what serde_json would (enum representations, map keys, floats), with these differences: NaN and the
//! infinities are errors instead of `null`, for a silent `null` loses data; errors name the path; depth is bounded;
//! an exponent has no plus sign.

mod error;
mod key;
mod model;
mod token;
mod writer;

use serde::Serialize;

use self::error::Failure;
use self::writer::Writer;
use super::{Limits, Raw, Value, parse};

pub use self::error::SerializeError;

/// The text of `value`, which must be an object: a struct, a map, an enum variant with fields.
///
/// # Errors
/// [`SerializeError`]: not an object, a number that JSON cannot spell, a map key that is no string, more than
/// [`Limits::PAYLOAD_DEPTH`] levels, or what the value's own `Serialize` reports.
///
/// ```
/// # #[derive(serde::Serialize)] struct Order { order_id: &'static str, total: f64 }
/// use headwater_model::json;
/// let raw = json::to_raw(&Order { order_id: "50314b8e", total: 27.5 })?;
/// assert_eq!(raw.as_bytes(), br#"{"order_id":"50314b8e","total":27.5}"#);
/// let error = json::to_raw(&Order { order_id: "50314b8e", total: f64::NAN }).unwrap_err();
/// assert_eq!(error, json::SerializeError::NotFinite { path: "total".into() });
/// # Ok::<(), json::SerializeError>(())
/// ```
pub fn to_raw<T: Serialize + ?Sized>(value: &T) -> Result<Raw, SerializeError> {
    // Room for an ordinary event's properties: one allocation instead of six doublings.
    let mut out = Vec::with_capacity(1024);
    to_raw_into(value, &mut out)?;
    Ok(Raw::from_checked(out))
}

/// As [`to_raw`], appended to `out`; after an error `out` is as before.
///
/// # Errors
/// As [`to_raw`].
pub fn to_raw_into<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), SerializeError> {
    let start = out.len();
    let outcome = value
        .serialize(Writer::new(out))
        .map_err(Failure::into_public);
    let got = match outcome {
        Ok(()) => match out.get(start) {
            Some(b'{') => return Ok(()),
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        },
        Err(SerializeError::NotFinite { path }) if path.is_empty() => "a number",
        Err(error) => {
            out.truncate(start);
            return Err(error);
        }
    };
    out.truncate(start);
    Err(SerializeError::NotAnObject { got })
}

/// Any serializable value as a [`Value`], object or not.
///
/// # Errors
/// As [`to_raw`], except for the need to be an object.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, SerializeError> {
    let mut out = Vec::new();
    value
        .serialize(Writer::new(&mut out))
        .map_err(Failure::into_public)?;
    let limits = Limits {
        max_bytes: usize::MAX,
        max_depth: usize::MAX,
        ..Limits::default()
    };
    // What the writer wrote is JSON; only a faulty writer could end up here.
    parse(&out, &limits).map_err(|error| SerializeError::Custom {
        path: String::new(),
        message: error.to_string(),
    })
}
