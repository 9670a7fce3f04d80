//! The companion collector: one binary that acknowledges only what is durable.
//!
//! ```text
//! config ─▶ cli ─▶ server ─▶ ingest ─▶ log ─▶ read ─▶ (tail, export, live page)
//!                     └────▶ admin: health, metrics, inspect, events
//! ```
//! A library with a thin `main`, so that tests and simulations link its parts. Entry points: [`cli::run`] is the
//! program; [`server::serve`] with an [`app::App`] is the collector inside another process; [`log::Committer`] is the
//! log without threads or clocks.

mod admin;
pub mod app;
pub mod cli;
pub mod config;
mod etag;
pub mod extension;
pub mod ingest;
pub mod live;
pub mod log;
pub mod metrics;
mod peer;
pub mod read;
pub mod server;
pub mod sources;
pub mod suppression;
