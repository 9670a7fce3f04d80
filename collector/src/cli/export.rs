//! `headwater export`: the log as NDJSON.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::time::{Millis, parse_iso};
use headwater_store::disk::RealDisk;

use super::Failure;
use super::filter::{Filter, write_item, write_json};
use crate::log::{LogReader, Next, Position, strangers_dir};

/// Arguments of `headwater export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads only, and takes no lock: the collector may be running. Events come in the order in which they were stored.

Examples:
  headwater export --data /var/lib/headwater --from 2026-11-01 --to 2026-11-02 > day.ndjson
  headwater export --source shop-web --type track --limit 10
  headwater export --raw > requests.ndjson")]
pub struct Export {
    /// The data folder.
    #[arg(long, short, value_name = "DIR", default_value = ".headwater")]
    data: PathBuf,
    #[command(flatten)]
    filter: Filter,
    /// Only what was received at or after this time (ISO 8601).
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Millis>,
    /// Only what was received before this time (ISO 8601).
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Millis>,
    /// Stop after this many lines.
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<u64>,
    /// The requests' bodies as they were received, one a line, instead of events.
    #[arg(long)]
    raw: bool,
}

fn instant(text: &str) -> Result<Millis, String> {
    parse_iso(text).ok_or_else(|| "must be like 2026-11-23 or 2026-11-23T10:00:00Z".to_owned())
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        if !self.data.join("log").is_dir() {
            return Err(Failure::Usage(format!(
                "{} holds no events; give the collector's folder with --data",
                self.data.display()
            )));
        }
        let mut out = BufWriter::with_capacity(256 * 1024, std::io::stdout().lock());
        let mut left = self.limit.unwrap_or(u64::MAX);
        self.write_log(&self.data, &mut left, &mut out)?;
        if self.filter.rejected && !self.raw {
            self.write_log(&strangers_dir(&self.data), &mut left, &mut out)?;
        }
        out.flush()?;
        Ok(())
    }

    /// Writes what is wanted of one log.
    fn write_log(&self, dir: &Path, left: &mut u64, out: &mut dyn Write) -> Result<(), Failure> {
        let mut reader = LogReader::new(Arc::new(RealDisk), dir, Position::default());
        let on_terminal = std::io::stdout().is_terminal();
        loop {
            let stored = match reader.advance()? {
                Next::Record(stored) => stored,
                Next::Control(_) => continue,
                Next::Skipped { from, to } => {
                    tracing::warn!(%from, %to, "passed over bytes that hold no readable record");
                    continue;
                }
                Next::End => break,
            };
            let received = stored.head.received;
            if self.from.is_some_and(|from| received < from)
                || self.to.is_some_and(|to| received >= to)
            {
                continue;
            }
            if self.raw {
                if self
                    .filter
                    .source
                    .as_ref()
                    .is_some_and(|source| *source != stored.head.source)
                {
                    continue;
                }
                if *left == 0 {
                    break;
                }
                *left -= 1;
                // JSON text may hold line breaks between its tokens only: a blank is as good there.
                let line: Vec<u8> = stored
                    .body
                    .iter()
                    .map(|byte| {
                        if matches!(byte, b'\n' | b'\r') {
                            b' '
                        } else {
                            *byte
                        }
                    })
                    .collect();
                write_json(out, &line, on_terminal)?;
                continue;
            }
            for item in self.filter.of(&stored) {
                if *left == 0 {
                    break;
                }
                *left -= 1;
                write_item(out, item, on_terminal)?;
            }
            if *left == 0 {
                break;
            }
        }
        Ok(())
    }
}
