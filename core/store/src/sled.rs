//! sled 0.34.7 as a backend, for hosts that run it already; the segment log is the default, and better at this.
//!
//! What to know before choosing it (`tests/suites.rs` asks the first two of it):
//! - **Damage may cost the queue.** A file cut or changed near its end makes sled refuse to open, or go back to an older
//!   state. A database that cannot be opened is moved aside (`sled.damaged`) and reported in [`Recovery::set_aside`], and
//!   an empty one begins: its events stay on the disk for a person and are not sent. Where sled goes back by itself, its
//!   events are lost without a word and their numbers may be given again (seen: 105 of 1020); only those it drops while
//!   keeping newer data are noticed, by their number, and reported as that many corrupt records.
//! - **Each append is a sync.** sled keeps writes in the process until it flushes, so the port's promise (an event
//!   survives the death of the process) costs a flush a call: about 200 µs, where the segment log takes 1 µs.
//! - **It does not shrink.** A drained backlog keeps its disk space (13 MB after 6.6 MB of events).
//! - **A sync is weaker on Linux**: `sync_file_range`, which flushes neither metadata nor the drive's cache.
//! - It takes about 26 MB of memory and adds 397 KB to a binary.
//!
//! Layout: tree `events` (sequence number, big endian → stamp, 8 bytes little endian, then the body); tree `states`; tree
//! `meta` (`next`: the next sequence number, `live`: how many events there are at least).

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use ::sled::{Batch, Db, Tree};

use crate::disk::{Disk, DiskLock, RealDisk};
use crate::port::{
    Entry, EventStore, Opened, Recovery, Seq, Stats, StoreError, SyncPoint, check_key, check_size,
};

/// sled's threads give its lock back some time after the database was dropped: waited for up to two seconds.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

const STAMP: usize = 8;
const NEXT: &[u8] = b"next";
const LIVE: &[u8] = b"live";

/// Settings of the sled backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SledOptions {
    /// sled's page cache, in bytes. Default 4 MiB; clamped to 1 MiB – 1 GiB.
    pub cache_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 4 << 20,
        }
    }
}

#[derive(Debug)]
struct SledStore {
    trees: Trees,
    next_seq: Seq,
    live: u64,
    bytes: u64,
    /// Released last: fields drop in order.
    _lock: Box<dyn DiskLock>,
}

#[derive(Debug)]
struct Trees {
    db: Db,
    events: Tree,
    states: Tree,
    meta: Tree,
}

/// Opens the sled database in `dir` (created when absent).
///
/// # Errors
/// [`StoreError::InUse`] when another store has it open; [`StoreError::Io`], [`StoreError::Full`],
/// [`StoreError::Backend`]. A damaged database is no error: it is moved aside, see [`Opened::recovery`].
pub fn open_sled(dir: &Path, options: SledOptions) -> Result<Opened, StoreError> {
    let failed = |action| move |error| StoreError::io(action, dir, error);
    RealDisk.create_dir_all(dir).map_err(failed("create"))?;
    let lock = RealDisk.lock(&dir.join("lock")).map_err(failed("lock"))?;
    let lock = lock.ok_or_else(|| StoreError::InUse {
        dir: dir.to_owned(),
    })?;
    let path = dir.join("sled");
    let mut recovery = Recovery::default();
    let loaded = match load(&path, options) {
        Err(Refused::Damaged(_)) => {
            recovery.set_aside.push(set_aside(dir, &path)?);
            load(&path, options)
        }
        loaded => loaded,
    };
    let Loaded {
        trees,
        entries,
        next_seq,
        noted,
    } = loaded.map_err(|refused| refused.named(dir))?;
    let live = entries.len() as u64;
    recovery.corrupt_records = noted.saturating_sub(live);
    recovery.lost_events = recovery.corrupt_records + recovery.set_aside.len() as u64;
    let bytes = entries.iter().map(|entry| u64::from(entry.len)).sum();
    let mut store = SledStore {
        trees,
        next_seq,
        live,
        bytes,
        _lock: lock,
    };
    // A loss is reported once.
    store.note()?;
    store.flush()?;
    Ok(Opened {
        store: Box::new(store),
        events: entries,
        next_seq,
        recovery,
    })
}

struct Loaded {
    trees: Trees,
    entries: Vec<Entry>,
    next_seq: Seq,
    noted: u64,
}

enum Refused {
    /// The database's bytes make no sense.
    Damaged(String),
    InUse,
    Io(io::Error),
}

impl Refused {
    fn named(self, dir: &Path) -> StoreError {
        match self {
            Self::Damaged(message) => StoreError::Backend {
                backend: "sled",
                message,
            },
            Self::InUse => StoreError::InUse {
                dir: dir.to_owned(),
            },
            Self::Io(error) => StoreError::io("open", dir, error),
        }
    }
}

impl From<::sled::Error> for Refused {
    fn from(error: ::sled::Error) -> Self {
        match error {
            // A lock held by another program comes as text alone.
            ::sled::Error::Io(error) if error.to_string().contains("acquire lock") => Self::InUse,
            ::sled::Error::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData
                | io::ErrorKind::Other => Self::Damaged(error.to_string()),
                _ => Self::Io(error),
            },
            error => Self::Damaged(error.to_string()),
        }
    }
}

