//! The embedded log: one thread that drives a [`Committer`].
//!
//! Requests queue up while a group is being written, and become the next group: the slower the disk, the larger the
//! groups. The queue is bounded by the bytes that the ingest side admits.

mod archiving;
mod beside;
mod driver;
mod redacting;
mod tending;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use headwater_model::time::Millis;
use headwater_store::disk::Disk;
use tokio::sync::{oneshot, watch};

use super::ids::Finder;
use super::redaction;
use super::{
    AppendError, Appending, Committer, Entry, EventLog, Fingerprinter, FreeSpace, LogOptions,
    LogReader, LogStatus, Moment, Note, Noting, OpenError, Position, Receipt, Recovery, Redacting,
    Redaction, Rewriting,
};
use crate::metrics::Histogram;
use archiving::ArchiveWork;
use driver::Driver;
use redacting::RewriteWork;
use tending::ClaimsWork;

/// Where the thread takes the time from.
type Now = fn() -> Millis;

/// What the log measures.
#[derive(Debug)]
pub struct LogTimings {
    /// Entries in a group.
    pub group_entries: Histogram,
    /// Seconds from the start of a group to its sync.
    pub group_seconds: Histogram,
    /// Groups that failed.
    pub failed_groups: AtomicU64,
    /// Bytes appended.
    pub bytes: AtomicU64,
    /// Segments that retention removed.
    pub swept_segments: AtomicU64,
    /// Of these, segments that somebody had still to read.
    pub swept_unread: AtomicU64,
    /// Segments that moved into the archive.
    pub archived_segments: AtomicU64,
    /// What others did to the log's files.
    pub incidents: AtomicU64,
    /// Parts of the claims that were damaged and built again from the log.
    pub rebuilt_claims: AtomicU64,
}

enum Message {
    Append(Entry, oneshot::Sender<Result<Receipt, AppendError>>),
    Note(Note, oneshot::Sender<Result<Position, AppendError>>),
    Redact(
        String,
        Rewriting,
        oneshot::Sender<Result<Redaction, AppendError>>,
    ),
    /// A job is done.
    Wake,
    Close,
}

#[derive(Debug)]
struct Shared {
    first: AtomicU64,
    end: Arc<AtomicU64>,
    claims_in_memory: AtomicU64,
    claims_on_disk: AtomicU64,
    claims_in_doubt: AtomicU64,
    waiting: AtomicU64,
    failing: Mutex<Option<AppendError>>,
    last_incident: Mutex<Option<String>>,
    archive_segments: AtomicU64,
    archive_bytes: AtomicU64,
    archive_failing: Mutex<Option<String>>,
    /// What lies from here on is still to be read.
    needed: AtomicU64,
    timings: LogTimings,
}

