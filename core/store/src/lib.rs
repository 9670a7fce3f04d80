//! The queue's storage: where an event waits between the call that made it and the answer that ends it.
//!
//! Layers, each usable without the one above it:
//! - [`disk`]: the filesystem as a trait, so that tests and simulations inject faults;
//! - [`frame`]: how one record lies in a file, and how a damaged file is read again.

pub mod disk;
pub mod frame;
