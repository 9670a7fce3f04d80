//! The operating system's own filesystem.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile, DiskLock, Stat};

/// The operating system's own filesystem.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(File);

/// Options for files that only their owner may read: they hold personal data.
fn private() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Held by the open file: the operating system releases it at the latest when the process ends.
#[derive(Debug)]
struct RealLock {
    file: File,
    path: PathBuf,
    /// Whose it is: a copy in a forked process must not free it.
    process: u32,
}

impl RealLock {
    fn take(file: File, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(Self {
                file,
                path: path.to_owned(),
                process: std::process::id(),
            }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl DiskLock for RealLock {
    fn is_in_place(&self) -> io::Result<bool> {
        match std::fs::metadata(&self.path) {
            Ok(there) => Ok(stat(&there).id == stat(&self.file.metadata()?).id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
fn stat(metadata: &Metadata) -> Stat {
    use std::os::unix::fs::MetadataExt;
    Stat {
        len: metadata.len(),
        id: Some(super::FileId(metadata.dev(), metadata.ino())),
        links: metadata.nlink(),
    }
}

#[cfg(not(unix))]
fn stat(metadata: &Metadata) -> Stat {
    Stat {
        len: metadata.len(),
        id: None,
        links: 1,
    }
}

/// Closing the descriptor is not enough: a child process that is just being started has a copy of it, and with it the
/// lock, until it runs its own program.
impl Drop for RealLock {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            let _ = self.file.unlock();
        }
    }
}

impl Disk for RealDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = private()
            .read(true)
            .append(true)
            .create_new(true)
            .open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    #[cfg(unix)]
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    /// Windows has no directory sync; NTFS journals names itself.
    #[cfg(not(unix))]
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        RealLock::take(file, path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(stat(&std::fs::metadata(path)?))
    }

    #[cfg(unix)]
    fn lock_dir(&self, dir: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        RealLock::take(File::open(dir)?, dir)
    }

    #[cfg(not(unix))]
    fn lock_dir(&self, _dir: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl DiskFile for RealFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }

    fn append_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut rest = parts;
        while let Some(first) = rest.first() {
            if first.is_empty() {
                rest = &rest[1..];
                continue;
            }
            let mut written = match (&self.0).write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            while let Some((part, after)) = rest.split_first() {
                if written < part.len() {
                    if written > 0 {
                        (&self.0).write_all(&part[written..])?;
                        rest = after;
                    }
                    break;
                }
                written -= part.len();
                rest = after;
            }
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match read_once(&self.0, offset + filled as u64, &mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(stat(&self.0.metadata()?))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn reserve(&self, bytes: std::ops::Range<u64>) {
        let keep = rustix::fs::FallocateFlags::KEEP_SIZE;
        let count = bytes.end.saturating_sub(bytes.start);
        let _ = rustix::fs::fallocate(&self.0, keep, bytes.start, count);
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(unix)]
fn read_once(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_once(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
