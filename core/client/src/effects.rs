//! What the engine asks for that is done at once, under the lock: appending, saving, forgetting. All else goes to the
//! outbox, for the worker.
//!
//! Invariant: the store holds the engine's last word on each piece of state, or `unsaved` does. Nothing here waits for the
//! disk, but for what must be durable before anything is forgotten: a decision on consent, and a purge.

use std::collections::VecDeque;

use headwater_engine::{Effect, Engine, Input, Now, Report, StateKey, StoreFailure};
use headwater_store::{EventStore, StoreError};

use crate::worker::Work;

/// How long after a save that failed it is tried again, milliseconds: a full disk is seldom emptied sooner, and a
/// decision on consent should not stay unwritten for longer.
const SAVE_AGAIN: u64 = 1_000;
/// How long after a save it is made durable at the latest, milliseconds: as events are by default.
const SYNC_STATE: u64 = 250;

/// What the lock guards.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    /// `None` once the client is closed: the directory is free for the next one.
    pub(crate) store: Option<Box<dyn EventStore>>,
    pub(crate) outbox: VecDeque<Work>,
    /// The worker was woken and has not looked yet.
    pub(crate) woken: bool,
    /// When the worker wakes by itself, on the monotonic clock.
    pub(crate) sleeps_until: u64,
    /// Appends so far, for the group commit.
    pub(crate) appended: u64,
    /// Those that the worker has seen.
    pub(crate) seen: u64,
    /// The worker is gone; nobody carries out what would be put in the outbox.
    pub(crate) ended: bool,
    /// The last delivery that was handed out, and the last that no destination may see any more.
    handed: u64,
    pub(crate) cancelled: u64,
    /// What the disk did not take, the last word on each piece: were it forgotten, the next start would know of no
    /// withdrawal or purge.
    unsaved: Vec<(StateKey, Vec<u8>)>,
    /// When `unsaved` is tried again.
    save_at: u64,
    /// When saved state is to be made durable.
    sync_at: Option<u64>,
    /// Reports that came up when the worker was gone.
    pub(crate) late: Vec<Report>,
}

impl Core {
    pub(crate) fn new(engine: Engine, store: Box<dyn EventStore>) -> Core {
        Core {
            engine,
            store: Some(store),
            outbox: VecDeque::new(),
            woken: false,
            sleeps_until: 0,
            appended: 0,
            seen: 0,
            ended: false,
            handed: 0,
            cancelled: 0,
            unsaved: Vec::new(),
            save_at: 0,
            sync_at: None,
            late: Vec::new(),
        }
    }

    /// Carries out what the engine asks for. Answers the first failure of the store, and whether something changed that
    /// is published seldom.
    pub(crate) fn drain(&mut self, now: Now) -> (Option<StoreError>, bool) {
        let (mut failure, mut slow) = (None, false);
        while let Some(effect) = self.engine.poll_effect() {
            match effect {
                Effect::Persist { seq, at, body, .. } => {
                    let stored = match self.store.as_mut() {
                        Some(store) => store.append(seq.0, at.0, &body).map_err(Some),
                        None => Err(None),
                    };
                    match stored {
                        Ok(()) => {
                            self.appended += 1;
                            self.engine.handle(now, Input::Persisted(seq));
                        }
                        Err(error) => {
                            let kind = match error {
                                Some(StoreError::Full { .. }) => StoreFailure::Full,
                                _ => StoreFailure::Io,
                            };
                            self.engine.handle(now, Input::StoreFailed(seq, kind));
                            failure = failure.or(error);
                        }
                    }
                }
                Effect::Save { key, value } => {
                    slow = true;
                    self.save(now, key, value);
                }
                // What cannot be noted now is owed by the store and noted later.
                Effect::Forget(seqs) => {
                    if let Some(store) = self.store.as_mut() {
                        let seqs: Vec<u64> = seqs.iter().map(|seq| seq.0).collect();
                        let _ = store.forget(&seqs);
                    }
                }
                // Here and not on the worker: when the call that withdrew consent returns, it holds.
                Effect::CancelDeliveries => self.cancelled = self.handed,
                Effect::Report(report) if self.ended => self.late.push(report),
                // Nobody would carry it out any more.
                _ if self.ended => {}
                other => {
                    if let Effect::Deliver { delivery, .. } = &other {
                        self.handed = self.handed.max(*delivery);
                    }
                    self.outbox.push_back(Work::Effect(other));
                }
            }
        }
        (failure, slow)
    }

    fn save(&mut self, now: Now, key: StateKey, value: Vec<u8>) {
        let Some(store) = self.store.as_mut() else {
            return;
        };
        let known = self.unsaved.len();
        self.unsaved.retain(|(unsaved, _)| *unsaved != key);
        // A decision goes after the purge that it led to: were it known alone, what was purged might come back and count as
        // made under it.
        let waits = key == StateKey::Consent
            && self
                .unsaved
                .iter()
                .any(|(unsaved, _)| *unsaved == StateKey::Purged);
        if waits || save_now(store.as_mut(), key, &value).is_err() {
            // Told once, not at each try.
            if known == self.unsaved.len() {
                self.outbox.push_back(Work::StateNotSaved(key));
            }
            self.unsaved.push((key, value));
            self.save_at = now.mono.saturating_add(SAVE_AGAIN);
        } else if !at_once(key) {
            self.sync_at
                .get_or_insert(now.mono.saturating_add(SYNC_STATE));
        }
    }

    /// Orders a sync where saved state is due one.
    pub(crate) fn sync_state(&mut self, now: Now) {
        if self.sync_at.is_some_and(|due| due <= now.mono) && self.store.is_some() {
            self.sync_at = None;
            self.outbox.push_back(Work::Effect(Effect::Sync));
        }
    }

    /// A sync point covers all that was saved; one that failed is owed.
    pub(crate) fn synced(&mut self, now: Now, done: bool) {
        self.sync_at = (!done).then(|| now.mono.saturating_add(SYNC_STATE));
    }

    /// Tries again what the disk did not take.
    pub(crate) fn save_again(&mut self, now: Now) {
        let Some(store) = self.store.as_mut().filter(|_| !self.unsaved.is_empty()) else {
            return;
        };
        // In order, and none past one that fails.
        let saved = self
            .unsaved
            .iter()
            .take_while(|(key, value)| save_now(store.as_mut(), *key, value).is_ok())
            .count();
        self.unsaved.drain(..saved);
        self.sync_at
            .get_or_insert(now.mono.saturating_add(SYNC_STATE));
        self.save_at = now.mono.saturating_add(SAVE_AGAIN);
    }

    /// When there is something to do, on the monotonic clock.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let save = (!self.unsaved.is_empty()).then_some(self.save_at);
        let own = [save, self.sync_at].into_iter().flatten().min();
        [
            own.filter(|_| self.store.is_some()),
            self.engine.next_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the worker must be woken: there is work, or it would sleep too long.
    pub(crate) fn wants_worker(&mut self) -> bool {
        if self.woken {
            return false;
        }
        let wanted = !self.outbox.is_empty()
            || self
                .next_deadline()
                .is_some_and(|deadline| deadline < self.sleeps_until);
        self.woken = wanted;
        wanted
    }
}

/// What may not come undone by a power cut, since events are forgotten on the strength of it.
fn at_once(key: StateKey) -> bool {
    matches!(key, StateKey::Consent | StateKey::Purged)
}

fn save_now(store: &mut dyn EventStore, key: StateKey, value: &[u8]) -> Result<(), StoreError> {
    if at_once(key) {
        store.save_state(key.as_str(), value)
    } else {
        store.save_state_soon(key.as_str(), value)
    }
}
