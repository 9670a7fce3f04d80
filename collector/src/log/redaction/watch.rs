//! A reader's view of the deletions: what the file says now, in whatever process the reader runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_store::disk::{Disk, FileId};

use super::super::folder::read_key;
use super::super::{Fingerprinter, Position};
use super::{FILE, Redactions, redacted};

/// Looks at the file before each record: one call of the operating system, as against the two that reading one takes.
#[derive(Debug)]
pub(in super::super) struct Watch {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Which file was read, and its length; `None` while there was none.
    read: Option<(Option<FileId>, u64)>,
    known: Option<(Redactions, Fingerprinter)>,
}

impl Watch {
    pub(in super::super) fn new(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self {
            disk,
            dir: dir.to_owned(),
            read: None,
            known: None,
        }
    }

    /// The body of the record at `position` without what is to be forgotten; `None` when that is nothing.
    pub(in super::super) fn redacted(&self, position: Position, body: &[u8]) -> Option<Vec<u8>> {
        let (redactions, fingerprinter) = self.known.as_ref()?;
        redacted(redactions, fingerprinter, position, body)
    }

    /// Learns what deletions there are now.
    ///
    /// # Errors
    /// The disk's own, and `InvalidData` when the deletions cannot be read: then nothing is shown.
    pub(in super::super) fn look(&mut self) -> io::Result<()> {
        let there = match self.disk.stat(&self.dir.join(FILE)) {
            Ok(there) => Some((there.id, there.len)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // Each change is a new file; where files have no number, it is longer or holds the same users.
        if there == self.read {
            return Ok(());
        }
        self.known = None;
        if there.is_some() {
            let redactions = Redactions::load(&*self.disk, &self.dir)?;
            if !redactions.list().is_empty() {
                let key = read_key(&*self.disk, &self.dir)?.ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the file `key` of the data folder is missing or damaged, so nobody can tell which events are \
                         deleted; restore it from a backup",
                    )
                })?;
                self.known = Some((redactions, Fingerprinter::new(key)));
            }
        }
        self.read = there;
        Ok(())
    }
}
