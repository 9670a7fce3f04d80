//! Claim and append in one step: the log's whole logic, without threads, clocks or entropy of its own.
//!
//! [`Committer::commit`] takes the requests that wait, claims their messageIds in order, writes their records at once,
//! syncs once. If anything fails, the claims of the group are given back and the file is cut to where it ended before,
//! so that a retry of the same events is new again; until that cut is durable nothing further is accepted, since a
//! record that nobody was told about must not come back to life beside its retry.

mod archiving;
mod mending;
mod noting;
mod redacting;
mod sweep;

use std::fmt;
use std::hash::Hasher;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile, FileId};
use headwater_store::frame::{self, FILE_HEADER};
use siphasher::sip::SipHasher13;
use thiserror::Error;

use super::claims::ClaimIndex;
use super::clock::{Clock, Moment};
use super::folder::{Folder, FolderError};
use super::recovery::{Recovery, recover};
use super::redaction::Redactions;
use super::segments::{self, Sealed, Witness};
use super::{
    Entry, Extent, Fingerprinter, Position, RECORD_KIND, Receipt, SpillJob, Spilled, UnknownClaim,
    Verdict, record,
};

pub use mending::Incident;
pub use sweep::Swept;

/// Tells how many bytes are free on the log's disk; `None` when that cannot be told.
pub type FreeSpace = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// How a log is kept.
#[derive(Clone)]
pub struct LogOptions {
    /// The data folder.
    pub dir: PathBuf,
    /// Size at which a new segment begins.
    pub segment_bytes: u64,
    /// Age at which segments are removed; `None` keeps them.
    pub retain_ms: Option<i64>,
    /// Age at which sealed segments move into the archive; `None` leaves them hot.
    pub hot_ms: Option<i64>,
    /// Bytes above which the oldest segments are removed; `None` means no bound.
    pub retain_bytes: Option<u64>,
    /// Free bytes below which nothing is accepted.
    pub min_free_bytes: u64,
    /// How long a messageId is remembered.
    pub dedupe_ms: i64,
    /// How many messageIds are remembered in memory.
    pub dedupe_memory: usize,
    /// Where the key for fingerprints comes from, if the folder has none yet, and the nonces of this process's records.
    /// Unpredictable outside simulations, and another at each start.
    pub new_key: [u8; 16],
    /// How much space is left.
    pub free_space: FreeSpace,
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// Why a data folder cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another collector has it.
    #[error("{} is in use by another collector; stop that one, or give this one its own folder", .0.display())]
    InUse(PathBuf),
    /// The fingerprint key is damaged; without it retries could not be recognised.
    #[error(
        "{} is damaged; restore it from a backup, or remove it and accept that retries of the last {hours} hours are stored twice",
        path.display()
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// The dedupe window.
        hours: i64,
    },
    /// The disk's own error.
    #[error("cannot open the data folder: {0}")]
    Io(#[from] io::Error),
}

/// Why a group is not in the log.
#[derive(Debug, Error)]
pub enum CommitError {
    /// Less is free than is kept in reserve.
    #[error("only {free} bytes are free on the disk")]
    LowSpace {
        /// Bytes that are free.
        free: u64,
    },
    /// The disk's own error.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Whether an event is a retry cannot be told for the moment.
    #[error("{0}")]
    Claims(#[from] UnknownClaim),
    /// Claims cannot move to disk, and memory holds twice what it should.
    #[error(
        "claims cannot be written to `claims/` and there are too many for memory; see to the folder and the disk"
    )]
    ClaimsStuck,
    /// The data folder is not ours any more.
    #[error("{0}")]
    Folder(#[from] FolderError),
    /// The segment was removed or cut between the write and the answer.
    #[error(
        "the log's file was removed or changed while it was written; nothing of this group counts"
    )]
    Displaced,
    /// A record that no frame can hold; the entries' makers keep to the bounds, so this is a defect.
    #[error("{0}")]
    Frame(#[from] frame::FrameError),
}

