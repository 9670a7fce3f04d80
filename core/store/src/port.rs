//! The port: what a queue needs of its storage. Every backend passes one conformance and one crash suite.
//!
//! A store holds bodies under sequence numbers that only grow, and a few small named states. It knows nothing of what an
//! event means, of quotas or of retry: those rules are the engine's.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An event's place in the queue: 1 for the first, growing, never reused.
pub type Seq = u64;

/// The largest event or state that any store takes, in bytes (8 MiB): far above the API's 32 KB an event, far below what
/// one frame holds.
pub const MAX_RECORD: usize = 8 << 20;

/// Storage of a queue.
///
/// An error never poisons the store: the call that failed had no effect, and later calls work as soon as the cause is
/// gone.
pub trait EventStore: Send {
    /// Stores `body` under `seq`. When it returns, the event is in the operating system's hands: it survives the death of
    /// the process, and after the next sync a power cut.
    ///
    /// `at_ms` is the caller's time stamp (milliseconds since 1970), given back by [`Opened::events`].
    ///
    /// # Errors
    /// [`StoreError::OutOfOrder`] unless `seq` is above every sequence number so far; [`StoreError::TooLarge`];
    /// [`StoreError::Full`]; [`StoreError::Io`].
    fn append(&mut self, seq: Seq, at_ms: i64, body: &[u8]) -> Result<(), StoreError>;

    /// Appends the body of `seq` to `out`; `Ok(false)` when there is no such event.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the bytes on the disk have changed since they were written: the event is lost and
    /// should be forgotten. `out` is then as it was.
    fn read(&mut self, seq: Seq, out: &mut Vec<u8>) -> Result<bool, StoreError>;

    /// The bodies of these events, to be read while others use the store: what is done here costs little by the event, and
    /// the disk is read in [`Bodies::read`]. `None` where only the store itself can read them.
    fn bodies(&mut self, seqs: &[Seq]) -> Option<Bodies> {
        let _ = seqs;
        None
    }

    /// Drops these events for good; unknown ones are ignored.
    ///
    /// Works on a full disk too: the space is given back at once, and what cannot be noted yet is noted later. If the
    /// process dies in between, such events come back (delivered twice at worst, never lost).
    fn forget(&mut self, seqs: &[Seq]) -> Result<(), StoreError>;

    /// All appended and forgotten so far becomes durable when [`SyncPoint::wait`] returns (less the notes of forgetting
    /// that a full disk did not take). In two parts, so that the caller can drop its lock on the store while the disk
    /// works.
    fn sync_point(&mut self) -> Result<SyncPoint, StoreError>;

    /// Replaces the state named `key` (1 to 64 of `a-z 0-9 - _`) in one atomic step; durable when it returns.
    fn save_state(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError>;

    /// As [`save_state`](Self::save_state), without waiting for the disk: when it returns, the new state is in the operating
    /// system's hands and survives the death of the process; a power cut before the next sync point leaves the old one or
    /// the new one. A store that has no cheaper way saves durably.
    fn save_state_soon(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.save_state(key, value)
    }

    /// The state named `key`, `None` when it was never saved or was found damaged at opening (see [`Recovery`]).
    fn load_state(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// How much is stored.
    fn stats(&self) -> Stats;

    /// Drops all events. States stay, and so do the sequence numbers' growth.
    fn clear(&mut self) -> Result<(), StoreError>;

    /// Makes all durable and lets go of the directory's lock, where the store has one; the next append or saved state
    /// takes it again, while reading and forgetting do without. For an app about to be suspended: iOS kills one that
    /// keeps a lock in a shared container meanwhile. `Ok(false)` when this store cannot.
    ///
    /// # Errors
    /// The disk's own; the lock is then kept. Afterwards any write may meet [`StoreError::InUse`], while another store
    /// has the directory, and [`StoreError::Superseded`], once another has had it.
    fn release(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events not forgotten.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Bytes taken on the disk by the log, the forgotten included; 0 in memory.
    pub disk_bytes: u64,
}

/// One stored event, as found at opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence number.
    pub seq: Seq,
    /// The caller's time stamp, milliseconds since 1970.
    pub at_ms: i64,
    /// Bytes of its body.
    pub len: u32,
}

/// What opening had to leave behind. All zero and empty after a clean stop, and after a mere `kill -9`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes cut from unfinished ends of files.
    pub torn_bytes: u64,
    /// Stretches of damage that were passed over: each held at least one event, a note that events are done, or foreign
    /// bytes.
    pub corrupt_records: u64,
    /// Events that were appended, not forgotten, and are gone; each is told at one opening. Exact, with two exceptions: what was
    /// cut from the youngest file's end nobody knows, and of a file that was set aside and says no number one is counted.
    pub lost_events: u64,
    /// Files that were renamed and left in the directory for a person to look at: unknown format, damaged state.
    pub set_aside: Vec<String>,
}

impl Recovery {
    /// Whether nothing was left behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// A store, and what was in it.
pub struct Opened {
    /// The store.
    pub store: Box<dyn EventStore>,
    /// The events not yet forgotten, by sequence number.
    pub events: Vec<Entry>,
    /// The sequence number for the next event. Above all that were ever durable, after a full drain and a restart too;
    /// one that a power cut took before its first sync may be given again.
    pub next_seq: Seq,
    /// What opening had to leave behind.
    pub recovery: Recovery,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("events", &self.events.len())
            .field("next_seq", &self.next_seq)
            .field("recovery", &self.recovery)
            .finish_non_exhaustive()
    }
}

/// A promise to make durable what was written before it was taken. Dropping it unwaited loses nothing: the next one
/// covers the same.
pub struct SyncPoint(Option<Box<dyn FnOnce() -> Result<(), StoreError> + Send>>);

impl SyncPoint {
    /// A point that runs `work` when waited for.
    #[must_use]
    pub fn new(work: impl FnOnce() -> Result<(), StoreError> + Send + 'static) -> Self {
        Self(Some(Box::new(work)))
    }

