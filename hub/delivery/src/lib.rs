//! From the log to destinations and warehouses.
//!
//! The log is the queue: a connection is a cursor, and only events that failed cost a row. [`machine`] decides, without
//! I/O; [`state`] is where it writes down what it decided; [`sinks`] are the ways out; [`run`] is the host.

pub mod machine;
pub mod range;
pub mod run;
pub mod sinks;
pub mod state;
