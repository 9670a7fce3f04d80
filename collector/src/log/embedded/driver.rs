//! The thread: groups of what waits are committed, then the log is looked after.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::super::{AppendError, CommitError, Committer, Entry, Moment, Note, Position, Receipt};
use super::archiving::ArchiveWork;
use super::redacting::RewriteWork;
use super::tending::ClaimsWork;
use super::{Message, Now, Shared};

/// A group is closed at this many bytes, so that one slow write does not hold up everyone behind it.
const GROUP_BYTES: usize = 8 << 20;
/// Two pieces an entry; the operating system takes 1,024 pieces in one call.
const GROUP_ENTRIES: usize = 512;
/// How often retention is looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// How often the log is looked at when nobody sends, and a failing one is tried.
pub(super) const PROBE_EVERY: Duration = Duration::from_secs(1);

/// The log's thread.
pub(super) struct Driver {
    pub(super) committer: Committer,
    pub(super) inbox: Receiver<Message>,
    pub(super) itself: Sender<Message>,
    pub(super) grow: watch::Sender<u64>,
    pub(super) shared: Arc<Shared>,
    pub(super) now: Now,
    /// Since when the steady clock runs.
    pub(super) started: Instant,
    pub(super) swept: Instant,
    pub(super) looked: Instant,
    pub(super) claims: ClaimsWork,
    pub(super) rewriting: RewriteWork,
    pub(super) archive: ArchiveWork,
}

impl Driver {
    /// Works until the queue is closed.
    pub(super) fn run(mut self) {
        let mut open = true;
        self.publish();
        // What an earlier process left to do does not wait for the first look.
        self.tend_archive();
        while open {
            let first = match self.inbox.recv_timeout(PROBE_EVERY) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut entries = Vec::new();
            let mut answers = Vec::new();
            let mut notes = Vec::new();
            let mut redactions = Vec::new();
            let mut bytes = 0;
            let mut woken = false;
            let mut message = first;
            while let Some(taken) = message.take() {
                match taken {
                    Message::Append(entry, answer) => {
                        bytes += entry.body.len();
                        entries.push(entry);
                        answers.push(answer);
                    }
                    Message::Note(note, answer) => {
                        notes.push((note, answer));
                        // What came before it lies before it.
                        break;
                    }
                    Message::Redact(user, rewriting, answer) => {
                        redactions.push((user, rewriting, answer));
                        break;
                    }
                    Message::Wake => woken = true,
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
            for (note, answer) in notes {
                let _ = answer.send(self.note(&note));
            }
            for (user, rewriting, answer) in redactions {
                let _ = answer.send(self.redact(&user, rewriting));
            }
            self.tend_rewriting();
            if woken {
                self.tend_archive();
            }
            self.maintain();
        }
        // Whoever still waits is told to come back; nothing of theirs was written.
    }

    pub(super) fn commit(
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

    fn note(&mut self, note: &Note) -> Result<Position, AppendError> {
        let noted = self.committer.note(self.moment(), note);
        self.tell_incidents();
        match noted {
            Ok(position) => {
                self.publish();
                Ok(position)
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            wall: (self.now)(),
            steady: self.started.elapsed(),
        }
    }

    pub(super) fn is_failing(&self) -> bool {
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
        let needed = self.shared.needed.load(Ordering::Relaxed);
        self.committer.keep_from(Position(needed));
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
                self.shared
                    .timings
                    .swept_unread
                    .fetch_add(swept.unread, Ordering::Relaxed);
                if swept.unread > 0 {
                    tracing::error!(
                        segments = swept.unread,
                        "retain_bytes removed events that a connection, a warehouse or profiles had still to read; each \
                         counts them as expired"
                    );
                }
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
    pub(super) fn look(&mut self) {
        if let Err(error) = self.committer.look() {
            self.fail(&error);
        } else if self.is_failing() {
            self.commit(Vec::new(), Vec::new());
        }
        self.tell_incidents();
        self.tend_claims();
        self.tend_archive();
    }

    pub(super) fn fail(&self, error: &CommitError) -> AppendError {
        let failure = failure(error);
        // Claims that are built again are told of in `tend_claims`, once for all of them.
        let told = matches!(error, CommitError::Claims(_));
        if self.set_failing(Some(failure.clone())) && !told {
            tracing::error!(%error, "the log refuses events until this is over");
        }
        failure
    }

    pub(super) fn tell_incidents(&mut self) {
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

    pub(super) fn publish(&self) {
        let extent = self.committer.extent();
        self.shared.first.store(extent.start.0, Ordering::Relaxed);
        let (segments, bytes) = self.committer.archived();
        self.shared
            .archive_segments
            .store(segments, Ordering::Relaxed);
        self.shared.archive_bytes.store(bytes, Ordering::Relaxed);
        self.shared.end.store(extent.end.0, Ordering::Release);
        self.publish_claims();
        self.grow.send_replace(extent.end.0);
    }
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