/// The log in this process's own data folder.
pub struct EmbeddedLog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    fingerprinter: Fingerprinter,
    queue: Sender<Message>,
    grown: watch::Receiver<u64>,
    free_space: FreeSpace,
    shared: Arc<Shared>,
    finder: Finder,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl std::fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedLog")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl EmbeddedLog {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        options: LogOptions,
        now: Now,
    ) -> Result<(Self, Recovery), OpenError> {
        let dir = options.dir.clone();
        let free_space = Arc::clone(&options.free_space);
        let started = Instant::now();
        let first = Moment {
            wall: now(),
            steady: started.elapsed(),
        };
        let (committer, recovery) = Committer::open(Arc::clone(&disk), options, first)?;
        let extent = committer.extent();
        let shared = Arc::new(Shared {
            first: AtomicU64::new(extent.start.0),
            end: Arc::new(AtomicU64::new(extent.end.0)),
            claims_in_memory: AtomicU64::new(0),
            claims_on_disk: AtomicU64::new(0),
            claims_in_doubt: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            failing: Mutex::new(None),
            last_incident: Mutex::new(None),
            archive_segments: AtomicU64::new(0),
            archive_bytes: AtomicU64::new(0),
            archive_failing: Mutex::new(None),
            needed: AtomicU64::new(u64::MAX),
            timings: LogTimings {
                group_entries: Histogram::new(&[
                    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0,
                ]),
                group_seconds: Histogram::new(crate::metrics::SECONDS),
                failed_groups: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
                swept_segments: AtomicU64::new(0),
                swept_unread: AtomicU64::new(0),
                archived_segments: AtomicU64::new(0),
                incidents: AtomicU64::new(0),
                rebuilt_claims: AtomicU64::new(0),
            },
        });
        let (queue, inbox) = mpsc::channel();
        let (grow, grown) = watch::channel(extent.end.0);
        let fingerprinter = committer.fingerprinter().clone();
        let mut driver = Driver {
            committer,
            inbox,
            itself: queue.clone(),
            grow,
            shared: Arc::clone(&shared),
            now,
            started,
            swept: Instant::now(),
            looked: Instant::now(),
            claims: ClaimsWork::new(),
            rewriting: RewriteWork::new(),
            archive: ArchiveWork::new(),
        };
        // Whether events are taken is known before the first one comes.
        driver.look();
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || driver.run())?;
        let finder = Finder::new(
            Arc::clone(&disk),
            &dir,
            fingerprinter.clone(),
            Arc::clone(&shared.end),
        );
        let log = Self {
            disk,
            finder,
            dir,
            fingerprinter,
            queue,
            grown,
            free_space,
            shared,
            thread: Mutex::new(Some(thread)),
        };
        Ok((log, recovery))
    }

    /// What the log measured so far.
    #[must_use]
    pub fn timings(&self) -> &LogTimings {
        &self.shared.timings
    }

    /// Finishes what waits, then stops. Appends after it answer [`AppendError::Closed`].
    pub fn close(&self) {
        let _ = self.queue.send(Message::Close);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl EventLog for EmbeddedLog {
    fn append(&self, entry: Entry) -> Appending {
        let (answer, answered) = oneshot::channel();
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.send(Message::Append(entry, answer)).is_err() {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        Box::pin(async move { answered.await.unwrap_or(Err(AppendError::Closed)) })
    }

    fn note(&self, note: Note) -> Noting {
        let (answer, answered) = oneshot::channel();
        let _ = self.queue.send(Message::Note(note, answer));
        Box::pin(async move { answered.await.unwrap_or(Err(AppendError::Closed)) })
    }

    fn redact(&self, user: &str, rewriting: Rewriting) -> Redacting {
        let (answer, answered) = oneshot::channel();
        let message = Message::Redact(user.to_owned(), rewriting, answer);
        let _ = self.queue.send(message);
        Box::pin(async move { answered.await.unwrap_or(Err(AppendError::Closed)) })
    }

    fn redactions(&self) -> std::io::Result<Vec<Redaction>> {
        redaction::Redactions::load(&*self.disk, &self.dir).map(|all| all.list().to_vec())
    }

    fn read(&self, from: Position) -> LogReader {
        LogReader::new(Arc::clone(&self.disk), &self.dir, from).until(Arc::clone(&self.shared.end))
    }

    fn between(&self, from: Position, to: Position) -> u64 {
        to.0.saturating_sub(from.0)
    }

    fn before_end(&self, bytes: u64) -> Position {
        let end = self.shared.end.load(Ordering::Acquire);
        let first = self.shared.first.load(Ordering::Relaxed);
        Position(end.saturating_sub(bytes).max(first))
    }

    fn find(&self, message_id: &str) -> std::io::Result<Vec<Position>> {
        self.finder.find(message_id)
    }

    fn grown_beyond(
        &self,
        position: Position,
    ) -> std::pin::Pin<Box<dyn Future<Output = bool> + Send>> {
        let mut grown = self.grown.clone();
        Box::pin(async move { grown.wait_for(|end| *end > position.0).await.is_ok() })
    }

    fn status(&self) -> LogStatus {
        let shared = &self.shared;
        LogStatus {
            first: Position(shared.first.load(Ordering::Relaxed)),
            end: Position(shared.end.load(Ordering::Acquire)),
            claims_in_memory: shared.claims_in_memory.load(Ordering::Relaxed),
            claims_on_disk: shared.claims_on_disk.load(Ordering::Relaxed),
            claims_in_doubt: shared.claims_in_doubt.load(Ordering::Relaxed),
            waiting: shared.waiting.load(Ordering::Relaxed),
            free_bytes: (self.free_space)(),
            archive_segments: shared.archive_segments.load(Ordering::Relaxed),
            archive_bytes: shared.archive_bytes.load(Ordering::Relaxed),
            archive_failing: shared
                .archive_failing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            failing: shared
                .failing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            last_incident: shared
                .last_incident
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    fn keep_from(&self, position: Position) {
        self.shared.needed.store(position.0, Ordering::Relaxed);
    }

    fn fingerprinter(&self) -> &Fingerprinter {
        &self.fingerprinter
    }
}
