//! The event log: what the collector answered 2xx for is in it, durable, once.
//!
//! ```text
//! handlers ──Entry──▶ EventLog::append ──▶ claim messageIds ─▶ one write ─▶ one fdatasync ──▶ Receipt
//!                                          └──── one group of waiting requests at a time ────┘
//! readers  ◀──Stored── LogReader (any process, any time, from any position)
//! ```
//!
//! Invariant: a receipt is given only for what is on disk; claim and append are one step, so after a crash the claims
//! are exactly those of the records that survived. Everything below [`Committer`] is synchronous, takes the disk as
//! `Arc<dyn Disk>` and the time as an argument, so a simulation drives it; [`EmbeddedLog`] adds the thread.

mod archive;
mod claims;
mod clock;
mod committer;
mod control;
mod embedded;
mod entry;
mod extent;
mod filter;
mod fingerprint;
mod folder;
mod forget;
mod generation;
mod ids;
mod place;
mod places;
mod readable;
mod reader;
mod record;
mod recovery;
mod redaction;
mod replace;
mod ring;
mod run;
mod segments;
mod shape;
mod spill;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use thiserror::Error;

pub use archive::{ArchiveError, ArchiveJob, Archiving};
pub use claims::{ClaimIndex, UnknownClaim};
pub use clock::{Moment, SETTLED_MS};
pub use committer::{CommitError, Committer, FreeSpace, Incident, LogOptions, OpenError, Swept};
pub use control::{CONTROL_KIND, Control, MAX_CONTROL_TEXT, Note, Topic};
pub use embedded::{EmbeddedLog, LogTimings};
pub use entry::{Entry, Reason, Slot, Verdict};
pub use extent::Extent;
pub use fingerprint::{Claim, Fingerprinter};
pub use folder::FolderError;
pub(crate) use forget::{emptied, forget, names};
pub use ids::{IdsJob, Indexed};
pub use place::{Identity, LogId, ONLY_SHARD, Place, identity, renew};
pub use reader::{LogReader, Next};
pub use record::{Head, RECORD_KIND, RecordError, Stored};
pub use recovery::{Damage, Recovery};
pub use redaction::{Redaction, RewriteJob, Rewriting, Rewritten, Subject};
pub(crate) use replace::replace;
pub use ring::{Ring, strangers_dir};
pub use spill::{SpillJob, Spilled};

/// The largest body one record holds: a frame's 16 MiB, less room for the head.
pub const MAX_BODY_BYTES: usize = 14 << 20;

/// The most events one record describes; with 25 bytes each the head stays below 2 MiB.
pub const MAX_EVENTS: usize = 65_536;

/// A place in the log. Grows over restarts; says nothing about how many events lie before. Only the log itself calculates
/// with it: others compare, store and give back ([`EventLog::between`] and [`LogReader::passed`] tell amounts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What became of a request that is durable.
#[derive(Debug)]
pub struct Receipt {
    /// Where its record lies; `None` when nothing had to be written, because every event was a duplicate.
    pub position: Option<Position>,
    /// The request's events with their final verdicts, in order.
    pub events: Vec<Slot>,
}

impl Receipt {
    /// How many events are accepted, duplicates and rejected.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for event in &self.events {
            tally.add(event.verdict);
        }
        tally
    }
}

/// Events counted by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stored for the first time.
    pub accepted: u64,
    /// Their messageId was accepted before, within the window.
    pub duplicates: u64,
    /// Stored as rejected, with a reason.
    pub rejected: u64,
    /// Cut out before they were stored, because their user is suppressed.
    pub suppressed: u64,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Accepted | Verdict::AcceptedWithoutId => self.accepted += 1,
            Verdict::Duplicate => self.duplicates += 1,
            Verdict::Rejected(_) => self.rejected += 1,
            Verdict::Suppressed => self.suppressed += 1,
            // They were counted as what they were when they came.
            Verdict::Redacted | Verdict::RedactedUnclaimed => {}
        }
    }
}

/// Why an entry is not in the log. The sender should try again later.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The disk is full, or fuller than the operator allows.
    #[error("the disk has less free space than is kept in reserve")]
    Full,
    /// The disk refused to write or to sync.
    #[error("the log could not be written: {0}")]
    Failed(String),
    /// The collector is shutting down.
    #[error("the collector is shutting down")]
    Closed,
}

/// How the log is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogStatus {
    /// Where the oldest record lies.
    pub first: Position,
    /// Where the next record will lie.
    pub end: Position,
    /// messageIds remembered in memory.
    pub claims_in_memory: u64,
    /// messageIds remembered on disk.
    pub claims_on_disk: u64,
    /// Parts of the claims that are damaged and are being built again from the log.
    pub claims_in_doubt: u64,
    /// Entries that wait for their group.
    pub waiting: u64,
    /// Free bytes on the log's disk, when they can be told.
    pub free_bytes: Option<u64>,
    /// Segments that are archived.
    pub archive_segments: u64,
    /// Bytes of their files.
    pub archive_bytes: u64,
    /// Why the last segment could not be archived; `None` once one succeeded again.
    pub archive_failing: Option<String>,
    /// Why the last group failed; `None` once one succeeded again.
    pub failing: Option<AppendError>,
    /// What others did to the files last, in words.
    pub last_incident: Option<String>,
}

/// The answer to an append, when it comes.
pub type Appending = Pin<Box<dyn Future<Output = Result<Receipt, AppendError>> + Send>>;

/// A deletion, once it holds for every reader.
pub type Redacting = Pin<Box<dyn Future<Output = Result<Redaction, AppendError>> + Send>>;

/// Where a control record lies, once it is durable.
pub type Noting = Pin<Box<dyn Future<Output = Result<Position, AppendError>> + Send>>;

/// A durable, deduplicating, ordered log of requests.
pub trait EventLog: fmt::Debug + Send + Sync + 'static {
    /// Claims the entry's messageIds and stores it, in one step; resolves when that is durable, or will never be.
    fn append(&self, entry: Entry) -> Appending;

    /// Stores a control record behind what was appended before; resolves when that is durable, or will never be.
    fn note(&self, note: Note) -> Noting;

    /// Deletes what lies in the log of this user: resolves when no reader sees it any more, in whatever process.
    fn redact(&self, user: &str, rewriting: Rewriting) -> Redacting;

    /// All deletions, oldest first.
    ///
    /// # Errors
    /// The disk's own.
    fn redactions(&self) -> io::Result<Vec<Redaction>>;

    /// A reader that starts at `from` and sees what is durable.
    fn read(&self, from: Position) -> LogReader;

    /// How much log lies between two positions, in bytes, about; 0 when `to` is not behind `from`.
    fn between(&self, from: Position, to: Position) -> u64;

    /// A position behind which lie about the last `bytes` of the log, or all there is.
    fn before_end(&self, bytes: u64) -> Position;

    /// The positions of records that may hold an accepted event with this messageId, in the archive, too; whoever asks reads
    /// them and compares. Empty when there is none.
    ///
    /// # Errors
    /// The disk's own.
    fn find(&self, message_id: &str) -> std::io::Result<Vec<Position>>;

    /// Resolves when the log reaches beyond `position`, or is closed (`false`).
    fn grown_beyond(&self, position: Position) -> Pin<Box<dyn Future<Output = bool> + Send>>;

    /// Says that what lies from `position` on is still to be read: it is not removed for its age. What is more than the log
    /// may hold is removed all the same.
    fn keep_from(&self, position: Position);

    /// How the log is doing now.
    fn status(&self) -> LogStatus;

    /// How messageIds become claims in this log.
    fn fingerprinter(&self) -> &Fingerprinter;
}
