//! The worker: one thread with a small async runtime of its own, so that the client works with any runtime around it and
//! with none. It carries out what the engine asks for and hands the answers in.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_engine::{Diagnostic, Effect, FlushReport, Input, StateKey};
use headwater_store::SyncPoint;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::destination::{Order, Outlet};
use crate::host::Shared;
use crate::upload::{Unread, fetch_settings, upload};

/// How often a closing client looks whether the callbacks have heard everything.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the worker is given to do.
#[derive(Debug)]
pub(crate) enum Work {
    Effect(Effect),
    /// A piece of state was not saved; it is again the next time that it changes.
    StateNotSaved(StateKey),
    /// Answers when all before it is done.
    Told(oneshot::Sender<()>),
    /// Send what can be sent until then, close, answer.
    Shutdown {
        until: Instant,
        answer: oneshot::Sender<FlushReport>,
    },
    /// The last handle is gone, or a shutdown is through; what was written last is made durable.
    Stop(Option<SyncPoint>),
}

pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) http: reqwest::Client,
    pub(crate) outlets: Arc<Vec<Outlet>>,
    pub(crate) settings_timeout: Duration,
    /// Uploads under way, to be cancelled.
    pub(crate) uploads: HashMap<u32, AbortHandle>,
    /// When the engine was last told the time, on the monotonic clock.
    pub(crate) timed: u64,
    /// The event that could not be read for now, and how often in a row.
    pub(crate) unread: Arc<Unread>,
}

/// Says that the worker is gone, however it went.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        for work in self.0.end() {
            match work {
                Work::Shutdown { answer, .. } => {
                    let _ = answer.send(self.0.unflushed("a client: this one was closed"));
                }
                Work::Effect(Effect::Report(report)) => self.0.report(report),
                _ => {}
            }
        }
        self.0.callbacks.close();
    }
}

impl Worker {
    /// Runs until the client is closed.
    pub(crate) fn run(mut self, runtime: &Runtime) {
        let _ending = Ending(Arc::clone(&self.shared));
        runtime.block_on(async {
            let mut work = VecDeque::new();
            loop {
                let deadline = self.shared.take_work(&mut work);
                if work.is_empty() {
                    self.sleep(deadline).await;
                    continue;
                }
                let mut stop = None;
                for item in work.drain(..) {
                    match item {
                        Work::Effect(effect) if stop.is_none() => self.carry_out(effect),
                        // What is told is told, also after the end.
                        Work::Effect(Effect::Report(report)) => self.shared.report(report),
                        Work::Effect(Effect::FlushDone { id, report }) => {
                            self.shared.flush_done(id, report);
                        }
                        Work::Effect(_) => {}
                        Work::StateNotSaved(key) => {
                            self.shared
                                .callbacks
                                .diagnostic(Diagnostic::StateNotSaved(key));
                        }
                        Work::Told(done) => {
                            let _ = done.send(());
                        }
                        Work::Shutdown { until, answer } => self.shut_down(until, answer),
                        Work::Stop(point) => stop = Some(point),
                    }
                }
                if let Some(point) = stop {
                    // The events are in the operating system's hands; there is nobody left to tell of more.
                    let _ = point.map(SyncPoint::wait);
                    return;
                }
                // However much there is to do, what is due is done.
                if deadline.is_some_and(|deadline| deadline <= self.shared.mono()) {
                    self.time_is_up();
                }
                // Answers that are in already come before more work.
                tokio::task::yield_now().await;
            }
        });
    }

    async fn sleep(&mut self, deadline: Option<u64>) {
        let shared = Arc::clone(&self.shared);
        let woken = shared.wake.notified();
        let Some(deadline) = deadline else {
            woken.await;
            return;
        };
        // A flush policy may name a time that is always past; the processor has other things to do.
        let deadline = deadline.max(self.timed.saturating_add(1));
        let until = tokio::time::Instant::from_std(shared.instant(deadline));
        if tokio::time::timeout_at(until, woken).await.is_err() {
            self.time_is_up();
        }
    }

