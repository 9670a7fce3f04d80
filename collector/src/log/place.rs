//! Where an event lies, for everything behind the log: (log id, shard, position, index).
//!
//! A place is opaque to its users: they compare places of one shard, store them and give them back. One machine has one
//! shard. The log id is random and made with the folder; a restored log gets a new one, so that what was loaded from
//! another log is never taken for progress on this one.

use std::fmt;
use std::io;
use std::path::Path;

use headwater_store::disk::Disk;

use super::{Position, replace};

/// Which log: random, made with its folder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub [u8; 16]);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl LogId {
    /// The id that [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<LogId> {
        let mut id = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(LogId(id))
    }
}

/// The shard of a log on one machine.
pub const ONLY_SHARD: u32 = 0;

/// Where an event lies in a log, or where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The shard; places of different shards have no order that means anything.
    pub shard: u32,
    /// The record.
    pub position: Position,
    /// The event in the record.
    pub index: u32,
}

impl Place {
    /// The place of the first event of the record at `position`.
    #[must_use]
    pub fn at(position: Position) -> Place {
        Place {
            shard: ONLY_SHARD,
            position,
            index: 0,
        }
    }

    /// The place behind this event. It need not hold one.
    #[must_use]
    pub fn next(self) -> Place {
        Place {
            index: self.index.saturating_add(1),
            ..self
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.shard, self.position, self.index)
    }
}

/// The file in the data folder that holds the id: sixteen bytes and their checksum.
const FILE: &str = "log-id";

/// Whether an id was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It was read.
    Known(LogId),
    /// It was made now: the folder is new, or was written before there were ids.
    Made(LogId),
    /// What was there could not be read, so a new one was made: progress under the old one no longer counts, and rows that
    /// were loaded before are recognised by their ids.
    Replaced(LogId),
}

impl Identity {
    /// The id.
    #[must_use]
    pub fn id(self) -> LogId {
        match self {
            Identity::Known(id) | Identity::Made(id) | Identity::Replaced(id) => id,
        }
    }
}

/// The id of the log in the data folder `dir`, made from `fresh` where there is none. Only the process that holds the
/// folder's lock may call this.
///
/// # Errors
/// The disk's own.
pub fn identity(disk: &dyn Disk, dir: &Path, fresh: [u8; 16]) -> io::Result<Identity> {
    match disk.open(&dir.join(FILE)) {
        Ok(file) => {
            let mut bytes = [0; 20];
            let read = file.read_at(0, &mut bytes)?;
            let (id, crc) = bytes.split_at(16);
            if read == 20
                && crc32fast::hash(id).to_le_bytes() == *crc
                && let Ok(id) = id.try_into()
            {
                return Ok(Identity::Known(LogId(id)));
            }
            drop(file);
            renew(disk, dir, fresh).map(Identity::Replaced)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            renew(disk, dir, fresh).map(Identity::Made)
        }
        Err(error) => Err(error),
    }
}

/// Gives the log in `dir` the id `fresh`, durably: after a restore from a backup.
///
/// # Errors
/// The disk's own.
pub fn renew(disk: &dyn Disk, dir: &Path, fresh: [u8; 16]) -> io::Result<LogId> {
    let crc = crc32fast::hash(&fresh).to_le_bytes();
    replace(disk, dir, FILE, &[&fresh[..], &crc].concat())?;
    Ok(LogId(fresh))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_store::disk::RealDisk;

    #[test]
    fn a_log_keeps_its_id_until_it_is_renewed() {
        let dir = tempfile::tempdir().unwrap();
        let of = |fresh: u8| identity(&RealDisk, dir.path(), [fresh; 16]).unwrap();
        assert_eq!(of(1), Identity::Made(LogId([1; 16])));
        assert_eq!(of(2), Identity::Known(LogId([1; 16])));
        renew(&RealDisk, dir.path(), [3; 16]).unwrap();
        assert_eq!(of(4), Identity::Known(LogId([3; 16])));
    }

    #[test]
    fn a_damaged_id_is_replaced_and_told() {
        let dir = tempfile::tempdir().unwrap();
        identity(&RealDisk, dir.path(), [1; 16]).unwrap();
        let file = dir.path().join(FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let found = identity(&RealDisk, dir.path(), [2; 16]).unwrap();
        assert_eq!(found, Identity::Replaced(LogId([2; 16])));
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = LogId([0xa7; 16]);
        assert_eq!(LogId::parse(&id.to_string()), Some(id));
        assert_eq!(LogId::parse("zz"), None);
    }
}
