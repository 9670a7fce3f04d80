//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::fault::Plan;

/// Sends a recorded evening in a shop through the SDK, over a link that breaks, and counts what arrived.
///
/// The last line is `demo: sent=N received=N lost=0 duplicated=0`, by the messageIds, and with --echo also
/// `delivered=N rows=N`; the exit code is 1 when anything was lost, doubled, changed or not delivered.
#[derive(Debug, Parser)]
#[command(
    name = "shop",
    max_term_width = 100,
    after_help = "\
Examples:
  headwater dev &
  shop                                   read back over HTTP (/_inspect)
  shop --data .headwater                 read back with `headwater export --data .headwater`
  shop --speed 0 --seed 12               all at once, other faults
  shop --session my.ndjson --faults off"
)]
pub(crate) struct Args {
    /// Where the collector listens: http://HOST:PORT.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8765")]
    pub(crate) endpoint: String,
    /// The session to play, one call a line; the recorded evening by default.
    #[arg(long, value_name = "FILE")]
    pub(crate) session: Option<PathBuf>,
    /// How many times faster than it was; 0 waits for nothing.
    #[arg(long, value_name = "N", default_value_t = 700.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Decides which request meets which fault.
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) seed: u64,
    /// Whether the link breaks.
    #[arg(long, value_enum, default_value_t = Faults::On)]
    pub(crate) faults: Faults,
    /// The collector's data folder; what it stored is read from there, by `headwater export`.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The collector's binary, for `--data`.
    #[arg(
        long,
        value_name = "PATH",
        env = "HEADWATER_BIN",
        default_value = "headwater"
    )]
    pub(crate) headwater: PathBuf,
    /// Where the hub delivers to: a `headwater echo`, http://HOST:PORT. Needs `--data`.
    #[arg(long, value_name = "URL", requires = "data")]
    pub(crate) echo: Option<String>,
    /// The hub's embedded warehouse, relative to the data folder.
    #[arg(long, value_name = "FILE", default_value = "warehouse.sqlite")]
    pub(crate) warehouse: PathBuf,
    /// The source's write key.
    #[arg(long, value_name = "KEY", default_value = "demo")]
    pub(crate) write_key: String,
}

/// Whether the link breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Faults {
    /// It does.
    On,
    /// It is a plain proxy.
    Off,
}

impl Faults {
    pub(crate) fn are_on(self) -> bool {
        self == Self::On
    }
}

impl Args {
    pub(crate) fn plan(&self) -> Plan {
        if self.faults.are_on() {
            Plan::seeded(self.seed)
        } else {
            Plan::none()
        }
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed >= 0.0 => Ok(speed),
        _ => Err("must be a number that is not negative".to_owned()),
    }
}
