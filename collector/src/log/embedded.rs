//! The embedded log: one thread that drives a [`Committer`].
//!
//! Requests queue up while a group is being written, and become the next group: the slower the disk, the larger the
//! groups. The queue is bounded by the bytes that the ingest side admits.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headwater_model::time::Millis;
use headwater_store::disk::Disk;
use tokio::sync::{oneshot, watch};

use super::{
    AppendError, Appending, CommitError, Committer, Entry, EventLog, Fingerprinter, FreeSpace,
    LogOptions, LogReader, LogStatus, Moment, OpenError, Position, Receipt, Recovery, SpillJob,
    Spilled,
};
use crate::metrics::Histogram;

/// A group is closed at this many bytes, so that one slow write does not hold up everyone behind it.
const GROUP_BYTES: usize = 8 << 20;
/// Two pieces an entry; the operating system takes 1,024 pieces in one call.
const GROUP_ENTRIES: usize = 512;
/// How often retention is looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// How often the log is looked at when nobody sends, and a failing one is tried.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Damage to claims is told once; again when none was met for this long. Files that were damaged at one time are found
/// one by one, as questions meet them.
const TELL_DOUBT_EVERY: Duration = Duration::from_secs(60);

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
    /// What others did to the log's files.
    pub incidents: AtomicU64,
    /// Parts of the claims that were damaged and built again from the log.
    pub rebuilt_claims: AtomicU64,
}

