//! The claims' work for other threads: sort and write, merge, and build again from the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_store::disk::Disk;
use headwater_store::frame::FileHeader;

use super::archive::{self, Opened};
use super::generation::Generation;
use super::run::{Origin, Place, Run};
use super::{Claim, Extent, Head, Position, segments};

/// Work that any thread may do while the index goes on answering: a generation on its way to disk, runs on their way
/// into one, or what is to be built again from the log.
#[derive(Debug)]
pub struct SpillJob {
    pub(super) disk: Arc<dyn Disk>,
    /// The folder of the runs.
    pub(super) dir: PathBuf,
    /// Unlike that of any other job of this process.
    pub(super) number: u64,
    pub(super) with_filter: bool,
    /// Claims held at one time while building again.
    pub(super) most: usize,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Spill(Arc<Generation>),
    Merge(Vec<Arc<Run>>),
    /// A generation, from the log in this folder.
    RebuildGeneration(Arc<Generation>, PathBuf),
    /// A run, likewise.
    RebuildRun(Arc<Run>, PathBuf),
}

/// What a job made.
#[derive(Debug)]
pub(super) enum Made {
    Runs(Vec<Run>),
    Generation(Generation),
}

/// What came of a [`SpillJob`].
#[derive(Debug)]
pub struct Spilled {
    pub(super) work: Work,
    pub(super) made: io::Result<Made>,
}

impl SpillJob {
    /// Does the work: tens of milliseconds for a million claims, some seconds for a merge, as long as reading that part
    /// of the log takes for what is built again.
    #[must_use]
    pub fn run(self) -> Spilled {
        let made = match &self.work {
            Work::Spill(generation) => {
                let origin = Origin {
                    newest: generation.newest,
                    tier: 0,
                    extent: generation.extent,
                };
                Run::write(self.place(0), &generation.sorted(), origin)
                    .map(|run| Made::Runs(vec![run]))
            }
            Work::Merge(runs) => Run::merge(self.place(0), runs).map(|run| Made::Runs(vec![run])),
            Work::RebuildGeneration(old, log) => {
                rebuild_generation(&*self.disk, log, old).map(Made::Generation)
            }
            Work::RebuildRun(old, log) => self.rebuild_run(log, old).map(Made::Runs),
        };
        Spilled {
            work: self.work,
            made,
        }
    }

    fn place(&self, part: u64) -> Place {
        Place {
            disk: Arc::clone(&self.disk),
            dir: self.dir.clone(),
            number: (self.number << 16) + part,
            with_filter: self.with_filter,
        }
    }

    /// As many runs as it takes: a merged run holds more claims than memory may.
    fn rebuild_run(&self, log: &Path, old: &Run) -> io::Result<Vec<Run>> {
        let mut runs = Vec::new();
        let mut claims: Vec<u128> = Vec::new();
        let mut extent = Extent::default();
        let mut write = |claims: &mut Vec<u128>, extent: Extent| {
            claims.sort_unstable();
            claims.dedup();
            let origin = Origin {
                extent,
                ..old.origin.clone()
            };
            runs.push(Run::write(self.place(runs.len() as u64), claims, origin)?);
            claims.clear();
            io::Result::Ok(())
        };
        records(
            &*self.disk,
            log,
            old.origin.extent,
            &mut |position, head| {
                claims.extend(claimed(head).map(|claim| claim.0));
                extent.cover(&Extent::new(position.0, position.0 + 1));
                if claims.len() >= self.most {
                    write(&mut claims, std::mem::take(&mut extent))?;
                }
                Ok(())
            },
        )?;
        if !claims.is_empty() {
            write(&mut claims, extent)?;
        }
        Ok(runs)
    }
}

fn rebuild_generation(disk: &dyn Disk, log: &Path, old: &Generation) -> io::Result<Generation> {
    let mut generation = Generation::in_place_of(old);
    records(disk, log, old.extent, &mut |_, head| {
        claimed(head).for_each(|claim| generation.put(claim));
        Ok(())
    })?;
    Ok(generation)
}

fn claimed(head: &Head) -> impl Iterator<Item = Claim> {
    head.events
        .iter()
        .filter(|slot| slot.verdict.is_claimed())
        .map(|slot| slot.claim)
}

/// Visits the records of a stretch of the log that can be read, body and all. What retention removed is passed over.
fn records(
    disk: &dyn Disk,
    log: &Path,
    extent: Extent,
    visit: &mut dyn FnMut(Position, &Head) -> io::Result<()>,
) -> io::Result<()> {
    let (from, to) = extent.ends();
    let bases = archive::list(disk, log)?;
    for (index, base) in bases.iter().copied().enumerate() {
        let next = bases.get(index + 1).copied();
        if next.is_some_and(|next| next <= from) || base >= to {
            continue;
        }
        let Opened { file, header, .. } = match archive::open(disk, log, base) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if matches!(header, FileHeader::OtherVersion(_) | FileHeader::Short) {
            continue;
        }
        let mut outcome = Ok(());
        segments::visit_readable(&*file, base, next, &mut |home, head| {
            let position = Position(base.0 + home);
            if outcome.is_ok() && extent.holds(position) {
                outcome = visit(position, &head);
            }
        })?;
        outcome?;
    }
    Ok(())
}