    fn time_is_up(&mut self) {
        let now = self.shared.mono();
        if now > self.timed {
            self.timed = now;
            self.shared.feed(Input::Timer);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let shared = &self.shared;
        match effect {
            Effect::Upload(what) => {
                self.uploads.retain(|_, task| !task.is_finished());
                let request = what.request;
                let task = tokio::spawn(upload(
                    Arc::clone(shared),
                    self.http.clone(),
                    what,
                    Arc::clone(&self.unread),
                ));
                self.uploads.insert(request, task.abort_handle());
            }
            Effect::Cancel(request) => {
                if let Some(task) = self.uploads.remove(&request) {
                    task.abort();
                }
            }
            Effect::FetchSettings { url } => {
                tokio::spawn(fetch_settings(
                    Arc::clone(shared),
                    self.http.clone(),
                    url,
                    self.settings_timeout,
                ));
            }
            Effect::Load(seqs) => {
                for seq in seqs {
                    let mut body = Vec::new();
                    let mut found = false;
                    let read = shared.read(&[seq], |read| found = read(&mut body));
                    let body = (read.is_ok() && found).then_some(body);
                    shared.feed(Input::Loaded(seq, body));
                }
            }
            Effect::Sync => {
                let synced = shared.sync_point().and_then(|(_, point)| point.wait());
                shared.feed(Input::Synced(synced.is_ok()));
            }
            Effect::Deliver {
                delivery,
                destination,
                event,
            } => self.tell(destination, Order::Deliver(delivery, event)),
            Effect::Configure {
                destination,
                settings,
            } => self.tell(destination, Order::Configure(settings)),
            Effect::Signal { reset } => {
                for destination in 0..self.outlets.len() {
                    let order = if reset { Order::Reset } else { Order::Flush };
                    self.tell(destination, order);
                }
            }
            Effect::Report(report) => shared.report(report),
            Effect::FlushDone { id, report } => shared.flush_done(id, report),
            Effect::Diagnostic(diagnostic) => shared.callbacks.diagnostic(diagnostic),
            // Persist, Save and Forget are carried out where they come up, under the lock.
            _ => {}
        }
    }

    fn tell(&self, destination: usize, order: Order) {
        if let Some(outlet) = self.outlets.get(destination) {
            // Its thread ends only with the client.
            let _ = outlet.send(order);
        }
    }

    fn shut_down(&mut self, until: Instant, answer: oneshot::Sender<FlushReport>) {
        tokio::spawn(close(
            Arc::clone(&self.shared),
            Arc::clone(&self.outlets),
            until,
            answer,
        ));
    }
}

/// Sends what can be sent until then, lets destinations and callbacks finish, closes the store.
async fn close(
    shared: Arc<Shared>,
    outlets: Arc<Vec<Outlet>>,
    until: Instant,
    answer: oneshot::Sender<FlushReport>,
) {
    let limit = tokio::time::Instant::from_std(until);
    let mut total = drain(&shared, limit).await;
    let _ = tokio::time::timeout_at(limit, finish(&outlets)).await;
    let before = shared.view.queue().events as u64;
    if let Some(point) = shared.close_store() {
        let _ = point.wait();
    }
    // What memory held is dropped now, and stays nowhere.
    total.pending = shared.view.queue().events as u64;
    total.dropped += before.saturating_sub(total.pending);
    let (done, told) = oneshot::channel();
    shared.order(Work::Told(done));
    let _ = told.await;
    let _ = tokio::time::timeout_at(limit, async {
        while !shared.callbacks.is_idle() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    })
    .await;
    let _ = answer.send(total);
    shared.order(Work::Stop(None));
}

/// Waits until the destinations have done all that they were given, and what the engine still had for them.
async fn finish(outlets: &[Outlet]) {
    for outlet in outlets {
        loop {
            let before = outlet.told();
            let (done, drained) = oneshot::channel();
            if outlet.send(Order::Drained(done)).is_err() || drained.await.is_err() {
                break;
            }
            // What it took made room for more: the worker's loop hands that out in between.
            tokio::time::sleep(LOOK_AGAIN).await;
            if outlet.told() == before {
                break;
            }
        }
    }
}

/// Flushes, and again after each wait that the retry table imposes, until nothing is left or the time is up.
async fn drain(shared: &Arc<Shared>, limit: tokio::time::Instant) -> FlushReport {
    let mut total = FlushReport::default();
    loop {
        let Ok(Ok(report)) = tokio::time::timeout_at(limit, shared.flush()).await else {
            total.waiting_for =
                Some("more time: the timeout of the shutdown came first".to_owned());
            return total;
        };
        total.delivered += report.delivered;
        total.dropped += report.dropped;
        total.waiting_for = report.waiting_for;
        total.retry_in = report.retry_in;
        if report.pending == 0 {
            return total;
        }
        // What a decision of the user's or the network is needed for does not come by waiting.
        let Some(retry_in) = report.retry_in else {
            return total;
        };
        let next = tokio::time::Instant::now() + Duration::from_millis(retry_in.max(1));
        if next >= limit {
            return total;
        }
        tokio::time::sleep_until(next).await;
    }
}
