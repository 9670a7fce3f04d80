//! The filesystem as a trait: what a log needs of a disk, and nothing else.
//!
//! Invariant: what `append` was given is in the operating system's hands when it returns `Ok`, and survives a power cut
//! once `sync_data` on the file *and* `sync_dir` on its directory (after a create, rename or remove) have returned `Ok`.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

#[cfg(any(test, feature = "testing"))]
mod faulty;
mod real;

#[cfg(any(test, feature = "testing"))]
pub use faulty::FaultyDisk;
pub use real::RealDisk;

/// A filesystem. Object-safe: logs hold an `Arc<dyn Disk>`.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Creates `dir` and its parents; `Ok` when it is there already.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Creates an empty file for reading and appending; `AlreadyExists` when there is one of that name.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file for reading and appending; `NotFound` when there is none.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// The names (not paths) of the files in `dir`, in no particular order; names that are not UTF-8 and directories are
    /// left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Renames `from` to `to` in one step, replacing what was at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the file at `path`; `NotFound` when there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the creates, renames and removes in `dir` so far durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// What lies at `path`, a file or a directory; `NotFound` when nothing does.
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// Takes the exclusive lock on the directory `dir` itself, which nobody can remove and make again as one can a lock
    /// file; `Ok(None)` when another holder has it. `Unsupported` where directories cannot be locked.
    fn lock_dir(&self, dir: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;

    /// Takes the exclusive lock on the file at `path`, creating it; `Ok(None)` when another holder has it, in this process
    /// or another. The lock ends when the value is dropped, and when the process ends in whatever way.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;
}

/// A lock held; dropping it releases it.
pub trait DiskLock: Debug + Send + Sync {
    /// Whether what is locked still lies at its path; if not, another can take the lock of what lies there now.
    fn is_in_place(&self) -> io::Result<bool>;
}

/// A file apart from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Length in bytes; of a directory without meaning.
    pub len: u64,
    /// Which file it is, whatever it is called; `None` where the platform does not tell.
    pub id: Option<FileId>,
    /// How many names it has; 0 once it was removed while it is open.
    pub links: u64,
}

/// Tells files apart, by device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(pub u64, pub u64);

/// An open file that grows at its end. All methods take `&self`: one handle may be appended to, read and synced from
/// several threads; appends by several threads need a lock of the caller's.
pub trait DiskFile: Debug + Send + Sync {
    /// Writes all of `bytes` at the end. After an error any prefix of them may have been written: the caller truncates.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Writes all of `parts`, in order, at the end, in as few system calls as the platform allows; errors as [`append`](Self::append).
    fn append_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<()>;

    /// Fills `buffer` from `offset`; returns how many bytes there were, fewer than asked for only at the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// The open file apart from its bytes, whatever lies at its path now.
    fn stat(&self) -> io::Result<Stat>;

    /// Length in bytes.
    fn len(&self) -> io::Result<u64> {
        Ok(self.stat()?.len)
    }

    /// Whether the file has no byte.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file to `length` bytes; later appends continue there.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Has the filesystem find room for these bytes, behind the end, so that later appends need not wait for it. The
    /// file stays as long as it is; where that cannot be done, or there is no room, nothing happens. Cutting the file gives
    /// the room back.
    fn reserve(&self, bytes: Range<u64>) {
        let _ = bytes;
    }

    /// Makes the contents so far durable.
    fn sync_data(&self) -> io::Result<()>;
}
