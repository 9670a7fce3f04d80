//! JSON: the one value all code uses, and the ways in and out.
//!
//! ```text
//! bytes ──parse──▶ Value ──write──▶ bytes      look at and change
//! bytes ──Scanner──▶ ranges of the bytes       one validating pass, nothing allocated (collector)
//! any Serialize ──to_raw──▶ Raw                written once, never read again (SDK; feature `serde`)
//! ```
//!
//! One grammar (the scanner's) serves all ways in, so they agree on what is JSON; [`lazy`] alone has less, for text that
//! a writer of JSON wrote, and stands in for [`Value`], [`Object`] and [`parse`] where the feature `strict` is off.
//! Invariants: an object's pairs keep their order; a number keeps its text; no input panics, overflows the stack or takes
//! more than linear-logarithmic time.

mod error;
mod float;
#[cfg(feature = "duplicates")]
mod keys;
pub mod lazy;
mod limits;
mod number;
#[cfg(feature = "strict")]
mod object;
#[cfg(feature = "strict")]
mod parse;
mod raw;
mod scan;
#[cfg(feature = "serde")]
mod ser;
mod span;
mod string;
#[cfg(feature = "strict")]
mod value;
mod write;

pub use error::{ErrorKind, ParseError};
#[cfg(not(feature = "strict"))]
pub use lazy::{Object, Value, parse};
pub use limits::{DuplicateKeys, Limits};
pub use number::{Number, parse_u64};
#[cfg(feature = "strict")]
pub use object::Object;
#[cfg(feature = "strict")]
pub use parse::parse;
pub use raw::Raw;
pub use scan::{Scanner, validate};
#[cfg(feature = "serde")]
pub use ser::{SerializeError, to_raw, to_raw_into, to_value};
pub use span::{Key, Kind, RawValue};
#[cfg(feature = "strict")]
pub use value::Value;
pub use write::{Members, decimal, write_bool, write_i64, write_string, write_u64};