enum Message {
    Append(Entry, oneshot::Sender<Result<Receipt, AppendError>>),
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
            timings: LogTimings {
                group_entries: Histogram::new(&[
                    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0,
                ]),
                group_seconds: Histogram::new(crate::metrics::SECONDS),
                failed_groups: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
                swept_segments: AtomicU64::new(0),
                incidents: AtomicU64::new(0),
                rebuilt_claims: AtomicU64::new(0),
            },
        });
        let (queue, inbox) = mpsc::channel();
        let (grow, grown) = watch::channel(extent.end.0);
        let (done, jobs_done) = mpsc::channel();
        let fingerprinter = committer.fingerprinter().clone();
        let driver = Driver {
            committer,
            inbox,
            itself: queue.clone(),
            grow,
            shared: Arc::clone(&shared),
            now,
            started,
            swept: Instant::now(),
            looked: Instant::now(),
            claims: ClaimsWork {
                done,
                jobs_done,
                jobs: 0,
                not_before: Instant::now(),
                doubted: None,
                stuck: false,
            },
        };
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || driver.run())?;
        let log = Self {
            disk,
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

    fn read(&self, from: Position) -> LogReader {
        LogReader::new(Arc::clone(&self.disk), &self.dir, from).until(Arc::clone(&self.shared.end))
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

    fn fingerprinter(&self) -> &Fingerprinter {
        &self.fingerprinter
    }
}

struct Driver {
    committer: Committer,
    inbox: Receiver<Message>,
    itself: Sender<Message>,
    grow: watch::Sender<u64>,
    shared: Arc<Shared>,
    now: Now,
    /// Since when the steady clock runs.
    started: Instant,
    swept: Instant,
    looked: Instant,
    claims: ClaimsWork,
}

/// The claims' jobs that are under way, and what was told of them.
struct ClaimsWork {
    done: Sender<Spilled>,
    jobs_done: Receiver<Spilled>,
    jobs: usize,
    /// After a failure the next job waits a moment.
    not_before: Instant,
    /// When something was in doubt last.
    doubted: Option<Instant>,
    stuck: bool,
}

impl Driver {
    fn run(mut self) {
        let mut open = true;
        self.publish();
        while open {
            let first = match self.inbox.recv_timeout(PROBE_EVERY) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut entries = Vec::new();
            let mut answers = Vec::new();
            let mut bytes = 0;
            let mut message = first;
            while let Some(taken) = message.take() {
                match taken {
                    Message::Append(entry, answer) => {
                        bytes += entry.body.len();
                        entries.push(entry);
                        answers.push(answer);
                    }
                    Message::Wake => {}
                    Message::Close => open = false,
                }
                if open && bytes < GROUP_BYTES && entries.len() < GROUP_ENTRIES {
                    message = self.inbox.try_recv().ok();
                }
            }
            // What jobs made is there before the next group asks for it.
            self.tend_claims();
            if !entries.is_empty() {
                self.commit(entries, answers);
                self.tend_claims();
            }
            self.maintain();
        }
        // Whoever still waits is told to come back; nothing of theirs was written.
    }

    fn commit(
        &mut self,
        entries: Vec<Entry>,
        answers: Vec<oneshot::Sender<Result<Receipt, AppendError>>>,
    ) {
        let started = Instant::now();
        let count = entries.len();
        let before = self.committer.extent().end.0;
        let outcome = self.committer.commit(self.moment(), entries);
        self.tell_incidents();
        let timings = &self.shared.timings;
        if count > 0 {
            timings.group_entries.observe(count as f64);
            timings
                .group_seconds
                .observe(started.elapsed().as_secs_f64());
        }
        self.shared
            .waiting
            .fetch_sub(count as u64, Ordering::Relaxed);
        match outcome {
            Ok(receipts) => {
                timings
                    .bytes
                    .fetch_add(self.committer.extent().end.0 - before, Ordering::Relaxed);
                self.set_failing(None);
                // Readers see the records before their senders hear of them, never after.
                self.publish();
                for (answer, receipt) in answers.into_iter().zip(receipts) {
                    let _ = answer.send(Ok(receipt));
                }
            }
            Err(error) => {
                timings
                    .failed_groups
                    .fetch_add(u64::from(count > 0), Ordering::Relaxed);
                let failure = self.fail(&error);
                for answer in answers {
                    let _ = answer.send(Err(failure.clone()));
                }
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            wall: (self.now)(),
            steady: self.started.elapsed(),
        }
    }

    fn is_failing(&self) -> bool {
        self.shared
            .failing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Whether this is news.
    fn set_failing(&self, failing: Option<AppendError>) -> bool {
        let mut state = self
            .shared
            .failing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = *state != failing;
        if changed && failing.is_none() {
            tracing::info!("the log accepts events again");
        }
        *state = failing;
        changed
    }

    fn maintain(&mut self) {
        if self.looked.elapsed() >= PROBE_EVERY {
            self.looked = Instant::now();
            self.look();
        }
        if self.swept.elapsed() < SWEEP_EVERY {
            return;
        }
        self.swept = Instant::now();
        match self.committer.sweep(self.moment()) {
            Ok(swept) if swept.segments > 0 => {
                self.shared
                    .timings
                    .swept_segments
                    .fetch_add(swept.segments, Ordering::Relaxed);
                tracing::info!(
                    segments = swept.segments,
                    bytes = swept.bytes,
                    "retention removed old segments"
                );
                if swept.early > 0 {
                    tracing::warn!(
                        segments = swept.early,
                        "retain_bytes removed events within the dedupe window; after a restart their retries are \
                         stored again"
                    );
                }
                self.publish();
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "retention could not remove a segment"),
        }
    }

    /// Looks after the files, and whether a log that fails does so still: nobody sends to a collector that is not ready,
    /// so it must find out by itself that it is.
    fn look(&mut self) {
        if let Err(error) = self.committer.look() {
            self.fail(&error);
        } else if self.is_failing() {
            self.commit(Vec::new(), Vec::new());
        }
        self.tell_incidents();
        self.tend_claims();
    }

    fn fail(&self, error: &CommitError) -> AppendError {
        let failure = failure(error);
        // Claims that are built again are told of in `tend_claims`, once for all of them.
        let told = matches!(error, CommitError::Claims(_));
        if self.set_failing(Some(failure.clone())) && !told {
            tracing::error!(%error, "the log refuses events until this is over");
        }
        failure
    }

    fn tell_incidents(&mut self) {
        let incidents = self.committer.take_incidents();
        let count = incidents.len() as u64;
        for incident in incidents {
            tracing::error!("{incident}");
            let mut last = self
                .shared
                .last_incident
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *last = Some(incident.to_string());
        }
        self.shared
            .timings
            .incidents
            .fetch_add(count, Ordering::Relaxed);
    }

    /// Adopts what jobs made and starts what is to be done; waits only while memory holds far too many claims.
    fn tend_claims(&mut self) {
        let before = self.committer.claims().rebuilt();
        loop {
            while let Ok(spilled) = self.claims.jobs_done.try_recv() {
                self.adopt(spilled);
            }
            while Instant::now() >= self.claims.not_before
                && let Some(job) = self.committer.spill_job()
            {
                self.start(job);
            }
            let claims = self.committer.claims();
            if !claims.is_overfull() || claims.is_stuck() || self.claims.jobs == 0 {
                break;
            }
            match self.claims.jobs_done.recv_timeout(PROBE_EVERY) {
                Ok(spilled) => self.adopt(spilled),
                Err(_) => break,
            }
        }
        let claims = self.committer.claims();
        let rebuilt = claims.rebuilt() - before;
        let in_doubt = claims.in_doubt() > 0;
        self.shared
            .claims_in_doubt
            .store(claims.in_doubt() as u64, Ordering::Relaxed);
        self.publish_claims();
        self.shared
            .timings
            .rebuilt_claims
            .fetch_add(rebuilt, Ordering::Relaxed);
        if in_doubt {
            let quiet = |at: Instant| at.elapsed() >= TELL_DOUBT_EVERY;
            if self.claims.doubted.is_none_or(quiet) {
                tracing::error!(
                    "claims are damaged, or records that they belong to are lost; they are built again from the log, \
                     and until then requests that depend on them are refused"
                );
            }
            self.claims.doubted = Some(Instant::now());
        }
        if rebuilt > 0 && !in_doubt && self.is_failing() {
            self.commit(Vec::new(), Vec::new());
        }
    }

    fn adopt(&mut self, spilled: Spilled) {
        self.claims.jobs -= 1;
        let adopted = self.committer.adopt(spilled);
        if let Err(error) = &adopted {
            self.claims.not_before = Instant::now() + PROBE_EVERY;
            if !self.claims.stuck {
                tracing::warn!(
                    %error,
                    "claims could not be written to disk; they stay in memory, and it is tried each second"
                );
            }
        } else if self.claims.stuck {
            tracing::info!("claims are written to disk again");
        }
        self.claims.stuck = adopted.is_err();
    }

    fn start(&mut self, job: SpillJob) {
        self.claims.jobs += 1;
        // Where there is no thread to be had, this one does it.
        let job = Arc::new(Mutex::new(Some(job)));
        let (theirs, done, itself) = (
            Arc::clone(&job),
            self.claims.done.clone(),
            self.itself.clone(),
        );
        let spawned = std::thread::Builder::new()
            .name("claims".to_owned())
            .spawn(move || {
                if let Some(job) = take(&theirs) {
                    let _ = done.send(job.run());
                    let _ = itself.send(Message::Wake);
                }
            });
        if spawned.is_err()
            && let Some(job) = take(&job)
        {
            let _ = self.claims.done.send(job.run());
        }
    }

    fn publish(&self) {
        let extent = self.committer.extent();
        self.shared.first.store(extent.start.0, Ordering::Relaxed);
        self.shared.end.store(extent.end.0, Ordering::Release);
        self.publish_claims();
        self.grow.send_replace(extent.end.0);
    }

    fn publish_claims(&self) {
        let (memory, disk) = self.committer.claims().len();
        self.shared
            .claims_in_memory
            .store(memory as u64, Ordering::Relaxed);
        self.shared
            .claims_on_disk
            .store(disk as u64, Ordering::Relaxed);
    }
}

fn take(job: &Mutex<Option<SpillJob>>) -> Option<SpillJob> {
    job.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn failure(error: &CommitError) -> AppendError {
    match error {
        CommitError::LowSpace { .. } => AppendError::Full,
        CommitError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            AppendError::Full
        }
        CommitError::Io(_)
        | CommitError::Claims(_)
        | CommitError::ClaimsStuck
        | CommitError::Folder(_)
        | CommitError::Displaced
        | CommitError::Frame(_) => AppendError::Failed(error.to_string()),
    }
}
