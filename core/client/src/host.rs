//! The host of one engine: its lock, its store, its clocks.
//!
//! ```text
//!  caller ──lock──► engine ──► Persist, Save, Forget: at once, in the store (`effects`)
//!                         └──► the rest: outbox ──unlock, wake──► worker
//! ```
//! Invariant: whoever holds the lock has drained the engine's effects before letting go, so the store, the ledger and
//! the outbox always tell the same story.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use headwater_engine::{
    Call, DropReason, Engine, FlushReport, Input, Mode, Now, Plugin, Receipt, Report,
};
use headwater_model::id::{Seq, uuid_v4};
use headwater_model::time::Millis;
use headwater_store::{EachBody, EventStore, StoreError, SyncPoint};

use crate::answer::{Answer, Awaited, Wake, answer};
use crate::callbacks::Callbacks;
use crate::commit::Commit;
use crate::destination::Outlets;
use crate::durability::Durability;
use crate::effects::Core;
use crate::error::TrackError;
use crate::inside::{self, Job, Running, run_deferred};
use crate::view::View;
use crate::worker::Work;

/// How long the worker sleeps while events come, milliseconds: no longer than any deadline that a call sets, of which the
/// sync of what was appended is the nearest.
const LAP: u64 = 250;

/// How long the worker may sleep, on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// When the engine or the store wants to hear the time.
    pub(crate) deadline: Option<u64>,
    /// When to look for new deadlines.
    look: Option<u64>,
}

impl Turn {
    /// Whichever comes first.
    pub(crate) fn until(self) -> Option<u64> {
        [self.deadline, self.look].into_iter().flatten().min()
    }
}

/// Events read under one lock, by stores that cannot be read without: some tens of microseconds, the longest that a call
/// then waits for the worker.
const READ_AT_A_TIME: usize = 32;

/// One client's state, shared by its handles and its threads.
pub(crate) struct Shared {
    core: Mutex<Core>,
    pub(crate) wake: Wake,
    pub(crate) view: View,
    pub(crate) callbacks: Callbacks,
    pub(crate) outlets: Arc<Outlets>,
    pub(crate) mode: Mode,
    durability: Durability,
    commit: Commit,
    /// Deliveries up to this one must not be seen by a destination any more.
    cancelled: AtomicU64,
    flushes: Mutex<HashMap<u64, Answer<FlushReport>>>,
    next_flush: AtomicU64,
    started: Instant,
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared")
            .field("mode", &self.mode)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// The wall clock; before 1970 it counts as 1970.
pub(crate) fn wall() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Sixteen random bytes from the thread's generator (ChaCha, seeded by the operating system).
pub(crate) fn entropy() -> [u8; 16] {
    uuid::Uuid::new_v4().into_bytes()
}

impl Shared {
    pub(crate) fn new(
        engine: Engine,
        store: Box<dyn EventStore>,
        callbacks: Callbacks,
        (mode, durability): (Mode, Durability),
        started: Instant,
    ) -> Shared {
        let shared = Shared {
            core: Mutex::new(Core::new(engine, store)),
            wake: Wake::default(),
            view: View::default(),
            callbacks,
            outlets: Arc::default(),
            mode,
            durability,
            commit: Commit::default(),
            cancelled: AtomicU64::new(0),
            flushes: Mutex::new(HashMap::new()),
            next_flush: AtomicU64::new(1),
            started,
        };
        // Known from the start: nothing changed.
        shared.locked(|core, _| {
            drop(shared.view.publish(&core.engine, mode));
        });
        shared
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            wall: wall(),
            mono: self.mono(),
        }
    }

