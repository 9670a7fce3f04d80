//! The worker: one thread that carries out what the engine asks for and hands the answers in. Requests it gives to the
//! transport, events for destinations to theirs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use headwater_engine::{Diagnostic, Effect, FlushReport, Input, StateKey};
use headwater_store::SyncPoint;

use crate::answer::{Answer, answer};
use crate::destination::{Order, Outlet, Outlets};
use crate::host::{Shared, Turn};
use crate::transport::Transport;
use crate::tries::Try;
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
    Told(Answer<()>),
    /// Send what can be sent until then, close, answer.
    Shutdown {
        until: Instant,
        answer: Answer<FlushReport>,
    },
    /// The last handle is gone, or a shutdown is through; what was written last is made durable.
    Stop(Option<SyncPoint>),
}

pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) outlets: Arc<Outlets>,
    pub(crate) settings_timeout: Duration,
    /// Requests for settings so far.
    pub(crate) fetches: u64,
    /// When the engine was last told the time, on the monotonic clock.
    pub(crate) timed: u64,
    pub(crate) unread: Unread,
}

/// Says that the worker is gone, however it went.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        for work in self.0.end() {
            match work {
                Work::Shutdown { answer, .. } => {
                    answer.send(self.0.unflushed("a client: this one was closed"));
                }
                Work::Effect(Effect::Report(report)) => self.0.report(report),
                _ => {}
            }
        }
        self.0.callbacks.close();
        self.0.outlets.close();
    }
}

impl Worker {
    /// Runs until the client is closed.
    pub(crate) fn run(mut self) {
        let _ending = Ending(Arc::clone(&self.shared));
        let mut work = VecDeque::new();
        loop {
            let turn = self.shared.take_work(&mut work);
            if work.is_empty() {
                self.sleep(turn);
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
                    Work::Told(done) => done.send(()),
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
            if self.is_due(turn.deadline) {
                self.time_is_up();
            }
        }
    }

    fn is_due(&self, deadline: Option<u64>) -> bool {
        deadline.is_some_and(|deadline| deadline <= self.shared.mono())
    }

    fn sleep(&mut self, mut turn: Turn) {
        // A flush policy may name a time that is always past; the processor has other things to do.
        let not_before = self.timed.saturating_add(1);
        turn.deadline = turn.deadline.map(|deadline| deadline.max(not_before));
        let until = turn.until().map(|until| self.shared.instant(until));
        if !self.shared.wake.sleep(until) && self.is_due(turn.deadline) {
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
            Effect::Upload(what) => upload(shared, &*self.transport, what, &self.unread),
            Effect::Cancel(request) => self.transport.cancel(u64::from(request)),
            Effect::FetchSettings { url } => {
                self.fetches += 1;
                let request = (self.fetches, self.settings_timeout);
                fetch_settings(shared, &*self.transport, url, request);
            }
            Effect::Load(seqs) => {
                for seq in seqs {
                    let mut body = None;
                    let read =
                        shared.read(&[seq], &mut |_, found| body = found.map(<[u8]>::to_vec));
                    let body = body.filter(|_| read.is_ok());
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
                for outlet in self.outlets.all() {
                    let order = if reset { Order::Reset } else { Order::Flush };
                    let _ = outlet.send(order);
                }
            }
            Effect::TryAgain { id, event, guards } => {
                shared.callbacks.again(Try::new(shared, id, event, guards));
            }
            Effect::Report(report) => shared.report(report),
            Effect::FlushDone { id, report } => shared.flush_done(id, report),
            Effect::Diagnostic(diagnostic) => {
                if let Diagnostic::BatchDelivered { events } = diagnostic {
                    shared.view.count_delivered(events);
                }
                shared.callbacks.diagnostic(diagnostic);
            }
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

    /// On a thread of its own, since closing waits for this one.
    fn shut_down(&mut self, until: Instant, answer: Answer<FlushReport>) {
        let shared = Arc::clone(&self.shared);
        let outlets = Arc::clone(&self.outlets);
        let closing = thread::Builder::new()
            .name("headwater-close".to_owned())
            .spawn(move || close(&shared, &outlets.all(), until, answer));
        if closing.is_err() {
            // Nothing can be waited for; what is stored stays for the next start, and whoever asked hears that it ended.
            let point = self.shared.close_store();
            self.shared.order(Work::Stop(point));
        }
    }
}

/// Sends what can be sent until then, lets destinations and callbacks finish, closes the store.
fn close(shared: &Arc<Shared>, outlets: &[Arc<Outlet>], until: Instant, done: Answer<FlushReport>) {
    let (waiting, delivered) = (shared.view.queue().events as u64, shared.view.delivered());
    let mut total = drain(shared, until);
    finish(outlets, until);
    if let Some(point) = shared.close_store() {
        let _ = point.wait();
    }
    let (told, heard) = answer();
    shared.order(Work::Told(told));
    heard.wait();
    // Counted at the end, since tries go on between the flushes; what memory held is dropped now, and stays nowhere.
    total.delivered = shared.view.delivered() - delivered;
    total.pending = shared.view.queue().events as u64;
    total.dropped = waiting.saturating_sub(total.delivered + total.pending);
    while !shared.callbacks.is_idle() && Instant::now() < until {
        thread::sleep(LOOK_AGAIN);
    }
    done.send(total);
    shared.order(Work::Stop(None));
}

/// Waits until the destinations have done all that they were given, and what the engine still had for them.
fn finish(outlets: &[Arc<Outlet>], until: Instant) {
    for outlet in outlets {
        loop {
            let before = outlet.told();
            let (done, drained) = answer();
            if outlet.send(Order::Drained(done)).is_err() || drained.wait_until(until).is_none() {
                break;
            }
            // What it took made room for more: the worker hands that out in between.
            thread::sleep(LOOK_AGAIN);
            if outlet.told() == before {
                break;
            }
        }
    }
}

/// Flushes, and again after each wait that the retry table imposes, until nothing is left or the time is up.
fn drain(shared: &Arc<Shared>, until: Instant) -> FlushReport {
    let mut total = FlushReport::default();
    loop {
        let Some(report) = shared.flush().wait_until(until) else {
            total.waiting_for =
                Some("more time: the timeout of the shutdown came first".to_owned());
            return total;
        };
        total.waiting_for = report.waiting_for;
        total.retry_in = report.retry_in;
        if report.pending == 0 {
            return total;
        }
        // What a decision of the user's or the network is needed for does not come by waiting.
        let Some(retry_in) = report.retry_in else {
            return total;
        };
        let wait = Duration::from_millis(retry_in.max(1));
        if Instant::now() + wait >= until {
            return total;
        }
        thread::sleep(wait);
    }
}
