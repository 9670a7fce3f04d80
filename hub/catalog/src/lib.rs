#![doc = include_str!("../README.md")]

mod builtin;
mod definition;
mod exchange;
mod fields;
pub mod file;
pub mod golden;
mod prepare;
mod request;
mod settings;

pub use builtin::{BUILTIN, Builtin, builtin};
pub use definition::{Definition, DefinitionError, MAX_FILE, MAX_STEPS, read};
pub use exchange::{Answer, BatchResult, Exchange, MAX_ANSWER, Verdict, general};
pub use prepare::{Dropped, Prepared};
pub use request::{HttpRequest, RequestError};
pub use settings::Settings;

/// The JSON Schema of a definition.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(file::DefinitionFile).to_value()
}