    pub(crate) fn mono(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The instant at which the monotonic clock shows `mono`.
    pub(crate) fn instant(&self, mono: u64) -> Instant {
        self.started + std::time::Duration::from_millis(mono.min(u64::from(u32::MAX) * 1_000))
    }

    /// What the application may look at, and word to it of what changed.
    pub(crate) fn publish(&self, engine: &Engine) {
        for change in self.view.publish(engine, self.mode) {
            self.callbacks.change(change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` on the engine, carries out what it asks for, and wakes the worker where that is needed.
    pub(crate) fn locked<T>(&self, act: impl FnOnce(&mut Core, Now) -> T) -> T {
        self.locked_with_failure(act).0
    }

    pub(crate) fn locked_with_failure<T>(
        &self,
        act: impl FnOnce(&mut Core, Now) -> T,
    ) -> (T, Option<StoreError>, u64) {
        let running = Running::enter();
        let mut core = self.lock();
        let now = self.now();
        let answer = act(&mut core, now);
        let (failure, slow) = core.drain(now);
        if slow {
            self.publish(&core.engine);
        }
        self.view.publish_queue(core.engine.queue());
        self.cancelled.store(core.cancelled, Ordering::Release);
        let appended = core.appended;
        let wake = core.wants_worker();
        let late = core::mem::take(&mut core.late);
        drop(core);
        drop(running);
        late.into_iter().for_each(|report| self.report(report));
        if wake {
            self.wake.call();
        }
        (answer, failure, appended)
    }

    /// Takes a call; from inside another call, right after that one.
    pub(crate) fn call(self: &Arc<Self>, mut call: Call) -> Result<Receipt, TrackError> {
        if inside::is_inside() {
            let id = call
                .options
                .message_id
                .get_or_insert_with(|| uuid_v4(call.entropy))
                .clone();
            call.at.get_or_insert_with(wall);
            return match inside::defer_bounded(self, Job::Call(Box::new(call))) {
                Ok(()) => Ok(Receipt::Queued(id)),
                Err(depth) => Err(TrackError::Recursion { depth }),
            };
        }
        let outcome = self.call_now(call);
        run_deferred();
        outcome
    }

    fn call_now(&self, call: Call) -> Result<Receipt, TrackError> {
        let identifies = !matches!(call.kind, headwater_engine::CallKind::Track { .. });
        let (receipt, failure, appended) = self.locked_with_failure(|core, now| {
            let receipt = core.engine.call(now, call);
            if identifies {
                self.publish(&core.engine);
            }
            receipt
        });
        self.settle(receipt?, failure, appended)
    }

    /// What came of an event that the engine took: whether the disk did, too.
    pub(crate) fn settle(
        &self,
        receipt: Receipt,
        failure: Option<StoreError>,
        appended: u64,
    ) -> Result<Receipt, TrackError> {
        if let Some(failure) = failure {
            return Err(TrackError::Storage(failure));
        }
        if self.durability == Durability::Sync {
            self.commit
                .wait(appended, || self.sync_point())
                .map_err(|source| TrackError::NotSynced {
                    message_id: receipt.message_id().to_owned(),
                    source,
                })?;
        }
        Ok(receipt)
    }

    /// Hands the engine an input; from inside a call, right after that one.
    pub(crate) fn feed(self: &Arc<Self>, input: Input) {
        if inside::is_inside() {
            self.feed_later(input);
            return;
        }
        self.feed_now(input);
        run_deferred();
    }

    /// Only these two inputs can lead to more of their kind, through a flush policy that answers each with another;
    /// nothing is lost when that comes to an end.
    fn feed_later(self: &Arc<Self>, input: Input) {
        match input {
            Input::Flush(id) => {
                if inside::defer_bounded(self, Job::Input(input)).is_err() {
                    let why = "the flush policy that asks for a flush in each flush";
                    self.flush_done(id, self.unflushed(why));
                }
            }
            Input::Lifecycle(_) => {
                let _ = inside::defer_bounded(self, Job::Input(input));
            }
            input => inside::defer(self, Job::Input(input)),
        }
    }

    fn feed_now(&self, input: Input) {
        let ended = self.locked(|core, now| {
            match &input {
                Input::Timer => {
                    core.save_again(now);
                    core.sync_state(now);
                }
                Input::Synced(false) => core.synced(now, false),
                _ => {}
            }
            core.engine.handle(now, input);
            self.publish(&core.engine);
            core.ended
        });
        if ended {
            // Nobody carries out a flush any more.
            self.flushes().clear();
        }
    }

    /// Work for the worker that no effect asks for.
    pub(crate) fn order(self: &Arc<Self>, work: Work) {
        if inside::is_inside() {
            inside::defer(self, Job::Work(work));
            return;
        }
        self.order_now(work);
        run_deferred();
    }

    fn order_now(&self, work: Work) {
        self.locked(|core, _| {
            if !core.ended {
                core.outbox.push_back(work);
            }
        });
    }

    /// Changes the plugins; from inside a call, right after that one.
    pub(crate) fn change_plugins(self: &Arc<Self>, job: Job) {
        if inside::is_inside() {
            inside::defer(self, job);
        } else {
            self.run_job(job);
            run_deferred();
        }
    }

    /// Lends a plugin; calls that it makes come right after.
    pub(crate) fn with_plugin<T>(
        &self,
        name: &str,
        use_it: impl FnOnce(&mut dyn Plugin) -> T,
    ) -> Option<T> {
        if inside::is_inside() {
            return None;
        }
        let used = self.locked(|core, _| {
            let plugin = core.engine.timeline().find(name)?;
            Some(use_it(plugin.as_mut()))
        });
        run_deferred();
        used
    }

    pub(crate) fn run_job(self: &Arc<Self>, job: Job) {
        match job {
            Job::Call(call) => {
                let id = call.options.message_id.clone();
                match self.call_now(*call) {
                    Ok(_) | Err(TrackError::Storage(_) | TrackError::NotSynced { .. }) => {}
                    // Its caller was told that it is queued: what came of it is told another way.
                    Err(error) => self.refused(id, &error),
                }
            }
            Job::Input(input) => self.feed_now(input),
            Job::Work(work) => self.order_now(work),
            Job::Submit(event) => {
                let id = event.message_id.as_str().to_owned();
                match self.submit_now(*event) {
                    Ok(_) | Err(TrackError::Storage(_) | TrackError::NotSynced { .. }) => {}
                    Err(error) => self.refused(Some(id), &error),
                }
            }
            Job::Discard(event, plugin) => self.discard_now(&event, &plugin),
            // What the disk did not take is reported.
            Job::Hold(held) => drop(self.hold_now(*held)),
            Job::AddDestination(station) => self.add_now(*station),
            Job::AddPlugin(plugin) => self.locked(|core, _| core.engine.timeline().add(plugin)),
            Job::RemovePlugin(name) => {
                self.locked(|core, _| core.engine.timeline().remove(&name));
            }
        }
    }

    fn refused(&self, message_id: Option<String>, error: &TrackError) {
        self.report(Report {
            reason: DropReason::Invalid,
            count: 1,
            message_id,
            status: None,
            destination: None,
            detail: error.to_string(),
        });
    }

    pub(crate) fn report(&self, report: Report) {
        self.view.count_drop(report.reason, report.count);
        self.callbacks.report(report);
    }

    /// Asks for a flush; answered when all that waits now is settled, or something is in the way.
    pub(crate) fn flush(self: &Arc<Self>) -> Awaited<FlushReport> {
        let (answer, awaited) = answer();
        let id = self.next_flush.fetch_add(1, Ordering::Relaxed);
        self.flushes().insert(id, answer);
        self.feed(Input::Flush(id));
        awaited
    }

    pub(crate) fn flush_done(&self, id: u64, report: FlushReport) {
        let answer = self.flushes().remove(&id);
        if let Some(answer) = answer {
            answer.send(report);
        }
    }

    /// What a flush answers when nobody can carry it out.
    pub(crate) fn unflushed(&self, why: &str) -> FlushReport {
        let pending = self.view.queue().events as u64;
        FlushReport {
            pending,
            waiting_for: (pending > 0).then(|| why.to_owned()),
            ..FlushReport::default()
        }
    }

    fn flushes(&self) -> MutexGuard<'_, HashMap<u64, Answer<FlushReport>>> {
        self.flushes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker's turn: what it has to do, what is due when, and when to look again all the same.
    ///
    /// While events come it looks again after [`LAP`], whatever is due: every deadline that a call can set lies further away, so
    /// that none has to wake it.
    pub(crate) fn take_work(&self, into: &mut VecDeque<Work>) -> Turn {
        // A flush policy is asked for its deadline, and may use the client.
        let running = Running::enter();
        let mut core = self.lock();
        core.woken = false;
        core::mem::swap(&mut core.outbox, into);
        let events_come = core.appended != core.seen;
        core.seen = core.appended;
        let turn = Turn {
            deadline: core.next_deadline(),
            look: events_come.then(|| self.mono().saturating_add(LAP)),
        };
        core.sleeps_until = turn.until().unwrap_or(u64::MAX);
        drop(core);
        drop(running);
        run_deferred();
        turn
    }

    /// Reads stored events in order: without the lock where the store can, else a few under one lock, so that callers get in
    /// between. `each` hears `None` for a damaged or missing event. Nothing is told once the store is closed.
    ///
    /// # Errors
    /// The disk's own, and the event at which it failed.
    pub(crate) fn read(&self, seqs: &[Seq], each: EachBody<'_>) -> Result<(), (Seq, StoreError)> {
        let mut numbers = Vec::with_capacity(seqs.len());
        numbers.extend(seqs.iter().map(|seq| seq.0));
        let bodies = self
            .lock()
            .store
            .as_mut()
            .and_then(|store| store.bodies(&numbers));
        if let Some(bodies) = bodies {
            return bodies
                .read(&mut |seq, body| each(seq, body))
                .map_err(|(seq, error)| (Seq(seq), error));
        }
        let mut body = Vec::new();
        for some in numbers.chunks(READ_AT_A_TIME) {
            let mut core = self.lock();
            let Some(store) = core.store.as_mut() else {
                return Ok(());
            };
            for seq in some {
                body.clear();
                match store.read(*seq, &mut body) {
                    Ok(true) => each(*seq, Some(&body)),
                    Ok(false) | Err(StoreError::Corrupt { .. }) => each(*seq, None),
                    Err(error) => return Err((Seq(*seq), error)),
                }
            }
        }
        Ok(())
    }

    /// A point that covers all appends so far, and how many those are.
    ///
    /// # Errors
    /// The disk's own; and when the client was closed meanwhile, whose own last sync nobody here can speak for.
    pub(crate) fn sync_point(&self) -> Result<(u64, SyncPoint), StoreError> {
        let mut core = self.lock();
        let appended = core.appended;
        let now = self.now();
        core.save_again(now);
        core.synced(now, true);
        let store = core.store.as_mut().ok_or_else(|| StoreError::Backend {
            backend: "headwater",
            message: "the client was closed before the event was known to be on the disk"
                .to_owned(),
        })?;
        Ok((appended, store.sync_point()?))
    }

    /// Whether consent for this delivery is gone, or it was purged.
    pub(crate) fn is_cancelled(&self, delivery: u64) -> bool {
        delivery <= self.cancelled.load(Ordering::Acquire)
    }

    /// Lets go of the directory until the next write; whether it is free. From inside a call, which writes: not.
    pub(crate) fn release_store(&self) -> bool {
        if inside::is_inside() {
            return false;
        }
        self.locked(|core, now| {
            core.save_again(now);
            let released = core.store.as_mut().is_none_or(|store| {
                let released = store.release();
                released.unwrap_or(false)
            });
            if released {
                core.synced(now, true);
            }
            released
        })
    }

    /// Closes the store and frees its directory; the last sync point is for the worker to wait for. `None` when it was
    /// closed before. What was in memory only is reported: nobody comes back for it.
    pub(crate) fn close_store(&self) -> Option<SyncPoint> {
        let volatile = self.durability == Durability::Memory;
        let mut store = self.locked(|core, now| {
            core.store.as_ref()?;
            core.engine.handle(now, Input::Close);
            core.engine.handle(now, Input::End { volatile });
            core.drain(now);
            core.save_again(now);
            core.store.take()
        })?;
        store.sync_point().ok()
    }

    /// The worker leaves: what it did not do comes back.
    pub(crate) fn end(&self) -> VecDeque<Work> {
        let mut core = self.lock();
        core.ended = true;
        let rest = core::mem::take(&mut core.outbox);
        drop(core);
        self.flushes().clear();
        rest
    }
}
