//! The ways out: HTTP for destinations, SQLite for the embedded warehouse.

pub mod http;
mod private;
pub mod sqlite;
