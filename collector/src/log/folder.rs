//! The data folder itself: whose it is, and that it stays where it is.
//!
//! ```text
//! key         the fingerprint key
//! lock        an empty file, locked while a collector runs
//! log/        segments
//! claims/     a cache of what the log says
//! redactions  whose events are deleted, if anybody's
//! suppressions  whose events are not taken in, if anybody's (`suppression.rs`)
//! ```
//!
//! Two locks keep a second collector out: one on the file `lock`, and one on the folder itself, which holds also when
//! somebody removes that file. A folder that was moved away, or over which something was mounted, is not followed: what
//! is written to the old place or under a mount would be found by nobody, so events are refused until it is back.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_store::disk::{Disk, DiskLock, FileId};
use thiserror::Error;

use super::committer::{Incident, LogOptions, OpenError};
use super::replace;

/// Why a data folder that was opened cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FolderError {
    /// It is not where it was.
    #[error(
        "the data folder was moved, or something else was put or mounted in its place; put it back, or restart the \
         collector"
    )]
    Moved,
    /// Another collector runs on it.
    #[error(
        "another collector has taken the data folder; stop one of the two and restart the other"
    )]
    Taken,
    /// It was removed, and what is there now is another's.
    #[error(
        "the data folder was removed, and another collector's is in its place; restart the collector"
    )]
    Foreign,
}

/// A data folder that is locked.
#[derive(Debug)]
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    id: Option<FileId>,
    key: [u8; 16],
    file: Box<dyn DiskLock>,
    /// `None` where directories cannot be locked.
    whole: Option<Box<dyn DiskLock>>,
    /// Another collector had it for a while: what is known of the log is out of date.
    taken: bool,
}

impl Folder {
    /// Locks the folder and reads its key, or makes one.
    pub(super) fn open(disk: Arc<dyn Disk>, options: &LogOptions) -> Result<Self, OpenError> {
        let root = options.dir.clone();
        let in_use = || OpenError::InUse(root.clone());
        let whole = whole(&*disk, &root)?.ok_or_else(in_use)?;
        let file = disk.lock(&root.join("lock"))?.ok_or_else(in_use)?;
        let key = key(&*disk, options)?;
        Ok(Self {
            id: disk.stat(&root)?.id,
            disk,
            root,
            key,
            file,
            whole,
            taken: false,
        })
    }

    /// The fingerprint key.
    pub(super) fn key(&self) -> [u8; 16] {
        self.key
    }

    /// Whether the folder is the one that was opened.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        match self.disk.stat(&self.root) {
            Ok(there) => Ok(there.id == self.id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Looks after the lock and the key, and puts back what was removed.
    pub(super) fn look(
        &mut self,
        incidents: &mut Vec<Incident>,
    ) -> io::Result<Result<(), FolderError>> {
        if self.taken {
            return Ok(Err(FolderError::Taken));
        }
        if !self.is_in_place()? {
            return Ok(Err(FolderError::Moved));
        }
        if !self.file.is_in_place()? {
            match self.disk.lock(&self.root.join("lock"))? {
                Some(lock) => self.file = lock,
                None => {
                    self.taken = true;
                    return Ok(Err(FolderError::Taken));
                }
            }
            incidents.push(Incident::Lock);
        }
        if is_missing(&*self.disk, &self.root.join("key"))? {
            write_key(&*self.disk, &self.root, self.key)?;
            incidents.push(Incident::Key);
        }
        Ok(Ok(()))
    }

    /// Makes the folder again, after all of it was removed.
    pub(super) fn make_again(&mut self) -> io::Result<Result<(), FolderError>> {
        let log = self.root.join("log");
        self.disk.create_dir_all(&log)?;
        let others = |name: &String| name == "key" || name == "lock";
        if self.disk.list(&self.root)?.iter().any(others) || !self.disk.list(&log)?.is_empty() {
            return Ok(Err(FolderError::Foreign));
        }
        let (Some(whole), Some(file)) = (
            whole(&*self.disk, &self.root)?,
            self.disk.lock(&self.root.join("lock"))?,
        ) else {
            return Ok(Err(FolderError::Taken));
        };
        write_key(&*self.disk, &self.root, self.key)?;
        self.whole = whole;
        self.file = file;
        self.id = self.disk.stat(&self.root)?.id;
        Ok(Ok(()))
    }
}

/// The lock on the folder itself: `None` when another has it, `Some(None)` where there is no such thing.
fn whole(disk: &dyn Disk, root: &Path) -> io::Result<Option<Option<Box<dyn DiskLock>>>> {
    match disk.lock_dir(root) {
        Ok(lock) => Ok(lock.map(Some)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        // Network filesystems and some platforms lock files alone.
        Err(_) => Ok(Some(None)),
    }
}

/// Whether nothing lies at `path`.
pub(super) fn is_missing(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.stat(path) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// The folder's fingerprint key: sixteen bytes and their checksum.
fn key(disk: &dyn Disk, options: &LogOptions) -> Result<[u8; 16], OpenError> {
    match read_key(disk, &options.dir) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(OpenError::Key {
            path: options.dir.join("key"),
            hours: options.dedupe_ms / 3_600_000,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_key(disk, &options.dir, options.new_key)?;
            Ok(options.new_key)
        }
        Err(error) => Err(error.into()),
    }
}

/// The key of the data folder `dir`; `None` when it is damaged, `NotFound` when there is none.
pub(super) fn read_key(disk: &dyn Disk, dir: &Path) -> io::Result<Option<[u8; 16]>> {
    let file = disk.open(&dir.join("key"))?;
    let mut bytes = [0; 20];
    let read = file.read_at(0, &mut bytes)?;
    let (key, crc) = bytes.split_at(16);
    let key: [u8; 16] = key.try_into().unwrap_or_default();
    Ok((read == 20 && crc32fast::hash(&key).to_le_bytes() == *crc).then_some(key))
}

fn write_key(disk: &dyn Disk, dir: &Path, key: [u8; 16]) -> io::Result<()> {
    let crc = crc32fast::hash(&key).to_le_bytes();
    replace(disk, dir, "key", &[&key[..], &crc].concat())
}
