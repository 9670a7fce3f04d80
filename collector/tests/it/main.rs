//! The collector through its public faces: the process, its HTTP routes, its files, and the log as a library.

// Helpers outside #[test] functions are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod archive;
mod claims;
mod connections;
mod damage;
mod damage_log;
mod durable;
mod faults;
mod foreign;
mod hostile;
mod http;
mod layout;
mod normalise;
mod process;
mod reading;
mod redaction;
mod removed;
mod retention;
mod routes;
mod settings;
mod strangers;
mod stream;
mod suppression;
mod watching;
