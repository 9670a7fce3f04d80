//! The archive: sealed segments that are no longer hot, compressed, under the same positions.
//!
//! ```text
//! archive/00000000000000000000.hwa   the segment log/00000000000000000000.log
//!
//! file    = header block* index trailer
//! header  = frame header of the kind HWARCHV, version 1
//! block   = frame of kind 1: base u64, offset u64, len u32, zstd of `len` bytes of the segment from `offset` on
//! index   = frame of kind 2: base u64, len u64 of the segment, first i64, newest i64 (when its records were received),
//!           count u32, count × { offset u64, at u64, size u32, len u32 }   where each block's frame lies
//! trailer = size u32 of the index's frame, crc32 u32 of these four bytes
//! ```
//!
//! All numbers are little endian. A block ends where a record ends, so that one that is damaged costs its own records.
//! The index is a convenience: blocks say themselves what they are of, and where the index or a block is damaged the file
//! is searched for blocks ([`Archived`]). What cannot be read reads as zeros, which no frame begins with; whoever reads
//! the log passes over it as over any damage.
//!
//! A segment moves in steps, each durable before the next: written under another name, synced, read back and compared,
//! renamed, and only then the hot one is removed. A crash leaves one of the two or both; then the hot one counts.

mod block;
mod file;
mod job;
mod tiers;

use std::path::{Path, PathBuf};

use super::Position;

pub use job::{ArchiveError, ArchiveJob, Archiving};
pub(super) use tiers::{Opened, list, names, open, remove, stored_at};

/// The kind of file.
const MAGIC: [u8; 7] = *b"HWARCHV";
const VERSION: u8 = 1;
const SUFFIX: &str = ".hwa";
/// What a file is called while it is written.
const DRAFT: &str = ".hwa.tmp";

/// The folder beside the log's folder `log`.
pub(super) fn folder(log: &Path) -> PathBuf {
    log.with_file_name("archive")
}

/// The name of the archive of the segment that begins at `base`.
pub(super) fn name(base: Position) -> String {
    format!("{:020}{SUFFIX}", base.0)
}

fn draft(base: Position) -> String {
    format!("{:020}{DRAFT}", base.0)
}
