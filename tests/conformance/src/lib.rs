//! One conformance suite for every SDK.
//!
//! ```text
//! scenarios/*.json ──► case ──► CLI --input '<json>' ──► mock (scripted, records) ──► expectations
//! ```
//! A scenario is data: what the application does, what the hub answers, what must have come of it. Nothing here knows
//! an SDK; all of them are judged by their exit code, one JSON document on stdout, and the requests they made.

pub mod answer;
pub mod arguments;
pub mod case;
mod expect;
pub mod http;
pub mod ledger;
pub mod mock;
pub mod process;
mod run;
pub mod scenario;
pub mod sdk;
mod template;

pub use run::{Outcome, run_case};
