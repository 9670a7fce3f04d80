//! The event spec: events, ids, time, context and the one JSON value all code uses.
//!
//! Everything here is a pure function of its arguments: no clock, no randomness, no I/O. Without the feature `serde`
//! it needs `std` and `thiserror` only, and stays small enough for WebAssembly.

pub mod context;
pub mod event;
pub mod id;
pub mod json;
pub mod limits;
pub mod time;
