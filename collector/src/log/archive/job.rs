//! Moving one segment into the archive.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, Found, Scanner};
use thiserror::Error;

use super::super::readable::Readable;
use super::super::shape::Records;
use super::super::{Position, segments};
use super::block::{self, BLOCK, Entry, Index, MAX_BLOCK};
use super::{MAGIC, VERSION, draft, folder, name, tiers};

/// Why a segment could not be archived. It stays where it is.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The archive's disk is full.
    #[error(
        "the archive's disk is full; segments stay in log/ and nothing is lost. Make room for archive/, or lower \
         storage.archive_days"
    )]
    Full,
    /// What was written does not read back as the segment.
    #[error("archive/{name} does not read back as it was written; the segment stays in log/")]
    Differs {
        /// The file.
        name: String,
    },
    /// The disk's own error.
    #[error("the archive cannot be written: {0}; segments stay in log/")]
    Io(io::Error),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// Compresses one segment into the archive. Any thread may run it; give the outcome to
/// [`Committer::adopt_archive`](super::super::Committer::adopt_archive), which removes the hot one.
#[derive(Debug)]
pub struct ArchiveJob {
    pub(in super::super) disk: Arc<dyn Disk>,
    /// The log's folder.
    pub(in super::super) log: PathBuf,
    pub(in super::super) base: Position,
    pub(in super::super) len: u64,
}

/// What an [`ArchiveJob`] came to.
#[derive(Debug)]
pub struct Archiving {
    pub(in super::super) base: Position,
    pub(in super::super) outcome: Result<Stored, ArchiveError>,
}

/// A segment that lies in the archive, and still among the hot ones.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Stored {
    /// Bytes of the archive file.
    pub(in super::super) bytes: u64,
    pub(in super::super) newest: Option<Millis>,
}

impl Archiving {
    /// A job that could not be started.
    pub(in super::super) fn failed(base: Position, error: io::Error) -> Self {
        Self {
            base,
            outcome: Err(error.into()),
        }
    }
}

impl ArchiveJob {
    /// Where the segment begins.
    #[must_use]
    pub fn base(&self) -> Position {
        self.base
    }

    /// Does the work; reads and writes some tens of megabytes.
    #[must_use]
    pub fn run(self) -> Archiving {
        let path = folder(&self.log).join(draft(self.base));
        let outcome = self.archive(&path);
        if outcome.is_err() {
            // Half of a file is in the way of nobody but the disk.
            let _ = self.disk.remove(&path);
        }
        Archiving {
            base: self.base,
            outcome,
        }
    }

    fn archive(&self, path: &std::path::Path) -> Result<Stored, ArchiveError> {
        let archive = folder(&self.log);
        self.disk.create_dir_all(&archive)?;
        if let Some(data) = self.log.parent() {
            self.disk.sync_dir(data)?;
        }
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let (hot, _) = segments::open(&*self.disk, &self.log.join(segments::name(self.base)))?;
        let plan = Plan::of(&*hot, self.len)?;
        let file = self.disk.create(path)?;
        let bytes = self.write(&*hot, &*file, &plan)?;
        file.sync_data()?;
        drop(file);
        if !self.reads_back(&*hot, path, &plan)? {
            return Err(ArchiveError::Differs {
                name: name(self.base),
            });
        }
        self.disk.rename(path, &archive.join(name(self.base)))?;
        self.disk.sync_dir(&archive)?;
        Ok(Stored {
            bytes,
            newest: plan.newest,
        })
    }

    fn write(&self, hot: &dyn DiskFile, file: &dyn DiskFile, plan: &Plan) -> io::Result<u64> {
        let mut packer = block::packer()?;
        let mut at = frame::FILE_HEADER as u64;
        file.append(&frame::file_header(MAGIC, VERSION))?;
        let (mut plain, mut packed) = (Vec::new(), Vec::new());
        let mut blocks = Vec::with_capacity(plan.ends.len());
        for (from, to) in plan.blocks() {
            read(hot, from, to, &mut plain)?;
            packed.clear();
            block::encode(&mut packed, self.base, from, &plain, &mut packer)?;
            file.append(&packed)?;
            blocks.push(Entry {
                offset: from,
                at,
                size: packed.len() as u32,
                len: plain.len() as u32,
            });
            at += packed.len() as u64;
        }
        packed.clear();
        let index = Index {
            base: self.base,
            len: self.len,
            first: plan.first,
            newest: plan.newest,
            blocks,
        };
        block::encode_index(&mut packed, &index)?;
        file.append(&packed)?;
        Ok(at + packed.len() as u64)
    }

    /// Whether the archive at `path` holds, byte for byte, what the segment does.
    fn reads_back(
        &self,
        hot: &dyn DiskFile,
        path: &std::path::Path,
        plan: &Plan,
    ) -> io::Result<bool> {
        let archived = tiers::open_at(&*self.disk, path.to_owned(), self.base)?.file;
        if archived.len()? != self.len {
            return Ok(false);
        }
        let (mut was, mut is) = (Vec::new(), Vec::new());
        for (from, to) in plan.blocks() {
            read(hot, from, to, &mut was)?;
            read(&*archived, from, to, &mut is)?;
            if was != is {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Fills `buffer` with the bytes from `from` to `to`.
fn read(file: &dyn DiskFile, from: u64, to: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize((to - from) as usize, 0);
    if file.read_at(from, buffer)? < buffer.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Where a segment is cut into blocks, and how old it is.
#[derive(Debug, Default)]
struct Plan {
    /// Where the blocks end.
    ends: Vec<u64>,
    first: Option<Millis>,
    newest: Option<Millis>,
}

impl Plan {
    /// Reads the first `len` bytes of a segment.
    fn of(hot: &dyn DiskFile, len: u64) -> io::Result<Self> {
        let mut plan = Self::default();
        let mut scanner = Scanner::new(hot, 0, &Records)?;
        loop {
            match scanner.advance()? {
                Found::Frame { at, kind, body } => {
                    if let Some(found) = Readable::of(kind, body) {
                        plan.first = plan.first.or(Some(found.received()));
                        plan.newest = plan.newest.max(Some(found.received()));
                    }
                    plan.may_cut(at, len);
                }
                Found::Damage { to, .. } => plan.may_cut(to, len),
                Found::Torn { .. } => {}
                Found::End => break,
            }
        }
        plan.cut(len);
        Ok(plan)
    }

    fn may_cut(&mut self, at: u64, len: u64) {
        if at.saturating_sub(self.end()) >= BLOCK {
            self.cut(at.min(len));
        }
    }

    fn end(&self) -> u64 {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Ends a block at `at`, and others before it where it would be too large.
    fn cut(&mut self, at: u64) {
        while self.end() < at {
            let end = at.min(self.end() + MAX_BLOCK);
            self.ends.push(end);
        }
    }

    fn blocks(&self) -> impl Iterator<Item = (u64, u64)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied())
    }
}
