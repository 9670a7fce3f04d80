//! A folder on a real disk: durability measured on a memory file system is no measurement.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::Failure;

/// A folder that is removed when the run ends, with what is known about the disk under it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    filesystem: String,
}

impl Scratch {
    /// A new folder below `BENCH_DIR`, or below the system's folder for temporary files.
    ///
    /// # Errors
    /// When the folder cannot be made, or lies in memory (tmpfs, ramfs).
    pub fn new(name: &str) -> Result<Self, Failure> {
        let root = env::var_os("BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
        fs::create_dir_all(&root)?;
        let path = root
            .canonicalize()?
            .join(format!("headwater-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        let filesystem = filesystem_of(&path)?;
        let scratch = Self { path, filesystem };
        if scratch.filesystem.starts_with("tmpfs") || scratch.filesystem.starts_with("ramfs") {
            return Err(format!(
                "{} is memory ({}); set BENCH_DIR to a folder on a disk",
                root.display(),
                scratch.filesystem
            )
            .into());
        }
        Ok(scratch)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its file system and device: `ext4 on /dev/vda`.
    #[must_use]
    pub fn filesystem(&self) -> &str {
        &self.filesystem
    }

    /// An empty folder below it, whatever stood there before.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The mount with the longest path that is a prefix of this one; a later mount covers an earlier.
fn filesystem_of(path: &Path) -> Result<String, Failure> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mut best = (0, String::from("unknown"));
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(device), Some(point), Some(kind)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if path.starts_with(point) && point.len() >= best.0 {
            best = (point.len(), format!("{kind} on {device}"));
        }
    }
    Ok(best.1)
}