/// The segment that is appended to.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) base: Position,
    pub(super) file: Arc<dyn DiskFile>,
    /// Up to here everything is durable.
    pub(super) len: u64,
    pub(super) newest: Millis,
    /// Bytes beyond `len` may be in the file.
    pub(super) dirty: bool,
    /// Nothing more goes into it, as there is room for its successor only later; what its `newest` rests on.
    pub(super) ended: Option<Witness>,
}

impl Active {
    fn witness(&self) -> Witness {
        self.ended.unwrap_or(Witness::Itself)
    }
}

/// The log's one writer.
#[derive(Debug)]
pub struct Committer {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: LogOptions,
    fingerprinter: Fingerprinter,
    claims: ClaimIndex,
    sealed: Vec<Sealed>,
    active: Active,
    /// Heads of the group in hand; kept for its allocation.
    heads: Vec<u8>,
    folder: Folder,
    /// Where the active segment lies, and which file it is.
    path: PathBuf,
    id: Option<FileId>,
    /// The next record goes to a new segment.
    must_roll: bool,
    /// Why nothing is accepted, as the latest look at the folder found.
    refusing: Option<FolderError>,
    /// Which sealed segment is looked at next.
    looked_at: usize,
    incidents: Vec<Incident>,
    clock: Clock,
    /// The time of claims when the log was opened.
    claims_from: Millis,
    /// When the newest record of the log was received, as far as known.
    newest: Option<Millis>,
    /// Segments from here on were written by this process.
    own: Position,
    nonces: SipHasher13,
    redactions: Redactions,
    pass: Option<redacting::Pass>,
    /// Deletions wait that somebody wants carried out now.
    at_once: bool,
    /// The segment that is on its way into the archive.
    archiving: Option<Position>,
    /// Ids of a segment are being written.
    indexing: bool,
    /// What lies from here on is still to be read by somebody.
    needed: Position,
}