    /// A point with nothing left to do.
    #[must_use]
    pub fn done() -> Self {
        Self(None)
    }

    /// Whether waiting costs nothing.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.is_none()
    }

    /// Blocks until all that was written before this point was taken is durable.
    ///
    /// # Errors
    /// The disk's own; the next point then covers the same writes. A disk that failed to write a page once may forget it
    /// (Linux drops the page after reporting): a later success is then proof of what was written since, and a caller
    /// that must know resends rather than trusts.
    pub fn wait(self) -> Result<(), StoreError> {
        self.0.map_or(Ok(()), |work| work())
    }
}

impl fmt::Debug for SyncPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncPoint")
            .field("done", &self.is_done())
            .finish()
    }
}

/// Hears of one event after the other: its body, or `None` when there is no such event or its bytes have changed on the
/// disk since they were written.
pub type EachBody<'a> = &'a mut dyn FnMut(Seq, Option<&[u8]>);

type ReadBodies = dyn FnOnce(EachBody<'_>) -> Result<(), (Seq, StoreError)> + Send;

/// Events that can be read without the store, as long as nobody forgets them; see [`EventStore::bodies`].
pub struct Bodies(Box<ReadBodies>);

impl Bodies {
    /// Bodies that `work` reads, in the order in which they were asked for.
    #[must_use]
    pub fn new(
        work: impl FnOnce(EachBody<'_>) -> Result<(), (Seq, StoreError)> + Send + 'static,
    ) -> Self {
        Self(Box::new(work))
    }

    /// Reads them, in the order in which they were asked for.
    ///
    /// # Errors
    /// The disk's own, and the event at which it failed: those before it were told, no other was.
    pub fn read(self, each: EachBody<'_>) -> Result<(), (Seq, StoreError)> {
        (self.0)(each)
    }
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bodies")
    }
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No space left for the write; nothing of it was kept.
    #[error("the disk of {} is full; free some space, or lower the queue's quota", path.display())]
    Full {
        /// The file or directory.
        path: PathBuf,
    },
    /// Another store, in this process or another, has the directory open.
    #[error(
        "{} is in use by another client or process; give each its own directory, or close the other one first",
        dir.display()
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// Another store had the directory open while this one had let go of it, and may have changed what is in it.
    #[error(
        "{} was used by another client while this one had let go of it; close this client and build a new one",
        dir.display()
    )]
    Superseded {
        /// The directory.
        dir: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check that the directory exists and may be written", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A stored event's bytes have changed on the disk.
    #[error(
        "event {seq} is damaged on the disk and cannot be read; forget it and report it as lost"
    )]
    Corrupt {
        /// The event.
        seq: Seq,
    },
    /// A stored state's bytes have changed on the disk since opening.
    #[error("the saved state {key:?} is damaged on the disk; save it again")]
    CorruptState {
        /// The state's name.
        key: String,
    },
    /// The sequence number is not above all before it.
    #[error("event {seq} comes out of order; the next sequence number is {next}")]
    OutOfOrder {
        /// The event.
        seq: Seq,
        /// The lowest number that is accepted.
        next: Seq,
    },
    /// The body or state is larger than one record may be.
    #[error("{size} bytes are over the store's limit of {limit} for one record")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The state's name cannot be a file name everywhere.
    #[error("{key:?} is no state name; use 1 to 64 of a-z, 0-9, '-' and '_'")]
    Key {
        /// The name.
        key: String,
    },
    /// The backend's own failure.
    #[error("{backend}: {message}")]
    Backend {
        /// The backend.
        backend: &'static str,
        /// Its message.
        message: String,
    },
}

impl StoreError {
    /// Names the disk's error: a full disk is a case of its own, since the answer to it is another.
    #[must_use]
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}

/// Checks a record's size; see [`MAX_RECORD`].
pub(crate) fn check_size(bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() > MAX_RECORD {
        return Err(StoreError::TooLarge {
            size: bytes.len(),
            limit: MAX_RECORD,
        });
    }
    Ok(())
}

/// Checks a state's name; see [`EventStore::save_state`].
pub(crate) fn check_key(key: &str) -> Result<(), StoreError> {
    let fits = (1..=64).contains(&key.len());
    if fits
        && key
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    {
        Ok(())
    } else {
        Err(StoreError::Key {
            key: key.chars().take(64).collect(),
        })
    }
}
