//! Where a messageId lies: one small file for each sealed segment, hot or archived, beside the log.
//!
//! ```text
//! ids/00000000000000000000.ids   of the segment that begins there
//!
//! file    = header page* about trailer
//! header  = frame header of the kind HWIDSEG, version 1
//! page    = 255 entries u128 ascending, zeros behind the last one; base u64, number u32, crc32 u32 over what is before
//! entry   = key (64 bits) · offset of the record in the segment (48) · the event in it (16)
//! about   = frame of kind 1: base u64, count u64, names u32, names × { len u8, name }   the sources of its records
//! trailer = size u32 of the frame `about`, crc32 u32 of these four bytes
//! ```
//!
//! All numbers are little endian. A key is the upper half of the event's claim; of an event that came without a messageId,
//! it follows from when it was received, which its id says. A key finds candidates: whoever asks reads the record and
//! compares. Keys are spread evenly, so the page that holds one is guessed, and a question costs one read or two.
//!
//! A file is a cache of its segment. One that is missing, damaged or another's is built again; until then its segment is
//! read instead ([`Finder`]).

mod build;
mod file;
mod finder;

use std::io;
use std::path::{Path, PathBuf};

use headwater_model::time::Millis;
use headwater_store::disk::Disk;

use super::{Claim, Head, Position, Verdict};

pub use build::{IdsJob, Indexed};
pub(super) use finder::Finder;

const MAGIC: [u8; 7] = *b"HWIDSEG";
const VERSION: u8 = 1;

/// Where the file of the segment at `base` lies; `log` is the log's folder.
fn path(log: &Path, base: Position) -> PathBuf {
    folder(log).join(format!("{:020}.ids", base.0))
}

fn folder(log: &Path) -> PathBuf {
    log.with_file_name("ids")
}

/// Whether the segment at `base` has a file; what is in it is looked at when it is asked.
pub(super) fn is_there(disk: &dyn Disk, log: &Path, base: Position) -> bool {
    disk.stat(&path(log, base)).is_ok()
}

/// Removes the file of a segment that goes. One that stays is only in the way of the disk.
pub(super) fn remove(disk: &dyn Disk, log: &Path, base: Position) {
    let _ = disk.remove(&path(log, base));
}

/// The key of an event with a messageId.
fn key(claim: Claim) -> u64 {
    (claim.0 >> 64) as u64
}

/// The key of an event that came without one.
fn given_key(received: Millis) -> u64 {
    let mut z = (received.0 as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// When the event was received that was given this id.
fn given(message_id: &str) -> Option<Millis> {
    let mut parts = message_id.strip_prefix("hw-")?.split('-');
    let received = i64::from_str_radix(parts.next()?, 16).ok()?;
    (parts.count() == 2).then_some(Millis(received))
}

/// The keys of a record's accepted events, each with its number.
fn keys(head: &Head) -> impl Iterator<Item = (u64, u16)> {
    let received = head.received;
    head.events
        .iter()
        .enumerate()
        .filter_map(move |(index, slot)| {
            let key = match slot.verdict {
                Verdict::Accepted => key(slot.claim),
                Verdict::AcceptedWithoutId => given_key(received),
                _ => return None,
            };
            Some((key, u16::try_from(index).unwrap_or(u16::MAX)))
        })
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