fn load(path: &Path, options: SledOptions) -> Result<Loaded, Refused> {
    let mut tries = LOCK_TRIES;
    loop {
        // sled asserts its way through a damaged file; its panic is one more way to say so.
        let loaded = catch_unwind(AssertUnwindSafe(|| try_load(path, options)))
            .unwrap_or_else(|_| Err(Refused::Damaged("it panicked over its file".to_owned())));
        match loaded {
            Err(Refused::InUse) if tries > 0 => {
                tries -= 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            loaded => return loaded,
        }
    }
}

fn try_load(path: &Path, options: SledOptions) -> Result<Loaded, Refused> {
    let cache = options.cache_bytes.clamp(1 << 20, 1 << 30);
    let db = ::sled::Config::new()
        .path(path)
        .cache_capacity(cache)
        .flush_every_ms(None)
        .open()?;
    let (events, states, meta) = (
        db.open_tree("events")?,
        db.open_tree("states")?,
        db.open_tree("meta")?,
    );
    let mut entries = Vec::new();
    for pair in &events {
        let (key, value) = pair?;
        let seq = key.as_ref().try_into().map(Seq::from_be_bytes);
        let (Ok(seq), Some((stamp, body))) = (seq, value.split_first_chunk::<STAMP>()) else {
            return Err(Refused::Damaged(
                "an event's key or value is cut".to_owned(),
            ));
        };
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        entries.push(Entry {
            seq,
            at_ms: i64::from_le_bytes(*stamp),
            len,
        });
    }
    let number = |key| -> Result<Option<u64>, Refused> {
        Ok(meta
            .get(key)?
            .and_then(|value| value.as_ref().try_into().ok().map(u64::from_be_bytes)))
    };
    let after_last = entries
        .last()
        .map_or(1, |entry| entry.seq.saturating_add(1));
    let next_seq = number(NEXT)?.unwrap_or(1).max(after_last);
    let noted = number(LIVE)?.unwrap_or(0);
    Ok(Loaded {
        trees: Trees {
            db,
            events,
            states,
            meta,
        },
        entries,
        next_seq,
        noted,
    })
}

fn set_aside(dir: &Path, path: &Path) -> Result<String, StoreError> {
    let plain = "sled.damaged".to_owned();
    let numbered = (2..u32::MAX).map(|n| format!("sled.damaged.{n}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    let name = names.find(|name| !dir.join(name).exists()).unwrap_or(plain);
    RealDisk
        .rename(path, &dir.join(&name))
        .map_err(|error| StoreError::io("set aside", path, error))?;
    Ok(name)
}

impl SledStore {
    fn failed(error: ::sled::Error) -> StoreError {
        match error {
            ::sled::Error::Io(error) => StoreError::io("write", Path::new("sled"), error),
            error => StoreError::Backend {
                backend: "sled",
                message: error.to_string(),
            },
        }
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.trees.db.flush().map(|_| ()).map_err(Self::failed)
    }

    /// Notes what must outlive the events: the next number, and how many there are.
    fn note(&mut self) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.insert(NEXT, &self.next_seq.to_be_bytes());
        batch.insert(LIVE, &self.live.to_be_bytes());
        self.trees.meta.apply_batch(batch).map_err(Self::failed)
    }
}

impl EventStore for SledStore {
    fn append(&mut self, seq: Seq, at_ms: i64, body: &[u8]) -> Result<(), StoreError> {
        if seq < self.next_seq {
            return Err(StoreError::OutOfOrder {
                seq,
                next: self.next_seq,
            });
        }
        check_size(body)?;
        let value = [&at_ms.to_le_bytes(), body].concat();
        self.trees
            .events
            .insert(seq.to_be_bytes(), value)
            .map_err(Self::failed)?;
        self.next_seq = seq.saturating_add(1);
        self.live += 1;
        self.bytes += body.len() as u64;
        self.flush()
    }

    fn read(&mut self, seq: Seq, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let value = self
            .trees
            .events
            .get(seq.to_be_bytes())
            .map_err(Self::failed)?;
        let body = value.as_ref().and_then(|value| value.get(STAMP..));
        out.extend_from_slice(body.unwrap_or_default());
        Ok(body.is_some())
    }

    fn forget(&mut self, seqs: &[Seq]) -> Result<(), StoreError> {
        let mut sorted = seqs.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut batch = Batch::default();
        let (mut live, mut bytes) = (self.live, self.bytes);
        for seq in sorted {
            if let Some(value) = self
                .trees
                .events
                .get(seq.to_be_bytes())
                .map_err(Self::failed)?
            {
                live = live.saturating_sub(1);
                bytes = bytes.saturating_sub((value.len().saturating_sub(STAMP)) as u64);
                batch.remove(&seq.to_be_bytes());
            }
        }
        if live == self.live {
            return Ok(());
        }
        // The note first: a crash in between leaves more events than noted, which is no loss.
        (self.live, self.bytes) = (live, bytes);
        self.note()?;
        self.trees.events.apply_batch(batch).map_err(Self::failed)?;
        self.flush()
    }

    fn sync_point(&mut self) -> Result<SyncPoint, StoreError> {
        self.note()?;
        let db = self.trees.db.clone();
        Ok(SyncPoint::new(move || {
            db.flush().map(|_| ()).map_err(Self::failed)
        }))
    }

    fn save_state(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        check_key(key)?;
        check_size(value)?;
        self.trees.states.insert(key, value).map_err(Self::failed)?;
        self.flush()
    }

    fn load_state(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        Ok(self
            .trees
            .states
            .get(key)
            .map_err(Self::failed)?
            .map(|value| value.to_vec()))
    }

    fn stats(&self) -> Stats {
        let disk_bytes = self.trees.db.size_on_disk().unwrap_or(0);
        Stats {
            events: self.live,
            bytes: self.bytes,
            disk_bytes,
        }
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        (self.live, self.bytes) = (0, 0);
        self.note()?;
        self.trees.events.clear().map_err(Self::failed)?;
        self.flush()
    }
}
