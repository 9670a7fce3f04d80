//! The command line: a thin shell over the library. `--help` is the documentation.

mod export;
mod filter;
mod redact;
mod serve;
mod suppress;
mod tail;
mod terminal;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use thiserror::Error;

use crate::config::{Config, ConfigError};
use crate::extension::{Extension, Nothing};
use crate::log::OpenError;

/// Collects events from Headwater, Segment and RudderStack SDKs, and acknowledges only what is durable.
#[derive(Debug, Parser)]
#[command(
    name = "headwater",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  headwater dev                              collect on http://127.0.0.1:8765, any write key
  headwater serve --config headwater.toml    collect in production
  headwater tail -f                          watch events as they come
  headwater export --data DIR > events.ndjson

Logs go to stderr; HEADWATER_LOG=debug says more. See `headwater COMMAND --help`."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands of the collector.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect without configuration: one source that takes any write key, for development.
    Dev(serve::Dev),
    /// Collect as a configuration file says.
    #[command(after_help = "\
The file is TOML; every field has a default but the sources:

  [server]
  listen = \"0.0.0.0:8765\"
  trusted_proxies = [\"10.0.0.0/8\"]   # whose X-Forwarded-For is believed
  mode = \"segment\"                   # or \"strict\": 401 for unknown write keys, results for each event

  [storage]
  dir = \"/var/lib/headwater\"
  archive_days = 400
  min_free_bytes = 268435456         # below it: 503, and events stay with their senders

  [admin]
  token = \"…\"                        # opens the live page, /_inspect and /_events; without it they are off

  [[sources]]
  name = \"shop-web\"
  write_keys = [\"wk_1\"]
  allowed_origins = [\"https://shop.example\"]

Send SIGTERM or SIGINT to stop: requests in hand are finished first.")]
    Serve(serve::Serve),
    /// Say what is wrong with a configuration file, and where; exit code 1 if anything is.
    Check(Check),
    /// Show the latest events, and those to come.
    Tail(tail::Tail),
    /// Write the events of a data folder to stdout, one JSON object a line.
    Export(export::Export),
    /// Delete a user's events from the data folder of a collector that does not run.
    Redact(redact::Redact),
    /// Say whose events are not taken in.
    Suppress(suppress::Suppress),
}

/// Arguments of `headwater check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The configuration.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The log.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The address.
    #[error(
        "cannot listen on {address}: {source}; choose another with --port, or port 0 for any free one"
    )]
    Listen {
        /// Where.
        address: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The arguments.
    #[error("{0}")]
    Usage(String),
    /// What runs behind the log.
    #[error("{0}")]
    Extension(String),
}

/// Runs the collector alone: reads the arguments, does what they say, returns the exit code.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    start_logging();
    exit_code(cli.command.run(&mut Nothing))
}

/// Logs go to stderr, as `HEADWATER_LOG` says.
pub fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HEADWATER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours())
        .with_target(false)
        .init();
}

impl Command {
    /// Does what the command says. `extension` runs behind the log of `dev` and `serve`.
    ///
    /// # Errors
    /// [`Failure`], for [`exit_code`].
    pub fn run(self, extension: &mut dyn Extension) -> Result<(), Failure> {
        match self {
            Command::Dev(dev) => dev.run(extension),
            Command::Serve(serve) => serve.run(extension),
            Command::Check(check) => check.run(),
            Command::Tail(tail) => tail.run(),
            Command::Export(export) => export.run(),
            Command::Redact(redact) => redact.run(),
            Command::Suppress(suppress) => suppress.run(),
        }
    }
}

/// What the process ends with; a failure is told on stderr.
#[must_use]
pub fn exit_code(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(Failure::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Only for people who look at a terminal and have not asked for none (no-color.org).
fn colours() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Check {
    fn run(self) -> Result<(), Failure> {
        let config = Config::load(&self.config)?;
        let mut out = std::io::stdout();
        writeln!(
            out,
            "{}: fine, {} sources",
            self.config.display(),
            config.sources.len()
        )?;
        for warning in config.warnings() {
            writeln!(out, "note: {warning}")?;
        }
        Ok(())
    }
}
