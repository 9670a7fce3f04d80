//! Jobs on threads beside the log's.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use super::Message;

/// Runs a job, which sends its result itself, on a thread of its own, and wakes the log's thread behind it. Where there is no
/// thread to be had, it runs here and now.
pub(super) fn beside(name: &str, wake: &Sender<Message>, job: impl FnOnce() + Send + 'static) {
    let wake = wake.clone();
    let job = Arc::new(Mutex::new(Some(job)));
    let theirs = Arc::clone(&job);
    let spawned = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            if let Some(job) = take(&theirs) {
                job();
                let _ = wake.send(Message::Wake);
            }
        });
    if spawned.is_err()
        && let Some(job) = take(&job)
    {
        job();
    }
}

fn take<J>(job: &Mutex<Option<J>>) -> Option<J> {
    job.lock().unwrap_or_else(PoisonError::into_inner).take()
}
