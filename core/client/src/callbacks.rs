//! The application's callbacks, on a thread of their own: one that is slow holds nobody up, one that panics is called
//! again the next time.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use headwater_engine::{Diagnostic, Report};

use crate::inside;
use crate::tries::Try;
use crate::view::Change;

/// Reports and diagnostics that wait for a slow callback. Beyond that, reports of one reason become one (their counts
/// stay exact) and diagnostics go.
const MAX_WAITING: usize = 1_024;

pub(crate) type OnReport = Box<dyn Fn(&Report) + Send>;
pub(crate) type OnDiagnostic = Box<dyn Fn(&Diagnostic) + Send>;
pub(crate) type OnChange = Box<dyn Fn(Change) + Send>;
pub(crate) type OnTry = Box<dyn Fn(Try) + Send>;

/// What the application wants to hear.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) report: Option<OnReport>,
    pub(crate) diagnostic: Option<OnDiagnostic>,
    pub(crate) change: Option<OnChange>,
    pub(crate) again: Option<OnTry>,
}

#[derive(Debug)]
pub(crate) struct Callbacks {
    /// The client's number in this process, from 1.
    pub(crate) client: u64,
    queue: Option<Arc<Queue>>,
}

/// However the client ends, also when it never began.
impl Drop for Callbacks {
    fn drop(&mut self) {
        self.close();
    }
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    reports: bool,
    diagnostics: bool,
    changes: bool,
    tries: bool,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Notice>,
    running: bool,
    closed: bool,
}

#[derive(Debug)]
enum Notice {
    Report(Report),
    Diagnostic(Diagnostic),
    Change(Change),
    Try(Try),
}

impl Callbacks {
    /// Starts the thread, where there is something to call.
    pub(crate) fn start(handlers: Handlers) -> std::io::Result<Callbacks> {
        static CLIENTS: AtomicU64 = AtomicU64::new(1);
        let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let Handlers {
            report,
            diagnostic,
            change,
            again,
        } = handlers;
        if report.is_none() && diagnostic.is_none() && change.is_none() && again.is_none() {
            return Ok(Callbacks {
                client,
                queue: None,
            });
        }
        let queue = Arc::new(Queue {
            reports: report.is_some(),
            diagnostics: diagnostic.is_some(),
            changes: change.is_some(),
            tries: again.is_some(),
            ..Queue::default()
        });
        let theirs = Arc::clone(&queue);
        thread::Builder::new()
            .name("headwater-callbacks".to_owned())
            .spawn(move || {
                inside::help(client);
                while let Some(notice) = theirs.next() {
                    let _ = catch_unwind(AssertUnwindSafe(|| match notice {
                        Notice::Report(what) => {
                            if let Some(call) = &report {
                                call(&what);
                            }
                        }
                        Notice::Diagnostic(what) => {
                            if let Some(call) = &diagnostic {
                                call(&what);
                            }
                        }
                        Notice::Change(what) => {
                            if let Some(call) = &change {
                                call(what);
                            }
                        }
                        Notice::Try(what) => {
                            if let Some(call) = &again {
                                call(what);
                            }
                        }
                    }));
                }
            })?;
        Ok(Callbacks {
            client,
            queue: Some(queue),
        })
    }

    pub(crate) fn report(&self, report: Report) {
        let Some(queue) = self.queue.as_ref().filter(|queue| queue.reports) else {
            return;
        };
        let mut state = queue.state();
        if state.waiting.len() >= MAX_WAITING {
            let same = state
                .waiting
                .iter_mut()
                .rev()
                .find_map(|notice| match notice {
                    Notice::Report(known) if known.reason == report.reason => Some(known),
                    _ => None,
                });
            if let Some(known) = same {
                known.count += report.count;
                known.message_id = None;
                return;
            }
        }
        state.waiting.push_back(Notice::Report(report));
        queue.changed.notify_all();
    }

    pub(crate) fn diagnostic(&self, diagnostic: Diagnostic) {
        let Some(queue) = self.queue.as_ref().filter(|queue| queue.diagnostics) else {
            return;
        };
        let mut state = queue.state();
        if state.waiting.len() < MAX_WAITING {
            state.waiting.push_back(Notice::Diagnostic(diagnostic));
            queue.changed.notify_all();
        }
    }

    /// One that nobody heard of yet covers all that came after it.
    pub(crate) fn change(&self, change: Change) {
        let Some(queue) = self.queue.as_ref().filter(|queue| queue.changes) else {
            return;
        };
        let mut state = queue.state();
        let known = |notice: &Notice| matches!(notice, Notice::Change(known) if *known == change);
        if !state.waiting.iter().any(known) {
            state.waiting.push_back(Notice::Change(change));
            queue.changed.notify_all();
        }
    }

    /// Where nobody runs plugins, or the client ended, the try is dropped, and has failed. The engine bounds how many there are.
    pub(crate) fn again(&self, what: Try) {
        if let Some(queue) = self.queue.as_ref().filter(|queue| queue.tries) {
            queue.state().waiting.push_back(Notice::Try(what));
            queue.changed.notify_all();
        }
    }

    /// Whether all that was reported has been heard.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| {
            let state = queue.state();
            state.waiting.is_empty() && !state.running
        })
    }

    /// The thread ends once it has called out what waits.
    pub(crate) fn close(&self) {
        if let Some(queue) = &self.queue {
            queue.state().closed = true;
            queue.changed.notify_all();
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Notice> {
        let mut state = self.state();
        state.running = false;
        loop {
            if let Some(notice) = state.waiting.pop_front() {
                state.running = true;
                return Some(notice);
            }
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
