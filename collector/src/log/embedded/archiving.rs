//! Work that has time: segments into the archive, and where ids lie. One job of each kind at a time, on a thread of its own
//! that gives way to all others.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::super::{Archiving, Indexed};
use super::Message;
use super::driver::Driver;

/// After a failure the next try waits so long: a full disk does not get room by itself.
const TRY_EVERY: Duration = Duration::from_secs(30);

/// The lowest priority that a thread can have without privileges.
#[cfg(target_os = "linux")]
const IDLE: i32 = 19;

/// The jobs that are under way.
#[derive(Debug)]
pub(super) struct ArchiveWork {
    done: Sender<Done>,
    jobs_done: Receiver<Done>,
    not_before: Instant,
    /// When ids may be written again.
    ids_not_before: Instant,
}

/// What came of a job.
#[derive(Debug)]
enum Done {
    Archive(Archiving),
    Ids(Indexed),
}

impl ArchiveWork {
    pub(super) fn new() -> Self {
        let (done, jobs_done) = mpsc::channel();
        Self {
            done,
            jobs_done,
            not_before: Instant::now(),
            ids_not_before: Instant::now(),
        }
    }
}

impl Driver {
    /// Adopts what jobs wrote and starts the next ones.
    pub(super) fn tend_archive(&mut self) {
        while let Ok(done) = self.archive.jobs_done.try_recv() {
            match done {
                Done::Archive(archiving) => self.adopt_archive(archiving),
                Done::Ids(indexed) => self.adopt_ids(indexed),
            }
        }
        let now = Instant::now();
        if now >= self.archive.not_before
            && let Some(job) = self.committer.archive_job(self.moment())
        {
            let base = job.base();
            if let Err(error) = self.start_idle("archive", move || Done::Archive(job.run())) {
                self.adopt_archive(Archiving::failed(base, error));
            }
        }
        if now >= self.archive.ids_not_before
            && let Some(job) = self.committer.ids_job()
        {
            let base = job.base();
            if let Err(error) = self.start_idle("ids", move || Done::Ids(job.run())) {
                self.adopt_ids(Indexed::failed(base, error));
            }
        }
    }

    /// Runs a job on a thread that gives way to all others.
    fn start_idle(
        &self,
        name: &str,
        job: impl FnOnce() -> Done + Send + 'static,
    ) -> std::io::Result<()> {
        let (done, itself) = (self.archive.done.clone(), self.itself.clone());
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread
            .spawn(move || {
                // Of this thread alone. Where it is not allowed, it has the priority of all others.
                #[cfg(target_os = "linux")]
                let _ = rustix::process::setpriority_process(None, IDLE);
                let _ = done.send(job());
                let _ = itself.send(Message::Wake);
            })
            .map(|_| ())
    }

    fn adopt_ids(&mut self, indexed: Indexed) {
        if let Err(error) = self.committer.adopt_ids(indexed) {
            self.archive.ids_not_before = Instant::now() + TRY_EVERY;
            tracing::warn!(
                %error,
                "where ids lie could not be written to ids/; the log is read instead when somebody asks, which takes longer"
            );
        }
    }

    fn adopt_archive(&mut self, archiving: Archiving) {
        let adopted = self.committer.adopt_archive(archiving);
        let mut failing = self
            .shared
            .archive_failing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match adopted {
            Ok(moved) => {
                if failing.take().is_some() {
                    tracing::info!("segments go into the archive again");
                }
                self.shared
                    .timings
                    .archived_segments
                    .fetch_add(u64::from(moved), Ordering::Relaxed);
            }
            Err(error) => {
                self.archive.not_before = Instant::now() + TRY_EVERY;
                let text = error.to_string();
                if failing.as_ref() != Some(&text) {
                    tracing::error!("{text}");
                }
                *failing = Some(text);
            }
        }
        drop(failing);
        self.publish();
    }
}