impl Committer {
    /// Opens the log in `options.dir`, creating it if need be, and rebuilds the claims from it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        options: LogOptions,
        now: impl Into<Moment>,
    ) -> Result<(Self, Recovery), OpenError> {
        let (now, new_key) = (now.into(), options.new_key);
        let dir = options.dir.join("log");
        disk.create_dir_all(&dir)?;
        let folder = Folder::open(Arc::clone(&disk), &options)?;
        let fingerprinter = Fingerprinter::new(folder.key());
        let mut claims = ClaimIndex::open(
            Arc::clone(&disk),
            options.dir.join("claims"),
            dir.clone(),
            options.dedupe_ms,
            options.dedupe_memory,
        )?;
        let (mut sealed, mut active, recovery, deletions) =
            recover(&disk, &dir, &mut claims, now.wall)?;
        let newest = in_order(&mut sealed, &mut active);
        let mut incidents = Vec::new();
        let redactions = redacting::open(&disk, &options.dir, &deletions, &mut incidents)?;
        let committer = Self {
            path: dir.join(segments::name(active.base)),
            id: active.file.stat()?.id,
            disk,
            dir,
            options,
            fingerprinter,
            sealed,
            heads: Vec::new(),
            folder,
            must_roll: active.ended.is_some(),
            refusing: None,
            looked_at: 0,
            incidents,
            clock: Clock::new(now),
            claims_from: claims.latest(),
            newest,
            own: active.base,
            nonces: SipHasher13::new_with_key(&new_key),
            redactions,
            pass: None,
            at_once: false,
            archiving: None,
            indexing: false,
            needed: Position(u64::MAX),
            claims,
            active,
        };
        Ok((committer, recovery))
    }

    /// How messageIds become claims here.
    #[must_use]
    pub fn fingerprinter(&self) -> &Fingerprinter {
        &self.fingerprinter
    }

    /// Where the log begins and ends.
    #[must_use]
    pub fn extent(&self) -> Range<Position> {
        let first = self
            .sealed
            .first()
            .map_or(self.active.base, |segment| segment.base);
        first..Position(self.active.base.0 + self.active.len)
    }

    /// Bytes that all segments take of the disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sealed.iter().map(Sealed::stored).sum::<u64>() + self.active.len
    }

    /// The index of what was accepted.
    #[must_use]
    pub fn claims(&self) -> &ClaimIndex {
        &self.claims
    }

    /// Claims and appends the entries, in order, and makes them durable. All or nothing.
    ///
    /// # Errors
    /// [`CommitError`]; then nothing of the group is in the log, and all of it may be tried again.
    pub fn commit(
        &mut self,
        now: impl Into<Moment>,
        mut group: Vec<Entry>,
    ) -> Result<Vec<Receipt>, CommitError> {
        let now = now.into();
        self.observe(now);
        if let Some(error) = &self.refusing {
            return Err((*error).into());
        }
        self.stand()?;
        if let Some(free) = (self.options.free_space)()
            && free < self.options.min_free_bytes
        {
            return Err(CommitError::LowSpace { free });
        }
        if self.claims.is_stuck() {
            return Err(CommitError::ClaimsStuck);
        }
        let written = self
            .claim(self.claims_time(now), &mut group)
            .map_err(CommitError::from)
            .and_then(|()| self.write(&group));
        let positions = match written {
            Ok(positions) => positions,
            Err(error) => {
                self.release(&group);
                // If this fails, the next commit tries it first.
                let _ = self.stand();
                return Err(error);
            }
        };
        if positions.iter().any(Option::is_some) {
            self.active.newest = self.active.newest.max(now.wall);
            self.newest = self.newest.max(Some(now.wall));
        }
        self.claims.rotate(self.claims_time(now));
        let receipts = group
            .into_iter()
            .zip(positions)
            .map(|(entry, position)| Receipt {
                position,
                events: entry.events,
            })
            .collect();
        Ok(receipts)
    }

    /// Turns `Accepted` into `Duplicate` where the claim is taken. On an error the entries behind it are demoted to
    /// duplicates, so that [`release`](Self::release) gives back what was taken and nothing else.
    fn claim(&mut self, now: Millis, group: &mut [Entry]) -> Result<(), UnknownClaim> {
        let mut failed = None;
        for slot in group.iter_mut().flat_map(|entry| &mut entry.events) {
            if slot.verdict != Verdict::Accepted {
                continue;
            }
            if failed.is_some() {
                slot.verdict = Verdict::Duplicate;
                continue;
            }
            match self.claims.claim(slot.claim, now) {
                Ok(true) => {}
                Ok(false) => slot.verdict = Verdict::Duplicate,
                Err(error) => {
                    slot.verdict = Verdict::Duplicate;
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn release(&mut self, group: &[Entry]) {
        for slot in group.iter().flat_map(|entry| &entry.events) {
            if slot.verdict == Verdict::Accepted {
                self.claims.release(slot.claim);
            }
        }
    }

    fn write(&mut self, group: &[Entry]) -> Result<Vec<Option<Position>>, CommitError> {
        // Before the records are made, since each says where it lies.
        let bound = group
            .iter()
            .filter(|entry| !is_retry(entry))
            .map(|entry| (frame::HEADER + record::head_bound(entry) + entry.body.len()) as u64);
        let bound: u64 = bound.sum();
        if bound > 0
            && self.active.len > FILE_HEADER as u64
            && self.active.len + bound > self.options.segment_bytes
        {
            self.roll()?;
        }
        let start = self.active.base.0 + self.active.len;
        self.heads.clear();
        let mut total = 0;
        let mut records: Vec<(Range<usize>, &[u8])> = Vec::with_capacity(group.len());
        let mut positions = Vec::with_capacity(group.len());
        for entry in group {
            if is_retry(entry) {
                positions.push(None);
                continue;
            }
            let position = Position(start + total);
            let begin = self.heads.len();
            self.heads.extend_from_slice(&[0; frame::HEADER]);
            let nonce = nonce(self.nonces, position);
            record::encode_head(&mut self.heads, entry, position, nonce);
            let head = self.heads.get(begin + frame::HEADER..).unwrap_or_default();
            let header = frame::header(RECORD_KIND, &[head, &entry.body])?;
            if let Some(place) = self.heads.get_mut(begin..begin + frame::HEADER) {
                place.copy_from_slice(&header);
            }
            positions.push(Some(position));
            total += (self.heads.len() - begin + entry.body.len()) as u64;
            records.push((begin..self.heads.len(), &entry.body));
        }
        if records.is_empty() {
            return Ok(positions);
        }
        let parts: Vec<IoSlice<'_>> = records
            .iter()
            .flat_map(|(head, body)| [self.heads.get(head.clone()).unwrap_or_default(), body])
            .map(IoSlice::new)
            .collect();
        self.active.dirty = true;
        self.active.file.append_vectored(&parts)?;
        self.persist(total)?;
        self.claims.written(Extent::new(start, start + total));
        Ok(positions)
    }

    /// Makes `total` bytes durable that were just appended.
    fn persist(&mut self, total: u64) -> Result<(), CommitError> {
        self.active.file.sync_data()?;
        if !self.is_in_place(self.active.len + total)? {
            self.take_back(total)?;
            return Err(CommitError::Displaced);
        }
        self.active.dirty = false;
        self.active.len += total;
        Ok(())
    }

    /// Begins a new segment where the active one ends.
    fn roll(&mut self) -> Result<(), CommitError> {
        let base = Position(self.active.base.0 + self.active.len);
        let path = self.dir.join(segments::name(base));
        self.set_aside(&path, FILE_HEADER as u64)?;
        let file = segments::create(&*self.disk, &self.dir, base)?;
        let id = file.stat()?.id;
        // Shorter than what was written if somebody cut it, and that was told.
        let len = match self.must_roll {
            true => self.active.file.len()?.min(self.active.len),
            false => self.active.len,
        };
        // Once the last one is closed nobody could write it again.
        if !self.is_in_place(len)? {
            return Err(CommitError::Displaced);
        }
        self.id = id;
        self.path = path;
        let next = Active {
            base,
            file,
            len: FILE_HEADER as u64,
            newest: match self.active.witness() {
                Witness::Nobody => self.newest.unwrap_or_default(),
                Witness::Itself | Witness::Others => self.active.newest,
            },
            dirty: false,
            ended: None,
        };
        let last = std::mem::replace(&mut self.active, next);
        self.sealed.push(Sealed {
            base: last.base,
            len,
            newest: last.newest,
            witness: last.witness(),
            archived: None,
            indexed: false,
        });
        Ok(())
    }

    /// Work that keeps the claims within their memory, to be run on any thread and given to [`adopt`](Self::adopt).
    pub fn spill_job(&mut self) -> Option<SpillJob> {
        self.claims.spill_job()
    }

    /// Takes over what a job wrote.
    ///
    /// # Errors
    /// What the job met; the claims stay in memory and the next job tries again.
    pub fn adopt(&mut self, spilled: Spilled) -> io::Result<()> {
        self.claims.adopt(spilled)
    }
}

/// What the ids of a record's events derive from. Random for whoever does not have the key, which is made at each start:
/// where positions come again after a restore, ids do not.
fn nonce(mut hasher: SipHasher13, position: Position) -> u64 {
    hasher.write_u64(position.0);
    hasher.finish()
}

/// Whether nothing is to be stored: a pure retry adds nothing that the log does not say already.
fn is_retry(entry: &Entry) -> bool {
    let mut verdicts = entry.events.iter().map(|slot| slot.verdict);
    verdicts.all(|verdict| verdict == Verdict::Duplicate)
}

/// Makes each segment as young as those before it, as its records are. When the newest record was received.
fn in_order(sealed: &mut [Sealed], active: &mut Active) -> Option<Millis> {
    let mut newest = None;
    for segment in sealed {
        if segment.witness != Witness::Nobody {
            newest = newest.max(Some(segment.newest));
            segment.newest = newest.unwrap_or(segment.newest);
        }
    }
    if active.witness() == Witness::Nobody {
        return newest;
    }
    if active.len > FILE_HEADER as u64 {
        newest = newest.max(Some(active.newest));
    }
    // One without a record has no time of its own.
    active.newest = newest.unwrap_or_default();
    newest
}
