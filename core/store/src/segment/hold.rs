//! The hold on the directory: one store at a time, and a way to let go of it for a while.
//!
//! The length of the file `openings` is how often a store was opened in the directory (zeros, so it takes no blocks; a
//! file of its own, since Windows keeps other handles off a locked one).
//! A store that let go takes the lock again only when nobody opened one meanwhile: else its picture of the files is old.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{LOCK, OPENINGS};
use crate::disk::{Disk, DiskLock};
use crate::port::StoreError;

/// The count starts again after so many, so that the length stays a small one.
const COUNTED: u64 = 1 << 30;

#[derive(Debug)]
pub(super) struct Hold {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// `None` while it is let go of.
    lock: Option<Box<dyn DiskLock>>,
    /// The length of `openings` that says that nobody else was here.
    openings: u64,
}

impl Hold {
    /// Takes the directory for a new store.
    pub(super) fn take(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Hold, StoreError> {
        let mut hold = Hold {
            disk: Arc::clone(disk),
            dir: dir.to_owned(),
            lock: None,
            openings: 0,
        };
        let lock = hold.lock()?;
        let failed = |error| StoreError::io("lock", dir, error);
        let path = dir.join(OPENINGS);
        let file = disk.open(&path).or_else(|_| disk.create(&path));
        let file = file.map_err(failed)?;
        hold.openings = (file.len().map_err(failed)? + 1) % COUNTED;
        file.truncate(hold.openings).map_err(failed)?;
        hold.lock = Some(lock);
        Ok(hold)
    }

    fn lock(&self) -> Result<Box<dyn DiskLock>, StoreError> {
        let path = self.dir.join(LOCK);
        let lock = self.disk.lock(&path);
        lock.map_err(|error| StoreError::io("lock", &self.dir, error))?
            .ok_or_else(|| StoreError::InUse {
                dir: self.dir.clone(),
            })
    }

    pub(super) fn is_held(&self) -> bool {
        self.lock.is_some()
    }

    pub(super) fn release(&mut self) {
        self.lock = None;
    }

    /// Takes the lock again where it was let go of.
    pub(super) fn ensure(&mut self) -> Result<(), StoreError> {
        if self.is_held() {
            return Ok(());
        }
        let lock = self.lock()?;
        let file = self.disk.open(&self.dir.join(OPENINGS));
        let openings = file.and_then(|file| file.len());
        let openings = openings.map_err(|error| StoreError::io("lock", &self.dir, error))?;
        if openings != self.openings {
            return Err(StoreError::Superseded {
                dir: self.dir.clone(),
            });
        }
        self.lock = Some(lock);
        Ok(())
    }
}
