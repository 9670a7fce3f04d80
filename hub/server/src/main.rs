//! The binary `headwater`: the collector's commands, and the hub's. A thin shell over the libraries.

#[cfg(feature = "hub")]
mod backup;
#[cfg(feature = "hub")]
mod cli;
#[cfg(feature = "hub")]
mod destinations;
#[cfg(feature = "hub")]
mod echo;
#[cfg(feature = "hub")]
mod hub;
#[cfg(feature = "hub")]
mod plan;
#[cfg(feature = "hub")]
mod query;
#[cfg(feature = "hub")]
mod routes;

use std::process::ExitCode;

#[cfg(feature = "hub")]
fn main() -> ExitCode {
    cli::run()
}

#[cfg(not(feature = "hub"))]
fn main() -> ExitCode {
    headwater_collector::cli::run()
}
