//! `headwater suppress`: whose events are not taken in.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::Failure;
use crate::app::system_now;
use crate::log::Fingerprinter;
use crate::suppression::{load, save};

/// Arguments of `headwater suppress`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A collector that runs follows within a second or two. Events that came before stay: see `headwater redact`.
An id counts as userId, anonymousId and previousId alike.

Examples:
  headwater suppress add --data /var/lib/headwater u-1 7f0a8c2e-16d9
  headwater suppress list --data /var/lib/headwater")]
pub struct Suppress {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List who is suppressed: fingerprints, since the ids themselves are stored nowhere, and when each was added.
    List(Folder),
    /// Suppress ids.
    Add(Ids),
    /// Take ids in again.
    Remove(Ids),
}

#[derive(Debug, clap::Args)]
struct Folder {
    /// The data folder.
    #[arg(long, short, value_name = "DIR", default_value = ".headwater")]
    data: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Ids {
    #[command(flatten)]
    folder: Folder,
    /// Ids, exactly as they are sent.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

impl Suppress {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        match self.what {
            What::List(Folder { data }) => {
                fingerprinter(&data)?;
                let all = load(&data)?;
                for (subject, at) in &all {
                    writeln!(out, "{subject} {at}")?;
                }
                writeln!(out, "{} suppressed", all.len())?;
            }
            What::Add(ids) => ids.change(true)?,
            What::Remove(ids) => ids.change(false)?,
        }
        Ok(())
    }
}

impl Ids {
    fn change(&self, add: bool) -> Result<(), Failure> {
        let data = &self.folder.data;
        let fingerprinter = fingerprinter(data)?;
        let mut all = load(data)?;
        let mut changed = 0;
        for id in &self.ids {
            if id.is_empty() {
                return Err(Failure::Usage(
                    "an id is empty; give one as it is sent".to_owned(),
                ));
            }
            let subject = fingerprinter.subject(id);
            let was = all.contains_key(&subject);
            if add {
                all.entry(subject).or_insert_with(system_now);
            } else {
                all.remove(&subject);
            }
            changed += u32::from(was != add);
        }
        save(data, &all)?;
        let word = if add { "added" } else { "removed" };
        writeln!(
            std::io::stdout(),
            "{changed} {word}, {} suppressed",
            all.len()
        )?;
        Ok(())
    }
}

fn fingerprinter(data: &Path) -> Result<Fingerprinter, Failure> {
    Fingerprinter::of_folder(data).map_err(|error| {
        Failure::Usage(format!(
            "{}: {error}; give the data folder of a collector that ran once with --data",
            data.display()
        ))
    })
}
