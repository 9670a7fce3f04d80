//! Deletions: told at once, carried out by a thread beside the log's.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::super::{AppendError, Redaction, RewriteJob, Rewriting, Rewritten};
use super::beside::beside;
use super::driver::Driver;

/// After a failure the next segment waits so long: the disk may be full.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The rewriting that is under way.
#[derive(Debug)]
pub(super) struct RewriteWork {
    done: Sender<Rewritten>,
    jobs_done: Receiver<Rewritten>,
    not_before: Instant,
    failed: bool,
    segments: u64,
}

impl RewriteWork {
    pub(super) fn new() -> Self {
        let (done, jobs_done) = mpsc::channel();
        Self {
            done,
            jobs_done,
            not_before: Instant::now(),
            failed: false,
            segments: 0,
        }
    }
}

impl Driver {
    pub(super) fn redact(
        &mut self,
        user: &str,
        rewriting: Rewriting,
    ) -> Result<Redaction, AppendError> {
        let redacted = self.committer.redact(self.moment(), user, rewriting);
        self.tell_incidents();
        match redacted {
            Ok(redaction) => {
                self.publish();
                Ok(redaction)
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Adopts what was rewritten and starts the next segment.
    pub(super) fn tend_rewriting(&mut self) {
        while let Ok(rewritten) = self.rewriting.jobs_done.try_recv() {
            let adopted = self.committer.adopt_rewritten(rewritten);
            match adopted {
                Ok(changed) => {
                    self.rewriting.segments += u64::from(changed);
                    self.rewriting.failed = false;
                }
                Err(error) => self.wait(&error),
            }
        }
        if Instant::now() < self.rewriting.not_before {
            return;
        }
        let open = self.committer.is_rewriting();
        match self.committer.rewrite_job(self.moment()) {
            Ok(Some(job)) => self.rewrite(job),
            Ok(None) if open && !self.committer.is_rewriting() => {
                let segments = std::mem::take(&mut self.rewriting.segments);
                tracing::info!(segments, "deleted events were taken out of the log");
            }
            Ok(None) => {}
            Err(error) => self.wait(&error),
        }
    }

    fn wait(&mut self, error: &dyn std::fmt::Display) {
        self.rewriting.not_before = Instant::now() + AGAIN_AFTER;
        if !self.rewriting.failed {
            tracing::warn!(
                %error,
                "a segment could not be rewritten; nobody sees the deleted events, their bytes are still on the disk, and \
                 it is tried each minute"
            );
        }
        self.rewriting.failed = true;
    }

    fn rewrite(&mut self, job: RewriteJob) {
        let done = self.rewriting.done.clone();
        beside("rewriting", &self.itself, move || {
            let _ = done.send(job.run());
        });
    }
}
