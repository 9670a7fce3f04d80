//! The command line. `--help` is the documentation.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use headwater_collector::cli::{self as collector, Failure};
use headwater_collector::extension::Nothing;
use headwater_workspace::Kind;

use crate::hub::Behind;
use crate::plan::Plan;
use crate::{backup, destinations, echo, query};

/// Collects events from Headwater, Segment and RudderStack SDKs, and brings each to every tool and warehouse that its
/// source is connected to.
#[derive(Debug, Parser)]
#[command(
    name = "headwater",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  headwater dev                                    collect on http://127.0.0.1:8765, any write key
  headwater dev --workspace examples/hub           the same, delivering as the workspace says
  headwater serve --config headwater.toml --workspace workspace/
  headwater workspace check workspace/             what is wrong with a workspace, and where
  headwater echo                                   a destination to try: shows what arrives
  headwater plan check --standard ecommerce < events.ndjson
  headwater query \"SELECT * FROM tracks LIMIT 5\"   the embedded warehouse
  headwater tail -f                                watch events as they come

Logs go to stderr; HEADWATER_LOG=debug says more. See `headwater COMMAND --help`."
)]
struct Cli {
    /// What the hub behind the collector does: a folder of YAML, or one file (for `dev` and `serve`). Changes are taken up
    /// while it runs.
    #[arg(long, short, global = true, value_name = "PATH")]
    workspace: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Collector(collector::Command),
    /// Check a workspace, or print the JSON Schema of its files.
    #[command(subcommand)]
    Workspace(Workspace),
    /// The catalogue of destinations, and the requests that an event would become.
    #[command(subcommand)]
    Destinations(destinations::Destinations),
    /// Receive events as a destination would, show them, and fail when told to.
    Echo(echo::Echo),
    /// Check events against a tracking plan, propose one, compare two.
    #[command(subcommand)]
    Plan(Plan),
    /// Copy what a data folder holds, also while the hub runs.
    Backup(backup::Backup),
    /// Make a data folder from a backup.
    Restore(backup::Restore),
    /// Ask the embedded warehouse, a SQLite file, in SQL.
    Query(query::Query),
}

#[derive(Debug, Subcommand)]
enum Workspace {
    /// Say what is wrong with a workspace, and where; exit code 1 if anything is.
    Check {
        /// The folder or file.
        path: PathBuf,
    },
    /// Print the JSON Schema of the one-file form, for editors.
    Schema,
}

pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    collector::start_logging();
    let done = match cli.command {
        Command::Collector(command) => match cli.workspace {
            Some(path) => Behind::open(&path)
                .map_err(Failure::Extension)
                .and_then(|mut behind| command.run(&mut behind)),
            None => command.run(&mut Nothing),
        },
        Command::Workspace(command) => command.run(),
        Command::Destinations(command) => command.run(),
        Command::Echo(echo) => echo.run(),
        Command::Plan(plan) => plan.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Query(query) => query.run(),
    };
    collector::exit_code(done)
}

impl Workspace {
    fn run(self) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        match self {
            Workspace::Check { path } => {
                let (workspace, compiled) =
                    headwater_workspace::open(&path, &|name| std::env::var(name).ok())
                        .map_err(|findings| Failure::Usage(findings.to_string()))?;
                writeln!(
                    out,
                    "{}: fine, version {}",
                    path.display(),
                    compiled.version
                )?;
                let kinds = [
                    (Kind::Source, "source"),
                    (Kind::Plan, "plan"),
                    (Kind::Destination, "destination"),
                    (Kind::Connection, "connection"),
                    (Kind::Warehouse, "warehouse"),
                    (Kind::Trait, "trait"),
                ];
                for (kind, word) in kinds {
                    for (name, id) in workspace.ids(kind) {
                        writeln!(out, "  {word:12} {name:24} {id}")?;
                    }
                }
            }
            Workspace::Schema => {
                let schema = headwater_workspace::json_schema();
                writeln!(out, "{schema:#}")?;
            }
        }
        Ok(())
    }
}
