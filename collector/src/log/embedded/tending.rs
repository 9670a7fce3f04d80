//! The claims' jobs: started, adopted, and told of once.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::super::{SpillJob, Spilled};
use super::beside::beside;
use super::driver::{Driver, PROBE_EVERY};

/// Damage to claims is told once; again when none was met for this long. Files that were damaged at one time are found
/// one by one, as questions meet them.
const TELL_DOUBT_EVERY: Duration = Duration::from_secs(60);

/// The claims' jobs that are under way, and what was told of them.
#[derive(Debug)]
pub(super) struct ClaimsWork {
    done: Sender<Spilled>,
    jobs_done: Receiver<Spilled>,
    jobs: usize,
    /// After a failure the next job waits a moment.
    not_before: Instant,
    /// When something was in doubt last.
    doubted: Option<Instant>,
    stuck: bool,
}

impl ClaimsWork {
    pub(super) fn new() -> Self {
        let (done, jobs_done) = mpsc::channel();
        Self {
            done,
            jobs_done,
            jobs: 0,
            not_before: Instant::now(),
            doubted: None,
            stuck: false,
        }
    }
}

impl Driver {
    /// Adopts what jobs made and starts what is to be done; waits only while memory holds far too many claims.
    pub(super) fn tend_claims(&mut self) {
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
        let done = self.claims.done.clone();
        beside("claims", &self.itself, move || {
            let _ = done.send(job.run());
        });
    }

    pub(super) fn publish_claims(&self) {
        let (memory, disk) = self.committer.claims().len();
        self.shared
            .claims_in_memory
            .store(memory as u64, Ordering::Relaxed);
        self.shared
            .claims_on_disk
            .store(disk as u64, Ordering::Relaxed);
    }
}
