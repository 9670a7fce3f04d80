//! The two stages that every event passes: that of its source, once, and that of each connection.
//!
//! ```text
//! SOURCE STAGE      transformations · plan: mark, omit, block · schema controls: omit, block
//! CONNECTION STAGE  gate (consent, integrations) · filters (sample, drop, properties) · transformations
//! ```
//! Both are pure functions of an event and compiled rules. With a [`Trace`] they say what each rule did, for previews and
//! for "where is my event"; without one they do no work for it.

mod connection;
mod source;
mod trace;
mod transforms;

pub use connection::{ConnectionOutcome, ConnectionRules, DropReason, connection_stage};
pub use source::{BlockReason, SourceOutcome, SourceRules, source_stage};
pub use trace::{Change, Step, Trace};
